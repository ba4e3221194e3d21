package state_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/state"
)

// advance is what a machine does; the real one is state.Advance.
type advance func(billwatch.Alert, billwatch.Evaluation, time.Time) (billwatch.Alert, *billwatch.Transition)

// stories draws what may be said of one rule on one account: outcomes of every
// kind, at times that may go back, by a rule whose times are sometimes edited.
func stories() *rapid.Generator[[]word] {
	minutes := rapid.SampledFrom([]time.Duration{0, 0, time.Minute, 2 * time.Minute, 4 * time.Minute})
	outcome := rapid.SampledFrom([]billwatch.Outcome{billwatch.True, billwatch.True, billwatch.False, billwatch.False, billwatch.Unknown})
	until := rapid.SampledFrom([]billwatch.Outcome{billwatch.True, billwatch.True, billwatch.True, billwatch.False, billwatch.Unknown})
	return rapid.Custom(func(t *rapid.T) []word {
		held, keep := minutes.Draw(t, "for"), minutes.Draw(t, "keep_firing_for")
		at := start
		words := make([]word, rapid.IntRange(1, 16).Draw(t, "evaluations"))
		for i := range words {
			at = at.Add(time.Duration(rapid.SampledFrom([]int{1, 1, 1, 2, 3, 0, -2, -120}).Draw(t, "minutes")) * time.Minute)
			if rapid.IntRange(0, 15).Draw(t, "edited") == 15 {
				held, keep = minutes.Draw(t, "for"), minutes.Draw(t, "keep_firing_for")
			}
			w := word{at: at, outcome: outcome.Draw(t, "outcome"), until: until.Draw(t, "until"), held: held, keep: keep}
			if rapid.IntRange(0, 12).Draw(t, "ends") == 12 {
				w.ends = "rule removed"
			}
			if rapid.IntRange(0, 3).Draw(t, "labels") > 0 {
				w.labels = billwatch.Labels{
					billwatch.LabelAlert:       "Low",
					billwatch.LabelSeverity:    rapid.SampledFrom([]string{"warning", "critical"}).Draw(t, "severity"),
					billwatch.LabelAccountName: rapid.SampledFrom([]string{"Acme", "Acme Inc."}).Draw(t, "name"),
				}
			}
			words[i] = w
		}
		return words
	})
}

func (w word) evaluation() billwatch.Evaluation {
	return billwatch.Evaluation{
		Rule: "Low", Account: billwatch.AccountKey{Source: "blues", ID: "acme"}, At: w.at,
		Outcome: w.outcome, Until: w.until, Ends: w.ends, For: w.held, KeepFiringFor: w.keep, Labels: w.labels,
	}
}

func (w word) String() string {
	said := w.outcome.String()
	if w.ends != "" {
		said = "ends"
	}
	return fmt.Sprintf("%s %s until=%s for=%s keep=%s", w.at.Format("15:04"), said, w.until, w.held, w.keep)
}

// disagreement tells a machine a story and returns where it first differs from
// the table; "" where it never does.
func disagreement(machine advance, story []word) string {
	var alert billwatch.Alert
	var t tale
	for i, w := range story {
		from, to := t.hear(w)
		var moved *billwatch.Transition
		alert, moved = machine(alert, w.evaluation(), w.at)
		if wrong := differs(t, alert, moved, from, to); wrong != "" {
			var said strings.Builder
			for _, earlier := range story[:i+1] {
				fmt.Fprintf(&said, "\n  %s", earlier)
			}
			return wrong + ", after" + said.String()
		}
	}
	return ""
}

func differs(t tale, alert billwatch.Alert, moved *billwatch.Transition, from, to billwatch.AlertState) string {
	now := t.now()
	switch {
	case alert.State != to:
		return fmt.Sprintf("the alert is %q, want %q", alert.State, to)
	case (moved != nil) != (from != to):
		return fmt.Sprintf("from %q to %q with the transition %v", from, to, moved)
	}
	if moved != nil {
		switch {
		case moved.From != from || moved.To != to || !moved.At.Equal(now.at):
			return fmt.Sprintf("the transition is %q to %q at %s, want %q to %q at %s", moved.From, moved.To, moved.At, from, to, now.at)
		case moved.Reason == "" || moved.Reason != alert.Reason || moved.Alert.State != to:
			return fmt.Sprintf("the transition's reason is %q, its alert's %q", moved.Reason, alert.Reason)
		case now.ends != "" && moved.Reason != now.ends:
			return fmt.Sprintf("the reason is %q, want %q", moved.Reason, now.ends)
		}
	}
	if to == billwatch.Firing || to == billwatch.Resolved {
		return differsWhileItFires(t, alert, to)
	}
	return ""
}

