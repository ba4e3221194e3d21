package statetest

import (
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
)

func slotOnce(w *world) {
	w.live("a")
	w.live("b")
	first := w.slot("a", 7)
	want := billwatch.Lease{Source: source, Holder: "a", Epoch: 1, Until: w.now.Add(lifetime), Slot: 7}
	if diff := cmp.Diff(want, first.Lease); diff != "" || !first.Taken {
		w.Errorf("the first claim: taken %t, lease (-want +got):\n%s", first.Taken, diff)
	}
	for _, claim := range []struct {
		holder string
		slot   int64
	}{{"a", 7}, {"b", 7}, {"a", 6}, {"b", 8}} {
		if got := w.slot(claim.holder, claim.slot); got.Taken {
			w.Errorf("%s took slot %d although a holds the source and took 7", claim.holder, claim.slot)
		}
	}
	if again := w.slot("a", 8); !again.Taken || again.Lease.Epoch != 1 {
		w.Errorf("the holder's next claim: %+v, want it taken in the same epoch", again)
	}
}

func slotPasses(w *world) {
	w.lease("a", 1)
	w.after(lifetime + time.Second)
	if next := w.lease("b", 2); next.Epoch != 2 {
		w.Errorf("the new holder has epoch %d, want 2", next.Epoch)
	}
}

func slotResigned(w *world) {
	w.lease("a", 1)
	w.must(w.Resign(w.ctx, "a"))
	w.after(time.Second)
	if next := w.lease("b", 2); next.Epoch != 2 {
		w.Errorf("the new holder has epoch %d, want 2", next.Epoch)
	}
}

func slotOfTheFuture(w *world) {
	w.lease("a", 100)
	w.after(-2 * time.Hour)
	w.lease("a", 40)
}

func slotContested(w *world) {
	var wg sync.WaitGroup
	taken := make([]int, 8)
	for i := range taken {
		holder := string(rune('a' + i))
		w.live(holder)
		wg.Go(func() {
			for slot := int64(1); slot <= 20; slot++ {
				got, err := w.ClaimSlot(w.ctx, billwatch.SlotClaim{Source: source, Holder: holder, Slot: slot, Now: w.now})
				if err != nil {
					w.Error(err)
				}
				if got.Taken {
					taken[i]++
				}
			}
		})
	}
	wg.Wait()
	holders := 0
	for _, n := range taken {
		if n > 0 {
			holders++
		}
	}
	if holders != 1 {
		w.Errorf("eight replicas took %v slots, want one of them to have all", taken)
	}
}

func epochRefused(w *world) {
	old := w.lease("a", 1)
	w.after(lifetime + time.Second)
	w.lease("b", 2)
	w.live("a")
	w.after(time.Second)
	err := w.Commit(w.ctx, billwatch.Batch{Lease: old, Now: w.now, Polls: []billwatch.Poll{w.read("1", 5)}})
	if !errors.Is(err, billwatch.ErrLeaseLost) {
		w.Errorf("commit with an old epoch: %v, want the lease lost", err)
	}
	err = w.EndRound(w.ctx, billwatch.Round{Lease: old, Now: w.now, Complete: true})
	if !errors.Is(err, billwatch.ErrLeaseLost) {
		w.Errorf("end of a round with an old epoch: %v, want the lease lost", err)
	}
	w.after(lifetime)
	w.lease("a", 3) // it comes back, which makes its old lease no better
	if err := w.Commit(w.ctx, billwatch.Batch{Lease: old, Now: w.now, Polls: []billwatch.Poll{w.read("1", 5)}}); !errors.Is(err, billwatch.ErrLeaseLost) {
		w.Errorf("commit with an old epoch of the present holder: %v, want the lease lost", err)
	}
	if got, err := w.Accounts(w.ctx, source); err != nil || len(got) != 0 {
		w.Errorf("accounts after refused writes: %v, %v; want none", got, err)
	}
}

func claimNeedsLife(w *world) {
	_, err := w.ClaimSlot(w.ctx, billwatch.SlotClaim{Source: source, Holder: "a", Slot: 1, Now: w.now})
	if !errors.Is(err, billwatch.ErrLeaseLost) {
		w.Errorf("claim without a lease: %v, want the lease lost", err)
	}
}

