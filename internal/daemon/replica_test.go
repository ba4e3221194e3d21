package daemon

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch/internal/web"
)

// wallStore is a store that goes by a wall clock which a test can turn.
type wallStore struct {
	turned  time.Duration
	shifted []time.Duration
	until   time.Time
}

func (s *wallStore) Now(context.Context) (time.Time, error) { return time.Now().Add(s.turned), nil }
func (s *wallStore) Resign(context.Context, string) error   { return nil }

func (s *wallStore) Renew(_ context.Context, _ string, _, until time.Time) error {
	s.until = until
	return nil
}

func (s *wallStore) Shift(_ context.Context, by time.Duration) error {
	s.shifted = append(s.shifted, by)
	return nil
}

func TestAClockThatJumpsTakesRunningClocksWithIt(t *testing.T) {
	for _, c := range []struct {
		what  string
		turn  time.Duration
		wants int
	}{
		{"two hours ahead", 2 * time.Hour, 1},
		{"two hours back", -2 * time.Hour, 1},
		{"a correction of seconds is no jump", 5 * time.Second, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &wallStore{}
				r := &replica{name: "one", store: store, clock: RealClock(), health: &web.Health{},
					log: slog.New(slog.NewTextHandler(io.Discard, nil))}
				r.renew(t.Context())
				time.Sleep(renewEvery) // in the bubble
				store.turned = c.turn
				r.renew(t.Context())
				if len(store.shifted) != c.wants || c.wants == 1 && store.shifted[0] != c.turn {
					t.Errorf("shifted %v, want %d shift of %s", store.shifted, c.wants, c.turn)
				}
				want := time.Now().Add(c.turn)
				if got := r.clock.Now(); !got.Equal(want.Round(0)) {
					t.Errorf("clock shows %s, want %s", got, want)
				}
				if got := store.until.Sub(r.clock.Now()); got != leaseTTL {
					t.Errorf("lease ends in %s, want %s", got, leaseTTL)
				}
			})
		})
	}
}
