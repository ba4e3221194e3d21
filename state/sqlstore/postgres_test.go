package sqlstore_test

import (
	"bytes"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/pgtest"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// severer stands between a store and its database. When armed it lets the next
// COMMIT through and cuts the line instead of handing back the answer.
type severer struct {
	armed   atomic.Bool
	severed atomic.Int32
}

// between starts to listen before the server of dsn and returns dsn with its
// own address.
func (s *severer) between(t *testing.T, dsn string) string {
	t.Helper()
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server := address.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go s.join(client, server)
		}
	}()
	address.Host = listener.Addr().String()
	return address.String()
}

func (s *severer) join(client net.Conn, server string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer upstream.Close()
	var committing atomic.Bool
	go func() {
		defer upstream.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := client.Read(buffer)
			if bytes.Contains(buffer[:n], []byte("commit\x00")) && s.armed.CompareAndSwap(true, false) {
				committing.Store(true)
			}
			if _, writeErr := upstream.Write(buffer[:n]); err != nil || writeErr != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := upstream.Read(buffer)
		if committing.Load() {
			s.severed.Add(1)
			return
		}
		if _, writeErr := client.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

func TestACommitWhoseAnswerGotLostIsNotDoneTwice(t *testing.T) {
	var line severer
	store := open(t, sqlstore.Config{DSN: line.between(t, pgtest.URL(t))})
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	key := billwatch.AccountKey{Source: "blues", ID: "1"}
	alert := billwatch.Alert{
		Key: billwatch.AlertKey{Rule: "Low", Account: key}, State: billwatch.Firing, StartsAt: now, Fingerprint: "f",
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lost := func(what string, do func() error) {
		t.Helper()
		line.armed.Store(true)
		must(do())
		if n := line.severed.Swap(0); n != 1 {
			t.Fatalf("%s: %d answers got lost, want 1", what, n)
		}
	}
	lost("renew", func() error { return store.Renew(t.Context(), "a", now, now.Add(time.Minute)) })

	var slot billwatch.Slot
	lost("slot", func() (err error) {
		slot, err = store.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: "a", Slot: 1, Now: now})
		return err
	})
	snapshot := billwatch.Snapshot{Account: billwatch.Account{Source: "blues", ID: "1"}, At: now}
	batch := billwatch.Batch{
		Lease: slot.Lease, Now: now, Alerts: []billwatch.Alert{alert},
		Polls:       []billwatch.Poll{{Account: snapshot.Account, At: now, Snapshot: &snapshot}},
		Transitions: []billwatch.Transition{{Alert: alert, To: billwatch.Firing, At: now}},
		Due:         []billwatch.GroupDue{{Key: "g", Receiver: "ops", Integration: "ops/slack/0", Alert: alert, DueAt: now, Interval: time.Minute}},
	}
	lost("commit", func() error { return store.Commit(t.Context(), batch) })
	moves, err := store.Transitions(t.Context(), key, 10)
	must(err)
	snapshots, err := store.Snapshots(t.Context(), key, time.Time{})
	must(err)
	if len(moves) != 1 || len(snapshots) != 1 {
		t.Errorf("%d transitions and %d snapshots, want 1 of each", len(moves), len(snapshots))
	}
	lost("end of the round", func() error {
		return store.EndRound(t.Context(), billwatch.Round{Lease: slot.Lease, Now: now, Complete: true, Seen: []string{"2"}})
	})
	accounts, err := store.Accounts(t.Context(), "blues")
	must(err)
	if accounts[0].Missing != 1 {
		t.Errorf("missing from %d listings, want 1", accounts[0].Missing)
	}

	claim := billwatch.Claim{Holder: "a", Integrations: []string{"ops/slack/0"}, Limit: 10, Now: now, Until: now.Add(time.Minute)}
	var groups []billwatch.Group
	lost("groups", func() (err error) {
		groups, err = store.ClaimGroups(t.Context(), claim)
		return err
	})
	if len(groups) != 1 || groups[0].Members[0].Version != 1 {
		t.Fatalf("groups: %+v, want one whose member moved once", groups)
	}
	flushes := []billwatch.Flush{{Group: groups[0], NextDue: now.Add(time.Hour), Notification: &billwatch.Notification{
		ID: "ntf_1", Integration: "ops/slack/0", GroupKey: "g", FrozenAt: now, Alerts: []billwatch.Alert{alert},
	}}}
	lost("freeze", func() error { return store.Freeze(t.Context(), flushes) })
	var deliveries []billwatch.Delivery
	lost("deliveries", func() (err error) {
		deliveries, err = store.ClaimDeliveries(t.Context(), claim)
		return err
	})
	if len(deliveries) != 1 || deliveries[0].Attempt != 1 {
		t.Fatalf("notifications: %+v, want one at its first attempt", deliveries)
	}
	lost("settle", func() error {
		return store.Settle(t.Context(), billwatch.Settlement{Delivery: deliveries[0], Outcome: billwatch.Retry, NextAt: now})
	})
	rows, err := store.Notifications(t.Context(), 10)
	must(err)
	if len(rows) != 1 || rows[0].Ambiguous || rows[0].Attempts != 1 {
		t.Errorf("notifications: %+v, want one that was refused for certain", rows)
	}
}

func TestAServerThatDropsItsConnectionsIsAskedAgain(t *testing.T) {
	dsn := pgtest.URL(t)
	store := open(t, sqlstore.Config{DSN: dsn})
	now := time.Now()
	for range 3 {
		query(t, "pgx", dsn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if err := store.Renew(t.Context(), "a", now, now); err != nil {
			t.Error(err)
		}
		if _, err := store.Alerts(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestReplicasWakeEachOther(t *testing.T) {
	dsn := pgtest.URL(t)
	one, other := open(t, sqlstore.Config{DSN: dsn}), open(t, sqlstore.Config{DSN: dsn})
	limit := time.After(20 * time.Second)
	select {
	case <-other.Wake(): // it begins to listen
	case <-limit:
		t.Fatal("nobody listens")
	}
	alert := billwatch.Alert{State: billwatch.Firing, Fingerprint: "f"}
	if err := one.Commit(t.Context(), billwatch.Batch{Now: time.Now(), Due: []billwatch.GroupDue{{Key: "g", Integration: "i", Alert: alert, DueAt: time.Now()}}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-other.Wake():
	case <-limit:
		t.Error("the other replica was not woken")
	}
}

func TestTheDatabaseTellsTheTime(t *testing.T) {
	store := open(t, sqlstore.Config{DSN: pgtest.URL(t)})
	now, err := store.Now(t.Context())
	if apart := time.Since(now).Abs(); err != nil || apart > time.Minute || now.Location() != time.UTC || !store.Shared() {
		t.Errorf("now is %s (%s from ours), %v", now, apart, err)
	}
}
