package poller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
)

// listAgain is how long a failed listing waits for its one retry.
const listAgain = time.Second

var errEmpty = errors.New("the listing is empty, although there were accounts")

// round is one poll of a source on its way.
type round struct {
	*Source
	known map[string]billwatch.Remembered
	out   billwatch.Round

	emit func(billwatch.Poll)
	gate chan struct{} // held while emit runs

	mu        sync.Mutex
	retried   bool // the round's one retry was used
	refreshed bool // the credential was read again
	histories int  // requests that may still be made for history
	late      *task
	first     []firstRead // accounts whose first history is still to be read
}

// task is an account to be read.
type task struct {
	row     Row
	known   billwatch.Remembered
	outcome billwatch.Outcome // of select, before the detail
	asked   time.Time         // when it was last asked for
	rank    int               // how near to trouble it is, 0 first
}

type firstRead struct {
	poll  billwatch.Poll
	since time.Time
}

// Round polls the source once: it lists the accounts, reads those that are
// selected, and calls emit for each, never twice at the same time. A known
// account that is not gone and that the listing leaves out, or that could not
// be listed at all, is emitted as a failed poll.
//
// A cycle costs one listing and one request per account; beyond that at most
// one retry, and a history request for an account with a new complete period.
// The history of an account that had no snapshot before is read after all
// accounts were emitted, and comes as a second poll with the same snapshot and
// the records; otherwise records come with the snapshot. When ctx ends, what was not read is not emitted: nobody looked.
func (s *Source) Round(ctx context.Context, known []billwatch.Remembered, emit func(billwatch.Poll)) billwatch.Round {
	r := &round{Source: s, known: make(map[string]billwatch.Remembered, len(known)), emit: emit, gate: make(chan struct{}, 1)}
	for _, k := range known {
		r.known[k.Account.ID] = k
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.whileHeld(cancel)
	r.out.Err = r.run(ctx)
	r.out.Now = s.Now()
	r.out.Requests = s.Spent()
	if s.Budget != nil {
		s.Budget.watch(nil)
	}
	r.out.PausedUntil = s.Paused()
	s.mu.Lock()
	r.out.EmptyListings = s.empty
	s.mu.Unlock()
	return r.out
}

// whileHeld ends the round instead of its next request once the source is no
// longer this replica's: another may be spending the budget by then.
func (r *round) whileHeld(cancel context.CancelCauseFunc) {
	if r.Held == nil || r.Budget == nil {
		return
	}
	r.Budget.watch(func() error {
		err := r.Held()
		if err != nil {
			cancel(err)
		}
		return err
	})
}

func (r *round) run(ctx context.Context) error {
	listing, err := r.list(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.failUnseen(err)
		return err
	}
	tasks := r.sort(listing)
	if len(r.out.Seen) == 0 && len(listing.Problems) == 0 && r.living() > 0 {
		if !r.emptyListing(true) {
			r.out.Complete = false
			r.failUnseen(errEmpty)
			return errEmpty
		}
	} else {
		r.emptyListing(false)
	}
	r.failUnseen(ErrMissing)
	r.read(ctx, r.ration(tasks))
	if ctx.Err() != nil {
		r.out.Complete = false
		return context.Cause(ctx)
	}
	if r.out.Complete {
		r.forget(r.out.Seen)
	}
	return nil
}

// list asks for the listing, once more where that may help.
func (r *round) list(ctx context.Context) (Listing, error) {
	listing, err := r.listing(ctx)
	if err == nil || !r.mayRetry(err) {
		return listing, err
	}
	if err := sleep(ctx, listAgain); err != nil {
		return Listing{}, err
	}
	return r.listing(ctx)
}

// listing asks for the listing once, and notes what a whole one costs.
func (r *round) listing(ctx context.Context) (Listing, error) {
	before := 0
	if r.Budget != nil {
		before = r.Budget.asked()
	}
	listing, err := r.Provider.List(ctx)
	r.told(errors.Join(append(listing.Problems, err)...)) // a later page may be told to wait
	if err != nil || len(listing.Rows) == 0 {
		return listing, err
	}
	r.Source.mu.Lock()
	defer r.Source.mu.Unlock()
	if r.Budget != nil {
		r.pages = r.Budget.asked() - before
	}
	r.free = !slices.ContainsFunc(listing.Rows, func(row Row) bool { return row.Snapshot == nil })
	return listing, nil
}

// told lets the budget learn from how a request ended. That the source must rest
// is passed on before anything else: until it is stored only this process knows.
func (r *round) told(err error) {
	if r.Budget == nil {
		return
	}
	before := r.Budget.Paused()
	r.Budget.told(err)
	until := r.Budget.Paused()
	if !until.After(before) {
		return
	}
	r.Source.mu.Lock()
	rests := r.rests
	r.Source.mu.Unlock()
	if rests != nil {
		rests(until)
	}
}

// mayRetry says whether to spend the round's one retry on err, and spends it.
// A rejected credential is worth it only when its file holds another one now.
func (r *round) mayRetry(err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := errors.AsType[*Error](err)
	if !ok || r.retried {
		return false
	}
	switch e.Kind {
	case Credential, NotPermitted:
		r.retried = r.refresh()
	case RateLimited:
		r.retried = e.Status != 0 && (r.Budget == nil || r.Budget.Paused().Sub(r.Now()) <= patience)
	default:
		r.retried = e.passing()
	}
	return r.retried
}

// refresh reads the credential again, at most once a round.
func (r *round) refresh() (changed bool) {
	refresher, ok := r.Provider.(Refresher)
	if !ok || r.refreshed {
		return false
	}
	r.refreshed = true
	changed, err := refresher.Refresh()
	if err != nil {
		r.Log.Warn("credential not read again", "source", r.Name, "err", err)
	}
	return changed
}

// sort turns the listing into tasks, and notes what was seen.
func (r *round) sort(l Listing) []task {
	r.out.Complete = l.Complete
	for _, problem := range l.Problems {
		r.out.Problems = append(r.out.Problems, problem.Error())
	}
	seen := make(map[string]bool, len(l.Rows))
	var tasks []task
	for _, row := range l.Rows {
		id := row.Account.ID
		if seen[id] {
			r.duplicate(id)
			continue
		}
		seen[id] = true
		r.out.Seen = append(r.out.Seen, id)
		t := task{row: row, known: r.known[id], outcome: billwatch.True}
		t.row.Account = r.dress(row.Account, t.known)
		if r.Select != nil {
			t.outcome = r.Select(t.row.Account)
		}
		if t.outcome == billwatch.False {
			r.out.Excluded = append(r.out.Excluded, id)
			continue
		}
		tasks = append(tasks, t)
	}
	return tasks
}

func (r *round) duplicate(id string) {
	r.out.Problems = append(r.out.Problems, fmt.Sprintf("account %q is listed twice; the first counts", id))
	if r.firstTime("twice " + id) {
		r.Log.Warn("account is listed twice", "source", r.Name, "account", id)
	}
}

// living counts the known accounts that are not gone.
func (r *round) living() int {
	n := 0
	for _, k := range r.known {
		if !k.Gone {
			n++
		}
	}
	return n
}

// failUnseen emits a failed poll for every known account that is not gone and
// was not seen, unless it is one that select leaves out.
func (r *round) failUnseen(err error) {
	seen := make(map[string]bool, len(r.out.Seen))
	for _, id := range r.out.Seen {
		seen[id] = true
	}
	var unseen []string
	for id, k := range r.known {
		if !k.Gone && !k.Excluded && !seen[id] {
			unseen = append(unseen, id)
		}
	}
	slices.Sort(unseen)
	for _, id := range unseen {
		r.send(billwatch.Poll{Account: r.known[id].Account, At: r.Now(), Err: err})
	}
}

// send hands a poll over, one at a time.
func (r *round) send(p billwatch.Poll) {
	r.gate <- struct{}{}
	defer func() { <-r.gate }()
	r.emit(p)
}
