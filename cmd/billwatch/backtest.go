package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/daemon"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/state/sqlstore"
)

const backtestHelp = `Play the accounts' real history through the rules, the alert machine, grouping
and routes, on a clock of its own, and show when each rule would have fired, how
long before the balance was gone, and how many messages that would have made.
Nothing is sent, nothing is written.

What a provider keeps no history of comes from billwatch's own state.`

// backtestOptions is how a backtest is wanted.
type backtestOptions struct {
	since           string
	rules, against  []string
	rule, account   string
	stored          bool
	history         []string
	daily           bool
	unit            string
	messagesPerWeek float64
	output          string
}

func newBacktest(g *globals) *cobra.Command {
	o := backtestOptions{messagesPerWeek: -1}
	cmd := &cobra.Command{
		Use:     "backtest",
		Short:   "Try the rules on the accounts' real history",
		Long:    backtestHelp,
		Args:    noArguments,
		Example: "  billwatch backtest --since 90d --rules new.yaml --against rules.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.output != "table" && o.output != "json" {
				return misused(fmt.Errorf("--output: %q is not table or json", o.output))
			}
			length, err := document.ParseDuration(o.since)
			if err != nil || length < 24*time.Hour {
				return misused(fmt.Errorf("--since: %q is not a duration of a day or more, such as 90d", o.since))
			}
			if err := o.sound(cmd.Flags().Changed); err != nil {
				return misused(err)
			}
			return backtest(cmd.Context(), g, o, length)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.since, "since", "90d", "how far back")
	flags.StringArrayVar(&o.rules, "rules", nil, "rule `FILE` to try instead of the configured")
	flags.StringArrayVar(&o.against, "against", nil, "compare with the rules of this `FILE`")
	flags.StringVar(&o.rule, "rule", "", "show only this rule")
	flags.StringVar(&o.account, "account", "", "only this account: id, name or source/id")
	flags.BoolVar(&o.stored, "stored", false, "use only what billwatch itself has seen")
	flags.StringArrayVar(&o.history, "history", nil, "play the balance records of this `FILE`")
	flags.BoolVar(&o.daily, "daily", false, "in CSV each record has its own day's use")
	flags.StringVar(&o.unit, "unit", "events", "what --history counts")
	flags.Float64Var(&o.messagesPerWeek, "max-messages-per-week", -1, "end with 1 above this")
	flags.StringVarP(&o.output, "output", "o", "table", "table or json")
	return cmd
}

// sound refuses what would be overlooked without a word.
func (o backtestOptions) sound(given func(flag string) bool) error {
	if most := "max-messages-per-week"; given(most) && !(o.messagesPerWeek >= 0) { // not a number is no bound, either
		return fmt.Errorf("--%s: must be 0 or more", most)
	}
	flags, other := []string{"daily", "unit"}, "is only for --history"
	if len(o.history) > 0 {
		flags, other = []string{"since", "stored"}, "does not go with --history, of which every record is played"
	}
	for _, flag := range flags {
		if given(flag) {
			return fmt.Errorf("--%s %s", flag, other)
		}
	}
	return nil
}

func backtest(ctx context.Context, g *globals, o backtestOptions, length time.Duration) error {
	loaded, err := load(g)
	if err != nil {
		return err
	}
	c, err := loaded.daemon(g.stderr)
	if err != nil {
		return err
	}
	plans, err := backtestPlans(g, loaded, c.Plan, o)
	if err != nil {
		return err
	}
	now := c.Clock.Now()
	var pasts []daemon.Past
	var missing error
	if len(o.history) > 0 {
		if pasts, err = pastsOf(ctx, o); err != nil {
			return misused(err)
		}
		now = time.Time{} // it ends with the records
	} else if pasts, missing, err = remembered(ctx, c, now.Add(-length), o.stored); err != nil {
		return err
	}
	if pasts, err = chosen(pasts, o.account); err != nil {
		return misused(err)
	}
	var runs []daemon.Backtest
	for _, plan := range plans {
		bar := newProgress(g.stderr)
		run, err := daemon.RunBacktest(ctx, daemon.BacktestConfig{Plan: plan, Pasts: pasts, Until: now, Progress: bar.show})
		bar.clear()
		if err != nil {
			return found(errors.Join(err, missing))
		}
		runs = append(runs, run)
	}
	return reportBacktest(g, o, runs, pasts, missing)
}

