package daemon

import (
	"fmt"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// crowd is a state with many accounts: of ten, one is low, one is empty. A group
// is a rule's, so that the low ones are told together.
func crowd(tb testing.TB, plan Plan, accounts int) *Replay {
	tb.Helper()
	r, err := NewReplay(tb.Context(), ReplayConfig{Plan: plan, Start: noon})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Close() })
	polls := make([]billwatch.Poll, accounts)
	for i := range polls {
		balance := int64(5000)
		switch i % 10 {
		case 3:
			balance = 500
		case 4:
			balance = 50
		}
		polls[i] = onePoll(i, balance, noon)
	}
	if err := r.Poll(tb.Context(), "blues", noon, polls); err != nil {
		tb.Fatal(err)
	}
	if err := r.Until(tb.Context(), noon.Add(time.Minute)); err != nil {
		tb.Fatal(err)
	}
	return r
}

func onePoll(i int, balance int64, at time.Time) billwatch.Poll {
	a := billwatch.Account{Source: "blues", ID: fmt.Sprintf("a%05d", i), Name: fmt.Sprintf("Account %d", i), Provider: "notehub"}
	return billwatch.Poll{Account: a, At: at, Snapshot: &billwatch.Snapshot{
		Account: a, At: at, Unit: "events", Balance: billwatch.Known(billwatch.DecimalOf(balance)),
	}}
}

