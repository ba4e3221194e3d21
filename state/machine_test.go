package state_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/state"
)

var start = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

var outcomes = map[rune]billwatch.Outcome{
	'T': billwatch.True, 'F': billwatch.False, '?': billwatch.Unknown,
	'u': billwatch.False, 'x': billwatch.False, // until unknown, until false
}

var untils = map[rune]billwatch.Outcome{'u': billwatch.Unknown, 'x': billwatch.False}

// evaluation reads one letter of a story: T true, F false, ? unknown, x false
// with an until that does not hold, u false with an until that is unknown, E
// the end of the rule.
func evaluation(letter rune, held, keep time.Duration) billwatch.Evaluation {
	e := billwatch.Evaluation{
		Rule: "Low", Account: billwatch.AccountKey{Source: "blues", ID: "acme"},
		Outcome: outcomes[letter], Until: billwatch.True, For: held, KeepFiringFor: keep,
		Labels: billwatch.Labels{"alertname": "Low", "account": "acme"},
	}
	if until, found := untils[letter]; found {
		e.Until = until
	}
	if letter == 'E' {
		e.Ends = "rule removed"
	}
	return e
}

func TestOneEvaluationAMinute(t *testing.T) {
	const minute = time.Minute
	tests := []struct {
		promise   string
		held      time.Duration
		keep      time.Duration
		outcomes  string
		states    string
		movements int
	}{
		{"a condition that holds fires at once", 0, 0, "T", "firing", 1},
		{"one that does not hold is nothing", 0, 0, "FFF", "- - -", 0},
		{"not knowing is nothing", 0, 0, "???", "- - -", 0},
		{"a failed poll is no good news", 0, 0, "T??", "firing firing firing", 1},
		{"a failed poll is no bad news", 0, 0, "F?F", "- - -", 0},
		{"a false resolves at once", 0, 0, "TF", "firing resolved", 2},
		{"a resolved alert begins anew", 0, 0, "TFT", "firing resolved firing", 3},
		{"a resolved alert that stays false is forgotten", 0, 0, "TFF", "firing resolved -", 2},
		{"for makes it wait", 2 * minute, 0, "TTT", "pending pending firing", 2},
		{"an interval longer than for fires at the second look", 30 * time.Second, 0, "TT", "pending firing", 2},
		{"a false starts for again", 2 * minute, 0, "TTFTTT", "pending pending - pending pending firing", 4},
		{"for goes on through a failed poll", 2 * minute, 0, "T?T", "pending pending firing", 2},
		{"for that ends during a failed poll fires at the next true", 2 * minute, 0, "T???T", "pending pending pending pending firing", 2},
		{"for that ends during a failed poll is ended by a false", 2 * minute, 0, "T??F", "pending pending pending -", 2},
		{"keeps firing through a dip", 0, 2 * minute, "TFTFFF", "firing firing firing firing firing resolved", 2},
		{"keep_firing_for counts from the first false", 0, 2 * minute, "TFFF", "firing firing firing resolved", 2},
		{"keep_firing_for runs on through failed polls", 0, 2 * minute, "TF??F", "firing firing firing firing resolved", 2},
		{"a failed poll at its end does not resolve", 0, 2 * minute, "TF??", "firing firing firing firing", 1},
		{"failed polls alone start no keep_firing_for", 0, 2 * minute, "T???F", "firing firing firing firing firing", 1},
		{"until that does not hold keeps it firing", 0, 0, "TxxF", "firing firing firing resolved", 2},
		{"until that is unknown keeps it firing", 0, 0, "TuuF", "firing firing firing resolved", 2},
		{"until and keep_firing_for must both be done", 0, 2 * minute, "TFxxF", "firing firing firing firing resolved", 2},
		{"a removed rule resolves what fires", 0, 0, "TE", "firing resolved", 2},
		{"a removed rule does not wait for keep_firing_for", 0, time.Hour, "TE", "firing resolved", 2},
		{"a removed rule ends what is pending without firing", time.Hour, 0, "TE", "pending -", 2},
		{"a removed rule of nothing is nothing", 0, 0, "E", "-", 0},
	}
	for _, test := range tests {
		t.Run(test.promise, func(t *testing.T) {
			var alert billwatch.Alert
			var states []string
			movements := 0
			for i, letter := range test.outcomes {
				var moved *billwatch.Transition
				alert, moved = state.Advance(alert, evaluation(letter, test.held, test.keep), start.Add(time.Duration(i)*time.Minute))
				states = append(states, show(alert.State))
				if moved != nil {
					movements++
				}
			}
			if got := strings.Join(states, " "); got != test.states {
				t.Errorf("%q with for %s, keep_firing_for %s:\n got %s\nwant %s", test.outcomes, test.held, test.keep, got, test.states)
			}
			if movements != test.movements {
				t.Errorf("%q made %d transitions, want %d", test.outcomes, movements, test.movements)
			}
		})
	}
}

