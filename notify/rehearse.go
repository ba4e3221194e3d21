package notify

import (
	"context"
	"errors"
	"time"

	"github.com/billwatch/billwatch"
)

// Rehearse flushes what is due at this moment, hands each message to kept
// instead of sending it, and counts it as delivered. It returns when there will
// be more to do; the zero time is never. Run must not run beside it.
func (d *Dispatcher) Rehearse(ctx context.Context, kept func(billwatch.Notification)) (time.Time, error) {
	if len(d.names) == 0 {
		return time.Time{}, nil
	}
	d.quiet.hurry()
	if err := errors.Join(d.sweep(ctx), d.flush(ctx)); err != nil {
		return time.Time{}, err
	}
	for {
		now := d.c.Now()
		claimed, err := d.c.Store.ClaimDeliveries(ctx, d.claim(d.names, groupBatch, now))
		if err != nil {
			return time.Time{}, err
		}
		if len(claimed) == 0 {
			break
		}
		for _, delivery := range claimed {
			kept(delivery.Notification)
			settlement := billwatch.Settlement{Delivery: delivery, Outcome: billwatch.Delivered}
			if err := d.c.Store.Settle(ctx, settlement); err != nil {
				return time.Time{}, err
			}
		}
	}
	return d.nextDue(ctx)
}
