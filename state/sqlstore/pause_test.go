package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// at opens the road anew, with ears at named places.
func (r *road) at(places map[string]string) {
	r.Helper()
	var all []notify.Integration
	for _, name := range []string{"one", "other", "elsewhere"} {
		r.ears[name].to = places[name]
		all = append(all, notify.Integration{Name: name, Receiver: "all", SendResolved: true, RetryFor: 24 * time.Hour, Notifier: r.ears[name]})
	}
	r.open("", "all", map[string][]notify.Integration{"all": all})
}

func TestWhoSaysWhereItGoesNeedsNoRefusalOfItsOwnToWait(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := &road{outboxWorld: w, ears: map[string]*ear{"one": {}, "other": {}, "elsewhere": {}}}
		places := map[string]string{"one": "slack C1", "other": "slack C1", "elsewhere": "slack C2"}
		r.at(places)
		r.alert("1", billwatch.Firing)
		r.pass(time.Minute)
		// One alone is told to wait, and does not say where.
		r.ears["one"].refuses = notify.Throttled(errors.New("429"), 20*time.Minute, "")
		r.ears["other"].refuses = notify.Refused(errors.New("connection refused"))
		r.alert("2", billwatch.Firing)
		r.pass(30 * time.Second) // the other may have been in hand already
		tries := r.ears["one"].tries + r.ears["other"].tries
		r.alert("3", billwatch.Firing)
		for _, during := range []string{"the pause", "the pause after a restart"} {
			r.pass(9 * time.Minute)
			if got := r.ears["one"].tries + r.ears["other"].tries; got != tries {
				t.Errorf("%d attempts within %s", got-tries, during)
			}
			r.at(places)
		}
		r.wants("another place", "elsewhere", "first Low, first Low, first Low")
		rows, err := w.store.Receivers(t.Context(), []string{"one", "other", "elsewhere"})
		w.must(err)
		if rows[0].PausedUntil.Before(r.now) || !rows[1].PausedUntil.Equal(rows[0].PausedUntil) || !rows[2].PausedUntil.IsZero() {
			t.Errorf("paused until %v, %v and %v, want two alike", rows[0].PausedUntil, rows[1].PausedUntil, rows[2].PausedUntil)
		}
		// Who goes elsewhere by its new settings no longer waits.
		r.ears["one"].refuses, r.ears["other"].refuses = nil, nil
		places["other"] = "slack C3"
		r.at(places)
		r.pass(time.Second)
		r.wants("moved", "other", "first Low, first Low, first Low")
		r.wants("still paused", "one", "first Low")
		r.pass(3 * time.Minute)
		r.wants("after the pause", "one", "first Low, first Low, first Low")
	})
}
