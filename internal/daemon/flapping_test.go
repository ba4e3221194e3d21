package daemon

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
)

// flaps makes the balance jump over a bound of 1000 at each second reading, so
// that a message can go out between two jumps.
func (r *road) flaps() {
	n := int64(0)
	r.api.shape = func(s *billwatch.Snapshot) {
		n++
		s.Balance = billwatch.Known(billwatch.DecimalOf(999 + 2*(n/2%2)))
	}
}

func TestABalanceThatFlapsIsToldOnceWithUntilAndRarelyWithout(t *testing.T) {
	for _, c := range []struct {
		what, rule         string
		messages, mostMore int // in the hour that it flaps, and what more there may be
		pairs              int // of firing and resolved, at least
	}{
		{"with until", "{ alert: Low, expr: balance < 1000, until: balance > 1500 }", 1, 0, 1},
		{"without", "{ alert: Low, expr: balance < 1000 }", 2, 22, 13},
	} {
		t.Run(c.what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, dsn string) {
				r := newRoad(t, dsn, "rules: ["+c.rule+"]", rules.Options{})
				r.source.Timing.Interval = time.Minute
				r.flaps()
				r.api.lists("a1")
				r.starts()
				r.pass(time.Hour)
				const interval = 5 * time.Minute
				for i, n := range r.told {
					if i >= 2 && n.FrozenAt.Sub(r.told[i-2].FrozenAt) < interval {
						t.Errorf("three messages within %s, at %s", interval, n.FrozenAt)
					}
				}
				if n := len(r.told); n < c.messages || n > c.messages+c.mostMore {
					t.Errorf("%d messages in an hour, want %d and at most %d more", n, c.messages, c.mostMore)
				}
				r.api.shape = func(s *billwatch.Snapshot) { s.Balance = billwatch.Known(billwatch.DecimalOf(2000)) }
				r.pass(30 * time.Minute)
				if last := r.told[len(r.told)-1]; last.Alerts[0].State != billwatch.Resolved {
					t.Errorf("at the end it is told as %s", last.Alerts[0].State)
				}
				pairs := len(r.moved) / 2
				if pairs < c.pairs || c.pairs == 1 && (pairs != 1 || len(r.told) != 2) {
					t.Errorf("%d pairs and %d messages, want %d pairs", pairs, len(r.told), c.pairs)
				}
			})
		})
	}
}

func TestWhatComesAndGoesWithinTheWaitIsCountedNotTold(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: [{ alert: Low, expr: balance < 1000 }]", rules.Options{})
		wait := 12 * time.Minute
		router, err := notify.NewRouter(&notify.Route{Receiver: "ops", GroupWait: &wait}, map[string][]notify.Integration{
			"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true}},
		})
		r.must(err)
		next := r.d.plan()
		next.Router = router
		r.d.plans.adopt(next)
		r.starts()
		balance := int64(5)
		r.api.shape = func(s *billwatch.Snapshot) { s.Balance = billwatch.Known(billwatch.DecimalOf(balance)) }
		r.api.lists("a1")
		r.pass(6 * time.Minute)
		balance = 5000
		r.pass(30 * time.Minute)
		r.wantNews("of what came and went", nil, []string{"Low a1 firing", "Low a1 resolved"})
		if r.untold != 1 {
			t.Errorf("%d are counted as untold, want 1", r.untold)
		}
		balance = 5
		r.pass(6 * time.Minute)
		r.wantNews("within the wait", nil, []string{"Low a1 firing"})
		r.pass(15 * time.Minute)
		r.wantNews("after it", []string{"first: Low a1 firing"}, nil)
	})
}
