package sqlstore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/pgtest"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// onBoth runs a story on an empty store of each database.
func onBoth(t *testing.T, story func(t *testing.T, w *outboxWorld)) {
	t.Helper()
	for name, dsn := range map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "billwatch.db") },
		"postgres": func(t *testing.T) string {
			dsn := pgtest.URL(t)
			empty(t, dsn)
			return dsn
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { store.Close() })
			now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
			w := &outboxWorld{T: t, store: store, now: now}
			w.must(store.Renew(t.Context(), "a", now, now.Add(time.Hour)))
			slot, err := store.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: "a", Slot: 1, Now: now})
			w.must(err)
			w.lease = slot.Lease
			story(t, w)
		})
	}
}

// outboxWorld is a store with words for what goes through its outbox.
type outboxWorld struct {
	*testing.T
	store *sqlstore.Store
	lease billwatch.Lease
	now   time.Time
	ids   int
}

func (w *outboxWorld) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *outboxWorld) claim(integration string) billwatch.Claim {
	return billwatch.Claim{Holder: "a", Integrations: []string{integration}, Limit: 1000, Now: w.now, Until: w.now.Add(time.Minute)}
}

func outboxAlert(id string, at time.Time) billwatch.Alert {
	labels := billwatch.Labels{"alertname": "Low", "source": "blues", "account": id}
	return billwatch.Alert{
		Key:   billwatch.AlertKey{Rule: "Low", Account: billwatch.AccountKey{Source: "blues", ID: id}},
		State: billwatch.Firing, StartsAt: at, Labels: labels, Fingerprint: labels.Fingerprint(),
	}
}

// moved commits an alert's move, which concerns a group of an integration.
func (w *outboxWorld) moved(a billwatch.Alert, group, integration string) {
	w.Helper()
	from := billwatch.Inactive
	if a.State == billwatch.Resolved {
		from, a.EndsAt = billwatch.Firing, w.now
	}
	w.must(w.store.Commit(w.Context(), billwatch.Batch{
		Lease: w.lease, Now: w.now, Alerts: []billwatch.Alert{a},
		Transitions: []billwatch.Transition{{Alert: a, From: from, To: a.State, At: w.now}},
		Due: []billwatch.GroupDue{{Key: group, Receiver: "ops", Integration: integration, Labels: billwatch.Labels{"group": group},
			Alert: a, DueAt: w.now, Interval: time.Minute}},
	}))
}

// tells freezes one notification about each due group, and returns their ids.
func (w *outboxWorld) tells(integration string) []string {
	w.Helper()
	groups, err := w.store.ClaimGroups(w.Context(), w.claim(integration))
	w.must(err)
	var flushes []billwatch.Flush
	var ids []string
	for _, g := range groups {
		w.ids++
		n := &billwatch.Notification{ID: fmt.Sprintf("ntf_%03d", w.ids), Receiver: "ops", Integration: integration, GroupKey: g.Key,
			Status: billwatch.Resolved, FrozenAt: w.now}
		f := billwatch.Flush{Group: g, Notification: n, NextDue: w.now.Add(24 * time.Hour)}
		for _, m := range g.Members {
			n.Alerts = append(n.Alerts, m.Alert)
			if m.Alert.State == billwatch.Firing {
				n.Status = billwatch.Firing
			} else {
				f.Drop = append(f.Drop, m)
			}
		}
		ids = append(ids, n.ID)
		flushes = append(flushes, f)
	}
	w.must(w.store.Freeze(w.Context(), flushes))
	return ids
}

// due claims what is due at an integration.
func (w *outboxWorld) due(integration string) []billwatch.Delivery {
	w.Helper()
	claimed, err := w.store.ClaimDeliveries(w.Context(), w.claim(integration))
	w.must(err)
	return claimed
}

func (w *outboxWorld) settle(d billwatch.Delivery, outcome string) {
	w.Helper()
	w.must(w.store.Settle(w.Context(), billwatch.Settlement{Delivery: d, Outcome: outcome, NextAt: w.now.Add(time.Minute),
		Receipt: billwatch.Receipt{Answer: "said"}, Error: "why"}))
}