func show(s billwatch.AlertState) string {
	if s == billwatch.Inactive {
		return "-"
	}
	return string(s)
}

func TestATransitionSaysFromWhereToWhereWhenAndWhy(t *testing.T) {
	tests := []struct {
		outcomes string
		held     time.Duration
		keep     time.Duration
		from, to billwatch.AlertState
		reason   string
	}{
		{"T", 0, 0, billwatch.Inactive, billwatch.Firing, "condition holds"},
		{"T", time.Minute, 0, billwatch.Inactive, billwatch.Pending, "condition holds; fires once it has held for 1m0s"},
		{"TT", time.Minute, 0, billwatch.Pending, billwatch.Firing, "condition has held for 1m0s"},
		{"TF", time.Minute, 0, billwatch.Pending, billwatch.Inactive, "condition no longer holds"},
		{"TE", time.Minute, 0, billwatch.Pending, billwatch.Inactive, "rule removed"},
		{"TF", 0, 0, billwatch.Firing, billwatch.Resolved, "condition no longer holds"},
		{"TFF", 0, time.Minute, billwatch.Firing, billwatch.Resolved, "condition has not held for 1m0s"},
		{"TE", 0, 0, billwatch.Firing, billwatch.Resolved, "rule removed"},
	}
	for _, test := range tests {
		var alert billwatch.Alert
		var moved *billwatch.Transition
		var now time.Time
		for i, letter := range test.outcomes {
			now = start.Add(time.Duration(i) * time.Minute)
			alert, moved = state.Advance(alert, evaluation(letter, test.held, test.keep), now)
		}
		want := &billwatch.Transition{Alert: alert, From: test.from, To: test.to, At: now, Reason: test.reason}
		if diff := cmp.Diff(want, moved); diff != "" {
			t.Errorf("the last of %q (-want +got):\n%s", test.outcomes, diff)
		}
		if alert.Reason != test.reason {
			t.Errorf("after %q the alert's reason is %q, want %q", test.outcomes, alert.Reason, test.reason)
		}
	}
}

func number(f float64) *float64 { return &f }

func TestIdentityIsFixedWhenItBeginsToFire(t *testing.T) {
	first := evaluation('T', time.Minute, 0)
	first.Labels = billwatch.Labels{"alertname": "Low", "severity": "warning", "account_name": "Acme"}
	pending, _ := state.Advance(billwatch.Alert{}, first, start)

	second := first
	second.Labels = billwatch.Labels{"alertname": "Low", "severity": "critical", "account_name": "Acme"}
	firing, _ := state.Advance(pending, second, start.Add(time.Minute))

	third := first
	third.Labels = billwatch.Labels{"alertname": "Low", "severity": "info", "account_name": "Acme Ltd"}
	later, _ := state.Advance(firing, third, start.Add(2*time.Minute))

	want := billwatch.Labels{"alertname": "Low", "severity": "critical", "account_name": "Acme Ltd"}
	if diff := cmp.Diff(want, later.Labels); diff != "" {
		t.Errorf("labels after a change while firing (-want +got):\n%s", diff)
	}
	if later.Fingerprint != want.Fingerprint() || firing.Fingerprint != later.Fingerprint {
		t.Errorf("fingerprints %s, then %s; want %s", firing.Fingerprint, later.Fingerprint, want.Fingerprint())
	}
	if firing.Labels["account_name"] != "Acme" {
		t.Error("Advance changed the alert it was given")
	}
}

