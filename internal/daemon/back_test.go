package daemon

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/state/sqlstore"
)

func TestADatabaseWhoseClockGoesBackHoldsNothingUp(t *testing.T) {
	for _, c := range []struct {
		what  string
		turn  time.Duration
		wants int
	}{
		{"three hours back", -3 * time.Hour, 1},
		{"three hours ahead", 3 * time.Hour, 0},
		{"a correction of seconds", -5 * time.Second, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, rewound := &wallStore{}, 0
				r := &replica{name: "one", store: store, clock: RealClock(), shared: true, health: &web.Health{},
					log: slog.New(slog.NewTextHandler(io.Discard, nil)),
					rewind: func(_ context.Context, now time.Time) (time.Duration, error) {
						if rewound++; !now.Equal(time.Now().Add(c.turn)) {
							t.Errorf("rewound to %s, want what the database shows", now)
						}
						return c.turn, nil
					}}
				r.renew(t.Context())
				store.turned = c.turn
				r.renew(t.Context())
				if rewound != c.wants || len(store.shifted) != 0 {
					t.Errorf("rewound %d times, shifted %v; want %d and none: another replica may have shifted", rewound, store.shifted, c.wants)
				}
			})
		})
	}
}

func TestAStartWithAClockThatIsBehindWarnsAndKeepsItsLease(t *testing.T) {
	path := "sqlite:" + filepath.Join(t.TempDir(), "billwatch.db")
	now := time.Now().UTC()
	open := func() *sqlstore.Store {
		store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: path})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	slot := func(store *sqlstore.Store, holder string, at time.Time) {
		t.Helper()
		got, err := store.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: holder, Slot: at.Unix(), Now: at})
		if err != nil || !got.Taken {
			t.Errorf("claim at %s: %+v, %v", at, got, err)
		}
	}
	ahead, store := now.Add(5*time.Hour), open()
	if err := store.Renew(t.Context(), "before", ahead, ahead.Add(leaseTTL)); err != nil {
		t.Fatal(err)
	}
	slot(store, "before", ahead)
	store.Close()
	store = open()
	defer store.Close()
	var said strings.Builder
	d := New(Config{Clock: RealClock(), Log: slog.New(slog.NewTextHandler(&said, nil))})
	self, err := d.enter(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "moved back") {
		t.Errorf("nobody was told that the clock is behind: %q", said.String())
	}
	slot(store, self.name, d.Clock.Now())
}
