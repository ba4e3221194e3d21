package statetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

func (w *world) deliveries(holder string) []billwatch.Delivery {
	w.Helper()
	got, err := w.ClaimDeliveries(w.ctx, w.claim(holder, 100))
	w.must(err)
	return got
}

// delivery claims the one notification that is due.
func (w *world) delivery(holder string) billwatch.Delivery {
	w.Helper()
	got := w.deliveries(holder)
	if len(got) != 1 {
		w.Fatalf("%d notifications are due, want 1: %+v", len(got), got)
	}
	return got[0]
}

func (w *world) delivered(d billwatch.Delivery) {
	w.Helper()
	w.must(w.Settle(w.ctx, billwatch.Settlement{Delivery: d, Outcome: billwatch.Delivered}))
}

func (w *world) retry(d billwatch.Delivery, after time.Duration, ambiguous bool) {
	w.Helper()
	w.must(w.Settle(w.ctx, billwatch.Settlement{
		Delivery: d, Outcome: billwatch.Retry, NextAt: w.now.Add(after), Ambiguous: ambiguous, Error: "refused",
	}))
}

// owe freezes a first notification about a new group.
func (w *world) owe(lease billwatch.Lease, group, id string) billwatch.Alert {
	w.Helper()
	a := w.begin(lease, "Rule"+group, group)
	w.after(groupWait)
	w.freeze(w.group("a"), id, a, w.now.Add(240*time.Hour))
	return a
}

func (w *world) wantIDs(what string, got []billwatch.Delivery, want ...string) {
	w.Helper()
	var ids []string
	for _, d := range got {
		ids = append(ids, d.Notification.ID)
	}
	if fmt.Sprint(ids) != fmt.Sprint(want) {
		w.Errorf("%s: %v, want %v", what, ids, want)
	}
}

func superseded(w *world) {
	lease := w.lease("a", 1)
	a := w.owe(lease, "g", id(1))
	w.after(interval)
	a = w.end(lease, a, "g")
	g := w.group("a")
	if len(g.Waiting) != 1 || g.Waiting[0].ID != id(1) {
		w.Fatalf("waiting: %+v, want %s", g.Waiting, id(1))
	}
	w.freeze(g, id(2), a, time.Time{})
	newer := w.delivery("a")
	w.wantIDs("due after a newer one was frozen", []billwatch.Delivery{newer}, id(2))
	w.delivered(newer)

	b := w.owe(lease, "h", id(3)) // and one that was claimed after its group was looked at
	w.after(interval)
	b = w.end(lease, b, "h")
	g = w.group("a")
	first := w.delivery("b")
	w.freeze(g, id(4), b, time.Time{})
	w.wantIDs("due while the older one is on its way", w.deliveries("a"))
	w.delivered(first)
	w.wantIDs("due after the older one arrived", w.deliveries("a"), id(4))
}

func neverSupersedeAmbiguous(w *world) {
	lease := w.lease("a", 1)
	a := w.owe(lease, "g", id(1))
	w.retry(w.delivery("a"), time.Minute, true)
	w.after(interval)
	a = w.end(lease, a, "g")
	g := w.group("a")
	if len(g.Waiting) != 0 {
		w.Errorf("one that may have arrived is waiting: %+v", g.Waiting)
	}
	g.Waiting = []billwatch.Notification{{ID: id(1)}} // even where somebody thinks so
	w.freeze(g, id(2), a, time.Time{})
	d := w.delivery("a")
	if d.Notification.ID != id(1) {
		w.Errorf("due: %s, want the one that may have arrived", d.Notification.ID)
	}
}

