package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/pgtest"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// A bug of ours must not write where somebody only wants to look: the database
// itself refuses.
func TestAStoreThatOnlyLooksCannotWrite(t *testing.T) {
	for _, c := range []struct{ name, dsn string }{
		{"SQLite", "sqlite:" + filepath.Join(t.TempDir(), "billwatch.db")},
		{"Postgres", pgtest.URL(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			service := open(t, sqlstore.Config{DSN: c.dsn})
			if err := service.Renew(t.Context(), "service", now, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			looker := open(t, sqlstore.Config{DSN: c.dsn, ReadOnly: true})
			if err := looker.Renew(t.Context(), "looker", now, now.Add(time.Hour)); err == nil {
				t.Error("a replica was entered through a store that only looks")
			}
			if slot, err := looker.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: "service", Slot: 1, Now: now}); err == nil {
				t.Errorf("a slot was claimed through a store that only looks: %+v", slot)
			}
			if slot, err := service.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: "service", Slot: 1, Now: now}); err != nil || !slot.Taken {
				t.Errorf("the service beside it cannot work: %+v, %v", slot, err)
			}
		})
	}
}
