package sqlstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// newStorm opens a road whose first receiver is read by people, and whose second
// hears of everything too, but is none of them.
func newStorm(w *outboxWorld, groupBy ...string) *road {
	w.Helper()
	r := &road{outboxWorld: w, ears: map[string]*ear{"people": {}, "machine": {}}, groupBy: groupBy}
	of := func(name string, digests bool) notify.Integration {
		return notify.Integration{Name: name + "/0", Receiver: "all", SendResolved: true, RetryFor: time.Hour,
			StormLimit: 20, Digests: digests, Notifier: r.ears[name]}
	}
	r.open("", "all", map[string][]notify.Integration{"all": {of("people", true), of("machine", false)}})
	return r
}

// many lets so many alerts move in one batch.
func (r *road) many(from, to int, state billwatch.AlertState) {
	r.Helper()
	b := billwatch.Batch{Lease: r.lease, Now: r.now}
	for i := from; i < to; i++ {
		a := outboxAlert(fmt.Sprintf("%06d", i), r.now)
		if len(r.groupBy) > 0 { // ten of a team
			a.Labels["team"] = fmt.Sprint(i / 10)
			a.Fingerprint = a.Labels.Fingerprint()
		}
		a.State = state
		move := billwatch.Transition{Alert: a, To: state, At: r.now}
		if state == billwatch.Resolved {
			a.EndsAt, move.From = r.now, billwatch.Firing
			move.Alert = a
		}
		b.Alerts, b.Transitions = append(b.Alerts, a), append(b.Transitions, move)
		b.Due = append(b.Due, r.router.Due(a, r.now)...)
	}
	r.must(r.store.Commit(r.Context(), b))
}

// counts is the story of an ear by digests: reasons with how many fire and
// resolved.
func (e *ear) counts() string {
	story := ""
	for _, n := range e.took {
		firing, resolved := 0, 0
		for _, a := range n.Alerts {
			if a.State == billwatch.Firing {
				firing++
			} else {
				resolved++
			}
		}
		if n.Storm != nil {
			firing, resolved = 0, 0
			for _, rule := range n.Storm.Rules {
				firing, resolved = firing+rule.Firing, resolved+rule.Resolved
			}
		}
		story += fmt.Sprintf("%s %d/%d ", n.Reason, firing, resolved)
	}
	return story
}

func (r *road) wantsCounts(what, receiver, story string) {
	r.Helper()
	if heard := r.ears[receiver].counts(); heard != story {
		r.Errorf("%s: %s heard %q, want %q", what, receiver, heard, story)
	}
}

func TestAStormIsOneMessageToPeople(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w)
		r.many(0, 700, billwatch.Firing) // more than one batch of groups
		r.pass(time.Minute)
		r.wantsCounts("700 alerts at once", "people", "storm 700/0 ")
		if n := r.ears["people"].took[0]; len(n.Alerts) != 50 || n.Truncated != 650 || n.GroupKey != billwatch.StormKey || n.Storm.Groups != 700 {
			t.Errorf("the digest lists %d, leaves out %d, of %d groups", len(n.Alerts), n.Truncated, n.Storm.Groups)
		}
		if got := len(r.ears["machine"].took); got != 700 {
			t.Errorf("the machine heard %d messages, want every one", got)
		}
		r.pass(23 * time.Hour)
		r.wantsCounts("while nothing changes", "people", "storm 700/0 ")
		r.pass(2 * time.Hour)
		r.wantsCounts("a day later", "people", "storm 700/0 storm 700/0 ")
	})
}

func TestAFewMessagesAreNoStorm(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w)
		r.many(0, 20, billwatch.Firing)
		r.pass(time.Minute)
		if got := len(r.ears["people"].took); got != 20 || r.ears["people"].took[0].Reason != "first" {
			t.Errorf("20 alerts at once made %d messages, want 20", got)
		}
		r.many(20, 40, billwatch.Firing) // a minute later they are not at once
		r.pass(time.Minute)
		if got := len(r.ears["people"].took); got != 40 {
			t.Errorf("20 more a minute later made %d messages in all, want 40", got)
		}
		r.many(40, 50, billwatch.Firing)
		r.pass(4 * time.Second)
		r.many(50, 62, billwatch.Firing) // but so they are
		r.pass(time.Minute)
		if got := r.ears["people"].counts(); len(r.ears["people"].took) != 51 || r.ears["people"].took[50].Reason != "storm" {
			t.Errorf("22 within 10 seconds: %d messages: %s", len(r.ears["people"].took), got)
		}
	})
}

func TestWhatADigestToldEndsInTheNext(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w)
		r.many(0, 100, billwatch.Firing)
		r.pass(time.Hour)
		listed := map[string]bool{}
		for _, a := range r.ears["people"].took[0].Alerts {
			listed[a.Key.Account.ID] = true
		}
		var inList, outside []int
		for i := range 100 {
			if listed[fmt.Sprintf("%06d", i)] {
				inList = append(inList, i)
			} else {
				outside = append(outside, i)
			}
		}
		if len(inList) != 50 {
			t.Fatalf("%d alerts are listed, want 50", len(inList))
		}
		one, ten := inList[0], outside[:10]
		r.many(one, one+1, billwatch.Resolved)
		for _, i := range ten {
			r.many(i, i+1, billwatch.Resolved)
		}
		r.pass(time.Hour)
		r.wantsCounts("the end of one that was listed is told, of ten that were not it is not", "people", "storm 100/0 all_resolved 0/1 ")
		r.many(200, 230, billwatch.Firing)
		r.pass(time.Hour)
		r.wantsCounts("the next digest counts them", "people", "storm 100/0 all_resolved 0/1 storm 30/10 ")
		for _, i := range outside[10:] {
			r.many(i, i+1, billwatch.Resolved)
		}
		r.pass(time.Hour)
		r.wantsCounts("that many ends at once are a storm", "people", "storm 100/0 all_resolved 0/1 storm 30/10 storm 0/40 ")
		machine := map[string]int{}
		for _, n := range r.ears["machine"].took {
			machine[n.Reason]++
		}
		if machine["first"] != 130 || machine["all_resolved"] != 51 {
			t.Errorf("the machine heard %v, want every begin and end", machine)
		}
	})
}

