package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/state/sqlstore"
)

func TestOneConfigurationIsCurrent(t *testing.T) {
	each(t, func(t *testing.T, dsn string, _ func(string)) {
		s := open(t, sqlstore.Config{DSN: dsn})
		noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		for _, step := range []struct {
			what   string
			holder string
			hash   string
			take   bool
			after  time.Duration // noon
			want   string
		}{
			{"the first is current", "a", "old", false, 0, "old"},
			{"and another replica with it", "b", "old", false, time.Second, "old"},
			{"a start with one that was never seen takes over", "c", "new", false, 2 * time.Second, "new"},
			{"the old one waits", "a", "old", false, 10 * time.Second, "new"},
			{"a start with the old one waits", "d", "old", false, 11 * time.Second, "new"},
			{"as long as the new one lives", "c", "new", false, 12 * time.Second, "new"},
			{"and for 30 seconds", "a", "old", false, 42 * time.Second, "new"},
			{"no longer", "a", "old", false, 43 * time.Second, "old"},
			{"the new one comes back and waits", "c", "new", false, 44 * time.Second, "old"},
			{"until it is read by a running process", "c", "new", true, 45 * time.Second, "new"},
			{"which the other hears of", "a", "old", false, 50 * time.Second, "new"},
		} {
			now := noon.Add(step.after)
			if err := s.Renew(t.Context(), step.holder, now, now.Add(30*time.Second)); err != nil {
				t.Fatal(err)
			}
			got, err := s.Carry(t.Context(), billwatch.Carry{Holder: step.holder, Hash: step.hash, Now: now, Take: step.take})
			if err != nil || got != step.want {
				t.Errorf("%s: %s is current, %v, want %s", step.what, got, err, step.want)
			}
		}
	})
}

func TestWhoHasAnotherConfigurationIsRefused(t *testing.T) {
	each(t, func(t *testing.T, dsn string, _ func(string)) {
		s := open(t, sqlstore.Config{DSN: dsn})
		ctx, now := t.Context(), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		enter := func(holder, hash string) {
			t.Helper()
			if err := s.Renew(ctx, holder, now, now.Add(30*time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Carry(ctx, billwatch.Carry{Holder: holder, Hash: hash, Now: now}); err != nil {
				t.Fatal(err)
			}
		}
		enter("a", "old")
		slot, err := s.ClaimSlot(ctx, billwatch.SlotClaim{Source: "blues", Holder: "a", Slot: 1, Now: now})
		if err != nil || !slot.Taken {
			t.Fatalf("claim: %+v, %v", slot, err)
		}
		if err := s.Commit(ctx, billwatch.Batch{Lease: slot.Lease, Now: now}); err != nil {
			t.Errorf("commit of who has the current configuration: %v", err)
		}
		enter("b", "new")
		for what, err := range map[string]error{
			"commit":    s.Commit(ctx, billwatch.Batch{Lease: slot.Lease, Now: now}),
			"end round": s.EndRound(ctx, billwatch.Round{Lease: slot.Lease, Now: now}),
			"claim":     second(s.ClaimSlot(ctx, billwatch.SlotClaim{Source: "other", Holder: "a", Slot: 1, Now: now})),
			"watch":     second(s.Watch(ctx, billwatch.WatchClaim{Source: "blues", Holder: "a", Now: now})),
			"drop":      second(s.DropRemoved(ctx, "a", nil, now)),
			"reroute":   s.Reroute(ctx, "a", nil, "no longer routed", now),
		} {
			if !errors.Is(err, billwatch.ErrLeaseLost) {
				t.Errorf("%s with another configuration than the current one: %v, want ErrLeaseLost", what, err)
			}
		}
		if err := s.Release(ctx, "a", ""); err != nil {
			t.Fatal(err)
		}
		slot, err = s.ClaimSlot(ctx, billwatch.SlotClaim{Source: "blues", Holder: "b", Slot: 1, Now: now})
		if err != nil || !slot.Taken {
			t.Errorf("what was released can be claimed at once: %+v, %v", slot, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
