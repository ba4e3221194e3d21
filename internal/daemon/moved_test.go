package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// unheard is a receiver that hears nothing until it is mended.
type unheard struct {
	hears
	broken bool
}

func (u *unheard) Notify(ctx context.Context, n billwatch.Notification, r billwatch.Receipt) (billwatch.Receipt, error) {
	u.mu.Lock()
	broken := u.broken
	u.mu.Unlock()
	if broken {
		return r, errors.New("no answer")
	}
	return u.hears.Notify(ctx, n, r)
}

func (u *unheard) mended() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.broken = false
}

// listed is the plan whose only receiver has these webhooks, in this order.
func (r *reloaded) listed(text, hash string, names []string, places map[string]*unheard) Plan {
	r.Helper()
	plan := r.plan(text, "same")
	var all []notify.Integration
	for i, name := range names {
		all = append(all, notify.Integration{Name: fmt.Sprintf("ops/webhook/%d", i), Receiver: "ops", Type: "webhook",
			SendResolved: true, RetryFor: 24 * time.Hour, StormLimit: 20, Settings: name, Notifier: places[name]})
	}
	router, err := notify.NewRouter(&notify.Route{Receiver: "ops", GroupWait: new(time.Second)}, map[string][]notify.Integration{"ops": all})
	if err != nil {
		r.Fatal(err)
	}
	plan.Router, plan.Hash = router, hash
	return plan
}

func TestAReloadSendsNothingToThePlaceOfAnother(t *testing.T) {
	const text = `rules: [{ alert: Low, expr: balance < 1000, labels: { severity: warning } }]`
	low := []string{"first: Low a1 firing"}
	for _, c := range []struct {
		what        string
		before, now []string
		told        map[string][]string
	}{
		{"the first of two is removed", []string{"one", "two"}, []string{"two"}, map[string][]string{"two": low}},
		{"two are swapped", []string{"one", "two"}, []string{"two", "one"}, map[string][]string{"one": low, "two": low}},
		{"one is added behind, which hears what stands", []string{"one"}, []string{"one", "three"}, map[string][]string{"one": low, "three": low}},
		{"one is added in front, which hears it too", []string{"one"}, []string{"three", "one"}, map[string][]string{"one": low, "three": low}},
		{"the only one goes elsewhere", []string{"one"}, []string{"three"}, map[string][]string{"three": low}},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReloaded(t, text)
				places := map[string]*unheard{"one": {broken: true}, "two": {broken: true}, "three": {}}
				r.d.plans = newPlans(r.listed(text, "old", c.before, places))
				ctx, stop := context.WithCancel(t.Context())
				var work sync.WaitGroup
				work.Go(func() {
					if err := r.d.work(ctx); err != nil {
						t.Error(err)
					}
				})
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				for _, place := range places {
					place.mended()
				}
				r.reads(func() Plan { return r.listed(text, "new", c.now, places) })
				time.Sleep(time.Hour)
				synctest.Wait()
				for name, place := range places {
					if told := place.heard(); !slices.Equal(told, c.told[name]) {
						t.Errorf("%s was told %q, want %q", name, told, c.told[name])
					}
				}
				if waits := r.d.plans.get().waits; waits != "" {
					t.Errorf("it still is %s", waits)
				}
				stop()
				work.Wait()
			})
		})
	}
}
