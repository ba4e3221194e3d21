package statetest

import (
	"time"

	"github.com/billwatch/billwatch"
)

// groupLeft is a configuration that groups otherwise: whoever was told that an
// alert fires is told of its end, by the group that told so.
func groupLeft(w *world) {
	lease := w.lease("a", 1)
	low := w.begin(lease, "Low", "before")
	w.after(groupWait)
	w.freeze(w.group("a"), id(1), low, w.now.Add(240*time.Hour))
	w.delivered(w.delivery("a"))
	w.after(time.Hour)
	w.end(lease, low, "after")
	w.after(groupWait)
	told := 0
	for _, g := range w.groups("a") {
		m := g.Members[0]
		if m.Alert.State != billwatch.Resolved {
			w.Errorf("group %s says that the alert is %s, want resolved", g.Key, m.Alert.State)
		}
		if m.Told == billwatch.Firing {
			told++
		}
	}
	if told != 1 {
		w.Errorf("%d groups owe the end, want the one that told the beginning", told)
	}
	b := w.told(lease, w.firing("High", "1"), "before")
	w.must(w.Commit(w.ctx, b))
	w.after(interval)
	high := w.resolved(b.Alerts[0])
	b = w.told(lease, high, "after")
	b.Due = nil // routed nowhere now
	w.must(w.Commit(w.ctx, b))
	for _, g := range w.groups("a") {
		for _, m := range g.Members {
			if m.Alert.Key.Rule == "High" && m.Alert.State != billwatch.Resolved {
				w.Errorf("an alert that routes nowhere any more is %s in its group, want resolved", m.Alert.State)
			}
		}
	}
}

// standingIsNews is a configuration with another receiver, which an alert that
// fired before routes to.
func standingIsNews(w *world) {
	lease := w.lease("a", 1)
	low := w.begin(lease, "Low", "before")
	w.after(groupWait)
	w.freeze(w.group("a"), id(1), low, w.now.Add(240*time.Hour))
	w.delivered(w.delivery("a"))
	w.after(time.Hour)
	b := billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{low},
		Due: []billwatch.GroupDue{w.due(low, "after", integration), w.due(low, "after", "new/webhook/0")}}
	for i := range b.Due {
		b.Due[i].Standing = true
	}
	w.must(w.Commit(w.ctx, b))
	w.must(w.Commit(w.ctx, b))
	w.after(groupWait)
	got, err := w.ClaimGroups(w.ctx, w.claim("a", 100, integration, "new/webhook/0"))
	w.must(err)
	if len(got) != 1 || got[0].Integration != "new/webhook/0" || len(got[0].Members) != 1 || got[0].Members[0].Told != billwatch.Inactive {
		w.Errorf("due is %+v, want the one at who never heard of the alert", got)
	}
}

func groupLeftForAnother(w *world) {
	lease := w.lease("a", 1)
	low := w.begin(lease, "Low", "before")
	w.after(groupWait)
	w.freeze(w.group("a"), id(1), low, w.now.Add(240*time.Hour))
	w.delivered(w.delivery("a"))
	w.after(time.Second)
	w.end(lease, low, "after")
	w.after(time.Second)
	w.begin(lease, "Low", "after")
	w.after(time.Hour)
	members := map[string]int{}
	for _, g := range w.groups("a") {
		members[g.Key] = len(g.Members)
	}
	w.same("members", map[string]int{"before": 0, "after": 1}, members)
}

// rewoundToTheEpoch is a machine without a battery: what was overdue then lies
// before 1970, and is still due.
func rewoundToTheEpoch(w *world) {
	lease := w.lease("a", 1)
	w.owe(lease, "told", id(1))
	w.delivered(w.delivery("a"))
	told := w.now
	high := w.begin(lease, "High", "overdue")
	w.after(48 * time.Hour)
	w.live("a")
	w.slot("a", 2)
	jump := time.Unix(5, 0).UTC().Sub(w.now)
	w.after(jump)
	if by, err := w.Rewind(w.ctx, w.now); err != nil || by != jump {
		w.Errorf("back to 1970: shifted by %s, %v; want %s", by, err, jump)
	}
	w.freeze(w.group("a"), id(2), high, w.now.Add(2400*time.Hour))
	w.must(w.Shift(w.ctx, time.Hour))
	w.after(240 * time.Hour)
	if g := w.group("a"); !g.ToldAt.Equal(told.Add(jump + time.Hour)) {
		w.Errorf("after another jump the group was told at %s, want %s", g.ToldAt, told.Add(jump+time.Hour))
	}
}

// roundInterrupted is a restart in the middle of a round.
func roundInterrupted(w *world) {
	w.lease("a", 1)
	w.must(w.Resign(w.ctx, "a"))
	w.live("b")
	again := w.slot("b", 1)
	if !again.Taken {
		w.Fatal("the slot of a round that was not ended is not free")
	}
	w.after(time.Second)
	w.must(w.EndRound(w.ctx, billwatch.Round{Lease: again.Lease, Now: w.now, Complete: true}))
	w.must(w.Resign(w.ctx, "b"))
	w.live("c")
	if w.slot("c", 1).Taken {
		w.Error("the slot of a round that was ended is free")
	}
}