// endArrivedMeanwhile: while the next message of a group is being written, and
// repeats an end because the message about it still waits, that one arrives.
func endArrivedMeanwhile(w *world) {
	lease := w.lease("a", 1)
	a := w.owe(lease, "g", id(1))
	w.delivered(w.delivery("a"))
	w.after(interval)
	a = w.end(lease, a, "g")
	w.freeze(w.group("a"), id(2), a, time.Time{})
	b := w.begin(lease, "Other", "g")
	w.after(interval)
	looked := w.group("a")
	if len(looked.Waiting) != 1 {
		w.Fatalf("waiting: %+v, want %s", looked.Waiting, id(2))
	}
	w.delivered(w.delivery("a"))
	n := w.notification(looked, id(3), b)
	n.Alerts = append(n.Alerts, a)
	w.must(w.Freeze(w.ctx, []billwatch.Flush{{Group: looked, Notification: n, NextDue: w.now.Add(time.Hour)}}))
	w.wantIDs("due after the end arrived", w.deliveries("a"))
	again := w.group("a")
	if len(again.Waiting) != 0 || len(again.Members) != 1 {
		w.Errorf("looked at again: %d waiting, %d members, want 0 and 1", len(again.Waiting), len(again.Members))
	}
	w.freeze(again, id(4), b, w.now.Add(time.Hour))
	w.wantIDs("due after looking again", w.deliveries("a"), id(4))
}

func deliveriesContested(w *world) {
	lease := w.lease("a", 1)
	const n = 100
	b := billwatch.Batch{Lease: lease, Now: w.now}
	for i := range n {
		b.Due = append(b.Due, w.due(w.firing("Low", fmt.Sprint(i)), fmt.Sprintf("g%d", i), integration))
	}
	w.must(w.Commit(w.ctx, b))
	w.after(groupWait)
	var flushes []billwatch.Flush
	for i, g := range w.groups("a") {
		flushes = append(flushes, billwatch.Flush{Group: g, Notification: w.notification(g, id(i), g.Members[0].Alert), NextDue: w.now.Add(time.Hour)})
	}
	w.must(w.Freeze(w.ctx, flushes))
	w.contest(n, func(holder string) ([]string, error) {
		var ids []string
		deliveries, err := w.ClaimDeliveries(w.ctx, w.claim(holder, 3))
		for _, d := range deliveries {
			ids = append(ids, d.Notification.ID)
			if len(ids)%2 == 0 {
				err = errors.Join(err, w.Settle(w.ctx, billwatch.Settlement{Delivery: d, Outcome: billwatch.Delivered}))
			}
		}
		return ids, err
	})
}

func deliveryComesBack(w *world) {
	w.owe(w.lease("a", 1), "g", id(1))
	first := w.delivery("a")
	w.after(lifetime - time.Second)
	w.wantIDs("due before the lease ended", w.deliveries("b"))
	w.wantDue("before the lease ended", w.now.Add(time.Second))
	w.after(time.Second)
	second := w.delivery("b")
	if first.Attempt != 1 || second.Attempt != 2 || first.Unended != 0 || second.Unended != 1 {
		w.Errorf("attempts %d and %d, want 1 and 2; without an end before them %d and %d, want 0 and 1",
			first.Attempt, second.Attempt, first.Unended, second.Unended)
	}
	w.same("what is sent again", first.Notification, second.Notification)
	w.reopen() // a killed process's lease may end by this already
	w.after(lifetime)
	w.retry(w.delivery("a"), time.Second, true)
	w.reopen()
	w.after(time.Second)
	if d := w.delivery("a"); d.Attempt != 4 || d.Unended != 2 {
		w.Errorf("attempt %d after %d without an end, want 4 after 2: one that ended without an answer did end", d.Attempt, d.Unended)
	}
}

func staleAcknowledgement(w *world) {
	w.owe(w.lease("a", 1), "g", id(1))
	stale := w.delivery("a")
	w.after(lifetime)
	current := w.delivery("b")
	for _, outcome := range []string{billwatch.Delivered, billwatch.Failed, billwatch.Retry} {
		err := w.Settle(w.ctx, billwatch.Settlement{Delivery: stale, Outcome: outcome, NextAt: w.now, Forget: true, PauseUntil: w.now.Add(time.Hour)})
		if !errors.Is(err, billwatch.ErrLeaseLost) {
			w.Errorf("stale %s: %v, want the lease lost", outcome, err)
		}
	}
	w.wantIDs("due after stale acknowledgements", w.deliveries("c"))
	w.delivered(current)
	w.after(lifetime)
	w.wantIDs("due after it was delivered", w.deliveries("c"))
}

func acknowledgedTwice(w *world) {
	w.owe(w.lease("a", 1), "g", id(1))
	d := w.delivery("a")
	w.delivered(d)
	w.delivered(d)
}

