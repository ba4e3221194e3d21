package poller

import (
	"context"
	"fmt"
	"sync"

	"github.com/billwatch/billwatch"
)

// read reads the accounts, several at a time, then what was put off.
func (r *round) read(ctx context.Context, tasks []task) {
	concurrency := r.Concurrency
	if concurrency <= 0 {
		concurrency = defaultConcurrency
	}
	queue := make(chan task)
	var workers sync.WaitGroup
	for range min(concurrency, len(tasks)) {
		workers.Go(func() {
			for t := range queue {
				r.account(ctx, t, true)
			}
		})
	}
	for _, t := range tasks {
		queue <- t // workers end quickly once ctx has ended
	}
	close(queue)
	workers.Wait()
	if r.late != nil {
		r.account(ctx, *r.late, false)
	}
	for _, f := range r.first {
		if ctx.Err() != nil {
			return
		}
		r.readHistory(ctx, &f.poll, f.since)
		if f.poll.HistoryAsked {
			r.send(f.poll)
		}
	}
}

// account reads one account and emits its poll. Where mayWait, one that failed
// in passing is put off until all others were read.
func (r *round) account(ctx context.Context, t task, mayWait bool) {
	if ctx.Err() != nil {
		return
	}
	p := r.poll(ctx, t)
	if ctx.Err() != nil && p.Err != nil {
		return
	}
	if p.Err != nil && mayWait && r.mayRetry(p.Err) {
		r.mu.Lock()
		r.late = &t
		r.mu.Unlock()
		return
	}
	if t.outcome == billwatch.Unknown && r.leavesOut(t, p) {
		r.mu.Lock()
		r.out.Excluded = append(r.out.Excluded, p.Account.ID)
		r.mu.Unlock()
		return
	}
	if since, due := r.historyDue(t.known, p.Account.ID, p.At); due && p.Err == nil {
		if t.known.Last == nil { // it must not hold up the first evaluation
			r.mu.Lock()
			r.first = append(r.first, firstRead{p, since})
			r.mu.Unlock()
		} else {
			r.readHistory(ctx, &p, since)
		}
	}
	r.send(p)
}

// leavesOut is what select says of an account of whose row it could not tell.
// Where it still cannot, its last answer holds; at first that is to leave the
// account out.
func (r *round) leavesOut(t task, p billwatch.Poll) bool {
	said := billwatch.Unknown
	if p.Err == nil && r.SelectRead != nil {
		said = r.SelectRead(*p.Snapshot)
	}
	if said != billwatch.Unknown {
		return said == billwatch.False
	}
	_, looked := r.known[t.row.Account.ID]
	if !looked && p.Err != nil { // or nobody would be told of it
		r.mu.Lock()
		r.out.Problems = append(r.out.Problems, p.Err.Error())
		r.mu.Unlock()
	}
	return t.known.Excluded || !looked
}

// poll reads one account.
func (r *round) poll(ctx context.Context, t task) billwatch.Poll {
	snapshot, err := t.row.Snapshot, error(nil)
	if snapshot == nil {
		var read billwatch.Snapshot
		r.tried(t.row.Account.ID, r.Now())
		read, err = r.Provider.Fetch(ctx, t.row.Account)
		r.told(err)
		snapshot = &read
	}
	p := billwatch.Poll{Account: t.row.Account, At: r.Now().UTC()}
	switch {
	case err == nil:
		s := *snapshot
		p.Snapshot = &s
	case KindOf(err) == Suspended:
		p.Snapshot = carryOver(*snapshot, t.known.Last)
	default:
		p.Err = fmt.Errorf("account %s: %w", t.row.Account.ID, err)
		return p
	}
	if p.Snapshot.Account.ID == "" {
		p.Snapshot.Account = t.row.Account
	}
	p.Snapshot.Account = r.dress(p.Snapshot.Account, t.known)
	p.Snapshot.At = p.At
	p.Derive = r.derives(t.known)
	p.Account = p.Snapshot.Account
	return p
}

// carryOver makes the snapshot of an account of which the provider only says
// that it is suspended: the rest is what it was.
func carryOver(bare billwatch.Snapshot, last *billwatch.Snapshot) *billwatch.Snapshot {
	if last == nil {
		return &bare
	}
	s := *last
	s.Account = bare.Account
	s.Suspended = billwatch.Known(true)
	if s.State.IsKnown() { // it would say "active" beside it
		s.State = billwatch.Known("suspended")
	}
	return &s
}
