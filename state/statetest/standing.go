package statetest

import (
	"context"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

type standing interface {
	Firing(ctx context.Context, after billwatch.AlertKey, limit int) ([]billwatch.Alert, error)
	Ended(ctx context.Context, since time.Time, after billwatch.AlertKey, limit int) ([]billwatch.Transition, error)
}

func firingPaged(w *world) {
	b := billwatch.Batch{Lease: w.lease("a", 1), Now: w.now}
	for i := range 7 {
		b.Alerts = append(b.Alerts, w.firing("Low", fmt.Sprint("acc-", i)), w.firing("High", fmt.Sprint("acc-", i)))
	}
	pending := w.firing("Early", "acc-0")
	pending.State = billwatch.Pending
	b.Alerts = append(b.Alerts, pending)
	w.must(w.Commit(w.ctx, b))
	seen := map[billwatch.AlertKey]int{}
	var after billwatch.AlertKey
	for pages := 1; ; pages++ {
		page, err := w.Firing(w.ctx, after, 4)
		w.must(err)
		for _, a := range page {
			seen[a.Key]++
		}
		if len(page) < 4 {
			if pages != 4 {
				w.Errorf("%d pages of 4 for 14 alerts", pages)
			}
			break
		}
		after = page[len(page)-1].Key
	}
	if len(seen) != 14 || seen[pending.Key] != 0 {
		w.Errorf("%d alerts that fire are seen, want 14 and no pending one: %v", len(seen), seen)
	}
	for key, times := range seen {
		if times != 1 {
			w.Errorf("%v is seen %d times", key, times)
		}
	}
}

func endedPaged(w *world) {
	lease := w.lease("a", 1)
	end := func(ids ...int) {
		w.Helper()
		b := billwatch.Batch{Lease: lease, Now: w.now}
		for _, id := range ids {
			a := w.resolved(w.firing("Low", fmt.Sprint("acc-", id)))
			b.Transitions = append(b.Transitions,
				billwatch.Transition{Alert: a, From: billwatch.Firing, To: billwatch.Resolved, At: w.now},
				billwatch.Transition{Alert: w.firing("High", a.Key.Account.ID), To: billwatch.Firing, At: w.now})
		}
		w.must(w.Commit(w.ctx, b))
	}
	end(0)
	w.after(10 * time.Minute)
	since := w.now
	end(1, 2, 3, 4)
	w.after(time.Microsecond)
	end(5, 2)
	var got []string
	from, after := since, billwatch.AlertKey{}
	for {
		page, err := w.Ended(w.ctx, from, after, 2)
		w.must(err)
		for _, move := range page {
			if move.Alert.State != billwatch.Resolved {
				w.Errorf("%v is %q", move.Alert.Key, move.Alert.State)
			}
			got = append(got, move.Alert.Key.Account.ID)
		}
		if len(page) < 2 {
			break
		}
		from, after = page[1].At, page[1].Alert.Key
	}
	w.same("accounts whose alert ended, by time and key",
		[]string{"acc-1", "acc-2", "acc-3", "acc-4", "acc-2", "acc-5"}, got)
}
