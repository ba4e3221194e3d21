package poller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	minute = time.Minute
	// slack covers that a request arrives later than it was let go, by more or
	// less than the one a minute after it.
	slack = 250 * time.Millisecond
	// patience is the longest pause that a round sits out.
	patience = time.Minute
	// firstPause is how long a source rests that was told "too many requests"
	// without being told for how long; each further time twice as long.
	firstPause = 30 * time.Second
)

// errNoHistory is why a history request is put off: its half is used up.
var errNoHistory = errors.New("no place for history in the request budget")

// Budget holds a source to a number of requests in any 60 seconds, over all
// replicas as long as each passes on what the store kept, and rests after a
// Retry-After. It is safe for concurrent use.
type Budget struct {
	limit int // 0 for none
	now   func() time.Time

	mu      sync.Mutex
	times   []time.Time  // of the last requests, oldest first, at most limit
	history []time.Time  // of the last history requests
	paused  time.Time    // nothing is asked before
	strikes int          // refusals in a row that did not say for how long
	count   int          // of all requests
	guard   func() error // refuses a request; nil for nobody
}

// NewBudget returns a budget of perMinute requests; zero is no limit, but for
// pauses.
func NewBudget(perMinute int, now func() time.Time) *Budget {
	return &Budget{limit: perMinute, now: now}
}

// Seed adds what the store knows of the source's last requests, made by
// whichever replica.
func (b *Budget) Seed(stored []time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit == 0 {
		return
	}
	now := b.now()
	count := make(map[int64]int)
	for _, t := range b.times {
		count[t.UnixMicro()]++
	}
	for _, t := range stored {
		if t.After(now) { // a clock was set back
			t = now
		}
		if count[t.UnixMicro()]--; count[t.UnixMicro()] < 0 {
			b.times = append(b.times, t)
		}
	}
	slices.SortFunc(b.times, time.Time.Compare)
	b.times = last(b.times, b.limit)
}

// Assume counts the whole budget as spent at a moment: what a replica asked for
// that did not live to say so is known to nobody.
func (b *Budget) Assume(at time.Time) {
	if at.IsZero() || b.limit == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at = earlier(at, b.now())
	for range b.limit {
		b.times = append(b.times, at)
	}
	slices.SortFunc(b.times, time.Time.Compare)
	b.times = last(b.times, b.limit)
}

// rest takes over a pause, however made; none lasts for longer than the longest
// that a provider can ask for.
func (b *Budget) rest(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	longest := b.now().Add(maxRetryAfter)
	if until.After(b.paused) {
		b.paused = until
	}
	b.paused = earlier(b.paused, longest)
}

// watch lets guard refuse requests from now on.
func (b *Budget) watch(guard func() error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.guard = guard
}

// asked counts the requests that were let go.
func (b *Budget) asked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

func last(times []time.Time, n int) []time.Time { return times[max(0, len(times)-n):] }

// Requests returns the times of the last requests, to be stored.
func (b *Budget) Requests() []time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.times)
}

// Ask waits for a place in the budget and takes it. A pause that is longer
// than a minute is not waited for.
func (b *Budget) Ask(ctx context.Context) error {
	for {
		wait, err := b.take()
		if err != nil || wait == 0 {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// AskHistory is Ask for a history request. These take at most half of the
// budget, and are put off rather than waited for.
func (b *Budget) AskHistory(ctx context.Context) error {
	if !b.takeHistory() {
		return errNoHistory
	}
	return b.Ask(ctx)
}

// take takes a place, or says how long to wait for one.
func (b *Budget) take() (wait time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guard != nil {
		if err := b.guard(); err != nil {
			return 0, err
		}
	}
	now := b.now()
	if rest := b.paused.Sub(now); rest > 0 {
		if rest > patience {
			return 0, &Error{Kind: RateLimited, RetryAfter: rest, Err: fmt.Errorf("the source rests until %s", b.paused.UTC().Format(time.RFC3339))}
		}
		return rest, nil
	}
	if b.limit == 0 {
		b.count++
		return 0, nil
	}
	if len(b.times) >= b.limit {
		if wait := b.times[len(b.times)-b.limit].Add(minute + slack).Sub(now); wait > 0 {
			return min(wait, minute+slack), nil // the clock may have been set back
		}
	}
	b.count++
	b.times = append(last(b.times, b.limit-1), now.Truncate(time.Microsecond)) // as the store keeps it
	return 0, nil
}

// takeHistory takes a place in the half for history. Half of one request a
// minute is one in two minutes.
func (b *Budget) takeHistory() bool {
	if b.limit == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	half, window := b.limit/2, minute+slack
	if half == 0 {
		half, window = 1, 2*window
	}
	now := b.now()
	b.history = slices.DeleteFunc(b.history, func(t time.Time) bool { return now.Sub(t) >= window })
	if len(b.history) >= half {
		return false
	}
	b.history = append(b.history, now)
	return true
}

// told learns from how a request ended whether the source must rest.
func (b *Budget) told(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := errors.AsType[*Error](err)
	if !ok || (e.Kind != RateLimited && e.RetryAfter == 0) {
		if err == nil {
			b.strikes = 0
		}
		return
	}
	if e.Status == 0 { // our own pause, not a new one
		return
	}
	rest := e.RetryAfter
	if rest == 0 {
		rest = min(firstPause<<min(b.strikes, 10), maxRetryAfter)
		b.strikes++
	}
	if until := b.now().Add(rest); until.After(b.paused) {
		b.paused = until
	}
}

// Paused returns until when the source rests; zero where it does not.
func (b *Budget) Paused() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.paused.After(b.now()) {
		return time.Time{}
	}
	return b.paused
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
