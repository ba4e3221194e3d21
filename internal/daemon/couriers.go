package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/billwatch/billwatch/notify"
)

// couriers tells people by the plan in force: a dispatcher for each plan. The
// next one begins while the one before ends what it has in hand; the store lets
// no message go by both.
type couriers struct {
	plans *plans
	hire  func(now *inForce, w notify.Waker) (*notify.Dispatcher, error)
	knock <-chan struct{} // from the store
	next  func(ctx context.Context, integrations []string) (time.Time, error)
	log   *slog.Logger

	ended sync.WaitGroup
}

// run tells until ctx ends, and returns when what was in hand has ended.
func (c *couriers) run(ctx context.Context) error {
	defer c.ended.Wait()
	var at *inForce
	var bell *bell
	stop := func() {}
	defer func() { stop() }()
	for {
		now, changed := c.plans.watch()
		if at == nil || at.judge != now.judge || at.waits != now.waits {
			stop()
			bell, stop = c.start(ctx, now)
			at = now
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
				waiting = false
			case <-c.knock:
				bell.ring()
			}
		}
	}
}

// start lets a dispatcher begin, and returns how to reach it and how to end it.
func (c *couriers) start(ctx context.Context, now *inForce) (*bell, context.CancelFunc) {
	own, stop := context.WithCancel(ctx)
	bell := &bell{rung: make(chan struct{}, 1), next: c.next}
	if !now.works() {
		return bell, stop
	}
	dispatcher, err := c.hire(now, bell)
	if err != nil {
		c.log.Error("notifications cannot be sent", "err", err)
		return bell, stop
	}
	c.ended.Go(func() {
		if err := dispatcher.Run(own); err != nil {
			c.log.Error("notifications are no longer sent", "err", err)
		}
	})
	return bell, stop
}

// bell passes the store's knocks on to one dispatcher, so that none is heard by
// one that is about to end.
type bell struct {
	rung chan struct{}
	next func(ctx context.Context, integrations []string) (time.Time, error)
}

func (b *bell) ring() {
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// Wake implements notify.Waker.
func (b *bell) Wake() <-chan struct{} { return b.rung }

// NextDue implements notify.Waker.
func (b *bell) NextDue(ctx context.Context, integrations []string) (time.Time, error) {
	return b.next(ctx, integrations)
}
