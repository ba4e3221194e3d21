package poller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch/poller"
	"pgregory.net/rapid"
)

// most returns the largest number of times within any 60 seconds.
func most(times []time.Time) int {
	slices.SortFunc(times, time.Time.Compare)
	n := 0
	for i := range times {
		j := i
		for j < len(times) && times[j].Sub(times[i]) <= time.Minute {
			j++
		}
		n = max(n, j-i)
	}
	return n
}

func TestNoMinuteHoldsMoreRequestsThanAllowed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(rt, "limit")
		pauses := rapid.SliceOfN(rapid.IntRange(0, 40), 5, 60).Draw(rt, "pauses")
		changes := rapid.IntRange(2, 10).Draw(rt, "holder changes every")
		synctest.Test(t, func(t *testing.T) {
			b := poller.NewBudget(limit, time.Now)
			var asked []time.Time
			for i, pause := range pauses {
				<-time.After(time.Duration(pause) * time.Second)
				if i%changes == 0 { // another replica goes on with what is stored
					next := poller.NewBudget(limit, time.Now)
					next.Seed(b.Requests())
					next.Seed(b.Requests()) // again, as at each claim
					b = next
				}
				if err := b.Ask(t.Context()); err != nil {
					t.Fatal(err)
				}
				asked = append(asked, time.Now())
			}
			if got := most(asked); got > limit {
				t.Errorf("%d requests within a minute, %d are allowed", got, limit)
			}
			if n := len(b.Requests()); n > limit {
				t.Errorf("%d times are kept, want at most %d", n, limit)
			}
		})
	})
}

func TestTheBudgetIsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poller.NewBudget(7, time.Now)
		start := time.Now()
		var asked []time.Time
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 70 {
			all.Go(func() {
				if err := b.Ask(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, time.Now())
			})
		}
		all.Wait()
		if got := most(asked); got != 7 {
			t.Errorf("%d requests within a minute, want 7", got)
		}
		if took := time.Since(start); took > 9*time.Minute+10*time.Second {
			t.Errorf("70 requests at 7 a minute took %s", took)
		}
	})
}

func TestWithoutALimitNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poller.NewBudget(0, time.Now)
		start := time.Now()
		for range 1000 {
			if err := errors.Join(b.Ask(t.Context()), b.AskHistory(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(start) > 0 || len(b.Requests()) > 0 {
			t.Errorf("waited %s, kept %d", time.Since(start), len(b.Requests()))
		}
	})
}

func TestHistoryTakesAtMostHalf(t *testing.T) {
	for _, limit := range []int{1, 2, 7, 60} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := poller.NewBudget(limit, time.Now)
				var histories []time.Time
				start := time.Now()
				for time.Since(start) < 20*time.Minute {
					if err := b.AskHistory(t.Context()); err == nil {
						histories = append(histories, time.Now())
					}
					<-time.After(250 * time.Millisecond)
				}
				if got, want := most(histories), max(limit/2, 1); got > want {
					t.Errorf("%d history requests within a minute, want at most %d", got, want)
				}
				if got := len(histories); got > limit*10 || got < limit*6 {
					t.Errorf("%d history requests in 20 minutes at %d a minute", got, limit)
				}
			})
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poller.NewBudget(1, time.Now)
		_ = b.Ask(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAClockSetBackStallsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poller.NewBudget(2, time.Now)
		future := time.Now().Add(3 * time.Hour)
		b.Seed([]time.Time{future, future})
		start := time.Now()
		if err := b.Ask(t.Context()); err != nil || time.Since(start) > 61*time.Second {
			t.Errorf("waited %s, %v", time.Since(start), err)
		}
	})
}
