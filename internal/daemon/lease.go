package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
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

// breakOff stores what a round cost that does not end as it should, so that
// whoever polls the source next, perhaps at once, goes by it.
func (r *rounds) breakOff(ctx context.Context, lease billwatch.Lease, requests []time.Time) error {
	if requests == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	err := r.pipeline.memory.Commit(ctx, billwatch.Batch{Lease: lease, Now: r.clock.Now(), Requests: requests})
	if err == nil || errors.Is(err, billwatch.ErrLeaseLost) { // the new holder counted the whole budget as spent
		return nil
	}
	return fmt.Errorf("store what the round cost: %w", err)
}
