package daemon

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
)

// quietRoad is a whole service in a bubble, where Suspended inhibits what else
// is wrong with an account, and nothing is told of Low for a while.
func quietRoad(t *testing.T, kept *keeper) *Daemon {
	t.Helper()
	plan := roadPlan(t, kept)
	plan.Rules = rulesAlone(t, roadRules+`
  - alert: Below
    expr: account.id == "a1" && balance < 1858
    labels: { severity: warning }
`)
	intervals, err := notify.NewIntervals([]notify.NamedInterval{{Name: "break", Intervals: []notify.TimeInterval{
		{Times: []notify.TimeRange{{StartTime: "03:50", EndTime: "04:30"}}}, // a bubble begins at midnight
	}}})
	must(t, err)
	inhibition, err := notify.NewInhibition([]notify.InhibitRule{{
		SourceMatchers: []string{`alertname="Suspended"`}, TargetMatchers: []string{`severity!="critical"`}, Equal: []string{"account"},
	}})
	must(t, err)
	plan.Router, err = notify.NewRouterWith(&notify.Route{
		Receiver: "ops", GroupBy: []string{"alertname"}, RepeatInterval: new(time.Hour),
		Routes: []*notify.Route{{Matchers: []string{"alertname=Low"}, MuteTimes: []string{"break"}}},
	}, map[string][]notify.Integration{"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true, Notifier: kept}}},
		notify.Quiets{Intervals: intervals, Inhibition: inhibition})
	must(t, err)
	plan.Retention = 400 * 24 * time.Hour
	clock, log := RealClock(), slog.New(slog.DiscardHandler)
	plan.Sources = []*poller.Source{{
		Name: "blues", Provider: &drain{clock.Now(), clock.Now}, Timing: poller.Timing{Interval: every}, Now: clock.Now, Log: log,
	}}
	return &Daemon{Config: Config{Plan: plan, State: "sqlite:" + filepath.Join(t.TempDir(), "state.db"),
		Clock: clock, Log: log}, health: &web.Health{}, metrics: web.NewMetrics("test"), name: "one", plans: newPlans(plan)}
}

func reasons(told []billwatch.Notification) map[string]int {
	found := map[string]int{}
	for _, n := range told {
		found[n.Reason]++
	}
	return found
}

func TestABacktestGoesByInhibitionAndTimeIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &keeper{}
		d := quietRoad(t, kept)
		start := d.Clock.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 150*every)
		defer cancel()
		must(t, d.work(ctx))
		sameAsTold(t, d.Plan, d.State, start, d.Clock.Now().Add(-2*time.Minute), kept.told)
		said := func(rule, reason string, after time.Duration) bool {
			return slices.ContainsFunc(kept.told, func(n billwatch.Notification) bool {
				late := n.FrozenAt.Sub(start.Add(after))
				return n.Alerts[0].Key.Rule == rule && n.Reason == reason && late >= 0 && late < 2*time.Minute
			})
		}
		if !said("Below", billwatch.WhyUnmuted, 160*time.Minute) || !said("Low", billwatch.WhyNewAlerts, 270*time.Minute) {
			t.Errorf("what was kept back is not told after the suspension and after the break; messages by reason: %v", reasons(kept.told))
		}
		for _, n := range kept.told {
			for _, a := range n.Alerts {
				since := n.FrozenAt.Sub(start)
				if a.Key.Rule == "Low" && since >= 230*time.Minute && since < 270*time.Minute ||
					a.Key.Rule == "Below" && a.Key.Account.ID == "a1" && since > 61*time.Minute && since < 160*time.Minute {
					t.Errorf("%s %s of %s was told after %s", n.Reason, a.Key.Rule, a.Key.Account.ID, since)
				}
			}
		}
	})
}

func TestTheServiceTellsAgainWhenASilenceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &keeper{}
		d := quietRoad(t, kept)
		start := d.Clock.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 185*time.Minute)
		defer cancel()
		go func() {
			time.Sleep(161 * time.Minute) // in a bubble this takes no time
			store := d.opened.Load()
			_, err := store.PutSilence(ctx, billwatch.Silence{
				Matchers: []billwatch.Matcher{{Name: "alertname", Value: "Below", IsEqual: true}}, EndsAt: d.Clock.Now().Add(17*time.Minute + 3*time.Second),
			}, d.Clock.Now())
			if err != nil {
				t.Error(err)
			}
		}()
		must(t, d.work(ctx))
		ends := start.Add(178*time.Minute + 3*time.Second)
		i := slices.IndexFunc(kept.told, func(n billwatch.Notification) bool {
			return n.FrozenAt.After(start.Add(161*time.Minute)) && n.Alerts[0].Key.Rule == "Below"
		})
		if i < 0 || kept.told[i].Reason != billwatch.WhyUnmuted || kept.told[i].FrozenAt.Before(ends) || kept.told[i].FrozenAt.After(ends.Add(time.Second)) {
			t.Errorf("a silence that ends at %s: of Below was told otherwise; messages by reason: %v", ends, reasons(kept.told))
		}
	})
}
