package ruletest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

// Stage is what a test is played on.
type Stage interface {
	// Poll judges what was read of a source at a moment.
	Poll(ctx context.Context, source string, at time.Time, polls []billwatch.Poll) error
	// Until lets time pass, and tells what becomes due on the way.
	Until(ctx context.Context, moment time.Time) error
	// Alerts returns what is pending or fires.
	Alerts(ctx context.Context) ([]billwatch.Alert, error)
	// Explain says why a rule said what it did at the last poll.
	Explain(rule string, account billwatch.AccountKey) (rules.Explanation, bool)
}

// Result is how a test went.
type Result struct {
	File, Name string
	Line       int
	Took       time.Duration
	Failures   []Failure
}

// OK says whether all was as expected.
func (r Result) OK() bool { return len(r.Failures) == 0 }

// Failure is a moment at which it was not.
type Failure struct {
	At        time.Duration // since the test's start
	Line      int           // of the expectation
	What      string        // "alerts" or "notifications"
	Want, Got []string      // a line each
	Why       []string      // what the rules concerned said, and on what it hung
}

var errFailedPoll = errors.New("the poll fails in this test")

// Run plays a test on a stage. Messages told by the stage meanwhile are taken
// from told. The error is that the stage broke.
func (t *Test) Run(ctx context.Context, stage Stage, told func() []billwatch.Notification) (Result, error) {
	result := Result{Name: t.Name, Line: t.line}
	next, seen := 0, 0
	for i := 0; next < len(t.Expect); i++ {
		at := t.Start.Add(time.Duration(i) * t.Interval)
		for next < len(t.Expect) && t.Start.Add(t.Expect[next].At).Before(at) { // between two polls
			if err := stage.Until(ctx, t.Start.Add(t.Expect[next].At)); err != nil {
				return result, err
			}
			all := told() // with what became due since the last poll
			failures, err := t.check(ctx, stage, t.Expect[next], all[seen:])
			if err != nil {
				return result, err
			}
			result.Failures, seen = append(result.Failures, failures...), len(all)
			next++
		}
		if next == len(t.Expect) {
			break
		}
		poll, err := t.poll(i, at)
		if err != nil {
			return result, err
		}
		if err := stage.Poll(ctx, t.Account.Source, at, []billwatch.Poll{poll}); err != nil {
			return result, err
		}
	}
	return result, nil
}