// differsWhileItFires compares what must not change while an alert fires.
func differsWhileItFires(t tale, alert billwatch.Alert, to billwatch.AlertState) string {
	began, _ := t.began()
	end := time.Time{}
	if to == billwatch.Resolved {
		end = t.now().at
		if end.Before(began.at) { // the clock went back; nothing ends before it began
			end = began.at
		}
	}
	switch {
	case !alert.StartsAt.Equal(began.at):
		return fmt.Sprintf("it began at %s, want %s", alert.StartsAt, began.at)
	case !alert.EndsAt.Equal(end):
		return fmt.Sprintf("it ended at %s, want %s", alert.EndsAt, end)
	case alert.Fingerprint != t.identity().Fingerprint(), alert.Labels.Fingerprint() != alert.Fingerprint:
		return fmt.Sprintf("its identity is %s of %v, want that of %v", alert.Fingerprint, alert.Labels, t.identity())
	}
	return ""
}

func TestTheMachineAgreesWithASecondStatementOfItsTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, story := range rapid.SliceOfN(stories(), 1, 200).Draw(t, "stories") {
			if wrong := disagreement(state.Advance, story); wrong != "" {
				t.Fatal(wrong)
			}
		}
	})
}

// faults are mistakes that a machine could have. The comparison must see each:
// one that it would not see is one that it does not guard against.
var faults = map[string]advance{
	"not knowing resolves": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		if e.Outcome == billwatch.Unknown {
			e.Outcome = billwatch.False
		}
		return state.Advance(a, e, now)
	},
	"not knowing fires": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		if e.Outcome == billwatch.Unknown {
			e.Outcome = billwatch.True
		}
		return state.Advance(a, e, now)
	},
	"for is longer than said": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		if e.For > 0 {
			e.For++
		}
		return state.Advance(a, e, now)
	},
	"not knowing begins for anew": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		if a.State == billwatch.Pending && e.Outcome == billwatch.Unknown {
			a.PendingFrom = now
		}
		return state.Advance(a, e, now)
	},
	"keep_firing_for counts from the last false": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		next, moved := state.Advance(a, e, now)
		if next.State == billwatch.Firing && e.Outcome == billwatch.False {
			next.FalseFrom = now
		}
		return next, moved
	},
	"not knowing stops keep_firing_for": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		if e.Outcome == billwatch.Unknown {
			a.FalseFrom = time.Time{}
		}
		return state.Advance(a, e, now)
	},
	"not knowing starts keep_firing_for": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		if a.State == billwatch.Firing && e.Outcome == billwatch.Unknown && a.FalseFrom.IsZero() {
			a.FalseFrom = now
		}
		return state.Advance(a, e, now)
	},
	"a true leaves keep_firing_for running": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		next, moved := state.Advance(a, e, now)
		if a.State == billwatch.Firing && next.State == billwatch.Firing {
			next.FalseFrom = a.FalseFrom
		}
		return next, moved
	},
	"keep_firing_for is not kept": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		e.KeepFiringFor = 0
		return state.Advance(a, e, now)
	},
	"an unknown until lets go": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		if e.Until == billwatch.Unknown {
			e.Until = billwatch.True
		}
		return state.Advance(a, e, now)
	},
	"until does not hold it": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		if e.Until == billwatch.False {
			e.Until = billwatch.True
		}
		return state.Advance(a, e, now)
	},
	"a removed rule goes on": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		e.Ends = ""
		return state.Advance(a, e, now)
	},
	"its identity follows its labels": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		next, moved := state.Advance(a, e, now)
		if next.State == billwatch.Firing && e.Labels != nil {
			next.Labels, next.Fingerprint = e.Labels, e.Labels.Fingerprint()
		}
		return next, moved
	},
	"every true begins it anew": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		next, moved := state.Advance(a, e, now)
		if next.State == billwatch.Firing && e.Outcome == billwatch.True {
			next.StartsAt = now
		}
		return next, moved
	},
	"a resolve is not a transition": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		next, moved := state.Advance(a, e, now)
		if next.State == billwatch.Resolved {
			moved = nil
		}
		return next, moved
	},
	"a transition has no reason": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		next, moved := state.Advance(a, e, now)
		if moved != nil {
			moved.Reason, next.Reason = "", ""
		}
		return next, moved
	},
	"it ends before it began": func(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
		next, moved := state.Advance(a, e, now)
		if next.State == billwatch.Resolved {
			next.EndsAt = now
		}
		return next, moved
	},
}

func TestTheSecondStatementSeesEachFault(t *testing.T) {
	const tries = 3000
	told := stories()
	for fault, machine := range faults {
		t.Run(fault, func(t *testing.T) {
			for i := range tries {
				story := told.Example(i)
				if wrong := disagreement(machine, story); wrong != "" && disagreement(state.Advance, story) == "" {
					t.Logf("seen in story %d: %s", i, wrong)
					return
				}
			}
			t.Errorf("not seen in %d stories", tries)
		})
	}
}
