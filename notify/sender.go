package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
)

// sender delivers what is due at one integration, a few messages at a time.
type sender struct {
	d      *Dispatcher
	in     Integration
	log    *slog.Logger
	knocks chan struct{}
}

func newSender(d *Dispatcher, in Integration) *sender {
	return &sender{
		d: d, in: in, knocks: make(chan struct{}, 1),
		log: d.c.Log.With("receiver", in.Receiver, "integration", in.Name),
	}
}

// knock says that something may be due; it never waits.
func (s *sender) knock() {
	select {
	case s.knocks <- struct{}{}:
	default:
	}
}

// run claims and sends until ctx is done, and then waits for what it has begun.
// A finished send may have been in the way of the next of its group, so that
// each is followed by a look.
func (s *sender) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := s.d.c.Parallel
	done := make(chan struct{}, free)
	for {
		select {
		case <-ctx.Done():
			return
		case <-done:
			free++
		case <-s.knocks:
		}
		for gathered := true; gathered; { // those that ended meanwhile share the claim
			select {
			case <-done:
				free++
			default:
				gathered = false
			}
		}
		if free == 0 || ctx.Err() != nil || s.d.blocked() {
			continue
		}
		began := time.Now() // the lease is counted from before it was asked for
		for _, delivery := range s.claim(ctx, free) {
			free--
			wg.Go(func() {
				s.deliver(ctx, delivery, began)
				done <- struct{}{}
			})
		}
	}
}

// claim is not cut short by a shutdown: a claim of which the answer got lost
// would look like an attempt without an answer.
func (s *sender) claim(ctx context.Context, limit int) []billwatch.Delivery {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	claimed, err := s.d.c.Store.ClaimDeliveries(ctx, s.d.claim([]string{s.in.Name}, limit, s.d.c.Now()))
	if err != nil {
		s.log.Debug("deliveries cannot be claimed", "err", err) // the dispatcher's turn says it aloud
		return nil
	}
	return claimed
}

// deliver makes one attempt and marks how it ended. Once begun it is not cut
// short by a shutdown, but by its own time-out and by the end of its lease.
func (s *sender) deliver(ctx context.Context, d billwatch.Delivery, began time.Time) {
	log := s.log.With("id", d.Notification.ID, "attempt", d.Attempt)
	trusted := began.Add(s.d.c.Lease - s.d.c.Margin)
	var settlement billwatch.Settlement
	start := time.Now()
	if start.Before(trusted) {
		sending, cancel := context.WithDeadline(context.WithoutCancel(ctx), earlier(trusted, start.Add(s.d.c.Timeout)))
		receipt, err := attempt(sending, s.in.Notifier, d.Notification, d.Prior)
		cancel()
		settlement = settle(d, s.in, receipt, err, s.d.c.Now())
		settlement.Took = time.Since(start)
		s.d.down(&settlement, s.in)
	} else { // this process was asleep; the message may be another's by now
		settlement = notSent(d, s.d.c.Now())
	}
	if s.d.mark(ctx, settlement, log) {
		s.report(settlement, log)
	} else {
		log.Warn("attempt was not marked", "outcome", settlement.Outcome)
	}
	if settlement.Outcome == billwatch.Retry {
		s.d.look() // it is due sooner than its lease made it seem
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// notSent gives a delivery back as it was claimed.
func notSent(d billwatch.Delivery, now time.Time) billwatch.Settlement {
	return billwatch.Settlement{
		Delivery: d, Outcome: billwatch.Retry, Receipt: d.Prior,
		Error: "not sent: the lease ran out first", NextAt: now, At: now,
	}
}

// report logs the first failure of a notification and its end, and tells who
// counts.
func (s *sender) report(settlement billwatch.Settlement, log *slog.Logger) {
	switch {
	case settlement.Outcome == billwatch.Delivered:
		log.Info("notification delivered", "reason", settlement.Delivery.Notification.Reason, "took", settlement.Took)
	case settlement.Outcome == billwatch.Failed:
		log.Error("notification failed for good", "err", settlement.Error)
	case settlement.Delivery.Attempt == 1:
		log.Warn("notification will be tried again", "err", settlement.Error, "next", settlement.NextAt)
	default:
		log.Debug("notification will be tried again", "err", settlement.Error, "next", settlement.NextAt)
	}
	if s.d.c.Settled != nil {
		s.d.c.Settled(settlement)
	}
}