func orderKept(w *world) {
	lease := w.lease("a", 1)
	a := w.owe(lease, "g", id(1))
	w.delivery("a") // in flight, so it cannot be superseded
	w.after(interval)
	a = w.end(lease, a, "g")
	w.freeze(w.group("a"), id(2), a, time.Time{})
	w.wantIDs("due while the first is in flight and its lease ran out", w.deliveries("b"), id(1))
	w.after(lifetime)
	first := w.delivery("b")
	w.retry(first, time.Minute, false)
	w.wantIDs("due while the first waits for its retry", w.deliveries("a"))
	w.wantDue("while the first waits for its retry", w.now.Add(time.Minute))
	w.after(time.Minute)
	w.delivered(w.delivery("a"))
	w.wantIDs("due after the first", w.deliveries("a"), id(2))
}

func sharesKept(w *world) {
	lease := w.lease("a", 1)
	b := billwatch.Batch{Lease: lease, Now: w.now}
	for i := range 10 {
		b.Due = append(b.Due, w.due(w.firing("Low", fmt.Sprint(i)), fmt.Sprintf("g%d", i), "busy"))
	}
	b.Due = append(b.Due, w.due(w.firing("Low", "x"), "quiet", "quiet"))
	w.must(w.Commit(w.ctx, b))
	w.after(groupWait)
	got, err := w.ClaimGroups(w.ctx, w.claim("a", 4, "busy", "quiet", "unknown"))
	w.must(err)
	count := map[string]int{}
	for _, g := range got {
		count[g.Integration]++
	}
	if count["quiet"] != 1 || count["busy"] != 3 {
		w.Errorf("of four claims %v, want 1 for the quiet integration and the rest for the busy one", count)
	}
}

func paused(w *world) {
	lease := w.lease("a", 1)
	w.owe(lease, "g", id(1))
	w.must(w.Settle(w.ctx, billwatch.Settlement{
		Delivery: w.delivery("a"), Outcome: billwatch.Retry, NextAt: w.now.Add(time.Second),
		PauseUntil: w.now.Add(time.Minute), Destination: "#ops",
	}))
	end := w.now.Add(time.Minute)
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Due: []billwatch.GroupDue{
		w.due(w.firing("Low", "2"), "h", integration), w.due(w.firing("Low", "2"), "h", "other"),
	}}))
	w.after(groupWait)
	groups, err := w.ClaimGroups(w.ctx, w.claim("a", 10, integration, "other"))
	w.must(err)
	for i, g := range groups {
		w.freeze(g, id(10+i), g.Members[0].Alert, w.now.Add(time.Hour))
	}
	w.wantIDs("due at a paused destination", w.deliveries("a"))
	w.wantDue("at a paused destination", end)
	got, err := w.ClaimDeliveries(w.ctx, w.claim("a", 10, integration, "other"))
	w.must(err)
	w.wantIDs("due at another", got, id(11))
	w.reopen()
	w.wantIDs("due at a paused destination after a restart", w.deliveries("a"))
	w.after(time.Minute)
	w.wantIDs("due after the pause", w.deliveries("a"), id(1), id(10))
}

func retried(w *world) {
	w.owe(w.lease("a", 1), "g", id(1))
	frozen := w.now
	d := w.delivery("a")
	receipt := billwatch.Receipt{Answer: strings.Repeat("é", 2000), Ref: "C1/17.2", Done: []string{"a@example.com"}}
	w.must(w.Settle(w.ctx, billwatch.Settlement{Delivery: d, Outcome: billwatch.Retry, NextAt: w.now.Add(time.Minute), Receipt: receipt}))
	w.wantIDs("due before its time", w.deliveries("a"))
	w.after(time.Minute)
	d = w.delivery("a")
	if d.Attempt != 2 || !d.FirstTry.Equal(frozen) || !d.Until.Equal(w.now.Add(lifetime)) {
		w.Errorf("the second attempt is %d, first tried %s, until %s", d.Attempt, d.FirstTry, d.Until)
	}
	if n := len(d.Prior.Answer); n > 1024 || n < 1000 || strings.ContainsRune(d.Prior.Answer, '\uFFFD') {
		w.Errorf("an answer of 4000 bytes was kept as %d bytes: %q", n, d.Prior.Answer)
	}
	d.Prior.Answer = receipt.Answer
	w.same("receipt", receipt, d.Prior)
}

