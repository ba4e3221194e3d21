package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
)

// wall is a receiver that refuses everything for good.
type wall struct{}

func (wall) Notify(context.Context, billwatch.Notification, billwatch.Receipt) (billwatch.Receipt, error) {
	return billwatch.Receipt{}, notify.Permanent(errors.New("404"))
}

// behindAWall is a plan whose receiver ops takes nothing. Who is told of that
// beside the fallback says the root.
func (r *road) behindAWall(root *notify.Route, fallback string, keepers map[string]*keeper) func(*Plan) {
	r.Helper()
	receivers := map[string][]notify.Integration{"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true, Notifier: wall{}}}}
	for name, k := range keepers {
		receivers[name] = []notify.Integration{{Name: name + "/webhook/0", Receiver: name, SendResolved: true, Notifier: k}}
	}
	router, err := notify.NewRouter(root, receivers)
	r.must(err)
	return func(p *Plan) { p.Router, p.Fallback = router, fallback }
}

// heard is what a keeper was told: reasons, rules and states.
func (k *keeper) heard() (lines []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, n := range k.told {
		for _, a := range n.Alerts {
			lines = append(lines, words(n.Reason+":", a.Key.Rule, string(a.State)))
		}
	}
	return lines
}

// sends lets time go by with a dispatcher that sends, as a process has one.
func (r *road) sends(d time.Duration) {
	r.Helper()
	plan := r.d.plan()
	dispatcher, err := notify.NewDispatcher(notify.DispatcherConfig{
		Store: r.store, Waker: r.store, Quiet: r.store, Router: plan.Router, Templates: plan.Templates, Holder: r.d.name, Now: r.d.Clock.Now,
		Log: r.d.Log, Down: notify.Down{Alert: plan.Rules.ReceiverDown, Fallback: plan.Fallback},
	})
	r.must(err)
	for end := r.d.Clock.Now().Add(d); r.d.Clock.Now().Before(end); r.d.Clock.Set(r.d.Clock.Now().Add(10 * time.Second)) {
		_, err := dispatcher.Step(r.Context())
		r.must(err)
	}
}

// A process that starts, or reads its configuration again, must not say that a
// receiver works which does not.
func TestThatAReceiverIsDownStandsOverARestartAndReachesWhoIsToKnow(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, noBuiltin+"  - { alert: Low, expr: balance < 1000 }\n", rules.Options{})
		told := map[string]*keeper{"back": {}, "late": {}, "tree": {}}
		want := func(when string, by map[string][]string) {
			t.Helper()
			for name, k := range told {
				if got := k.heard(); !slices.Equal(got, by[name]) {
					t.Errorf("%s: %s heard %q, want %q", when, name, got, by[name])
				}
			}
		}
		ops := &notify.Route{Receiver: "ops"}
		plan := r.behindAWall(ops, "back", told)
		r.follows(plan)
		r.api.lists("a1")
		r.d.Clock.Set(r.d.Clock.Now().Add(r.interval))
		slot, _ := r.source.Timing.Slot(r.source.Name, r.d.Clock.Now())
		_, err := r.rounds.poll(t.Context(), r.source, slot)
		r.must(err)
		r.sends(time.Minute)
		first := []string{"first: ReceiverDown firing"}
		want("when it is down", map[string][]string{"back": first})
		r.follows(plan)
		r.sends(10 * time.Minute)
		want("after a restart", map[string][]string{"back": first})
		r.follows(r.behindAWall(&notify.Route{Receiver: "ops", Routes: []*notify.Route{
			{Receiver: "tree", Matchers: []string{`alertname="ReceiverDown"`}},
		}}, "late", told))
		r.sends(10 * time.Minute)
		want("with another route and another fallback", map[string][]string{
			"back": {"first: ReceiverDown firing", "all_resolved: ReceiverDown resolved"}, "late": first, "tree": first,
		})
	})
}
