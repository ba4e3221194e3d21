package daemon

import (
	"cmp"
	"path/filepath"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// quietPlan is lowRule with a route that is mute at night, and a rule of
// inhibition.
func quietPlan(t *testing.T) Plan {
	t.Helper()
	plan := planWith(t, lowRule+`
  - alert: Empty
    expr: balance < 100
    labels: { severity: critical }
`)
	intervals, err := notify.NewIntervals([]notify.NamedInterval{{Name: "night", Intervals: []notify.TimeInterval{
		{Times: []notify.TimeRange{{StartTime: "00:00", EndTime: "06:00"}}},
	}}})
	must(t, err)
	inhibition, err := notify.NewInhibition([]notify.InhibitRule{{
		SourceMatchers: []string{`alertname="Empty"`}, TargetMatchers: []string{`severity!="critical"`}, Equal: []string{"source", "account"},
	}})
	must(t, err)
	plan.Router, err = notify.NewRouterWith(&notify.Route{Receiver: "ops", Routes: []*notify.Route{
		{Receiver: "ops", MuteTimes: []string{"night"}, Continue: true},
		{Receiver: "all"},
	}}, map[string][]notify.Integration{
		"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true}},
		"all": {{Name: "all/webhook/0", Receiver: "all", SendResolved: true}},
	}, notify.Quiets{Intervals: intervals, Inhibition: inhibition})
	must(t, err)
	plan.Templates, err = notify.NewTemplates(notify.TemplatesConfig{})
	must(t, err)
	return plan
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestExplainSaysWhatKeepsAnAlertFromBeingTold(t *testing.T) {
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	silence := billwatch.Silence{
		Matchers: []billwatch.Matcher{{Name: "alertname", Value: "Low", IsEqual: true}},
		StartsAt: midnight, EndsAt: midnight.Add(14 * time.Hour), CreatedBy: "Jo", Comment: "known",
	}
	for _, c := range []struct {
		name    string
		rule    string
		at      time.Time
		balance int64
		silence bool
		blocks  []string
		next    time.Duration // from at
	}{
		{"nothing", "Low", noon, 500, false, nil, 10 * time.Second},
		{"the time of one route", "Low", midnight, 500, false, []string{"time interval night until 24 Nov 06:00 UTC at [ops/webhook/0]"}, 10 * time.Second},
		{"a silence", "Low", noon, 500, true, []string{"silence ID by Jo until 24 Nov 14:00 UTC at []"}, 2 * time.Hour},
		{"another alert", "Low", noon, 50, false, []string{"Empty fires on a and says enough at []"}, -1},
		{"which is not kept itself", "Empty", noon, 50, false, nil, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "billwatch.db")})
			must(t, err)
			defer store.Close()
			id := ""
			if c.silence {
				made, err := store.PutSilence(t.Context(), silence, midnight)
				must(t, err)
				id = made.ID
			}
			account := billwatch.Account{Source: "blues", ID: "a", Name: "Acme", Provider: "notehub"}
			x, found, err := Explain(t.Context(), ExplainConfig{
				Plan: quietPlan(t), Store: store, Rule: c.rule, Now: c.at,
				Poll: billwatch.Poll{Account: account, At: c.at, Snapshot: &billwatch.Snapshot{
					Account: account, At: c.at, Balance: billwatch.Known(billwatch.DecimalOf(c.balance)),
				}},
			})
			if err != nil || !found {
				t.Fatal(found, err)
			}
			var got []string
			for _, b := range x.Shown().Blocked {
				text := b.Text + " at ["
				for _, in := range b.Integrations {
					text += in
				}
				got = append(got, strings.ReplaceAll(text+"]", cmp.Or(id, "-"), "ID"))
				if c.silence && (b.By != id || b.Author != "Jo" || b.Comment != "known" || !b.Until.Equal(silence.EndsAt)) {
					t.Errorf("the silence is shown as %+v", b)
				}
			}
			if d := diff.Diff(c.blocks, got); d != "" {
				t.Errorf("held back by (want -, got +):\n%s", d)
			}
			switch next := x.NextSend.Sub(c.at); {
			case c.next < 0 && !x.NextSend.IsZero():
				t.Errorf("told at %s, want never", x.NextSend)
			case c.next >= 0 && next != c.next:
				t.Errorf("told in %s, want in %s", next, c.next)
			}
		})
	}
}