func (w *outboxWorld) after(d time.Duration) { w.now = w.now.Add(d) }

// log returns the delivery log, newest first, as "id state".
func (w *outboxWorld) log(q billwatch.OutboxQuery) (all []string, last string) {
	w.Helper()
	rows, err := w.store.Outbox(w.Context(), q)
	w.must(err)
	for _, r := range rows {
		all, last = append(all, r.Notification.ID+" "+r.Status), r.Cursor()
	}
	return all, last
}

func TestTheDeliveryLogIsPagedAndNeverLosesOne(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		for i := range 7 {
			w.moved(outboxAlert(fmt.Sprint(i), w.now), fmt.Sprintf("g%d", i), []string{"ops/slack/0", "ops2/slack/0"}[i%2])
		}
		w.tells("ops/slack/0") // four of one moment
		w.after(time.Second)
		w.tells("ops2/slack/0")
		for _, d := range w.due("ops2/slack/0") {
			w.settle(d, billwatch.Failed)
		}
		all, _ := w.log(billwatch.OutboxQuery{Limit: 100})
		if len(all) != 7 || all[0] != "ntf_007 failed" || all[6] != "ntf_001 pending" {
			t.Fatalf("the log is %v", all)
		}
		var paged []string
		for cursor := ""; ; {
			some, next := w.log(billwatch.OutboxQuery{Limit: 2, Cursor: cursor})
			paged = append(paged, some...)
			if cursor = next; len(some) < 2 {
				break
			}
		}
		if fmt.Sprint(paged) != fmt.Sprint(all) {
			t.Errorf("page by page: %v, want %v", paged, all)
		}
		if failed, _ := w.log(billwatch.OutboxQuery{Limit: 9, State: "failed"}); len(failed) != 3 {
			t.Errorf("failed: %v", failed)
		}
		if ops, _ := w.log(billwatch.OutboxQuery{Limit: 9, Receiver: "ops"}); len(ops) != 4 {
			t.Errorf("of ops, which is not ops2: %v", ops)
		}
		if _, err := w.store.Outbox(t.Context(), billwatch.OutboxQuery{Limit: 9, Cursor: "x"}); !errors.Is(err, billwatch.ErrCursor) {
			t.Errorf("a wrong cursor: %v", err)
		}
	})
}

func TestWhatFailedIsTriedAgainUnlessItIsOldNews(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		const at = "ops/slack/0"
		a := outboxAlert("1", w.now)
		w.moved(a, "g", at)
		id := w.tells(at)[0]
		refused := func(why, want string) {
			t.Helper()
			err := w.store.RetryNotification(t.Context(), id, w.now)
			if refused, ok := errors.AsType[*billwatch.RetryError](err); !ok || refused.Unknown {
				t.Errorf("%s: %v, want %s", why, err, want)
			}
			if err := w.store.Ping(t.Context()); err != nil {
				t.Errorf("%s: the store calls itself broken: %v", why, err)
			}
		}
		refused("while it is pending", "a refusal")
		w.settle(w.due(at)[0], billwatch.Failed)
		w.after(48 * time.Hour)
		w.must(w.store.RetryNotification(t.Context(), id, w.now))
		again := w.due(at)
		if len(again) != 1 || again[0].Notification.ID != id || again[0].Attempt != 2 || !again[0].FirstTry.Equal(w.now) {
			t.Fatalf("tried again: %+v", again)
		}
		w.settle(again[0], billwatch.Failed)
		a.State = billwatch.Resolved
		w.moved(a, "g", at)
		w.after(time.Minute)
		w.tells(at)
		w.settle(w.due(at)[0], billwatch.Delivered)
		refused("after its resolve was told", "a refusal")
		err := w.store.RetryNotification(t.Context(), "ntf_none", w.now)
		if refused, ok := errors.AsType[*billwatch.RetryError](err); !ok || !refused.Unknown {
			t.Errorf("one that is not there: %v", err)
		}
	})
}