func TestAStandingAlertIsKeptFresh(t *testing.T) {
	full := func(letter rune, value float64) billwatch.Evaluation {
		e := evaluation(letter, 0, time.Hour)
		e.Value = number(value)
		e.Annotations = map[string]string{"summary": string(letter)}
		e.Snapshot = &billwatch.Snapshot{Unit: "events", Balance: billwatch.Known(billwatch.DecimalOf(int64(value)))}
		e.Forecast = &billwatch.Forecast{BurnRate: value}
		e.RunbookURL = "https://example.com/" + string(letter)
		return e
	}
	alert, _ := state.Advance(billwatch.Alert{}, full('T', 5), start)
	alert, _ = state.Advance(alert, full('F', 4), start.Add(time.Minute))
	if *alert.Value != 4 || alert.Annotations["summary"] != "F" || alert.Forecast.BurnRate != 4 || alert.RunbookURL != "https://example.com/F" {
		t.Errorf("a standing alert shows old facts: %+v", alert)
	}
	blind, moved := state.Advance(alert, evaluation('?', 0, time.Hour), start.Add(2*time.Minute))
	if diff := cmp.Diff(alert, blind, cmp.Comparer(sameSnapshot)); diff != "" || moved != nil {
		t.Errorf("a failed poll changed a standing alert (-before +after):\n%s", diff)
	}
	worded := evaluation('T', 0, time.Hour) // on_unknown: alert gives a True without a value
	again, _ := state.Advance(blind, worded, start.Add(3*time.Minute))
	if again.Value != nil || !again.FalseFrom.IsZero() {
		t.Errorf("after a True without a value: value %v, false from %v; want none of both", again.Value, again.FalseFrom)
	}
	if again.StartsAt != start {
		t.Errorf("starts at %v, want %v for as long as it fires", again.StartsAt, start)
	}
}

func TestAResolvedAlertSaysWhatWasWrong(t *testing.T) {
	low, fine := evaluation('T', 0, 0), evaluation('F', 0, 0)
	low.Annotations = map[string]string{"summary": "may run out in 3 days"}
	fine.Annotations = map[string]string{"summary": "may run out in 108 days"}
	firing, _ := state.Advance(billwatch.Alert{}, low, start)
	resolved, moved := state.Advance(firing, fine, start.Add(time.Minute))
	if moved == nil || moved.Alert.Annotations["summary"] != "may run out in 3 days" || resolved.Annotations["summary"] != "may run out in 3 days" {
		t.Errorf("resolved alert says %v, want what it fired with", resolved.Annotations)
	}
}

func sameSnapshot(a, b *billwatch.Snapshot) bool { return a == b }

func TestResolvedThenTrueBeginsAnew(t *testing.T) {
	alert, _ := state.Advance(billwatch.Alert{}, evaluation('T', 0, 0), start)
	alert, _ = state.Advance(alert, evaluation('F', 0, 0), start.Add(time.Minute))
	if alert.EndsAt != start.Add(time.Minute) || alert.StartsAt != start {
		t.Errorf("resolved from %v to %v, want %v and a minute", alert.StartsAt, alert.EndsAt, start)
	}
	again, _ := state.Advance(alert, evaluation('T', 0, 0), start.Add(2*time.Minute))
	if again.StartsAt != start.Add(2*time.Minute) || !again.EndsAt.IsZero() || !again.FalseFrom.IsZero() {
		t.Errorf("the second time it fires with %+v", again)
	}
}
