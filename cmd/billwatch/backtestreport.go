package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch/internal/daemon"
)

const week = 7 * 24 * time.Hour

// reportBacktest prints what a backtest found, and what two of them differ in.
func reportBacktest(g *globals, o backtestOptions, runs []daemon.Backtest, pasts []daemon.Past, missing error) error {
	for i := range runs {
		if o.rule != "" {
			runs[i].Rules = slices.DeleteFunc(runs[i].Rules, func(r daemon.BacktestRule) bool { return r.Rule != o.rule })
		}
	}
	var err error
	if o.output == "json" {
		err = printBacktestJSON(g.stdout, runs)
	} else {
		err = printBacktest(g.stdout, runs, pasts)
	}
	if err != nil {
		return found(err)
	}
	if missing != nil {
		return found(missing)
	}
	if receiver, rate := busiest(runs[0]); o.messagesPerWeek >= 0 && rate > o.messagesPerWeek {
		return found(fmt.Errorf("%s would get %.1f messages a week, more than %g", receiver, rate, o.messagesPerWeek))
	}
	return nil
}

// weeks is how long the backtest is; never less than one, so that a short one
// does not exaggerate.
func weeks(b daemon.Backtest) float64 { return max(1, float64(b.To.Sub(b.From))/float64(week)) }

// busiest returns the receiver with the most messages a week.
func busiest(b daemon.Backtest) (receiver string, perWeek float64) {
	for _, name := range slices.Sorted(maps.Keys(b.Messages)) {
		if rate := float64(b.Messages[name]) / weeks(b); rate > perWeek {
			receiver, perWeek = name, rate
		}
	}
	return receiver, perWeek
}

func printBacktest(w io.Writer, runs []daemon.Backtest, pasts []daemon.Past) error {
	b := runs[0]
	days := int(b.To.Sub(b.From).Hours()/24 + .5)
	fmt.Fprintf(w, "%s, %s to %s (%s)\n\n", plural(b.Accounts, "account"),
		b.From.Format("2 Jan 2006"), b.To.Format("2 Jan 2006"), plural(days, "day"))
	if err := printBacktestRules(w, b); err != nil {
		return err
	}
	printTimelines(w, b, pasts)
	if len(runs) > 1 {
		return printComparison(w, runs[0], runs[1])
	}
	return nil
}

func printBacktestRules(w io.Writer, b daemon.Backtest) error {
	var rows [][]string
	var blind []string
	for _, r := range b.Rules {
		if !r.Testable() {
			why := "it looks at none of these accounts"
			if r.Judged > 0 {
				why = mostFrequent(r.Unknown)
			}
			blind = append(blind, fmt.Sprintf("%s: %s", r.Rule, why))
			continue
		}
		rows = append(rows, []string{shortened(r.Rule, 28), fmt.Sprint(r.Fired()), fmt.Sprint(r.Flaps()),
			orDash(r.Firing() > 0, short(r.Firing())), leadOf(r), messagesOf(r, b)})
	}
	if len(rows) > 0 {
		if err := table(w, []string{"RULE", "FIRED", "FLAPS", "FIRING", "LEAD", "MESSAGES A WEEK"}, rows); err != nil {
			return err
		}
	}
	if len(blind) > 0 {
		fmt.Fprintln(w, "\nNot testable on this history:")
		for _, line := range blind {
			fmt.Fprintln(w, wrapped("  "+plain(line), columns, "    "))
		}
	}
	return nil
}

func orDash(is bool, text string) string {
	if !is {
		return "-"
	}
	return text
}

func leadOf(r daemon.BacktestRule) string {
	lead, ok := r.Lead()
	return orDash(ok, fmt.Sprintf("%.1f days", lead.Hours()/24))
}

func messagesOf(r daemon.BacktestRule, b daemon.Backtest) string {
	var parts []string
	for _, receiver := range slices.Sorted(maps.Keys(r.Messages)) {
		parts = append(parts, fmt.Sprintf("%s %.1f", receiver, float64(r.Messages[receiver])/weeks(b)))
	}
	return orDash(len(parts) > 0, strings.Join(parts, ", "))
}

func mostFrequent(counts map[string]int) string {
	best := ""
	for _, text := range slices.Sorted(maps.Keys(counts)) {
		if best == "" || counts[text] > counts[best] {
			best = text
		}
	}
	return best
}

// timelineColumns is how wide a timeline is.
const timelineColumns = 54

// printTimelines prints a line of balances for each account on which a rule
// fired, and a line for each such rule below it.
func printTimelines(w io.Writer, b daemon.Backtest, pasts []daemon.Past) {
	const label = "%-24s %s\n"
	began := false
	for _, past := range pasts {
		lines := [][2]string{}
		for _, r := range b.Rules {
			for _, a := range r.Accounts {
				if a.Account.Key() == past.Account.Key() {
					lines = append(lines, [2]string{"  " + shortened(r.Rule, 22), firingLine(b, a.Spans)})
				}
			}
		}
		if len(lines) == 0 {
			continue
		}
		if !began {
			column := b.To.Sub(b.From) / timelineColumns
			fmt.Fprintf(w, "\nA column is %s. 9 to 0: the balance, in tenths of its highest; # firing.\n", short(column))
			began = true
		}
		fmt.Fprintf(w, label, plain(shortened(past.Account.Title(), 24)), balanceLine(b, past))
		for _, line := range lines {
			fmt.Fprintf(w, label, line[0], line[1])
		}
	}
}

