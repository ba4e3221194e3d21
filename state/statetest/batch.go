package statetest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

func asJSON(v any) string {
	encoded, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}

// firing is an alert that begins to fire now.
func (w *world) firing(rule, id string) billwatch.Alert {
	a := billwatch.Alert{
		Key:   billwatch.AlertKey{Rule: rule, Account: billwatch.AccountKey{Source: source, ID: id}},
		State: billwatch.Firing, PendingFrom: w.now, StartsAt: w.now,
		Labels: billwatch.Labels{"alertname": rule, "source": source, "account": id},
	}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

func (w *world) resolved(a billwatch.Alert) billwatch.Alert {
	a.State, a.EndsAt = billwatch.Resolved, w.now
	return a
}

// told is an alert's move as the pipeline commits it: the alert, its
// transition, and one group that it makes due.
func (w *world) told(lease billwatch.Lease, a billwatch.Alert, group string) billwatch.Batch {
	from := billwatch.Inactive
	if a.State == billwatch.Resolved {
		from = billwatch.Firing
	}
	return billwatch.Batch{
		Lease: lease, Now: w.now, Alerts: []billwatch.Alert{a},
		Transitions: []billwatch.Transition{{Alert: a, From: from, To: a.State, At: w.now}},
		Due:         []billwatch.GroupDue{w.due(a, group, integration)},
	}
}

func (w *world) due(a billwatch.Alert, group, integration string) billwatch.GroupDue {
	return billwatch.GroupDue{
		Key: group, Receiver: "ops", Integration: integration, Labels: billwatch.Labels{"group": group},
		Alert: a, DueAt: w.now.Add(groupWait), Interval: interval,
	}
}

func allOrNothing(w *world) {
	lease := w.lease("a", 1)
	b := w.told(lease, w.firing("Low", "1"), "g")
	b.Polls = []billwatch.Poll{w.read("1", 5)}
	infinite := 1 / float64(len(b.Requests)) // which JSON cannot say
	b.Transitions = append(b.Transitions, billwatch.Transition{Alert: billwatch.Alert{Value: &infinite}, At: w.now})
	if err := w.Commit(w.ctx, b); err == nil {
		w.Fatal("a batch that cannot be stored was stored")
	}
	alerts, err := w.Alerts(w.ctx)
	w.must(err)
	groups, err := w.ClaimGroups(w.ctx, billwatch.Claim{Holder: "a", Integrations: []string{integration}, Limit: 10, Now: w.now.Add(time.Hour), Until: w.now.Add(2 * time.Hour)})
	w.must(err)
	moves, err := w.Transitions(w.ctx, b.Alerts[0].Key.Account, 10)
	w.must(err)
	if len(w.accounts())+len(alerts)+len(groups)+len(moves) != 0 {
		w.Errorf("half of a batch is there: accounts %v, alerts %v, groups %v, transitions %v", w.accounts(), alerts, groups, moves)
	}
}

func commitTwice(w *world) {
	lease := w.lease("a", 1)
	b := w.told(lease, w.firing("Low", "1"), "g")
	b.Polls = []billwatch.Poll{w.read("1", 5)}
	w.must(w.Commit(w.ctx, b))
	w.after(groupWait)
	g := w.group("a")
	w.freeze(g, "ntf_1", g.Members[0].Alert, w.now.Add(24*time.Hour))
	w.must(w.Commit(w.ctx, b))
	if n := len(w.snapshots("1")); n != 1 {
		w.Errorf("%d snapshots after the same batch twice, want 1", n)
	}
	moves, err := w.Transitions(w.ctx, b.Alerts[0].Key.Account, 10)
	w.must(err)
	if len(moves) != 1 {
		w.Errorf("%d transitions after the same batch twice, want 1", len(moves))
	}
	w.after(time.Hour)
	if again := w.groups("a"); len(again) != 0 {
		w.Errorf("the same batch twice makes the group due twice: %+v", again)
	}
}

func alertsStand(w *world) {
	lease := w.lease("a", 1)
	low, high := w.firing("Low", "1"), w.firing("High", "1")
	high.State, high.StartsAt, high.Fingerprint = billwatch.Pending, time.Time{}, ""
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{low, high}}))
	alerts, err := w.Alerts(w.ctx)
	w.must(err)
	w.same("alerts", []billwatch.Alert{high, low}, alerts)
	w.after(time.Minute)
	again := w.firing("Low", "1") // its labels changed: one ends, the next begins, in one batch
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{w.resolved(low), again, {Key: high.Key}}}))
	alerts, err = w.Alerts(w.ctx)
	w.must(err)
	w.same("alerts after one ended and began anew", []billwatch.Alert{again}, alerts)
}