func TestAStormWhileNobodyListensIsToldOnceWithWhatEnded(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w)
		people := r.ears["people"]
		people.refuses = notify.Refused(errors.New("connection refused"))
		r.many(0, 30, billwatch.Firing)
		r.pass(7 * time.Minute)
		r.many(0, 25, billwatch.Resolved) // of those that wait unsent
		r.many(100, 105, billwatch.Firing)
		r.pass(20 * time.Minute)
		r.many(25, 26, billwatch.Resolved)
		r.pass(20 * time.Minute)
		people.refuses = nil
		r.pass(10 * time.Minute)
		story := people.counts()
		// Whatever waited: 30 and 5 began, 26 ended, and the last word on each is right.
		last := map[string]billwatch.AlertState{}
		firing, resolved := 0, 0
		for _, n := range people.took {
			if n.Storm == nil {
				for _, a := range n.Alerts {
					last[a.Key.Account.ID] = a.State
				}
				continue
			}
			for _, rule := range n.Storm.Rules {
				firing, resolved = firing+rule.Firing, resolved+rule.Resolved
			}
		}
		if len(people.took) > 6 || firing != 4 || resolved != 26 {
			t.Errorf("heard %q: the digest says %d fire and %d ended, want 4 and 26", story, firing, resolved)
		}
	})
}

func TestADigestThatFailsForGoodIsToldAnew(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w)
		people := r.ears["people"]
		people.refuses = errors.New("connection reset") // nobody knows whether it arrived
		r.many(0, 60, billwatch.Firing)
		r.pass(3 * time.Hour)
		people.refuses = nil
		r.pass(30 * time.Minute)
		r.wantsCounts("back after retry_for", "people", "storm 60/0 ")
		all, _ := w.log(billwatch.OutboxQuery{Limit: 1000, State: billwatch.OutboxFailed})
		if len(all) == 0 {
			t.Error("the log has no failed digest")
		}
	})
}

func TestADigestKeepsTheOrderOfItsGroups(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w)
		people := r.ears["people"]
		people.refuses = errors.New("connection reset")
		r.many(0, 1, billwatch.Firing)
		r.pass(time.Minute) // may have arrived
		r.many(1, 50, billwatch.Firing)
		r.many(0, 1, billwatch.Resolved)
		r.pass(2 * time.Minute)
		r.many(1, 2, billwatch.Resolved)
		r.pass(2 * time.Minute)
		people.refuses = nil
		r.pass(40 * time.Minute)
		began := map[string]bool{}
		for i, n := range people.took {
			if i == 0 && (n.Reason != "first" || n.Alerts[0].Key.Account.ID != "000000") {
				t.Errorf("the first word is %s of %s", n.Reason, n.Alerts[0].Key.Account.ID)
			}
			for _, a := range n.Alerts {
				id := a.Key.Account.ID
				if a.State == billwatch.Firing && began[id+" ended"] {
					t.Errorf("%s fires after its end", id)
				}
				if a.State == billwatch.Resolved {
					began[id+" ended"] = true
				}
			}
		}
		if !began["000000 ended"] || !began["000001 ended"] {
			t.Errorf("ends are missing: %v in %s", began, people.counts())
		}
	})
}

func TestADigestCountsEachAlertOfItsGroupsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w, "team")
		people := r.ears["people"]
		people.refuses = notify.Refused(errors.New("connection refused"))
		for team := range 25 { // three of ten
			r.many(10*team, 10*team+3, billwatch.Firing)
		}
		r.pass(7 * time.Minute)
		r.many(3, 5, billwatch.Firing)     // two more of the first team, three of which fire
		r.many(10, 11, billwatch.Resolved) // one of three of the second
		r.many(20, 23, billwatch.Resolved) // all of the third
		r.pass(20 * time.Minute)
		r.many(3, 4, billwatch.Resolved) // told by the second digest alone
		r.pass(20 * time.Minute)
		people.refuses = nil
		r.pass(10 * time.Minute)
		r.wantsCounts("25 teams of three, two more and five ends", "people", "storm 72/5 ")
		if storm := people.took[0].Storm; storm.Groups != 25 {
			t.Errorf("it stands for %d groups, want 25", storm.Groups)
		}
	})
}

func TestWhatFollowsADigestWaitsForIt(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newStorm(w)
		people := r.ears["people"]
		people.refuses = errors.New("connection reset") // it may have arrived, so that nothing replaces it
		r.many(0, 30, billwatch.Firing)
		r.pass(20 * time.Minute)
		people.refuses = nil
		r.many(0, 1, billwatch.Resolved) // due at once; the digest is tried again in minutes
		r.pass(time.Second)
		r.wantsCounts("while the digest waits to be tried again", "people", "")
		r.pass(20 * time.Minute)
		r.wantsCounts("after it", "people", "storm 30/0 all_resolved 0/1 ")
	})
}