// columnOf returns the column of a moment.
func columnOf(b daemon.Backtest, at time.Time) int {
	whole := b.To.Sub(b.From)
	if whole <= 0 {
		return 0
	}
	return min(max(0, int(float64(at.Sub(b.From))/float64(whole)*timelineColumns)), timelineColumns-1)
}

func firingLine(b daemon.Backtest, spans []daemon.Span) string {
	line := []byte(strings.Repeat(".", timelineColumns))
	for _, s := range spans {
		for i := columnOf(b, s.From); i <= columnOf(b, s.To); i++ {
			line[i] = '#'
		}
	}
	return string(line)
}

// balanceLine draws the last balance of each column in tenths of the highest.
func balanceLine(b daemon.Backtest, p daemon.Past) string {
	line := []byte(strings.Repeat(" ", timelineColumns))
	highest := 0.0
	for _, poll := range p.Polls {
		if balance, ok := balanceOf(poll.Snapshot); ok {
			highest = max(highest, balance)
		}
	}
	for _, poll := range p.Polls {
		balance, ok := balanceOf(poll.Snapshot)
		if !ok {
			continue
		}
		tenths := 0
		if highest > 0 {
			tenths = min(9, max(0, int(balance/highest*10)))
		}
		line[columnOf(b, poll.At)] = '0' + byte(tenths)
	}
	for i := 1; i < len(line); i++ { // between two records it is what it was
		if line[i] == ' ' {
			line[i] = line[i-1]
		}
	}
	return string(line)
}

// printComparison prints what changes from the second set of rules to the first.
func printComparison(w io.Writer, now, before daemon.Backtest) error {
	old := map[string]daemon.BacktestRule{}
	for _, r := range before.Rules {
		old[r.Rule] = r
	}
	var rows [][]string
	row := func(name, was, is string) {
		if was != is {
			rows = append(rows, []string{name, was, is})
		}
	}
	for _, r := range now.Rules {
		was, known := old[r.Rule]
		delete(old, r.Rule)
		if !known {
			row(shortened(r.Rule, 24), "no such rule", oneLine(r, now))
			continue
		}
		row(shortened(r.Rule, 24), oneLine(was, before), oneLine(r, now))
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		row(shortened(name, 24), oneLine(old[name], before), "no such rule")
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "\nBoth sets of rules do the same on this history.")
		return err
	}
	fmt.Fprintln(w, "\nWhat would change:")
	return table(w, []string{"RULE", "BEFORE", "AFTER"}, rows)
}

func oneLine(r daemon.BacktestRule, b daemon.Backtest) string {
	messages := 0
	for _, n := range r.Messages {
		messages += n
	}
	return fmt.Sprintf("fired %d, %d flaps, lead %s, %.1f a week", r.Fired(), r.Flaps(), leadOf(r), float64(messages)/weeks(b))
}

type backtestJSON struct {
	Version string             `json:"version"`
	From    time.Time          `json:"from"`
	To      time.Time          `json:"to"`
	Rules   []backtestRuleJSON `json:"rules"`
	Against []backtestRuleJSON `json:"against,omitempty"`
}

type backtestRuleJSON struct {
	Rule          string                     `json:"rule"`
	Testable      bool                       `json:"testable"`
	Fired         int                        `json:"fired"`
	Flaps         int                        `json:"flaps"`
	FiringSeconds float64                    `json:"firing_seconds"`
	LeadDays      *float64                   `json:"lead_days"`
	Messages      map[string]messageRateJSON `json:"messages"`
	Accounts      []backtestAccountJSON      `json:"accounts"`
}

type messageRateJSON struct {
	Total   int     `json:"total"`
	PerWeek float64 `json:"per_week"`
}

type backtestAccountJSON struct {
	Source  string     `json:"source"`
	Account string     `json:"account"`
	Flaps   int        `json:"flaps"`
	Spans   []spanJSON `json:"spans"`
}

type spanJSON struct {
	From  time.Time  `json:"from"`
	To    *time.Time `json:"to"` // null while it fires
	Empty *time.Time `json:"empty"`
	Real  bool       `json:"real"` // the balance was really gone then
}

func printBacktestJSON(w io.Writer, runs []daemon.Backtest) error {
	out := backtestJSON{Version: "1", From: runs[0].From, To: runs[0].To, Rules: backtestRules(runs[0])}
	if len(runs) > 1 {
		out.Against = backtestRules(runs[1])
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func backtestRules(b daemon.Backtest) []backtestRuleJSON {
	all := []backtestRuleJSON{}
	for _, r := range b.Rules {
		shown := backtestRuleJSON{Rule: r.Rule, Testable: r.Testable(), Fired: r.Fired(), Flaps: r.Flaps(),
			FiringSeconds: r.Firing().Seconds(), Messages: map[string]messageRateJSON{}, Accounts: []backtestAccountJSON{}}
		if lead, ok := r.Lead(); ok {
			shown.LeadDays = new(lead.Hours() / 24)
		}
		for receiver, n := range r.Messages {
			shown.Messages[receiver] = messageRateJSON{n, float64(n) / weeks(b)}
		}
		for _, a := range r.Accounts {
			shown.Accounts = append(shown.Accounts, backtestAccount(a))
		}
		all = append(all, shown)
	}
	return all
}

func backtestAccount(a daemon.BacktestAccount) backtestAccountJSON {
	shown := backtestAccountJSON{Source: a.Account.Source, Account: a.Account.ID, Flaps: a.Flaps}
	for _, s := range a.Spans {
		span := spanJSON{From: s.From, Real: s.Real}
		if !s.Open {
			span.To = &s.To
		}
		if !s.Empty.IsZero() {
			span.Empty = &s.Empty
		}
		shown.Spans = append(shown.Spans, span)
	}
	return shown
}
