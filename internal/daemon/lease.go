package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// leaseMargin is how long before its lease ends a replica stops trusting it: a
// request that is let go may take a while to leave.
const leaseMargin = 5 * time.Second

// lease is until when this replica may poll without asking the store again. It
// counts from before the store was asked. It goes by the wall's clock as well
// as by the monotonic one, which stands still while the machine sleeps.
type lease struct {
	clock func() time.Time // time.Now where nil

	mu    sync.Mutex
	since time.Time // with its monotonic part; zero before the first
}

func (l *lease) now() time.Time {
	if l.clock == nil {
		return time.Now()
	}
	return l.clock()
}

// renewed notes that the store was asked at a moment and granted a lease.
func (l *lease) renewed(asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since = asked
}

// held returns ErrLeaseLost once another replica may have taken over.
func (l *lease) held() error {
	l.mu.Lock()
	since := l.since
	l.mu.Unlock()
	now := l.now()
	age := max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
	if age < leaseTTL-leaseMargin {
		return nil
	}
	return fmt.Errorf("%w: not renewed for %s", billwatch.ErrLeaseLost, age.Round(time.Second))
}

// leaseLost returns err where it says that the lease ended in mid-round.
func leaseLost(err error) error {
	if errors.Is(err, billwatch.ErrLeaseLost) {
		return err
	}
	return nil
}

// rests stores a pause as soon as a provider asks for it. Where that fails the
// next batch or the round's end stores it.
func (r *rounds) rests(ctx context.Context, lease billwatch.Lease, source *poller.Source, until time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	err := r.pipeline.memory.Commit(ctx, billwatch.Batch{Lease: lease, Now: r.clock.Now(), Requests: source.Spent(), PausedUntil: until})
	if err != nil && leaseLost(err) == nil {
		r.log.Warn("pause of a source not stored yet", "source", lease.Source, "until", until, "err", err)
	}
}

// breakOff stores what a round cost that does not end as it should, so that
// whoever polls the source next, perhaps at once, goes by it.
func (r *rounds) breakOff(ctx context.Context, lease billwatch.Lease, source *poller.Source) error {
	requests, paused := source.Spent(), source.Paused()
	if requests == nil && paused.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	err := r.pipeline.memory.Commit(ctx, billwatch.Batch{Lease: lease, Now: r.clock.Now(), Requests: requests, PausedUntil: paused})
	if err == nil || errors.Is(err, billwatch.ErrLeaseLost) { // the new holder counted the whole budget as spent
		return nil
	}
	return fmt.Errorf("store what the round cost: %w", err)
}
