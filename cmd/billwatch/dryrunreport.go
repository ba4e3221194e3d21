package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/daemon"
)

type dryRunJSON struct {
	Version       string               `json:"version"`
	Sources       []sourceJSON         `json:"sources"`
	Accounts      []accountJSON        `json:"accounts"`
	Evaluations   []evaluationJSON     `json:"evaluations"`
	Notifications []dryRunNotification `json:"notifications"`
	Feeds         []dryRunFeed         `json:"feeds"`
}

type sourceJSON struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

type accountJSON struct {
	Source   string              `json:"source"`
	ID       string              `json:"id"`
	Name     string              `json:"name"`
	Error    string              `json:"error"`
	Snapshot *billwatch.Snapshot `json:"snapshot"`
}

type evaluationJSON struct {
	Rule    string            `json:"rule"`
	Source  string            `json:"source"`
	Account string            `json:"account"`
	Outcome billwatch.Outcome `json:"outcome"`
	Reason  string            `json:"reason"`
	Value   *float64          `json:"value"`
}

type dryRunNotification struct {
	Receiver    string   `json:"receiver"`
	Integration string   `json:"integration"`
	Alerts      []string `json:"alerts"` // fingerprints
	Text        string   `json:"text"`
}

type dryRunFeed struct {
	Integration string   `json:"integration"`
	Alerts      []string `json:"alerts"` // fingerprints
}

