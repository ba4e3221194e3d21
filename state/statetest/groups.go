package statetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
)

func (w *world) groups(holder string) []billwatch.Group {
	w.Helper()
	got, err := w.ClaimGroups(w.ctx, w.claim(holder, 100))
	w.must(err)
	return got
}

// group claims the one group that is due.
func (w *world) group(holder string) billwatch.Group {
	w.Helper()
	got := w.groups(holder)
	if len(got) != 1 {
		w.Fatalf("%d groups are due at %s, want 1: %+v", len(got), w.now, got)
	}
	return got[0]
}

func (w *world) nextDue() time.Time {
	w.Helper()
	got, err := w.NextDue(w.ctx, []string{integration})
	w.must(err)
	return got
}

func (w *world) wantDue(when string, want time.Time) {
	w.Helper()
	if got := w.nextDue(); !got.Equal(want) {
		w.Errorf("%s something is due at %s, want %s", when, got, want)
	}
}

// notification tells of one alert.
func (w *world) notification(g billwatch.Group, id string, a billwatch.Alert) *billwatch.Notification {
	return &billwatch.Notification{
		ID: id, Receiver: "ops", Integration: g.Integration, GroupKey: g.Key, GroupLabels: g.Labels,
		Status: a.State, Alerts: []billwatch.Alert{a}, FrozenAt: w.now,
	}
}

// freeze stores a notification about one alert of the group; a resolved one
// leaves it.
func (w *world) freeze(g billwatch.Group, id string, a billwatch.Alert, next time.Time) {
	w.Helper()
	f := billwatch.Flush{Group: g, Notification: w.notification(g, id, a), NextDue: next}
	for _, m := range g.Members {
		if a.State == billwatch.Resolved && m.Alert.Fingerprint == a.Fingerprint {
			f.Drop = append(f.Drop, m)
		}
	}
	w.must(w.Freeze(w.ctx, []billwatch.Flush{f}))
}

// begin commits an alert that fires now.
func (w *world) begin(lease billwatch.Lease, rule, group string) billwatch.Alert {
	w.Helper()
	a := w.firing(rule, "1")
	w.must(w.Commit(w.ctx, w.told(lease, a, group)))
	return a
}

func (w *world) end(lease billwatch.Lease, a billwatch.Alert, group string) billwatch.Alert {
	w.Helper()
	a = w.resolved(a)
	w.must(w.Commit(w.ctx, w.told(lease, a, group)))
	return a
}

func groupDue(w *world) {
	lease := w.lease("a", 1)
	start := w.now
	low := w.begin(lease, "Low", "g")
	w.wantDue("after a group's first alert", start.Add(groupWait))
	w.after(groupWait / 2)
	high := w.begin(lease, "High", "g")
	w.wantDue("after its second alert", start.Add(groupWait))
	if early := w.groups("a"); len(early) != 0 {
		w.Errorf("claimed before it is due: %+v", early)
	}
	w.after(groupWait)
	g := w.group("a")
	w.same("group", billwatch.Group{
		Key: "g", Receiver: "ops", Integration: integration, Labels: billwatch.Labels{"group": "g"}, DueAt: w.now, Claim: g.Claim,
		Members: []billwatch.Member{{Alert: low, Version: 1}, {Alert: high, Version: 1}},
	}, g)
	if again := w.groups("b"); len(again) != 0 {
		w.Errorf("claimed by two: %+v", again)
	}
	told := w.now
	w.freeze(g, id(1), low, told.Add(24*time.Hour))
	w.delivered(w.delivery("a"))
	w.wantDue("after it was told", told.Add(24*time.Hour))
	w.after(time.Minute)
	w.end(lease, low, "g")
	w.wantDue("after a change soon after it was told", told.Add(interval))
	w.after(time.Hour)
	g = w.group("a")
	if g.Members[0].Told != billwatch.Firing || g.Members[1].Told != billwatch.Inactive || !g.ToldAt.Equal(told) {
		w.Errorf("what was told is not remembered: %+v", g)
	}
	w.must(w.Freeze(w.ctx, []billwatch.Flush{{Group: g, NextDue: w.now.Add(24 * time.Hour)}}))
	w.begin(lease, "Other", "g")
	w.wantDue("after a change long after it was told", w.now)
}

func groupLive(w *world) {
	lease := w.lease("a", 1)
	low, high := w.begin(lease, "Low", "g"), w.begin(lease, "High", "g")
	high = w.end(lease, high, "g")
	seven := 7.0
	low.Value = &seven
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{low}}))
	w.after(groupWait)
	for _, m := range w.group("a").Members {
		want := high
		if m.Alert.Key.Rule == "Low" {
			want = low
		}
		w.same("member", want, m.Alert)
	}
	w.after(lifetime)
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{w.firing("High", "1")}}))
	for _, m := range w.group("a").Members {
		if m.Alert.Key.Rule == "High" {
			w.same("member whose alert fires anew, elsewhere", high, m.Alert)
		}
	}
}

