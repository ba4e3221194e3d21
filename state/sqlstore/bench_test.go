package sqlstore_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// BenchmarkRound stores what a round of 1,000 accounts with 90 days of history
// learned: half of the balances changed, one account in a hundred fires.
func BenchmarkRound(b *testing.B) {
	const n, half = 1000, 500
	store, err := sqlstore.Open(b.Context(), sqlstore.Config{DSN: "sqlite:" + filepath.Join(b.TempDir(), "billwatch.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	if err := store.Renew(b.Context(), "a", now, now.AddDate(1, 0, 0)); err != nil {
		b.Fatal(err)
	}
	slot, err := store.ClaimSlot(b.Context(), billwatch.SlotClaim{Source: "blues", Holder: "a", Slot: 1, Now: now})
	if err != nil {
		b.Fatal(err)
	}
	round := 0
	once := func() {
		now = now.Add(time.Minute)
		if _, err := store.Accounts(b.Context(), "blues"); err != nil {
			b.Fatal(err)
		}
		for from := 0; from < n; from += half {
			batch := billwatch.Batch{Lease: slot.Lease, Now: now}
			var ids []string
			for i := from; i < from+half; i++ {
				p := poll(i, round*(i%2), now)
				if round == 0 {
					p.Records = history(now)
				}
				batch.Polls = append(batch.Polls, p)
				ids = append(ids, p.Account.ID)
				if i%100 == 0 {
					batch.Alerts = append(batch.Alerts, billwatch.Alert{
						Key: billwatch.AlertKey{Rule: "Low", Account: p.Account.Key()}, State: billwatch.Firing, Snapshot: p.Snapshot,
					})
				}
			}
			if _, err := store.Know(b.Context(), "blues", ids); err != nil {
				b.Fatal(err)
			}
			if err := store.Commit(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		round++
	}
	once()
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/account")
}

func poll(i, balance int, now time.Time) billwatch.Poll {
	a := billwatch.Account{Source: "blues", ID: fmt.Sprintf("app:%08d", i), Name: fmt.Sprintf("Account %d", i), Provider: "notehub", Kind: "organization"}
	return billwatch.Poll{Account: a, At: now, Snapshot: &billwatch.Snapshot{
		Account: a, At: now, Unit: "events", Balance: billwatch.Known(billwatch.DecimalOf(int64(balance))),
		Suspended: billwatch.Known(false), State: billwatch.Known("active"),
		Plan: billwatch.Plan{Type: billwatch.Known("essentials"), Start: billwatch.Known(now.AddDate(-1, 0, 0).Truncate(24 * time.Hour))},
	}}
}

func history(now time.Time) []billwatch.Record {
	var records []billwatch.Record
	for d := 90; d > 0; d-- {
		records = append(records, billwatch.Record{
			Period: now.Truncate(24*time.Hour).AddDate(0, 0, -d), Remaining: billwatch.DecimalOf(int64(5000 + d)), Used: billwatch.DecimalOf(int64(100 + d)),
		})
	}
	return records
}