// poll is what is read at the i-th poll.
func (t *Test) poll(i int, at time.Time) (billwatch.Poll, error) {
	p := billwatch.Poll{Account: t.Account, At: at, Derive: true}
	if len(t.polls) > 0 && atIndex(t.polls, i).text == "fail" {
		p.Err = errFailedPoll
		return p, nil
	}
	s := t.base
	for _, name := range fieldNames() {
		values, given := t.series[name]
		if !given {
			continue
		}
		if err := fields[name](&s, atIndex(values, i)); err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	s.At, p.Snapshot, p.Account = at, &s, s.Account
	if i == 0 {
		p.Records = t.history
	}
	return p, nil
}

func (t *Test) check(ctx context.Context, stage Stage, e Expectation, told []billwatch.Notification) ([]Failure, error) {
	var failures []Failure
	if e.checked {
		alerts, err := stage.Alerts(ctx)
		if err != nil {
			return nil, err
		}
		if f, wrong := t.checkAlerts(stage, e, alerts); wrong {
			failures = append(failures, f)
		}
	}
	if e.notifieds {
		if f, wrong := checkNotifications(e, told); wrong {
			failures = append(failures, f)
		}
	}
	return failures, nil
}

// checkAlerts compares what stands with what is expected. Pending alerts count
// only where one is expected.
func (t *Test) checkAlerts(stage Stage, e Expectation, alerts []billwatch.Alert) (Failure, bool) {
	pending := slices.ContainsFunc(e.Alerts, func(a ExpectedAlert) bool { return a.State == string(billwatch.Pending) })
	left := slices.DeleteFunc(slices.Clone(alerts), func(a billwatch.Alert) bool { return a.State == billwatch.Pending && !pending })
	f := Failure{At: e.At, Line: e.line, What: "alerts"}
	var concerned []string
	missing := false
	taken := paired(len(e.Alerts), len(left), func(i, j int) bool { return e.Alerts[i].fits(left[j]) })
	for i, want := range e.Alerts {
		f.Want = append(f.Want, want.String())
		if !slices.Contains(taken, i) {
			missing = true
			concerned = append(concerned, want.Alert)
			continue
		}
		f.Got = append(f.Got, want.String()) // as it is written, so that only what differs differs
	}
	left = untaken(left, taken)
	for _, a := range left {
		f.Got = append(f.Got, shown(a))
		concerned = append(concerned, a.Key.Rule)
	}
	if !missing && len(left) == 0 {
		return f, false
	}
	for _, rule := range slices.Compact(slices.Sorted(slices.Values(concerned))) {
		f.Why = append(f.Why, why(stage, rule, t.Account.Key()))
	}
	return f, true
}

func (want ExpectedAlert) fits(a billwatch.Alert) bool {
	if a.Key.Rule != want.Alert || string(a.State) != want.State {
		return false
	}
	for name, v := range want.Labels {
		if a.Labels[name] != v {
			return false
		}
	}
	for name, text := range want.Annotations {
		if a.Annotations[name] != text {
			return false
		}
	}
	return want.Value == nil || a.Value != nil && near(*want.Value, *a.Value)
}

// near allows for what floats lose.
func near(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }

// String is the expectation on one line.
func (want ExpectedAlert) String() string {
	text := want.State + " " + want.Alert
	text += pairs("{", want.Labels, "}")
	if want.Value != nil {
		text += fmt.Sprintf(" value %g", *want.Value)
	}
	return text + pairs("[", want.Annotations, "]")
}

func shown(a billwatch.Alert) string {
	value := ""
	if a.Value != nil {
		value = fmt.Sprintf(" value %.12g", *a.Value) // without what floats lose
	}
	return string(a.State) + " " + a.Key.Rule + pairs("{", own(a), "}") + value + pairs("[", a.Annotations, "]")
}

// own is the labels that the rule and the account give, beside the identity.
func own(a billwatch.Alert) billwatch.Labels {
	labels := billwatch.Labels{}
	for name, v := range a.Labels {
		switch name {
		case billwatch.LabelAlert, billwatch.LabelSource, billwatch.LabelProvider, billwatch.LabelAccount, billwatch.LabelAccountName:
		default:
			labels[name] = v
		}
	}
	return labels
}

func pairs(open string, all map[string]string, end string) string {
	if len(all) == 0 {
		return ""
	}
	var parts []string
	for name, v := range all {
		parts = append(parts, fmt.Sprintf("%s=%q", name, v))
	}
	slices.Sort(parts)
	return " " + open + strings.Join(parts, ", ") + end
}

// checkNotifications compares what was told since the expectation before.
func checkNotifications(e Expectation, told []billwatch.Notification) (Failure, bool) {
	f := Failure{At: e.At, Line: e.line, What: "notifications"}
	missing := false
	taken := paired(len(e.Notifications), len(told), func(i, j int) bool { return e.Notifications[i].fits(told[j]) })
	for i, want := range e.Notifications {
		f.Want = append(f.Want, want.String())
		if !slices.Contains(taken, i) {
			missing = true
			continue
		}
		f.Got = append(f.Got, want.String())
	}
	left := untaken(told, taken)
	for _, n := range left {
		f.Got = append(f.Got, ExpectedNotification{n.Receiver, string(n.Status), n.Reason, names(n)}.String())
	}
	return f, missing || len(left) > 0
}

func (want ExpectedNotification) fits(n billwatch.Notification) bool {
	return (want.Receiver == "" || want.Receiver == n.Receiver) &&
		(want.Status == "" || want.Status == string(n.Status)) &&
		(want.Reason == "" || want.Reason == n.Reason) &&
		(want.Alerts == nil || slices.Equal(slices.Sorted(slices.Values(want.Alerts)), names(n)))
}

// String is the expectation on one line.
func (want ExpectedNotification) String() string {
	var parts []string
	if want.Receiver != "" {
		parts = append(parts, "to "+want.Receiver)
	}
	for _, part := range []string{want.Status, want.Reason} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if want.Alerts != nil {
		parts = append(parts, "("+strings.Join(slices.Sorted(slices.Values(want.Alerts)), ", ")+")")
	}
	if len(parts) == 0 {
		return "any"
	}
	return strings.Join(parts, " ")
}

func names(n billwatch.Notification) []string {
	var all []string
	for _, a := range n.Alerts {
		all = append(all, a.Key.Rule)
	}
	return slices.Sorted(slices.Values(all))
}

// why says what a rule said at the last poll, and on what that hung.
func why(stage Stage, rule string, account billwatch.AccountKey) string {
	x, found := stage.Explain(rule, account)
	switch {
	case !found:
		return rule + ": there is no such rule, or no poll yet"
	case !x.Applies:
		return rule + ": does not look at this account: " + x.Where
	}
	text := fmt.Sprintf("%s: %s is %s", rule, x.Expr, x.Evaluation.Outcome)
	if x.Evaluation.Detail != "" {
		text += " (" + x.Evaluation.Detail + ")"
	}
	if x.Decides != "" && x.Decides != x.Expr {
		text += "; it hangs on " + x.Decides
	}
	if x.Distance != "" {
		text += "; " + x.Distance
	}
	if x.Evaluation.For > 0 {
		text += "; must hold for " + model.Duration(x.Evaluation.For).String()
	}
	return text
}
