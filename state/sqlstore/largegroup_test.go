package sqlstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// newLarge opens a road on which all alerts are one group.
func newLarge(w *outboxWorld) *road {
	w.Helper()
	r := &road{outboxWorld: w, ears: map[string]*ear{"ops": {}}, groupBy: []string{"alertname"}}
	r.open("", "ops", map[string][]notify.Integration{"ops": {{Name: "ops/0", Receiver: "ops", SendResolved: true,
		RetryFor: time.Hour, Notifier: r.ears["ops"]}}})
	return r
}

// numbers is the story of an ear: reasons with how many fire and ended, and how
// many are listed.
func (e *ear) numbers() string {
	story := ""
	for _, n := range e.took {
		firing := 0
		for _, a := range n.Alerts {
			if a.State == billwatch.Firing {
				firing++
			}
		}
		ends := len(n.Alerts) - firing + n.Ends
		firing += n.Truncated - n.Ends
		story += fmt.Sprintf("%s %d/%d (%d) ", n.Reason, firing, ends, len(n.Alerts))
	}
	return story
}

func (r *road) wantsNumbers(what, story string) {
	r.Helper()
	if heard := r.ears["ops"].numbers(); heard != story {
		r.Errorf("%s: heard %q, want %q", what, heard, story)
	}
}

// Sentences are about 500 members, a message lists 1,000 alerts, and a page of a
// group has 2,000 members: each is met from below, as it is, and from above.
func TestALargeGroupIsToldOnceOfEverybody(t *testing.T) {
	for _, size := range []int{500, 1000, 1999, 2000} {
		onBoth(t, func(t *testing.T, w *outboxWorld) {
			r := newLarge(w)
			r.lots(0, size, billwatch.Firing)
			r.pass(time.Hour)
			listed := min(size, notify.MaxAlerts)
			story := fmt.Sprintf("first %d/0 (%d) ", size, listed)
			r.wantsNumbers(fmt.Sprint(size), story)

			r.now = r.now.Add(time.Second)
			r.lots(size, size+1, billwatch.Firing)
			r.pass(time.Hour)
			listed = min(size+1, notify.MaxAlerts)
			story += fmt.Sprintf("new_alerts %d/0 (%d) ", size+1, listed)
			r.wantsNumbers("and one more", story)
			if n := r.ears["ops"].took[1]; n.Alerts[len(n.Alerts)-1].Key.Account.ID != fmt.Sprintf("%06d", size) {
				t.Errorf("%d: what is new is not listed last", size)
			}

			r.lots(0, size+1, billwatch.Resolved)
			r.pass(23 * time.Hour)
			story += fmt.Sprintf("all_resolved 0/%d (%d) ", size+1, listed)
			r.wantsNumbers("when all is well", story)
			r.lots(0, 1, billwatch.Firing)
			r.pass(23 * time.Hour)
			r.wantsNumbers("when it begins anew", story+"first 1/0 (1) ")
		})
	}
}

// lots lets so many alerts move, 500 in a batch as the service does.
func (r *road) lots(from, to int, state billwatch.AlertState) {
	r.Helper()
	for ; from < to; from += 500 {
		r.many(from, min(from+500, to), state)
	}
}

// What nobody took is told again of everybody, listed or not.
func TestALargeGroupWhoseMessageNobodyTookIsToldAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newLarge(w)
		r.ears["ops"].refuses = errors.New("connection reset") // for longer than retry_for
		r.lots(0, 1200, billwatch.Firing)
		r.pass(90 * time.Minute)
		r.lots(0, 100, billwatch.Resolved) // told once, so that nobody need hear of it
		r.ears["ops"].refuses = nil
		r.pass(2 * time.Hour)
		heard := r.ears["ops"].took
		if len(heard) == 0 || heard[0].Reason != billwatch.WhyFirst || len(heard[0].Alerts)+heard[0].Truncated < 1100 {
			t.Fatalf("heard %q, want first of the 1,100 that fire", r.ears["ops"].numbers())
		}
		r.lots(100, 1200, billwatch.Resolved)
		r.pass(2 * time.Hour)
		heard = r.ears["ops"].took
		if last := heard[len(heard)-1]; last.Status != billwatch.Resolved || last.Reason != billwatch.WhyAllResolved {
			t.Errorf("heard %q, want an end", r.ears["ops"].numbers())
		}
	})
}

// A message that waits and is taken the place of may have told of ends that it
// did not list: the new one counts them.
func TestEndsThatAMessageDidNotListAreNotLost(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newLarge(w)
		r.lots(0, 1300, billwatch.Firing)
		r.pass(time.Minute)
		r.ears["ops"].refuses = notify.Refused(errors.New("503"))
		r.lots(0, 1200, billwatch.Resolved)
		r.pass(10 * time.Minute)
		r.lots(1200, 1300, billwatch.Resolved)
		r.pass(6 * time.Minute)
		r.ears["ops"].refuses = nil
		r.pass(time.Hour)
		r.wantsNumbers("in the end", "first 1300/0 (1000) all_resolved 0/1300 (1000) ")
	})
}

// A digest counts everybody of a large group, too.
func TestADigestCountsWhatALargeGroupDoesNotList(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w, "team")
		r.open("", "all", map[string][]notify.Integration{"all": {{Name: "people/0", Receiver: "all", SendResolved: true,
			RetryFor: time.Hour, StormLimit: 1, Digests: true, Notifier: few{r.ears["people"], 3}}}})
		r.lots(0, 60, billwatch.Firing) // six groups of ten
		r.pass(time.Minute)
		r.wantsCounts("at once", "people", "storm 60/0 ")
		r.pass(10 * time.Minute)
		r.lots(0, 60, billwatch.Resolved)
		r.pass(time.Hour)
		r.wantsCounts("in the end", "people", "storm 60/0 storm 0/60 ")
	})
}

// few wants few alerts in a message.
type few struct {
	*ear
	most int
}

// MaxAlerts implements notify.Bounded.
func (f few) MaxAlerts() int { return f.most }
