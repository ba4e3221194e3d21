package sqlstore_test

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func TestWhileAReceiverIsDownItsRuleOfInhibitionHolds(t *testing.T) {
	for name, mend := range map[string]func(r *road){
		"until its settings change": func(r *road) {
			r.must(r.store.Configured(r.Context(), map[string]string{"ops/webhook/0": "two"}, r.now))
		},
		"until it takes a test": func(r *road) { r.must(r.store.Accepted(r.Context(), "ops/webhook/0", r.now)) },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *outboxWorld) {
				inhibition, err := notify.NewInhibition([]notify.InhibitRule{{
					SourceMatchers: []string{`alertname="ReceiverDown"`, `receiver="ops"`}, TargetMatchers: []string{`alertname="Low"`},
				}})
				w.must(err)
				r := newQuietRoad(w, inhibition, "backup", "ops", "backup")
				r.must(r.store.Configured(t.Context(), map[string]string{"ops/webhook/0": "one"}, r.now))
				r.pass(time.Minute) // the rules are known before anything fires
				r.ears["ops"].refuses = errRefused
				r.alert("1", billwatch.Firing)
				r.pass(time.Minute)
				r.wants("when it goes down", "backup", "first ReceiverDown")
				r.ears["ops"].refuses = nil
				tries := r.ears["ops"].tries
				r.alert("2", billwatch.Firing)
				r.pass(10 * time.Minute)
				if got := r.ears["ops"].tries; got != tries {
					t.Errorf("%d attempts of what is inhibited", got-tries)
				}
				mend(r)
				r.pass(3 * time.Minute)
				if heard := r.ears["ops"].of("2"); heard != "first" {
					t.Errorf("mended, of the second account it heard %q, want first", heard)
				}
			})
		})
	}
}
