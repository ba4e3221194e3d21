package statetest

import (
	"bytes"
	"time"

	"github.com/billwatch/billwatch"
)

// tell freezes a notification that belongs to an incident.
func (w *world) tell(id, incident string, a billwatch.Alert, next time.Time, chart []byte) {
	w.Helper()
	g := w.group("a")
	n := w.notification(g, id, a)
	n.Incident, n.Chart = incident, chart
	f := billwatch.Flush{Group: g, Notification: n, NextDue: next}
	if a.State == billwatch.Resolved {
		f.Drop = g.Members
	}
	w.must(w.Freeze(w.ctx, []billwatch.Flush{f}))
}

func (w *world) arrived(d billwatch.Delivery, ref string) {
	w.Helper()
	w.must(w.Settle(w.ctx, billwatch.Settlement{Delivery: d, Outcome: billwatch.Delivered, Receipt: billwatch.Receipt{Ref: ref}}))
}

func (w *world) wantRef(d billwatch.Delivery, want string) {
	w.Helper()
	if d.Notification.IncidentRef != want {
		w.Errorf("%s: the incident's message is %q, want %q", d.Notification.ID, d.Notification.IncidentRef, want)
	}
}

func chartKept(w *world) {
	lease := w.lease("a", 1)
	chart := bytes.Repeat([]byte("\x89PNG\x00\xff"), billwatch.MaxChart/6)
	a := w.begin(lease, "Low", "g")
	w.after(groupWait)
	w.tell(id(1), id(1), a, w.now.Add(time.Hour), chart)
	first := w.delivery("a")
	w.retry(first, time.Minute, false)
	w.reopen()
	w.after(time.Minute)
	second := w.delivery("b")
	for _, d := range []billwatch.Delivery{first, second} {
		if !bytes.Equal(d.Notification.Chart, chart) {
			w.Errorf("attempt %d has a chart of %d bytes, want the %d frozen", d.Attempt, len(d.Notification.Chart), len(chart))
		}
	}
	w.arrived(second, "")

	b := w.begin(lease, "Other", "h")
	w.after(groupWait)
	w.tell(id(2), id(2), b, w.now.Add(time.Hour), nil)
	d := w.delivery("a")
	if d.Notification.Chart != nil {
		w.Errorf("a notification without a chart came back with %d bytes", len(d.Notification.Chart))
	}
	w.arrived(d, "")
}

func incidentNamed(w *world) {
	lease := w.lease("a", 1)
	a := w.begin(lease, "Low", "g")
	w.after(groupWait)
	w.tell(id(1), id(1), a, w.now.Add(interval), nil)
	d := w.delivery("a")
	w.wantRef(d, "")
	w.retry(d, time.Second, false)
	w.after(time.Second)
	w.arrived(w.delivery("a"), "C1:1")

	w.after(interval)
	g := w.group("a")
	if g.Incident != id(1) {
		w.Errorf("the group goes on about %q, want %q", g.Incident, id(1))
	}
	n := w.notification(g, id(2), a)
	n.Incident = g.Incident
	w.must(w.Freeze(w.ctx, []billwatch.Flush{{Group: g, Notification: n, NextDue: w.now.Add(interval)}}))
	w.reopen()
	d = w.delivery("b")
	w.wantRef(d, "C1:1")
	w.arrived(d, "C1:2") // the first was deleted, and it was posted anew

	w.after(interval)
	a = w.end(lease, a, "g")
	w.tell(id(3), id(1), a, time.Time{}, nil)
	d = w.delivery("a")
	w.wantRef(d, "C1:2") // although the group has ended
	w.arrived(d, "C1:2")

	w.after(interval)
	a = w.begin(lease, "Low", "g")
	w.after(groupWait)
	g = w.group("a")
	if g.Incident != "" {
		w.Errorf("a new incident goes on about %q", g.Incident)
	}
	n = w.notification(g, id(4), a)
	n.Incident = id(4)
	w.must(w.Freeze(w.ctx, []billwatch.Flush{{Group: g, Notification: n, NextDue: w.now.Add(interval)}}))
	w.wantRef(w.delivery("a"), "")
}
