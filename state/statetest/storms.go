package statetest

import (
	"context"
	"time"

	"github.com/billwatch/billwatch"
)

type storms interface {
	Storms(ctx context.Context, q billwatch.StormQuery) (billwatch.Storms, error)
	FreezeStorm(ctx context.Context, f billwatch.StormFlush) error
}

// digest is a digest about claimed groups with one alert each, which stay.
func (w *world) digest(id string, groups []billwatch.Group, alerts []billwatch.Alert) billwatch.StormFlush {
	f := billwatch.StormFlush{Due: w.now, Digest: billwatch.Notification{
		ID: id, Receiver: "ops", Integration: integration, GroupKey: billwatch.StormKey,
		Status: billwatch.Firing, Alerts: alerts, FrozenAt: w.now, Storm: &billwatch.Storm{Groups: len(groups)},
	}}
	for i, g := range groups {
		f.Flushes = append(f.Flushes, billwatch.Flush{Group: g, Notification: w.notification(g, "", alerts[i]), NextDue: w.now.Add(time.Hour)})
	}
	return f
}

// endArrivedBeforeADigest: while a digest is being written, and counts an end
// because the message about it still waits, that one arrives.
func endArrivedBeforeADigest(w *world) {
	lease := w.lease("a", 1)
	ended := w.owe(lease, "g", id(1))
	w.delivered(w.delivery("a"))
	w.after(interval)
	ended = w.end(lease, ended, "g")
	w.freeze(w.group("a"), id(2), ended, time.Time{})
	again := w.begin(lease, "Again", "g")
	other := w.begin(lease, "Other", "h")
	w.after(interval)
	looked := w.groups("a")
	if len(looked) != 2 {
		w.Fatalf("%d groups are due, want 2", len(looked))
	}
	if looked[0].Key != "g" {
		looked[0], looked[1] = looked[1], looked[0]
	}
	w.delivered(w.delivery("a"))
	f := w.digest(id(3), looked, []billwatch.Alert{again, other})
	f.Flushes[0].Notification.Alerts = append(f.Flushes[0].Notification.Alerts, ended)
	f.Digest.Alerts = append(f.Digest.Alerts, ended)
	w.must(w.FreezeStorm(w.ctx, f))
	w.wantIDs("due after the end arrived", w.deliveries("a"))

	looked = w.groups("a") // and nothing keeps the two from being told at once
	if len(looked) != 2 {
		w.Fatalf("%d groups are looked at again, want 2", len(looked))
	}
	if looked[0].Key != "g" {
		looked[0], looked[1] = looked[1], looked[0]
	}
	for _, g := range looked {
		if len(g.Waiting) != 0 || len(g.Members) != 1 || g.Members[0].Told != "" {
			w.Errorf("%s: %d waiting, members %+v, want none and one untold", g.Key, len(g.Waiting), g.Members)
		}
	}
	w.must(w.FreezeStorm(w.ctx, w.digest(id(4), looked, []billwatch.Alert{again, other})))
	w.wantIDs("due after looking again", w.deliveries("a"), id(4))
	if left := w.groups("a"); len(left) != 0 {
		w.Errorf("due after the digest: %+v", left)
	}
}

// digestTwice: the answer to a commit gets lost, and a digest that took the
// place of a waiting end is stored again.
func digestTwice(w *world) {
	lease := w.lease("a", 1)
	ended := w.owe(lease, "g", id(1))
	w.delivered(w.delivery("a"))
	w.after(interval)
	ended = w.end(lease, ended, "g")
	w.freeze(w.group("a"), id(2), ended, time.Time{})
	again := w.begin(lease, "Again", "g")
	w.after(interval)
	f := w.digest(id(3), w.groups("a"), []billwatch.Alert{again})
	f.Flushes[0].Notification.Alerts = append(f.Flushes[0].Notification.Alerts, ended)
	f.Digest.Alerts = append(f.Digest.Alerts, ended)
	w.must(w.FreezeStorm(w.ctx, f))
	w.must(w.FreezeStorm(w.ctx, f))
	w.wantIDs("due", w.deliveries("a"), id(3))
	if left := w.groups("a"); len(left) != 0 {
		w.Errorf("due after the digest: %+v", left)
	}
}