func reopenKeeps(w *world) {
	lease := w.lease("a", 1)
	low := w.firing("Low", "1")
	b := w.told(lease, low, "g")
	p := w.read("1", 5)
	p.Records = []billwatch.Record{{Period: w.now.Truncate(24 * time.Hour), Remaining: billwatch.DecimalOf(5)}}
	b.Polls = []billwatch.Poll{p}
	w.must(w.Commit(w.ctx, b))
	w.after(groupWait)
	w.freeze(w.group("a"), "ntf_1", low, w.now.Add(time.Hour))
	before := w.everything()
	w.reopen()
	w.same("state after reopening", before, w.everything())
	if d := w.deliveries("b"); len(d) != 1 || d[0].Notification.ID != "ntf_1" {
		w.Errorf("deliveries after reopening: %+v, want ntf_1", d)
	}
}

func (w *world) everything() []any {
	w.Helper()
	known, err := w.Know(w.ctx, source, []string{"1"})
	w.must(err)
	alerts, err := w.Alerts(w.ctx)
	w.must(err)
	moves, err := w.Transitions(w.ctx, billwatch.AccountKey{Source: source, ID: "1"}, 10)
	w.must(err)
	next, err := w.NextDue(w.ctx, []string{integration})
	w.must(err)
	return []any{w.accounts(), known, alerts, moves, w.snapshots("1"), next}
}

func pruned(w *world) {
	lease := w.lease("a", 1)
	began := w.now
	for i := range 100 { // one a day and an hour, each a change, a firing and an end
		low := w.firing("Low", "1")
		b := w.told(lease, low, "g")
		b.Polls, b.Due = []billwatch.Poll{w.read("1", int64(i))}, nil
		w.must(w.Commit(w.ctx, b))
		w.after(12 * time.Hour)
	}
	w.must(w.Prune(w.ctx, w.now.AddDate(10, 0, 0), 400*24*time.Hour))
	if n := len(w.snapshots("1")); n != 90 {
		w.Errorf("%d of 100 snapshots are left after a clock jumped by ten years, want 90", n)
	}
	for range 3 {
		w.must(w.Prune(w.ctx, w.now.AddDate(10, 0, 0), 0))
	}
	if n := len(w.snapshots("1")); n != 90 {
		w.Errorf("%d of 90 snapshots are left without a retention, want all", n)
	}
	for range 50 {
		w.must(w.Prune(w.ctx, w.now, 20*24*time.Hour))
	}
	var thinned []string
	for _, s := range w.snapshots("1") {
		if age := w.now.Sub(s.At); age > 20*24*time.Hour {
			w.Errorf("a snapshot of %s is left; the retention is 20 days", age)
		} else if age > 14*24*time.Hour {
			thinned = append(thinned, s.At.Format("02 15"))
		}
	}
	if len(thinned) == 0 || len(thinned) > 7 {
		w.Errorf("snapshots between 14 and 20 days old: %v, want one a day", thinned)
	}
	moves, err := w.Transitions(w.ctx, billwatch.AccountKey{Source: source, ID: "1"}, 1000)
	w.must(err)
	if oldest := moves[len(moves)-1].At; oldest.Before(w.now.AddDate(0, 0, -20)) || oldest.Equal(began) {
		w.Errorf("the oldest transition left is of %s", oldest)
	}
	if last := w.accounts()[0].Last; last == nil {
		w.Error("the last snapshot was deleted")
	}
}

func id(n int) string { return fmt.Sprintf("ntf_%03d", n) }
