package poller

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// How near to trouble an account is; the nearest is read first.
const (
	overdue  = iota // not read for as long as a reading may get old
	standing        // an alert on it is pending or fires
	runsLow         // its balance lasts for a few days only
	moving          // it changed of late
	quiet
)

// ration returns the tasks that the budget allows now: first those that were
// not read for too long, then those near to trouble, then the oldest readings.
// Accounts that the listing told all of cost nothing and are always read.
func (r *round) ration(tasks []task) []task {
	now := r.Now()
	rows := slices.DeleteFunc(slices.Clone(tasks), func(t task) bool { return t.row.Snapshot == nil })
	tasks = slices.DeleteFunc(tasks, func(t task) bool { return t.row.Snapshot != nil })
	p := r.plan(len(rows)+len(tasks), len(tasks) == 0, now)
	preferred := r.rank(tasks, p, now)
	slices.SortStableFunc(tasks, byNeed)
	if r.beginning() {
		shuffleHalf(tasks)
	}
	r.histories = p.histories
	r.out.Shortage = r.shortage(p, len(tasks), preferred)
	r.say(r.out.Shortage)
	spared := p.histories - min(p.histories, r.historiesDue(rows, now)+r.historiesDue(tasks, now))
	return append(rows, tasks[:min(len(tasks), p.details+spared)]...)
}

// historiesDue counts the accounts that have new history to be read.
func (r *round) historiesDue(tasks []task, now time.Time) int {
	n := 0
	for _, t := range tasks {
		if _, due := r.historyDue(t.known, t.row.Account.ID, now); due {
			n++
		}
	}
	return n
}

// rank notes how near to trouble each account is and when it was last asked
// for, and counts those that are preferred.
func (r *round) rank(tasks []task, p plan, now time.Time) (preferred int) {
	r.Source.mu.Lock()
	defer r.Source.mu.Unlock()
	for i := range tasks {
		t := &tasks[i]
		t.asked = r.attempts[t.row.Account.ID]
		if last := t.known.Last; last != nil && last.At.After(t.asked) {
			t.asked = last.At
		}
		t.rank = rankOf(t.known, now.Add(-p.longest))
		if t.rank != quiet {
			preferred++
		}
		// By the next round it would be too old; a tenth is for the unpunctual.
		if now.Sub(t.asked) > p.longest-p.every+p.every/10 {
			t.rank = overdue
		}
	}
	return preferred
}

func rankOf(known billwatch.Remembered, lately time.Time) int {
	switch {
	case known.Urgent:
		return standing
	case known.Runway > 0:
		return runsLow
	case known.Changed.After(lately):
		return moving
	}
	return quiet
}

func byNeed(a, b task) int {
	if d := a.rank - b.rank; d != 0 {
		return d
	}
	if d := cmp.Compare(a.known.Runway, b.known.Runway); d != 0 && a.rank == runsLow {
		return d
	}
	return a.asked.Compare(b.asked)
}

// shuffleHalf puts accounts taken at random between the others. A process does
// so at first: one that is killed again and again knows nothing of the accounts
// that it could not read, and would come no further than to those each time.
func shuffleHalf(tasks []task) {
	for i := 1; i < len(tasks); i += 2 {
		k := i + rand.IntN(len(tasks)-i) //nolint:gosec // an order, no secret
		chosen := tasks[k]
		copy(tasks[i+1:k+1], tasks[i:k])
		tasks[i] = chosen
	}
}

// mayReadHistory takes one of the history requests that the round has.
func (r *round) mayReadHistory() bool {
	if r.Budget == nil || r.Budget.limit == 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.histories--
	return r.histories >= 0
}