func forgotten(w *world) {
	lease := w.lease("a", 1)
	a := w.owe(lease, "g", id(1))
	w.must(w.Settle(w.ctx, billwatch.Settlement{Delivery: w.delivery("a"), Outcome: billwatch.Failed, Forget: true}))
	g := w.group("a")
	if len(g.Members) != 1 || g.Members[0].Told != billwatch.Inactive || !g.ToldAt.IsZero() {
		w.Errorf("after it failed for good: told at %s, %+v; want nobody told", g.ToldAt, g.Members)
	}
	w.freeze(g, id(2), a, w.now.Add(240*time.Hour))
	w.must(w.Settle(w.ctx, billwatch.Settlement{Delivery: w.delivery("a"), Outcome: billwatch.Failed}))
	w.after(time.Hour)
	if got := w.groups("a"); len(got) != 0 {
		w.Errorf("after a permanent refusal the group is due again: %+v", got)
	}
}

func ambiguityRemembered(w *world) {
	lease := w.lease("a", 1)
	a := w.owe(lease, "g", id(1))
	w.delivery("a") // killed: nobody knows
	w.after(lifetime)
	w.retry(w.delivery("b"), time.Minute, false) // certainly refused, which says nothing about the first
	w.after(interval)
	w.end(lease, a, "g")
	if g := w.group("a"); len(g.Waiting) != 0 {
		w.Errorf("one whose first attempt may have arrived is waiting: %+v", g.Waiting)
	}
}

func wakes(w *world) {
	lease := w.lease("a", 1)
	for empty := false; !empty; {
		select {
		case <-w.Wake():
		default:
			empty = true
		}
	}
	w.begin(lease, "Low", "g")
	select {
	case <-w.Wake():
	case <-time.After(5 * time.Second):
		w.Error("a group became due and nobody was woken")
	}
}

func shifted(w *world) {
	lease := w.lease("a", 1)
	w.owe(lease, "g", id(1))
	repeat := w.now.Add(240 * time.Hour)
	w.retry(w.delivery("a"), time.Minute, false)
	pending := w.firing("Slow", "1")
	pending.State, pending.StartsAt, pending.Fingerprint = billwatch.Pending, time.Time{}, ""
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{pending}, Requests: []time.Time{w.now}}))
	for _, jump := range []time.Duration{2 * time.Hour, -5 * time.Hour} {
		w.must(w.Shift(w.ctx, jump))
		w.after(jump)
		repeat = repeat.Add(jump)
		w.wantDue(fmt.Sprintf("after a jump of %s", jump), w.now.Add(time.Minute))
		alerts, err := w.Alerts(w.ctx)
		w.must(err)
		for _, a := range alerts {
			if a.State == billwatch.Pending && !a.PendingFrom.Equal(w.now) {
				w.Errorf("after a jump of %s an alert is pending since %s, want %s", jump, a.PendingFrom, w.now)
			}
		}
		if got := w.slot("a", 1); !got.Taken || !got.Requests[0].Equal(w.now) {
			w.Errorf("after a jump of %s: %+v, want the slot taken and the last request now", jump, got)
		}
	}
	w.after(time.Minute)
	w.delivered(w.delivery("a"))
	w.wantDue("after it was delivered", repeat)
}

func rewound(w *world) {
	w.owe(w.lease("a", 1), "g", id(1))
	w.retry(w.delivery("a"), time.Minute, false)
	if by, err := w.Rewind(w.ctx, w.now.Add(-30*time.Second)); err != nil || by != 0 {
		w.Errorf("half a minute behind: shifted by %s, %v; want nothing", by, err)
	}
	w.now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if by, err := w.Rewind(w.ctx, w.now); err != nil || by >= 0 {
		w.Errorf("years behind: shifted by %s, %v; want back", by, err)
	}
	w.wantDue("at the start of a clock that is behind", w.now.Add(time.Minute))
	if by, err := w.Rewind(w.ctx, w.now); err != nil || by != 0 {
		w.Errorf("the second time: shifted by %s, %v; want nothing", by, err)
	}
}
