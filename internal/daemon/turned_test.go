package daemon

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// turnedStore is a state on a machine whose wall clock a test turns; what the
// bubble shows is the monotonic one.
type turnedStore struct {
	*sqlstore.Store
	by atomic.Int64
}

func (s *turnedStore) Now(context.Context) (time.Time, error) {
	return time.Now().UTC().Add(time.Duration(s.by.Load())), nil
}

// witness is a source that is always low and a receiver; it notes when it was
// asked and told, by the monotonic clock.
type witness struct {
	mu    sync.Mutex
	asked []time.Time
	told  []time.Time
}

func (w *witness) List(context.Context) (poller.Listing, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, time.Now())
	account := billwatch.Account{Source: "blues", ID: "acme", Provider: "fake", Kind: "account"}
	return poller.Listing{Complete: true, Rows: []poller.Row{{Account: account, Snapshot: &billwatch.Snapshot{
		Account: account, Unit: "events", Balance: billwatch.Known(billwatch.DecimalOf(5)),
	}}}}, nil
}

func (w *witness) Fetch(context.Context, billwatch.Account) (billwatch.Snapshot, error) {
	return billwatch.Snapshot{}, errors.New("the list carries all")
}

func (w *witness) Notify(context.Context, billwatch.Notification, billwatch.Receipt) (billwatch.Receipt, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, time.Now())
	return billwatch.Receipt{}, nil
}

// turnedDaemon runs the service for so long on a machine whose wall clock jumps
// after five minutes.
func turnedDaemon(t *testing.T, w *witness, turn, lasts time.Duration) {
	t.Helper()
	plan, clock, log := roadPlan(t, w), RealClock(), slog.New(slog.DiscardHandler)
	plan.Rules = rulesAlone(t, "rules:\n  - { alert: Low, expr: balance < 1500, for: 15m }\n")
	plan.Sources = []*poller.Source{{
		Name: "blues", Provider: w, Timing: poller.Timing{Interval: time.Minute}, Now: clock.Now, Log: log,
	}}
	d := &Daemon{Config: Config{Plan: plan, Clock: clock, Log: log},
		health: &web.Health{}, metrics: web.NewMetrics("test"), name: "one", plans: newPlans(plan)}
	opened, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	store := &turnedStore{Store: opened}
	self := d.replica(opened)
	self.store = store
	if err := self.tryRenew(t.Context()); err != nil {
		t.Fatal(err)
	}
	rounds := d.rounds(opened)
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	time.AfterFunc(5*time.Minute, func() { store.by.Store(int64(turn)) })
	if err := runSteps(ctx, []step{
		{"renew", self.run},
		{"send", d.couriers(opened).run},
		{"poll", d.beats(opened, rounds).run},
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAClockThatJumpsNeitherCompletesNorStallsAnything(t *testing.T) {
	for what, turn := range map[string]time.Duration{
		"it does not jump":                  0,
		"two hours ahead":                   2 * time.Hour,
		"two hours back":                    -2 * time.Hour,
		"a machine that slept for a night":  8 * time.Hour,
		"ten years ahead":                   10 * 365 * 24 * time.Hour,
		"back to before the program's days": -30 * 365 * 24 * time.Hour,
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, start := &witness{}, time.Now()
				turnedDaemon(t, w, turn, 90*time.Minute)
				if n := len(w.asked); n < 88 || n > 92 {
					t.Errorf("asked %d times in 90 minutes, want once a minute", n)
				}
				for i := range w.asked[1:] {
					if between := w.asked[i+1].Sub(w.asked[i]); between > 2*time.Minute {
						t.Errorf("asked at %s and then only after %s", w.asked[i].Sub(start), between)
					}
				}
				// for: 15m from the first reading, and a repeat an hour after that.
				wants := []time.Duration{15 * time.Minute, 75 * time.Minute}
				if len(w.told) != len(wants) {
					t.Fatalf("told %d times, want %d", len(w.told), len(wants))
				}
				for i, at := range w.told {
					if off := at.Sub(start) - wants[i]; off < 0 || off > 2*time.Minute {
						t.Errorf("message %d came after %s, want %s", i+1, at.Sub(start), wants[i])
					}
				}
			})
		})
	}
}