func (w *world) commit(l billwatch.Lease, polls ...billwatch.Poll) {
	w.Helper()
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: l, Now: w.now, Polls: polls}))
}

func (w *world) accounts() []billwatch.Remembered {
	w.Helper()
	got, err := w.Accounts(w.ctx, source)
	w.must(err)
	return got
}

// same compares our words; their values know what they hold, and say it in JSON.
func (w *world) same(what string, want, got any) {
	w.Helper()
	if diff := cmp.Diff(asJSON(want), asJSON(got)); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func remembered(w *world) {
	lease := w.lease("a", 1)
	p := w.read("1", 5)
	p.Snapshot.Suspended = billwatch.NotSent[bool]()
	p.Snapshot.Plan.Capacity = billwatch.Known(billwatch.DecimalOf(9007199254740993))
	p.HistoryAsked = true
	p.Records = []billwatch.Record{{Period: w.now.Truncate(24 * time.Hour), Remaining: billwatch.DecimalOf(5)}}
	w.commit(lease, p, billwatch.Poll{Account: account("2"), At: w.now, Err: errors.New("no answer")})
	w.same("accounts", []billwatch.Remembered{
		{Account: account("1"), Last: p.Snapshot, HistoryThrough: p.Records[0].Period, HistoryAsked: w.now, Changed: w.now},
		{Account: account("2")},
	}, w.accounts())
}

func (w *world) snapshots(id string) []billwatch.Snapshot {
	w.Helper()
	got, err := w.Snapshots(w.ctx, billwatch.AccountKey{Source: source, ID: id}, time.Time{})
	w.must(err)
	return got
}

func snapshotOnChange(w *world) {
	lease := w.lease("a", 1)
	first := w.now
	var changed time.Time
	for _, balance := range []int64{5, 5, 5, 4, 4} {
		if balance == 4 && changed.IsZero() {
			changed = w.now
		}
		w.commit(lease, w.read("1", balance))
		w.after(time.Minute)
	}
	got := w.snapshots("1")
	if len(got) != 2 || !got[0].At.Equal(first) || !got[1].At.Equal(changed) {
		w.Errorf("five polls with one change left %+v, want two snapshots, of %s and %s", got, first, changed)
	}
	if last := w.accounts()[0].Last; !last.At.Equal(w.now.Add(-time.Minute)) {
		w.Errorf("the last good snapshot is of %s, want the last poll's time", last.At)
	}
}

func failedPollKeeps(w *world) {
	lease := w.lease("a", 1)
	p := w.read("1", 5)
	w.commit(lease, p)
	w.after(time.Minute)
	w.commit(lease, billwatch.Poll{Account: account("1"), At: w.now, Err: errors.New("no answer")})
	known, err := w.Know(w.ctx, source, []string{"1", "never seen"})
	w.must(err)
	w.same("known", map[string]billwatch.Knowledge{"1": {Previous: p.Snapshot}, "never seen": {}}, known)
}

func recordsMerged(w *world) {
	lease := w.lease("a", 1)
	day := func(n int, used int64) billwatch.Record {
		return billwatch.Record{Period: w.now.Truncate(24*time.Hour).AddDate(0, 0, n), Remaining: billwatch.DecimalOf(100), Used: billwatch.DecimalOf(used)}
	}
	hourly := billwatch.Record{Period: w.now.Truncate(24 * time.Hour).Add(time.Hour), Remaining: billwatch.DecimalOf(1), Used: billwatch.DecimalOf(2)}
	p := w.read("1", 5)
	p.Records = []billwatch.Record{day(-200, 9), day(-3, 1), day(-2, 2), day(-1, 3)}
	w.commit(lease, p)
	p.Records = []billwatch.Record{day(-2, 7), day(0, 4), hourly}
	w.commit(lease, p)
	known, err := w.Know(w.ctx, source, []string{"1"})
	w.must(err)
	w.same("records", []billwatch.Record{day(-3, 1), day(-2, 7), day(-1, 3), day(0, 4), hourly}, known["1"].Records)
	if through := w.accounts()[0].HistoryThrough; !through.Equal(hourly.Period) {
		w.Errorf("history reaches %s, want %s", through, hourly.Period)
	}
}

// listing is one round: the ids that were seen, or nil where it failed.
func (w *world) listing(slot int64, ids []string) {
	w.Helper()
	lease := w.lease("a", slot)
	r := billwatch.Round{Lease: lease, Now: w.now, Complete: true, Seen: ids}
	if ids == nil {
		r.Complete, r.Err = false, errors.New("no answer")
	}
	w.must(w.EndRound(w.ctx, r))
	w.after(time.Minute)
}

func (w *world) missing(id string) (int, bool) {
	w.Helper()
	for _, a := range w.accounts() {
		if a.Account.ID == id {
			return a.Missing, a.Gone
		}
	}
	w.Fatalf("account %s is not remembered", id)
	return 0, false
}

func (w *world) wantMissing(when, id string, missing int, gone bool) {
	w.Helper()
	if n, g := w.missing(id); n != missing || g != gone {
		w.Errorf("%s account %s is missing from %d, gone %t; want %d and %t", when, id, n, g, missing, gone)
	}
}

func missingThenGone(w *world) {
	w.commit(w.lease("a", 1), w.read("1", 5), w.read("2", 5))
	for i := range int64(3) {
		w.wantMissing("before it was missing three times", "2", int(i), false)
		w.listing(2+i, []string{"1"})
	}
	w.wantMissing("after three listings without it", "2", 3, true)
	w.wantMissing("after three listings with it", "1", 0, false)
	w.listing(5, []string{"1", "2"})
	w.wantMissing("after it came back", "2", 0, false)
}

func failedListing(w *world) {
	w.commit(w.lease("a", 1), w.read("1", 5), w.read("2", 5))
	w.listing(2, []string{"1"})
	w.listing(3, nil)
	w.wantMissing("after a failed listing", "2", 1, false)
	lease := w.lease("a", 4)
	w.must(w.EndRound(w.ctx, billwatch.Round{Lease: lease, Now: w.now, Seen: []string{"1"}, Problems: []string{"row 2: no uid"}}))
	w.wantMissing("after an incomplete listing", "2", 1, false)
	w.listing(5, []string{"1"})
	w.wantMissing("after another complete one", "2", 2, false)
}

func emptyListing(w *world) {
	w.commit(w.lease("a", 1), w.read("1", 5), w.read("2", 5))
	w.listing(2, []string{})
	w.wantMissing("after an empty listing", "1", 3, true)
	w.wantMissing("after an empty listing", "2", 3, true)
}

func roundCountedOnce(w *world) {
	lease := w.lease("a", 1)
	w.commit(lease, w.read("1", 5), w.read("2", 5))
	for range 3 {
		w.must(w.EndRound(w.ctx, billwatch.Round{Lease: lease, Now: w.now, Complete: true, Seen: []string{"1"}}))
	}
	w.wantMissing("after one round that was ended three times", "2", 1, false)
}

func requestsHandedOn(w *world) {
	lease := w.lease("a", 1)
	asked := []time.Time{w.now, w.now.Add(time.Second)}
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Requests: asked}))
	w.after(time.Minute)
	w.must(w.EndRound(w.ctx, billwatch.Round{Lease: lease, Now: w.now, Complete: true}))
	w.must(w.Resign(w.ctx, "a"))
	w.live("b")
	w.same("requests", asked, w.slot("b", 2).Requests)
}

func oddNames(w *world) {
	lease := w.lease("a", 1)
	for _, id := range []string{"nul\x00", "broken\xff", `quote'"`, "Ωmega", "", "a/b?c"} {
		p := w.read(id, 5)
		p.Account.Name, p.Snapshot.Account.Name = id, id
		w.commit(lease, p)
		alert := w.firing("Low", id)
		w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{alert}}))
		known, err := w.Know(w.ctx, source, []string{id})
		w.must(err)
		if got := known[id]; got.Previous == nil || len(got.Alerts) != 1 {
			w.Errorf("account %q is not known again: %+v", id, got)
		}
	}
}
