package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
)

// TestSettlementsTogetherAreAsGoodAsEachAlone settles many at once, among them
// one that another replica has by now, one that is settled already, one that
// cannot be stored, and some that nobody waits for: each is told of its own, and of nothing else.
func TestSettlementsTogetherAreAsGoodAsEachAlone(t *testing.T) {
	t.Run("all can be stored", func(t *testing.T) { settleTogether(t, -1) })
	t.Run("one cannot", func(t *testing.T) { settleTogether(t, 4) })
}

func settleTogether(t *testing.T, bad int) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		const at, n = "ops/slack/0", 60
		for i := range n {
			w.moved(outboxAlert(fmt.Sprint(i), w.now), fmt.Sprintf("g%02d", i), at)
		}
		w.tells(at)
		claimed := w.due(at)
		if len(claimed) != n {
			t.Fatalf("%d claimed, want %d", len(claimed), n)
		}
		w.settle(claimed[0], billwatch.Delivered)
		late := claimed[1]
		late.Attempt = 0 // of a claim before this one
		gone, leave := context.WithCancel(t.Context())
		leave()
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i, d := range claimed {
			ctx, outcome := t.Context(), billwatch.Delivered
			var down *billwatch.Alert
			switch {
			case i == 1:
				d = late
			case i%10 == 2:
				ctx = gone
			case i == bad:
				outcome, down = billwatch.Failed, &billwatch.Alert{Forecast: &billwatch.Forecast{BurnRate: math.NaN()}}
			case i%10 == 3:
				outcome = billwatch.Failed
			}
			wg.Go(func() {
				errs[i] = w.store.Settle(ctx, billwatch.Settlement{Delivery: d, Outcome: outcome, Down: down, At: w.now})
			})
		}
		wg.Wait()
		for i, err := range errs {
			switch {
			case i == 1 && !errors.Is(err, billwatch.ErrLeaseLost):
				t.Errorf("one that another has: %v, want that the lease is lost", err)
			case i == bad && err == nil:
				t.Error("one that cannot be stored is said to be")
			case i != 1 && i != bad && i%10 != 2 && err != nil:
				t.Errorf("settlement %d: %v", i, err)
			}
		}
		states := map[string]int{}
		rows, err := w.store.Outbox(t.Context(), billwatch.OutboxQuery{Limit: 100})
		w.must(err)
		for _, row := range rows {
			states[row.Status]++
		}
		open := states[billwatch.OutboxPending] // the late one, the one that cannot be stored, and those that nobody waited for, perhaps
		if states[billwatch.OutboxFailed] != 6 || open < 1 || open > 8 || states[billwatch.OutboxDelivered] != n-6-open {
			t.Errorf("they stand as %v", states)
		}
		if err := w.store.Ping(t.Context()); err != nil {
			t.Errorf("the store calls itself broken: %v", err)
		}
	})
}

func TestASettlementWakesWhereSomethingIsDueByIt(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		const at = "ops/slack/0"
		woken := func() bool { // on PostgreSQL it comes by the database
			select {
			case <-w.store.Wake():
				return true
			case <-time.After(300 * time.Millisecond):
				return false
			}
		}
		calm := func() {
			for woken() {
			}
		}
		a := outboxAlert("1", w.now)
		w.moved(a, "g", at)
		w.tells(at)
		first := w.due(at)[0]
		calm()
		w.settle(first, billwatch.Retry)
		if !woken() {
			t.Error("nobody is told that it is tried again")
		}
		w.after(2 * time.Minute)
		first = w.due(at)[0]
		a.State = billwatch.Resolved
		w.moved(a, "g", at) // behind the one that is on its way
		w.tells(at)
		calm()
		w.settle(first, billwatch.Delivered)
		if !woken() {
			t.Error("nobody is told that it is the next one's turn")
		}
		second := w.due(at)[0]
		calm()
		w.settle(second, billwatch.Delivered)
		if woken() {
			t.Error("all were woken although nothing is due")
		}
	})
}