func groupChangedMeanwhile(w *world) {
	lease := w.lease("a", 1)
	low := w.begin(lease, "Low", "g")
	w.after(groupWait)
	g := w.group("a")
	told := w.now
	w.end(lease, low, "g") // while the group is claimed
	w.wantDue("while it is claimed", told.Add(lifetime))
	w.freeze(g, id(1), low, told.Add(24*time.Hour))
	w.delivered(w.delivery("a"))
	w.wantDue("after a change while it was claimed", told.Add(interval))
	w.after(interval)
	if m := w.group("a").Members[0]; m.Told != billwatch.Firing || m.Alert.State != billwatch.Resolved {
		w.Errorf("the change is owed, but the member is %+v", m)
	}
}

func memberFiresAgain(w *world) {
	lease := w.lease("a", 1)
	low := w.begin(lease, "Low", "g")
	w.after(groupWait)
	w.freeze(w.group("a"), id(1), low, w.now.Add(24*time.Hour))
	w.delivered(w.delivery("a"))
	w.after(interval)
	low = w.end(lease, low, "g")
	g := w.group("a")
	w.after(time.Second)
	w.begin(lease, "Low", "g") // while its end is being told
	w.freeze(g, id(2), low, time.Time{})
	w.delivered(w.delivery("a"))
	w.after(interval)
	g = w.group("a")
	if len(g.Members) != 1 || g.Members[0].Told != billwatch.Inactive || g.Members[0].Alert.State != billwatch.Firing {
		w.Errorf("an alert that fires again while its end is told: %+v, want it firing and not told", g.Members)
	}
	if !g.ToldAt.IsZero() {
		w.Errorf("a group that ended and began anew was told at %s, want never", g.ToldAt)
	}
}

func flushLost(w *world) {
	lease := w.lease("a", 1)
	low := w.begin(lease, "Low", "g")
	w.after(groupWait)
	lost := w.group("a")
	w.after(lifetime)
	w.group("b")
	for _, f := range []billwatch.Flush{
		{Group: lost, Notification: w.notification(lost, id(1), low), NextDue: w.now.Add(time.Hour)},
		{Group: lost, Drop: lost.Members},
	} {
		if err := w.Freeze(w.ctx, []billwatch.Flush{f}); !errors.Is(err, billwatch.ErrLeaseLost) {
			w.Errorf("freeze of a lost claim: %v, want the lease lost", err)
		}
	}
	if d := w.deliveries("a"); len(d) != 0 {
		w.Errorf("the flush of a lost claim is sent: %+v", d)
	}
	w.after(lifetime)
	if m := w.group("c").Members; len(m) != 1 || m[0].Told != billwatch.Inactive {
		w.Errorf("the flush of a lost claim changed members: %+v", m)
	}
}

func flushTwice(w *world) {
	lease := w.lease("a", 1)
	low := w.begin(lease, "Low", "g")
	w.after(groupWait)
	g := w.group("a")
	f := []billwatch.Flush{{Group: g, Notification: w.notification(g, id(1), low), NextDue: w.now.Add(time.Hour)}}
	w.must(w.Freeze(w.ctx, f))
	w.must(w.Freeze(w.ctx, f))
	if d := w.deliveries("a"); len(d) != 1 {
		w.Errorf("%d deliveries of one flush that was stored twice, want 1", len(d))
	}
}

func groupEnds(w *world) {
	lease := w.lease("a", 1)
	low := w.begin(lease, "Low", "g")
	w.after(time.Second)
	w.end(lease, low, "g")
	w.after(groupWait)
	g := w.group("a")
	w.must(w.Freeze(w.ctx, []billwatch.Flush{{Group: g, Drop: g.Members, Untold: 1}}))
	w.wantDue("after a group ended", time.Time{})
	begin := w.now
	w.begin(lease, "Low", "g")
	w.wantDue("after the next one began", begin.Add(groupWait))
}

func groupComesBack(w *world) {
	w.begin(w.lease("a", 1), "Low", "g")
	w.after(groupWait)
	w.group("a")
	w.after(lifetime - time.Second)
	if early := w.groups("b"); len(early) != 0 {
		w.Errorf("claimed by two: %+v", early)
	}
	w.after(time.Second)
	w.group("b")
}

func groupsContested(w *world) {
	lease := w.lease("a", 1)
	b := billwatch.Batch{Lease: lease, Now: w.now}
	const n = 100
	for i := range n {
		b.Due = append(b.Due, w.due(w.firing("Low", fmt.Sprint(i)), fmt.Sprintf("g%d", i), integration))
	}
	w.must(w.Commit(w.ctx, b))
	w.after(groupWait)
	w.contest(n, func(holder string) ([]string, error) {
		var keys []string
		groups, err := w.ClaimGroups(w.ctx, w.claim(holder, 3))
		for _, g := range groups {
			keys = append(keys, g.Key)
		}
		return keys, err
	})
}

// contest lets eight claim until nothing is left, and wants each of n things
// claimed by one.
func (w *world) contest(n int, claim func(holder string) ([]string, error)) {
	w.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	claimed := map[string]int{}
	for i := range 8 {
		holder := string(rune('a' + i))
		wg.Go(func() {
			for misses := 0; misses < 3; {
				got, err := claim(holder)
				if err != nil {
					w.Error(err)
					return
				}
				if len(got) == 0 {
					misses++
				}
				mu.Lock()
				for _, key := range got {
					claimed[key]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(claimed) != n {
		w.Errorf("%d of %d were claimed", len(claimed), n)
	}
	for key, times := range claimed {
		if times != 1 {
			w.Errorf("%s was claimed %d times", key, times)
		}
	}
}
