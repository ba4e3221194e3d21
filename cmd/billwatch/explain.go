package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/daemon"
)

const explainHelp = `Say why a rule fires for an account, or why not: every part of its condition
with its value, the clause that decides and how far it is from changing, then
the rest of the way: how long it must hold, who would be told, and when.

The account is read as by dry-run, or, with --url, a running billwatch says it
from what it saw last. ACCOUNT is its id, its name or source/id.`

func newExplain(g *globals) *cobra.Command {
	var o explainOptions
	var output string
	cmd := &cobra.Command{
		Use:     "explain RULE ACCOUNT",
		Short:   "Say why a rule fires for an account, or why not",
		Long:    explainHelp,
		Example: "  billwatch explain RunsOutSoon 'Acme Corp'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("%s takes two arguments, RULE and ACCOUNT, not %d\n  hint: %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return misused(fmt.Errorf("--output: %q is not table or json", output))
			}
			x, err := o.explanation(cmd.Context(), g, args[0], args[1])
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(g.stdout, x)
			}
			printExplained(g.stdout, x)
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&o.snapshots, "snapshots", nil, "read snapshots from this JSON `FILE` (may be repeated)")
	cmd.Flags().StringVar(&o.address, "url", "", "`ADDRESS` of a running billwatch, which then answers")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// explainOptions is from where an account is taken.
type explainOptions struct {
	snapshots []string
	address   string // of a running billwatch
}

func (o explainOptions) explanation(ctx context.Context, g *globals, rule, account string) (daemon.Explanation, error) {
	if o.address == "" {
		x, err := explain(ctx, g, rule, account, o.snapshots)
		return x.Shown(), err
	}
	if len(o.snapshots) > 0 {
		return daemon.Explanation{}, misused(errors.New("--url and --snapshots: one or the other"))
	}
	asked, err := newClient(o.address)
	if err != nil {
		return daemon.Explanation{}, err
	}
	var x daemon.Explanation
	err = asked.get(ctx, "/api/v1/explain", url.Values{"rule": {rule}, "account": {account}}, &x)
	if refused, ok := errors.AsType[*refusedError](err); ok && refused.status == http.StatusNotFound {
		return x, misused(refused) // there is no such rule or account
	}
	return x, err
}

func explain(ctx context.Context, g *globals, rule, account string, snapshots []string) (daemon.Explained, error) {
	loaded, err := load(g)
	if err != nil {
		return daemon.Explained{}, err
	}
	c, err := loaded.daemon(g.stderr)
	if err != nil {
		return daemon.Explained{}, err
	}
	var names []string
	for _, info := range c.Plan.Rules.Rules() {
		names = append(names, info.Name)
	}
	if err := daemon.KnownRule(rule, names); err != nil {
		return daemon.Explained{}, misused(err)
	}
	var polls []billwatch.Poll
	var failed error
	var before map[billwatch.AccountKey]*billwatch.Snapshot
	if len(snapshots) > 0 {
		if polls, before, err = readSnapshots(snapshots, c.Plan.Sources, time.Now().UTC()); err != nil {
			return daemon.Explained{}, misused(err)
		}
	} else {
		polls, failed = daemon.ReadAll(ctx, c.Plan, c.Clock.Now)
	}
	accounts := make([]billwatch.Account, len(polls))
	for i, p := range polls {
		accounts[i] = p.Account
	}
	i, err := daemon.FindAccount(accounts, account)
	if err != nil {
		if failed != nil {
			return daemon.Explained{}, found(errors.Join(err, failed))
		}
		return daemon.Explained{}, misused(err)
	}
	store, err := readState(ctx, c.State)
	if err != nil {
		return daemon.Explained{}, err
	}
	if store != nil {
		defer store.Close()
	}
	x, ok, err := daemon.Explain(ctx, daemon.ExplainConfig{
		Plan: c.Plan, Store: store, Rule: rule, Poll: polls[i], Previous: before[polls[i].Account.Key()], Now: c.Clock.Now(),
	})
	switch {
	case err != nil:
		return x, found(err)
	case polls[i].Snapshot == nil:
		return x, found(fmt.Errorf("the account could not be read, so %s is unknown: %w", rule, polls[i].Err))
	case !ok:
		return x, found(fmt.Errorf("%s was not judged", rule))
	}
	return x, nil
}

// outcome is what the rule says in a word.
func outcome(x daemon.Explanation) string {
	if !x.Applies {
		return "does not apply"
	}
	return x.Outcome.String()
}