// remembered reads the accounts' pasts; what is missing of them is no error.
func remembered(ctx context.Context, c daemon.Config, since time.Time, stored bool) (pasts []daemon.Past, missing, err error) {
	store, err := readState(ctx, c.State)
	if err != nil {
		return nil, nil, err
	}
	if store != nil {
		defer store.Close()
	}
	pasts, missing = daemon.Remember(ctx, c.Plan, store, since, stored)
	if ctx.Err() != nil {
		return nil, nil, found(context.Cause(ctx))
	}
	return pasts, missing, nil
}

// backtestPlans returns the plan to try, and the one to compare it with where
// one is wanted.
func backtestPlans(g *globals, l loaded, plan daemon.Plan, o backtestOptions) ([]daemon.Plan, error) {
	plans := []daemon.Plan{plan}
	for i, files := range [][]string{o.rules, o.against} {
		if len(files) == 0 {
			continue
		}
		set, problems, err := l.RulesFrom(files)
		if err != nil {
			return nil, misused(err)
		}
		for _, p := range problems {
			fmt.Fprintln(g.stderr, p)
		}
		if set == nil {
			return nil, misused(fmt.Errorf("%s in the rules", plural(problems.Errors(), "error")))
		}
		changed := plan
		changed.Rules = set
		if i == 0 {
			plans[0] = changed
		} else {
			plans = append(plans, changed)
		}
	}
	if o.rule == "" {
		return plans, nil
	}
	var names []string
	for _, p := range plans {
		for _, info := range p.Rules.Rules() {
			names = append(names, info.Name)
		}
	}
	if err := daemon.KnownRule(o.rule, names); err != nil {
		return nil, misused(err)
	}
	return plans, nil
}

// readState opens the state to look at it; nil where there is none yet.
func readState(ctx context.Context, dsn string) (*sqlstore.Store, error) {
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok && !exists(path) {
		return nil, nil //nolint:nilnil // no state is no error
	}
	store, err := sqlstore.Open(ctx, sqlstore.Config{DSN: dsn, ReadOnly: true})
	older, isOlder := errors.AsType[*sqlstore.OlderError](err)
	switch {
	case isOlder && older.Schema == 0: // a database that nobody has used yet
		return nil, nil //nolint:nilnil // as above
	case isOlder:
		return nil, found(fmt.Errorf("state has schema %d, this program needs %d and here only looks at it\n  hint: start billwatch run once, which migrates it", older.Schema, older.Own))
	case err != nil:
		return nil, found(err)
	}
	return store, nil
}

// chosen returns the pasts of one account, or all of them.
func chosen(pasts []daemon.Past, name string) ([]daemon.Past, error) {
	if name == "" {
		return pasts, nil
	}
	accounts := make([]billwatch.Account, len(pasts))
	for i, p := range pasts {
		accounts[i] = p.Account
	}
	i, err := daemon.FindAccount(accounts, name)
	if err != nil {
		return nil, err
	}
	return pasts[i : i+1], nil
}

// progress is a bar for work that takes over a second, on a terminal only.
type progress struct {
	w     io.Writer
	began time.Time
	drawn int // columns of the bar; -1 where none is wanted
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, began: time.Now(), drawn: -1}
	if file, ok := w.(interface{ Fd() uintptr }); ok && isatty.IsTerminal(file.Fd()) {
		p.drawn = 0
	}
	return p
}

func (p *progress) show(done, total int) {
	const width = 50
	columns := done * width / total
	if p.drawn < 0 || columns <= p.drawn || time.Since(p.began) < time.Second {
		return
	}
	p.drawn = columns
	fmt.Fprintf(p.w, "\r[%s%s] %d %%", strings.Repeat("=", columns), strings.Repeat(" ", width-columns), done*100/total)
}

func (p *progress) clear() {
	if p.drawn > 0 {
		fmt.Fprint(p.w, "\r"+strings.Repeat(" ", 60)+"\r")
	}
}

// short prints a duration as people say it.
func short(d time.Duration) string {
	unit := time.Hour
	if d < time.Hour {
		unit = time.Minute
	}
	return model.Duration(d.Round(unit)).String()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func balanceOf(s *billwatch.Snapshot) (float64, bool) {
	if s == nil {
		return 0, false
	}
	d, known := s.Balance.Get()
	return d.Float64(), known
}
