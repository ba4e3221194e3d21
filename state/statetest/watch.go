package statetest

import (
	"errors"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

func (w *world) watch(holder string) billwatch.Watch {
	w.Helper()
	got, err := w.Watch(w.ctx, billwatch.WatchClaim{Source: source, Holder: holder, Now: w.now, Gap: 2 * time.Minute})
	w.must(err)
	return got
}

func watchKeepsTheRound(w *world) {
	lease := w.lease("a", 7)
	w.live("b")
	if got := w.watch("b"); got.Held {
		w.Error("another replica watches a source whose holder lives")
	}
	got := w.watch("a")
	if !got.Held || got.Lease.Epoch != lease.Epoch || got.Lease.Slot != 7 || !got.Sight.Polling.Equal(w.now) {
		w.Errorf("the holder watches with %+v, want epoch %d, slot 7 and its round", got, lease.Epoch)
	}
	w.commit(lease, w.read("1", 5))
	if got := w.slot("a", 7); got.Taken {
		w.Error("a watch freed a slot")
	}
}

func watchTakesOver(w *world) {
	old := w.lease("a", 7)
	w.after(lifetime + time.Second)
	w.live("b")
	if got := w.watch("b"); !got.Held || got.Lease.Epoch != old.Epoch+1 || got.Lease.Slot != 7 {
		w.Errorf("watched after the holder's end: %+v, want the next epoch and the slot kept", got)
	}
	err := w.Commit(w.ctx, billwatch.Batch{Lease: old, Now: w.now, Polls: []billwatch.Poll{w.read("1", 5)}})
	if !errors.Is(err, billwatch.ErrLeaseLost) {
		w.Errorf("the former holder commits: %v, want the lease lost", err)
	}
	got := w.slot("b", 8)
	if !got.Taken || got.Lease.Epoch != old.Epoch+1 || got.BrokenOff.IsZero() {
		w.Errorf("the new holder polls with %+v, want its epoch, and told of the round that was broken off", got)
	}
}

func watchedAnew(w *world) {
	w.live("a")
	first := w.now
	w.after(time.Second)
	w.live("a")
	began := w.watch("a").Sight.Since
	if began.Before(first) {
		w.Errorf("a source that was never watched is watched since %s", began)
	}
	w.after(time.Minute + lifetime)
	w.live("b")
	if got := w.watch("b").Sight.Since; !got.Equal(began) {
		w.Errorf("handed on within the gap it is watched since %s, want %s", got, began)
	}
	w.after(24 * time.Hour)
	w.live("c")
	if got := w.watch("c").Sight.Since; !got.Equal(w.now) {
		w.Errorf("after a day without a watcher it is watched since %s, want now", got)
	}
	if _, err := w.Watch(w.ctx, billwatch.WatchClaim{Source: source, Holder: "nobody", Now: w.now}); !errors.Is(err, billwatch.ErrLeaseLost) {
		w.Errorf("watch without a lease: %v, want the lease lost", err)
	}
}

// refusal is an error that says what it is.
type refusal struct{}

func (refusal) Error() string { return "GET /v1: 401" }

// Failure is what it was.
func (refusal) Failure() billwatch.Failure {
	return billwatch.Failure{Kind: "credential", Endpoint: "GET /v1", Status: 401}
}

func failureKept(w *world) {
	lease := w.lease("a", 1)
	w.must(w.EndRound(w.ctx, billwatch.Round{Lease: lease, Now: w.now, Complete: true}))
	good := w.now
	w.after(time.Minute)
	failing := w.now
	for slot := int64(2); slot < 4; slot++ {
		lease = w.lease("a", slot)
		w.must(w.EndRound(w.ctx, billwatch.Round{Lease: lease, Now: w.now, Err: refusal{}, PausedUntil: w.now.Add(time.Hour), EmptyListings: 2}))
		w.after(time.Minute)
	}
	w.live("a")
	sight := w.watch("a").Sight
	want := billwatch.Failure{Kind: "credential", Endpoint: "GET /v1", Status: 401, Message: "GET /v1: 401"}
	if !sight.Good.Equal(good) || !sight.Failing.Equal(failing) || sight.Failure != want || !sight.Polling.IsZero() {
		w.Errorf("seen as %+v, want good until %s, failing since %s, %+v", sight, good, failing, want)
	}
	next := w.slot("a", 4)
	if !next.PausedUntil.Equal(w.now.Add(time.Hour-time.Minute)) || next.EmptyListings != 2 {
		w.Errorf("the next round is told %+v, want the pause and the empty listings", next)
	}
	down, err := w.Watch(w.ctx, billwatch.WatchClaim{Source: source, Holder: "a", Now: w.now, Down: true})
	w.must(err)
	w.commit(next.Lease, w.read("1", 5))
	back := w.watch("a").Sight
	if !down.Sight.Down || back.Down || !back.Back.Equal(w.now) || !back.Failing.IsZero() {
		w.Errorf("found down %t; once an account was read: %+v", down.Sight.Down, back)
	}
}

// sights names the accounts whose alerts do not say what is so.
func (w *world) sights(before time.Time) string {
	w.Helper()
	got, err := w.Sights(w.ctx, billwatch.SightClaim{Source: source, StaleBefore: before, Gone: true})
	w.must(err)
	var ids []string
	for _, s := range got {
		ids = append(ids, s.Account.ID)
	}
	return strings.Join(ids, " ")
}

func sightsOfFew(w *world) {
	lease := w.lease("a", 1)
	w.commit(lease, w.read("fresh", 5), w.read("gone", 5), w.read("old", 5), w.read("out", 5))
	read := w.now
	w.listing(2, []string{"fresh", "old", "out"})
	w.listing(3, []string{"fresh", "old", "out"})
	if got := w.sights(time.Time{}); got != "" {
		w.Errorf("none is gone or stale, but %q came", got)
	}
	lease = w.lease("a", 4)
	w.commit(lease, w.read("fresh", 5), billwatch.Poll{Account: account("old"), At: w.now, Err: refusal{}})
	w.must(w.EndRound(w.ctx, billwatch.Round{Lease: lease, Now: w.now, Complete: true, Seen: []string{"fresh", "old", "out"}, Excluded: []string{"out"}}))
	if got := w.sights(read); got != "gone old" {
		w.Errorf("one is gone, one is old: %q came", got)
	}
	gone, old := w.firing(billwatch.RuleAccountGone, "gone"), w.firing(billwatch.RuleAccountStale, "old")
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{gone, old}}))
	if got := w.sights(read); got != "" {
		w.Errorf("both alerts stand, but %q came", got)
	}
	w.must(w.Shift(w.ctx, 2*time.Hour))
	w.now = w.now.Add(2 * time.Hour)
	if got := w.sights(read.Add(2 * time.Hour)); got != "" {
		w.Errorf("a clock that jumped ahead makes %q stale", got)
	}
	w.must(w.Shift(w.ctx, -4*time.Hour))
	w.now = w.now.Add(-4 * time.Hour)
	if got := w.sights(w.now); got != "fresh" {
		w.Errorf("after a clock that went back %q came, want what was not read since", got)
	}
	lease = w.lease("a", 5)
	w.commit(lease, w.read("old", 5), w.read("gone", 5))
	if got := w.sights(w.now.Add(-time.Minute)); got != "gone old" {
		w.Errorf("both were read: %q came, want them to be taken back", got)
	}
}

// pauseKept: a provider asks to be left alone, and the replica is killed before
// its round ends.
func pauseKept(w *world) {
	lease := w.lease("a", 1)
	until := w.now.Add(30 * time.Minute)
	rests := func(until time.Time) error {
		return w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, PausedUntil: until})
	}
	w.must(rests(until))
	w.must(rests(until.Add(-time.Minute)))
	w.must(rests(time.Time{}))
	w.after(time.Minute)
	w.reopen()
	w.live("b")
	if next := w.slot("b", 2); !next.PausedUntil.Equal(until) {
		w.Errorf("who comes next rests until %s, want %s", next.PausedUntil, until)
	}
	if err := rests(until.Add(time.Minute)); !errors.Is(err, billwatch.ErrLeaseLost) {
		w.Errorf("whose source was taken over stores a pause: %v, want ErrLeaseLost", err)
	}
}