func printDryRunJSON(w io.Writer, run daemon.DryRun) error {
	out := dryRunJSON{Version: "1", Sources: []sourceJSON{}, Accounts: []accountJSON{},
		Evaluations: []evaluationJSON{}, Notifications: []dryRunNotification{}, Feeds: []dryRunFeed{}}
	for _, s := range run.Sources {
		out.Sources = append(out.Sources, sourceJSON{s.Name, s.Err == nil, errorText(s.Err)})
	}
	for _, p := range run.Polls {
		out.Accounts = append(out.Accounts, accountJSON{p.Account.Source, p.Account.ID, p.Account.Name, errorText(p.Err), p.Snapshot})
	}
	for _, e := range run.Evaluations {
		out.Evaluations = append(out.Evaluations, evaluationJSON{e.Rule, e.Account.Source, e.Account.ID, e.Outcome, e.Reason, e.Value})
	}
	for _, n := range run.Notifications {
		shown := dryRunNotification{Receiver: n.Receiver, Integration: n.Integration, Text: n.Message.Title + "\n" + n.Message.Text}
		for _, alert := range n.Alerts {
			shown.Alerts = append(shown.Alerts, alert.Fingerprint)
		}
		out.Notifications = append(out.Notifications, shown)
	}
	for _, f := range run.Feeds {
		shown := dryRunFeed{Integration: f.Integration}
		for _, alert := range f.Alerts {
			shown.Alerts = append(shown.Alerts, alert.Fingerprint)
		}
		out.Feeds = append(out.Feeds, shown)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// printDryRun prints who would be told what: a row an account with what each
// rule says of it, the reasons for what could not be judged, and the messages.
func printDryRun(w io.Writer, run daemon.DryRun) error {
	for _, s := range run.Sources {
		if s.Err != nil {
			fmt.Fprintf(w, "source %s: %s\n\n", plain(s.Name), plain(s.Err.Error()))
			continue
		}
		if !slices.ContainsFunc(run.Polls, func(p billwatch.Poll) bool { return p.Account.Source == s.Name }) {
			fmt.Fprintf(w, "source %s: no account; its list is empty, or select leaves out all\n\n", plain(s.Name))
		}
	}
	if len(run.Polls) == 0 {
		_, err := fmt.Fprintln(w, "No account was read, so nothing was judged.")
		return err
	}
	if err := printAccounts(w, run); err != nil {
		return err
	}
	printUnknowns(w, run)
	fmt.Fprintln(w)
	if len(run.Notifications)+len(run.Feeds) == 0 {
		_, err := fmt.Fprintln(w, "Nobody would be told anything.")
		return err
	}
	printMessages(w, run.Notifications)
	printFeeds(w, run)
	_, err := fmt.Fprintf(w, "%s. Nothing was sent, nothing was written.\n", plural(len(run.Notifications), "message"))
	return err
}

// printFeeds prints what each Alertmanager would be pushed, which decides for
// itself whom it tells.
func printFeeds(w io.Writer, run daemon.DryRun) {
	for _, f := range run.Feeds {
		fmt.Fprintf(w, "--- %s pushed to %s, which groups and silences for itself\n", plural(len(f.Alerts), "alert"), f.Integration)
		for _, a := range f.Alerts {
			name := a.Key.Account.ID
			for _, p := range run.Polls {
				if p.Account.Key() == a.Key.Account {
					name = p.Account.Title()
				}
			}
			fmt.Fprintf(w, "%s on %s\n", plain(a.Key.Rule), shortened(plain(name), 48))
		}
		fmt.Fprintln(w)
	}
}

// printMessages prints each text once, with all who would get it.
func printMessages(w io.Writer, all []billwatch.Notification) {
	to := map[string][]string{}
	var order []string
	for _, n := range all {
		text := n.Message.Title + "\n" + strings.TrimRight(n.Message.Text, "\n")
		if to[text] == nil {
			order = append(order, text)
		}
		to[text] = append(to[text], n.Integration)
	}
	for _, text := range order {
		fmt.Fprintf(w, "--- to %s\n%s\n\n", strings.Join(to[text], ", "), text)
	}
}

// printAccounts prints a row an account: how many rules fire, are quiet or
// cannot tell, and below it the names of those that fire.
func printAccounts(w io.Writer, run daemon.DryRun) error {
	var rows [][]string
	var below []string
	for _, p := range run.Polls {
		fires, quiet, unknown := verdictsOn(run, p.Account.Key())
		balance := ""
		if p.Snapshot != nil {
			if d, known := p.Snapshot.Balance.Get(); known {
				balance = strings.TrimSpace(grouped(d.String()) + " " + p.Snapshot.Unit)
			}
		}
		rows = append(rows, []string{shortened(p.Account.Title(), 24), shortened(p.Account.Source, 12),
			shortened(balance, 18), orDash(len(fires) > 0, fmt.Sprint(len(fires))), fmt.Sprint(quiet), fmt.Sprint(unknown)})
		below = append(below, strings.Join(fires, ", ")+deletion(p.Snapshot))
	}
	var aligned strings.Builder
	if err := table(&aligned, []string{"ACCOUNT", "SOURCE", "BALANCE", "FIRE", "QUIET", "UNKNOWN"}, rows); err != nil {
		return err
	}
	for i, line := range strings.Split(strings.TrimRight(aligned.String(), "\n"), "\n") {
		fmt.Fprintln(w, line)
		if i > 0 && below[i-1] != "" {
			fmt.Fprintln(w, wrapped("  "+below[i-1], columns, "  "))
		}
	}
	return nil
}

// deletion says of an account that is no more why no rule says anything of it.
func deletion(s *billwatch.Snapshot) string {
	if s == nil {
		return ""
	}
	at, deleted := s.DeletedAt.Get()
	if !deleted {
		return ""
	}
	return "deleted on " + at.Format("2 Jan 2006") + "; no rule looks at it"
}

func verdictsOn(run daemon.DryRun, account billwatch.AccountKey) (fires []string, quiet, unknown int) {
	for _, e := range run.Evaluations {
		switch {
		case e.Account != account:
		case e.Outcome == billwatch.True && run.Alerts != nil:
			fires = append(fires, e.Rule+standsSince(run, e))
		case e.Outcome == billwatch.True && e.For > 0:
			fires = append(fires, fmt.Sprintf("%s (once it held %s)", e.Rule, model.Duration(e.For)))
		case e.Outcome == billwatch.True:
			fires = append(fires, e.Rule)
		case e.Outcome == billwatch.False:
			quiet++
		default:
			unknown++
		}
	}
	return fires, quiet, unknown
}

// standsSince says how long an alert stands already, or how long it is to hold
// before it fires.
func standsSince(run daemon.DryRun, e billwatch.Evaluation) string {
	key := billwatch.AlertKey{Rule: e.Rule, Account: e.Account}
	for _, a := range run.Alerts {
		switch {
		case a.Key != key:
		case a.State == billwatch.Pending:
			return fmt.Sprintf(" (in %s)", model.Duration(a.PendingFrom.Add(e.For).Sub(run.At).Round(time.Second)))
		case run.At.Sub(a.StartsAt) >= time.Second:
			return fmt.Sprintf(" (since %s)", a.StartsAt.Format("2 Jan 15:04"))
		}
	}
	return ""
}

// printUnknowns says why rules could not be judged, each reason once.
func printUnknowns(w io.Writer, run daemon.DryRun) {
	type why struct {
		account billwatch.AccountKey
		text    string
	}
	rules := map[why][]string{}
	var order []why
	for _, e := range run.Evaluations {
		if e.Outcome != billwatch.Unknown {
			continue
		}
		text := strings.ReplaceAll(e.Reason, "_", " ")
		if e.Detail != "" {
			text += ": " + e.Detail
		}
		key := why{e.Account, text}
		if rules[key] == nil {
			order = append(order, key)
		}
		rules[key] = append(rules[key], e.Rule)
	}
	if len(order) > 0 {
		fmt.Fprintln(w, "\nUnknown, so neither firing nor resolving:")
	}
	accounts := map[string][]billwatch.AccountKey{}
	var lines []string
	for _, key := range order {
		line := fmt.Sprintf("%s (%s)", plain(key.text), strings.Join(rules[key], ", "))
		if accounts[line] == nil {
			lines = append(lines, line)
		}
		accounts[line] = append(accounts[line], key.account)
	}
	for _, line := range lines {
		fmt.Fprintln(w, wrapped(fmt.Sprintf("  %s: %s", titles(run, accounts[line]), line), columns, "    "))
	}
}

// titles names accounts, the first three of them.
func titles(run daemon.DryRun, accounts []billwatch.AccountKey) string {
	const most = 3
	var names []string
	for _, p := range run.Polls {
		if len(names) < most && slices.Contains(accounts, p.Account.Key()) {
			names = append(names, shortened(plain(p.Account.Title()), 24))
		}
	}
	text := strings.Join(names, ", ")
	if more := len(accounts) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// grouped puts commas between the thousands of a plain decimal number.
func grouped(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if strings.Trim(whole, "0123456789") != "" {
		return number
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
