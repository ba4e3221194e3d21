package sqlstore

import (
	"context"
	"slices"
	"sync"
)

// turnstile lets one writer in at a time: marks and claims, which are short and
// which people wait for, before batches.
type turnstile struct {
	mu     sync.Mutex
	taken  bool
	queues [2][]chan struct{} // by urgency
}

// urgency orders the writers that wait.
type urgency int

const (
	mark  urgency = iota // marks and claims
	batch                // batches and housekeeping
)

// enter waits for its turn; leave must follow unless it returns an error.
func (t *turnstile) enter(ctx context.Context, u urgency) error {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	t.queues[u] = append(t.queues[u], turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.queues[u], turn)
	if i < 0 { // the turn came at the same moment: pass it on
		t.next()
	} else {
		t.queues[u] = slices.Delete(t.queues[u], i, i+1)
	}
	return ctx.Err()
}

func (t *turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

// next hands the turn to the first of the most urgent. The mutex is held.
func (t *turnstile) next() {
	for u := range t.queues {
		if len(t.queues[u]) > 0 {
			close(t.queues[u][0])
			t.queues[u] = t.queues[u][1:]
			return
		}
	}
	t.taken = false
}
