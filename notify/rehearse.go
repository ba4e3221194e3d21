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
	return d.work(ctx, func(delivery billwatch.Delivery) error {
		kept(delivery.Notification)
		return d.c.Store.Settle(ctx, billwatch.Settlement{Delivery: delivery, Outcome: billwatch.Delivered, At: d.c.Now()})
	})
}

// Step flushes and sends what is due at this moment, one message after the
// other, and returns when there will be more to do; the zero time is never. Run
// must not run beside it.
func (d *Dispatcher) Step(ctx context.Context) (time.Time, error) {
	return d.work(ctx, func(delivery billwatch.Delivery) error {
		d.senders[delivery.Notification.Integration].deliver(ctx, delivery, time.Now())
		return nil
	})
}

func (d *Dispatcher) work(ctx context.Context, deliver func(billwatch.Delivery) error) (time.Time, error) {
	if len(d.names) == 0 {
		return time.Time{}, nil
	}
	d.quiet.hurry()
	if err := errors.Join(d.sweep(ctx), d.flush(ctx)); err != nil {
		return time.Time{}, err
	}
	for {
		claimed, err := d.c.Store.ClaimDeliveries(ctx, d.claim(d.names, groupBatch, d.c.Now()))
		if err != nil {
			return time.Time{}, err
		}
		if len(claimed) == 0 {
			return d.nextDue(ctx)
		}
		for _, delivery := range claimed {
			if err := deliver(delivery); err != nil {
				return time.Time{}, err
			}
		}
	}
}
