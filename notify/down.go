package notify

import (
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// Down decides what is told of an integration that cannot be reached.
type Down struct {
	// Alert returns the alert about it, as it begins to fire; nil where nobody
	// wants to know.
	Alert func(receiver, integration, why string, now time.Time) *billwatch.Alert
	// Fallback is a receiver that is always told; it may be empty.
	Fallback string
}

// Due returns the groups in which a standing alert about an integration that is
// down is told.
func (d Down) Due(r *Router, a billwatch.Alert, now time.Time) []billwatch.GroupDue {
	return r.dueBeside(a, a.Labels[billwatch.LabelReceiver], d.Fallback, now)
}

// down adds to a settlement that its integration is down by it: never where
// nobody could be told of anything else by it, as with a test. Whether it is
// down already, and was told, the store knows.
func (d *Dispatcher) down(s *billwatch.Settlement, in Integration) {
	if s.Outcome != billwatch.Failed || d.c.Down.Alert == nil {
		return
	}
	s.Down = d.c.Down.Alert(in.Receiver, in.Name, s.Error, s.At)
	if s.Down != nil {
		s.Down.Inhibits = d.c.Router.Inhibition().Inhibits(*s.Down)
		s.Due = d.c.Router.dueBeside(*s.Down, in.Receiver, d.c.Down.Fallback, s.At)
	}
}

// dueBeside is Due without one receiver, to which the alert cannot be told, and
// with another one in any case.
func (r *Router) dueBeside(a billwatch.Alert, without, always string, now time.Time) []billwatch.GroupDue {
	var due []billwatch.GroupDue
	for _, d := range r.Due(a, now) {
		if d.Receiver != without {
			due = append(due, d)
		}
	}
	if always == "" || always == without || slices.ContainsFunc(due, func(d billwatch.GroupDue) bool { return d.Receiver == always }) {
		return due
	}
	group := r.root.groupLabels(a.Labels)
	for _, in := range r.receivers[always] {
		if _, fed := in.Notifier.(Fed); fed { // a Feeder looks after it
			continue
		}
		due = append(due, billwatch.GroupDue{
			Key: "fallback:" + labelText(group), Receiver: always, Integration: in.Name,
			Labels: group, Alert: a, DueAt: firstLook(a, r.root.timing, now), Interval: r.root.timing.GroupInterval,
		})
	}
	return due
}
