package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/billwatch/billwatch"
)

// settling lets settlements that come while another is being stored share the
// next transaction: a commit costs the same for one as for many. Nothing waits
// for company: one that comes alone is stored at once.
type settling struct {
	turn chan struct{} // held by whoever stores

	mu      sync.Mutex
	waiting []*settlement
}

// settlement is one that waits, or what became of it.
type settlement struct {
	billwatch.Settlement
	taken bool       // by somebody who stores; guarded by settling.mu
	ended chan error // holds one
}

// errAlone says that a settlement is to be stored by itself: together with
// others it could not be.
var errAlone = errors.New("not stored together with others")

// Settle stores how an attempt ended. Only the claim's own answer counts: one
// that comes after another replica claimed the row changes nothing, and returns
// ErrLeaseLost.
func (s *Store) Settle(ctx context.Context, st billwatch.Settlement) error {
	w := &settlement{Settlement: st, ended: make(chan error, 1)}
	err := s.settling.store(ctx, w, s.settleTogether)
	if errors.Is(err, errAlone) {
		s.settleTogether(ctx, []*settlement{w})
		err = <-w.ended
	}
	if err != nil {
		return fmt.Errorf("settle %s: %w", st.Delivery.Notification.ID, err)
	}
	return nil
}

// store has w stored, by whoever has the turn next: together with all that wait
// by then.
func (g *settling) store(ctx context.Context, w *settlement, together func(context.Context, []*settlement)) error {
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	g.mu.Unlock()
	select {
	case err := <-w.ended:
		return err
	case <-ctx.Done():
		g.leave(w)
		return ctx.Err()
	case g.turn <- struct{}{}:
	}
	defer func() { <-g.turn }()
	g.mu.Lock()
	mine := !w.taken
	var some []*settlement
	if mine {
		some, g.waiting = g.waiting, nil
	}
	for _, each := range some {
		each.taken = true
	}
	g.mu.Unlock()
	if mine {
		together(ctx, some)
	}
	return <-w.ended // whoever took it held the turn before, and is done
}

// leave takes out what is no longer waited for, unless somebody stores it.
func (g *settling) leave(w *settlement) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(each *settlement) bool { return each == w })
}

// settleTogether stores settlements in one transaction, and says to each what
// became of it. What fails for several is tried again by each: it may be one
// that keeps the others back, or the patience of whoever stores.
func (s *Store) settleTogether(ctx context.Context, some []*settlement) {
	// Always in one order, so that two replicas do not wait for each other.
	slices.SortStableFunc(some, func(a, b *settlement) int {
		return cmp.Compare(a.Delivery.Notification.Integration, b.Delivery.Notification.Integration)
	})
	lost := make([]error, len(some))
	err := s.write(ctx, mark, func(t *tx) error {
		clear(lost)
		for i, each := range some {
			err := t.settled(ctx, each.Settlement)
			if errors.Is(err, billwatch.ErrLeaseLost) && len(some) > 1 { // nothing was changed by it
				lost[i], err = err, nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && len(some) > 1 {
		err = errAlone
	}
	for i, each := range some {
		each.ended <- cmp.Or(err, lost[i])
	}
}

// settled stores how one attempt ended, with what follows from it.
func (t *tx) settled(ctx context.Context, st billwatch.Settlement) error {
	integration, err := t.settle(ctx, st)
	if err != nil || integration == "" {
		return err
	}
	st.Delivery.Notification.Integration = integration // it may have moved while the attempt was made
	if st.Outcome == billwatch.Delivered {
		if err := t.named(ctx, st); err != nil {
			return err
		}
	}
	if !t.woken {
		if t.woken, err = t.wakes(ctx, st); err != nil {
			return err
		}
	}
	if err := t.pause(ctx, st); err != nil {
		return err
	}
	return t.ended(ctx, st)
}