func printExplained(w io.Writer, x daemon.Explanation) {
	fmt.Fprintf(w, "%s on %s (%s): %s\n\n", plain(x.Rule), plain(x.Name), plain(x.Source+"/"+x.Account), outcome(x))
	whole := printParts(w, x)
	if x.Detail != "" {
		labelled(w, "Reason:", x.Detail)
	}
	if x.Decides != "" && x.Decides != whole {
		labelled(w, "Hangs on:", x.Decides)
	}
	for _, line := range []string{x.Distance, x.Reached} {
		if line != "" {
			labelled(w, "", line)
		}
	}
	if x.Where != "" {
		labelled(w, "Where:", x.Where)
	}
	labelled(w, "Alert:", alertInWords(x))
	if x.Until != "" && x.State == string(billwatch.Firing) {
		labelled(w, "Until:", x.Until)
	}
	for i, r := range x.Route {
		label := "Goes to:"
		if i > 0 {
			label = ""
		}
		labelled(w, label, r.Integration+groupInWords(r.Group))
	}
	printBlocked(w, x)
	for i, line := range nextInWords(x) {
		label := "Next:"
		if i > 0 {
			label = ""
		}
		labelled(w, label, line)
	}
}

// printBlocked prints what keeps the alert from being told, and where.
func printBlocked(w io.Writer, x daemon.Explanation) {
	for i, b := range x.Blocked {
		label := "Held back:"
		if i > 0 {
			label = ""
		}
		labelled(w, label, b.Text)
		if b.Comment != "" {
			labelled(w, "", "“"+b.Comment+"”")
		}
		if len(b.Integrations) > 0 && len(b.Integrations) < len(x.Route) {
			labelled(w, "", "at "+strings.Join(b.Integrations, ", "))
		}
	}
}

// printParts prints the condition and its parts, and returns the whole of it as
// it is understood.
func printParts(w io.Writer, x daemon.Explanation) string {
	fmt.Fprintln(w, wrapped("  "+plain(x.Expr), columns, "    "))
	whole := x.Expr
	for i, part := range x.Parts {
		if i == 0 { // the whole condition, as it is understood
			whole = part.Text
			continue
		}
		fmt.Fprintln(w, wrapped(fmt.Sprintf("    %s = %s", plain(part.Text), plain(part.Value)), columns, "      "))
	}
	fmt.Fprintln(w)
	return whole
}

// labelled prints a line with its label, which stands in a column of its own.
func labelled(w io.Writer, label, text string) {
	const indent = 11
	for i, line := range strings.Split(wrapped(plain(text), columns-indent, ""), "\n") {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(w, "%-*s%s\n", indent, label, line)
	}
}

func alertInWords(x daemon.Explanation) string {
	const minute = "2 Jan 15:04"
	must := model.Duration(time.Duration(x.For.Seconds * float64(time.Second)))
	switch {
	case x.State == string(billwatch.Pending) && x.Since != nil && x.For.FiresAt != nil:
		return fmt.Sprintf("pending since %s (for: %s); fires at %s", x.Since.Format(minute), must, x.For.FiresAt.Format(minute))
	case x.State == string(billwatch.Firing) && x.Since != nil:
		return "firing since " + x.Since.Format(minute)
	case must > 0:
		return fmt.Sprintf("none (it must hold for %s)", must)
	}
	return "none"
}

func groupInWords(group billwatch.Labels) string {
	if len(group) == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(group)) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, group[name]))
	}
	return ", grouped by " + strings.Join(parts, ", ")
}

// nextInWords says when the next message would go out, and what is pushed.
func nextInWords(x daemon.Explanation) []string {
	var lines []string
	if x.NextSend != nil {
		lines = append(lines, sendInWords(x, *x.NextSend))
	}
	var pushed []string
	for _, r := range x.Route {
		if r.Pushed {
			pushed = append(pushed, r.Integration)
		}
	}
	switch {
	case len(pushed) == 0, x.State == "inactive":
	case x.For.FiresAt != nil:
		lines = append(lines, "pushed to "+strings.Join(pushed, ", ")+" from "+x.For.FiresAt.Format("2 Jan 15:04:05")+" on, if nothing changes")
	default:
		lines = append(lines, "pushed to "+strings.Join(pushed, ", ")+" at once, and each minute while it fires")
	}
	if len(lines) == 0 {
		return []string{"nothing would be sent"}
	}
	return lines
}

func sendInWords(x daemon.Explanation, at time.Time) string {
	why := strings.ReplaceAll(x.Why, "_", " ")
	in := at.Sub(x.At)
	if in < time.Second {
		return "would be sent at once (" + why + ")"
	}
	return fmt.Sprintf("at %s, in %s, if nothing changes (%s)", at.Format("2 Jan 15:04:05"), model.Duration(in.Round(time.Second)), why)
}
