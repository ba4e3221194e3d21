package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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

The account is read as by dry-run; ACCOUNT is its id, its name or source/id.`

func newExplain(g *globals) *cobra.Command {
	var snapshots []string
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
			x, err := explain(cmd.Context(), g, args[0], args[1], snapshots)
			if err != nil {
				return err
			}
			show := printExplained
			if output == "json" {
				show = printExplainedJSON
			}
			if err := show(g.stdout, x); err != nil {
				return found(err)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&snapshots, "snapshots", nil, "read snapshots from this JSON `FILE` (may be repeated)")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
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
	for _, info := range c.Rules.Rules() {
		names = append(names, info.Name)
	}
	if err := knownName("rule", rule, names); err != nil {
		return daemon.Explained{}, err
	}
	var polls []billwatch.Poll
	var failed error
	if len(snapshots) > 0 {
		if polls, err = readSnapshots(snapshots, c.Sources, time.Now().UTC()); err != nil {
			return daemon.Explained{}, misused(err)
		}
	} else {
		polls, failed = daemon.ReadAll(ctx, c.Plan, c.Clock.Now)
	}
	accounts := make([]billwatch.Account, len(polls))
	for i, p := range polls {
		accounts[i] = p.Account
	}
	i, err := findAccount(accounts, account)
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
	x, ok, err := daemon.Explain(ctx, daemon.ExplainConfig{Plan: c.Plan, Store: store, Rule: rule, Poll: polls[i], Now: c.Clock.Now()})
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
func outcome(x daemon.Explained) string {
	if !x.Rule.Applies {
		return "does not apply"
	}
	return x.Rule.Evaluation.Outcome.String()
}

func printExplained(w io.Writer, x daemon.Explained) error {
	e := x.Rule.Evaluation
	fmt.Fprintf(w, "%s on %s (%s): %s\n\n", x.Rule.Rule, plain(x.Account.Title()), plain(x.Account.Key().String()), outcome(x))
	fmt.Fprintln(w, wrapped("  "+x.Rule.Expr, columns, "    "))
	whole := x.Rule.Expr
	for i, part := range x.Rule.Parts {
		if i == 0 { // the whole condition, as it is understood
			whole = part.Text
			continue
		}
		fmt.Fprintln(w, wrapped(fmt.Sprintf("    %s = %s", plain(part.Text), plain(part.Value)), columns, "      "))
	}
	fmt.Fprintln(w)
	if e.Detail != "" {
		labelled(w, "Reason:", e.Detail)
	}
	if x.Rule.Decides != "" && x.Rule.Decides != whole {
		labelled(w, "Hangs on:", x.Rule.Decides)
	}
	for _, line := range []string{x.Rule.Distance, x.Rule.Reached} {
		if line != "" {
			labelled(w, "", line)
		}
	}
	labelled(w, "Alert:", alertInWords(x))
	if x.Rule.Until != "" && x.Alert.State == billwatch.Firing {
		labelled(w, "Until:", x.Rule.Until)
	}
	for i, r := range x.Routes {
		label := "Goes to:"
		if i > 0 {
			label = ""
		}
		labelled(w, label, r.Integration+groupInWords(r.Group))
	}
	labelled(w, "Next:", nextInWords(x))
	return nil
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

func alertInWords(x daemon.Explained) string {
	switch x.Alert.State {
	case billwatch.Pending:
		return fmt.Sprintf("pending since %s (for: %s); fires at %s",
			x.Alert.PendingFrom.Format("2 Jan 15:04"), model.Duration(x.Waits), x.FiresAt.Format("2 Jan 15:04"))
	case billwatch.Firing:
		return "firing since " + x.Alert.StartsAt.Format("2 Jan 15:04")
	}
	if x.Waits > 0 {
		return fmt.Sprintf("none (it must hold for %s)", model.Duration(x.Waits))
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
	return plain(", grouped by " + strings.Join(parts, ", "))
}

func nextInWords(x daemon.Explained) string {
	switch {
	case x.NextSend.IsZero():
		return "nothing would be sent"
	case x.NextSend.Sub(x.At) < time.Second:
		return "would be sent at once (" + strings.ReplaceAll(x.Reason, "_", " ") + ")"
	}
	return fmt.Sprintf("at %s, in %s, if nothing changes (%s)", x.NextSend.Format("2 Jan 15:04:05"),
		model.Duration(x.NextSend.Sub(x.At).Round(time.Second)), strings.ReplaceAll(x.Reason, "_", " "))
}

type explainJSON struct {
	Version  string            `json:"version"`
	Rule     string            `json:"rule"`
	Source   string            `json:"source"`
	Account  string            `json:"account"`
	Applies  bool              `json:"applies"`
	Outcome  billwatch.Outcome `json:"outcome"`
	Reason   string            `json:"reason,omitempty"`
	Detail   string            `json:"detail,omitempty"`
	Expr     string            `json:"expr"`
	Parts    []partJSON        `json:"parts"`
	Decides  string            `json:"decides"`
	Distance string            `json:"distance,omitempty"`
	Reached  string            `json:"reached,omitempty"`
	Until    string            `json:"until,omitempty"`
	State    string            `json:"state"`
	For      forJSON           `json:"for"`
	Blocked  *string           `json:"blocked_by"`
	Route    []routeJSON       `json:"route"`
	NextSend *time.Time        `json:"next_send"`
	Why      string            `json:"next_reason,omitempty"`
}

type partJSON struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

type forJSON struct {
	Seconds float64    `json:"seconds"`
	FiresAt *time.Time `json:"fires_at"`
}

type routeJSON struct {
	Receiver    string           `json:"receiver"`
	Integration string           `json:"integration"`
	Group       billwatch.Labels `json:"group"`
}

func printExplainedJSON(w io.Writer, x daemon.Explained) error {
	e := x.Rule.Evaluation
	state := string(x.Alert.State)
	if state == "" {
		state = "inactive"
	}
	out := explainJSON{
		Version: "1", Rule: x.Rule.Rule, Source: x.Account.Source, Account: x.Account.ID, Applies: x.Rule.Applies,
		Outcome: e.Outcome, Reason: e.Reason, Detail: e.Detail, Expr: x.Rule.Expr, Parts: []partJSON{},
		Decides: x.Rule.Decides, Distance: x.Rule.Distance, Reached: x.Rule.Reached, Until: x.Rule.Until, State: state,
		For: forJSON{Seconds: x.Waits.Seconds()}, Route: []routeJSON{}, Why: x.Reason,
	}
	for _, p := range x.Rule.Parts {
		out.Parts = append(out.Parts, partJSON(p))
	}
	for _, r := range x.Routes {
		out.Route = append(out.Route, routeJSON(r))
	}
	if !x.FiresAt.IsZero() {
		out.For.FiresAt = &x.FiresAt
	}
	if !x.NextSend.IsZero() {
		out.NextSend = &x.NextSend
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
