package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// forgets is what is asked of the store to forget accounts.
type forgets interface {
	Forgettable(ctx context.Context, l billwatch.Lease, now, before time.Time) ([]string, error)
}

const wasForgotten = "forgotten"

// forget ends all that stands of accounts that have been gone for long enough,
// or that somebody wants forgotten, and removes them: one transaction, so that
// whoever was told of them is told that once.
func (w glance) forget(ctx context.Context, source *poller.Source, lease billwatch.Lease, now time.Time) error {
	before := time.Time{}
	if w.plan.ForgetAfter > 0 {
		before = now.Add(-w.plan.ForgetAfter)
	}
	ids, err := w.absent.Forgettable(ctx, lease, now, before)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, batchSize) {
		known, err := w.pipeline.memory.Know(ctx, source.Name, some)
		if err != nil {
			return err
		}
		v := verdict{}
		for _, id := range some {
			for _, alert := range known[id].Alerts {
				w.judge.note(&v, alert, ended(alert, wasForgotten, now), now)
			}
		}
		if err := w.pipeline.memory.Commit(ctx, billwatch.Batch{
			Lease: lease, Now: now, Alerts: v.alerts, Transitions: v.transitions, Due: v.due, Forget: some,
		}); err != nil {
			return fmt.Errorf("forget accounts of %s: %w", source.Name, err)
		}
		for _, id := range some {
			w.log.Info("account forgotten", "source", source.Name, "account", id)
			w.pipeline.metrics.Forgotten(billwatch.AccountKey{Source: source.Name, ID: id})
		}
		w.pipeline.announce(v.transitions)
		w.pipeline.keep(w.judge, v.alerts)
	}
	return nil
}
