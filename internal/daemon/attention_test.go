package daemon

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

func TestWhatIsOnlyJustDueIsNotOverdue(t *testing.T) {
	const hourly = time.Hour
	for _, c := range []struct {
		what string
		then func(r *road)
	}{
		{"an interval that became shorter", func(r *road) {
			r.source.Timing = poller.Timing{Interval: 5 * time.Minute}
			r.starts()
		}},
		{"a process that was stopped for a day and goes on", func(r *road) {
			r.d.Clock.Set(r.d.Clock.Now().Add(24 * time.Hour))
			r.rounds.watcher.lookAtAll(r.Context())
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, dsn string) {
				r := newRoad(t, dsn, "rules: []", rules.Options{})
				r.source.Timing = poller.Timing{Interval: hourly}
				r.api.lists("a1")
				_, next := r.source.Timing.Slot("blues", noon)
				r.pass(next.Sub(noon) + 50*time.Minute)
				c.then(r)
				r.pass(20 * time.Minute)
				r.wantNews("although all can be read", nil, nil)
				r.source.Timing = poller.Timing{Interval: 5 * time.Minute}
				r.api.refuses(rejected)
				r.pass(25 * time.Minute)
				r.wantNews("once it cannot", []string{"first: SourceDown firing"}, []string{"SourceDown firing"})
			})
		})
	}
}

func TestAVisitThatFailsIsNoOutageYet(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: []", rules.Options{})
		visit := func() {
			t.Helper()
			r.d.Clock.Set(r.d.Clock.Now().Add(time.Hour))
			r.must(r.store.Resign(t.Context(), r.d.name))
			r.d.name = replicaName()
			now := r.d.Clock.Now()
			r.must(r.store.Renew(t.Context(), r.d.name, now, now.Add(leaseTTL)))
			r.rounds = r.d.rounds(r.store)
			r.rounds.watcher.visits = true
			_ = r.d.roundOnce(t.Context(), r.rounds, r.source)
			r.d.Clock.Set(now.Add(20 * time.Second)) // longer than group_wait
			r.tell()
		}
		r.api.lists("a1")
		visit()
		r.api.refuses(rejected)
		visit()
		r.wantNews("after one failed visit", nil, nil)
		visit()
		r.wantNews("after two", []string{"first: SourceDown firing"}, []string{"SourceDown firing"})
		r.api.lists("a1")
		visit()
		r.wantNews("when it is back", []string{"all_resolved: SourceDown resolved"}, []string{"SourceDown resolved"})
	})
}
