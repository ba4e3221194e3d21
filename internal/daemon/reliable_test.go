package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/poller"
)

func TestAProcessThatIsToEndIsNotReadyAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		health, ending := &web.Health{}, make(chan struct{})
		r := &replica{name: "one", store: &wallStore{}, clock: RealClock(), health: health,
			log: slog.New(slog.NewTextHandler(io.Discard, nil)), ending: ending}
		r.renew(t.Context())
		if err := health.Ready(); err != nil {
			t.Errorf("a replica that renewed its lease is not ready: %v", err)
		}
		close(ending)
		health.SetNotReady("shutting down")
		r.renew(t.Context()) // it keeps its lease while the last message is sent
		if health.Ready() == nil {
			t.Error("a replica that is shutting down became ready by renewing its lease")
		}
	})
}

// absentLedger is a store that is away for a while.
type absentLedger struct {
	away  int // claims that fail
	asked int
}

func (l *absentLedger) ClaimSlot(context.Context, billwatch.SlotClaim) (billwatch.Slot, error) {
	if l.asked++; l.asked <= l.away {
		return billwatch.Slot{}, errors.New("connection refused")
	}
	return billwatch.Slot{}, nil // taken by another
}

func (l *absentLedger) Accounts(context.Context, string) ([]billwatch.Remembered, error) {
	return nil, nil
}
func (l *absentLedger) EndRound(context.Context, billwatch.Round) error { return nil }

func TestASlotThatBeginsWhileTheStoreIsAwayIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := &absentLedger{away: 5}
		r := &rounds{ledger: ledger, clock: RealClock(), holder: "one", log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		began := time.Now()
		r.knock(t.Context(), &poller.Source{Name: "blues", Timing: poller.Timing{Interval: 24 * time.Hour}})
		if ledger.asked != 6 {
			t.Errorf("asked %d times for the slot, want until the store answers", ledger.asked)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("asked again after %s, want soon", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		ledger.away = 1 << 30
		r.knock(ctx, &poller.Source{Name: "blues", Timing: poller.Timing{Interval: 24 * time.Hour}})
		if took := time.Since(began); took > time.Minute {
			t.Errorf("a knock ended %s late, want with its context", took)
		}
	})
}