// crowdPlan is two rules, of which one keeps the other quiet, told by the rule
// or account by account.
func crowdPlan(tb testing.TB, by ...string) Plan {
	tb.Helper()
	plan := planWith(tb, lowRule+`
  - alert: Empty
    expr: balance < 100
    labels: { severity: critical }
`)
	inhibition, err := notify.NewInhibition([]notify.InhibitRule{{
		SourceMatchers: []string{`alertname="Empty"`}, TargetMatchers: []string{`severity!="critical"`}, Equal: []string{"source", "account"},
	}})
	if err == nil {
		plan.Templates, err = notify.NewTemplates(notify.TemplatesConfig{})
	}
	if err == nil {
		plan.Router, err = notify.NewRouterWith(&notify.Route{Receiver: "ops", GroupBy: by},
			map[string][]notify.Integration{"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true}}},
			notify.Quiets{Inhibition: inhibition})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return plan
}

// What is copied of the state is enough: an explanation says the same as one
// that has all of it.
func TestAnExplanationNeedsOnlyWhatItsAccountRestsOn(t *testing.T) {
	for _, by := range [][]string{{"account"}, {"alertname"}} {
		plan := crowdPlan(t, by...)
		state := crowd(t, plan, 60)
		silence := billwatch.Silence{
			Matchers: []billwatch.Matcher{{Name: "account", Value: "a00013", IsEqual: true}},
			StartsAt: noon, EndsAt: noon.Add(3 * time.Hour), CreatedBy: "Jo", Comment: "known",
		}
		if _, err := state.store.PutSilence(t.Context(), silence, noon); err != nil {
			t.Fatal(err)
		}
		later := noon.Add(time.Hour)
		for _, c := range []struct {
			account int
			balance int64
			blocked bool
			why     string
		}{
			{3, 500, false, "repeat"},     // told already
			{13, 500, true, "unmuted"},    // silenced for a while
			{4, 50, true, ""},             // inhibited by the other rule
			{5, 500, false, "new_alerts"}, // fires anew, alone or beside others
			{3, 5000, false, ""},          // resolves
			{99, 500, false, "new_alerts"},
		} {
			x := ExplainConfig{Plan: plan, Store: state.store, Rule: "Low", Poll: onePoll(c.account, c.balance, later), Now: later}
			own, judged, err := Explain(t.Context(), x)
			if err != nil || !judged {
				t.Fatal(judged, err)
			}
			whole, _, err := x.explain(t.Context(), func(stage *Replay) error { return stage.From(t.Context(), state.store) })
			if err != nil {
				t.Fatal(err)
			}
			if d := diff.Diff(whole.Shown(), own.Shown()); d != "" {
				t.Errorf("by %s, account %d at %d: with the whole state -, with its own +:\n%s", by, c.account, c.balance, d)
			}
			why := c.why
			switch {
			case why == "new_alerts" && by[0] == "account":
				why = "first" // nobody else is in its group
			case why == "repeat" && by[0] == "alertname":
				why = "unmuted" // with the silenced one
			}
			if shown := own.Shown(); shown.Why != why || (len(shown.Blocked) > 0) != c.blocked {
				t.Errorf("by %s, account %d at %d: told because %q, held back by %v; want %q, %v", by, c.account, c.balance, shown.Why, shown.Blocked, why, c.blocked)
			}
		}
	}
}

// Where the rules of inhibition are not those that the service marked its alerts
// by, what inhibits is found all the same.
func TestAnExplanationFindsWhatOtherRulesOfInhibitionWouldKeepQuiet(t *testing.T) {
	plan := crowdPlan(t, "account")
	state := crowd(t, plan, 10)
	inhibition, err := notify.NewInhibition([]notify.InhibitRule{{
		SourceMatchers: []string{`alertname="Low"`, `account="a00003"`}, TargetMatchers: []string{`account!="a00003"`}, Equal: []string{"source"},
	}})
	must(t, err)
	plan.Router, err = notify.NewRouterWith(&notify.Route{Receiver: "ops", GroupBy: []string{"account"}},
		map[string][]notify.Integration{"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true}}}, notify.Quiets{Inhibition: inhibition})
	must(t, err)
	later := noon.Add(time.Hour)
	x, _, err := Explain(t.Context(), ExplainConfig{Plan: plan, Store: state.store, Rule: "Low", Poll: onePoll(5, 500, later), Now: later})
	must(t, err)
	if b := x.Shown().Blocked; len(b) != 1 || b[0].Text != "Low fires on a00003 and says enough" {
		t.Errorf("held back by %+v, want the other account's alert", b)
	}
}

func TestAnExplanationLooksBackOnThePollBefore(t *testing.T) {
	plan := planWith(t, `rules: [{ alert: Moved, expr: 'changed("balance")' }]`)
	var err error
	plan.Templates, err = notify.NewTemplates(notify.TemplatesConfig{})
	must(t, err)
	state, err := NewReplay(t.Context(), ReplayConfig{Plan: plan, Start: noon})
	must(t, err)
	defer state.Close()
	for i, c := range []struct {
		balance int64
		want    billwatch.Outcome
	}{{500, billwatch.Unknown}, {500, billwatch.False}, {400, billwatch.True}, {400, billwatch.False}, {300, billwatch.True}} {
		at := noon.Add(time.Duration(i) * time.Hour)
		must(t, state.Poll(t.Context(), "blues", at, []billwatch.Poll{onePoll(1, c.balance, at)}))
		if i == 0 {
			continue // there is nothing to look back on
		}
		last, before, err := state.store.LastTwo(t.Context(), billwatch.AccountKey{Source: "blues", ID: "a00001"})
		must(t, err)
		x, _, err := Explain(t.Context(), ExplainConfig{
			Plan: plan, Store: state.store, Rule: "Moved", Now: at,
			Poll: billwatch.Poll{Account: last.Account, At: at, Snapshot: last}, Previous: before,
		})
		must(t, err)
		if x.Rule.Evaluation.Outcome != c.want {
			t.Errorf("poll %d: %s, want %s", i, x.Rule.Evaluation.Outcome, c.want)
		}
	}
}

// BenchmarkExplain is an explanation of one account among 10,000, of which 1,000
// are low: from what it rests on, where its group is its own and where it shares
// it with all the others, and, to compare, from a copy of everything.
func BenchmarkExplain(b *testing.B) {
	for _, c := range []struct {
		name, by string
		whole    bool
	}{{"OwnGroup", "account", false}, {"SharedGroup", "alertname", false}, {"WholeState", "account", true}} {
		b.Run(c.name, func(b *testing.B) {
			plan := crowdPlan(b, c.by)
			state := crowd(b, plan, 10_000)
			later := noon.Add(time.Hour)
			x := ExplainConfig{Plan: plan, Store: state.store, Rule: "Low", Poll: onePoll(3, 500, later), Now: later}
			for b.Loop() {
				var err error
				if c.whole {
					_, _, err = x.explain(b.Context(), func(stage *Replay) error { return stage.From(b.Context(), state.store) })
				} else {
					_, _, err = Explain(b.Context(), x)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
