package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// Replay takes polls along the road of the service, with its judging, machine,
// store, grouping and texts, on a clock that goes where it is told. What would
// be sent is handed over instead, and counts as delivered at once.
//
// A Replay is used by one goroutine, and only forward in time.
type Replay struct {
	c          ReplayConfig
	clock      *Clock
	dir        string
	store      *sqlstore.Store
	memory     *recalled
	dispatcher *notify.Dispatcher
	pipeline   *pipeline
	leases     map[string]billwatch.Lease
	inputs     map[billwatch.AccountKey]rules.Input // of the last good polls, where they are kept
	due        time.Time                            // when something is owed next; zero for never
}

// ReplayConfig is what a Replay is made from.
type ReplayConfig struct {
	Plan   Plan // its sources need not be there
	Start  time.Time
	Keep   bool                         // what rules saw last, for Explain
	Judged func(billwatch.Evaluation)   // told of every evaluation; may be nil
	Moved  func(billwatch.Transition)   // told of every move of an alert; may be nil
	Told   func(billwatch.Notification) // told of every message; may be nil
}

// ends is when a replay's claims end: its clock never gets there.
var ends = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

const replayHolder = "replay"

// NewReplay returns a replay with an empty state, which Close removes.
func NewReplay(ctx context.Context, c ReplayConfig) (*Replay, error) {
	dir, err := os.MkdirTemp("", "billwatch-replay-")
	if err != nil {
		return nil, fmt.Errorf("a folder for the replay's state: %w", err)
	}
	r := &Replay{c: c, clock: NewClock(c.Start, 0), dir: dir, leases: map[string]billwatch.Lease{}, inputs: map[billwatch.AccountKey]rules.Input{}}
	if r.c.Told == nil {
		r.c.Told = func(billwatch.Notification) {}
	}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Replay) open(ctx context.Context) (err error) {
	state := "sqlite:" + filepath.Join(r.dir, "replay.db")
	if r.store, err = sqlstore.Open(ctx, sqlstore.Config{DSN: state, Volatile: true}); err != nil {
		return err
	}
	if err := r.store.Renew(ctx, replayHolder, r.c.Start, ends); err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	r.memory = &recalled{Store: r.store}
	r.pipeline = &pipeline{
		memory: r.memory, plans: newPlans(r.c.Plan), metrics: web.NewMetrics(""), clock: r.clock, log: quiet,
		observer: Observer{Judged: r.c.Judged, Moved: r.c.Moved},
	}
	r.dispatcher, err = notify.NewDispatcher(notify.DispatcherConfig{
		Store: r.store, Waker: r.store, Quiet: r.store, Router: r.c.Plan.Router, Templates: r.c.Plan.Templates, Holder: replayHolder,
		Now: r.clock.Now, Log: quiet,
	})
	return err
}

// From begins with a copy of what stands in a store, which is only read.
func (r *Replay) From(ctx context.Context, store *sqlstore.Store) error {
	return store.CopyTo(ctx, r.store)
}

// Close removes the replay's state.
func (r *Replay) Close() error {
	var err error
	if r.store != nil {
		err = r.store.Close()
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}

// Until lets the clock go on to a moment, and tells what becomes due on the way.
func (r *Replay) Until(ctx context.Context, moment time.Time) error {
	for !r.due.IsZero() && !r.due.After(moment) {
		if r.due.After(r.clock.Now()) {
			r.clock.Set(r.due)
		}
		if err := r.tell(ctx); err != nil {
			return err
		}
	}
	if moment.After(r.clock.Now()) {
		r.clock.Set(moment)
	}
	return nil
}

// Poll judges what was read of a source at a moment, no account twice, and
// tells what is due at once.
func (r *Replay) Poll(ctx context.Context, source string, at time.Time, polls []billwatch.Poll) error {
	if err := r.Until(ctx, at); err != nil {
		return err
	}
	lease, err := r.lease(ctx, source)
	if err != nil {
		return err
	}
	for len(polls) > 0 {
		batch := polls[:min(len(polls), batchSize)]
		polls = polls[len(batch):]
		if err := r.keep(ctx, source, batch); err != nil {
			return err
		}
		if err := r.pipeline.once(ctx, nil, billwatch.Batch{Lease: lease, Polls: batch}); err != nil {
			return err
		}
	}
	return r.tell(ctx)
}

// Forget ends what stands of an account of which nothing more will be read.
func (r *Replay) Forget(ctx context.Context, account billwatch.AccountKey, why string) error {
	lease, err := r.lease(ctx, account.Source)
	if err != nil {
		return err
	}
	known, err := r.store.Know(ctx, account.Source, []string{account.ID})
	if err != nil {
		return err
	}
	now, v := r.clock.Now(), verdict{}
	for _, alert := range known[account.ID].Alerts {
		r.pipeline.plans.get().note(&v, alert, ended(alert, why, now), now)
	}
	if len(v.transitions) == 0 {
		return nil
	}
	if err := r.store.Commit(ctx, billwatch.Batch{Lease: lease, Now: now, Alerts: v.alerts, Transitions: v.transitions, Due: v.due}); err != nil {
		return err
	}
	r.pipeline.announce(v.transitions)
	return r.tell(ctx)
}

// Alerts returns what stands now: pending and firing alerts.
func (r *Replay) Alerts(ctx context.Context) ([]billwatch.Alert, error) { return r.store.Alerts(ctx) }

// Explain says why a rule said what it did of an account at its last good poll.
// It is false where there was none, or there is no such rule.
func (r *Replay) Explain(rule string, account billwatch.AccountKey) (rules.Explanation, bool) {
	in, kept := r.inputs[account]
	if !kept {
		return rules.Explanation{}, false
	}
	return r.c.Plan.Rules.Explain(rule, in)
}

// keep notes what rules are about to see.
func (r *Replay) keep(ctx context.Context, source string, polls []billwatch.Poll) error {
	if !r.c.Keep {
		return nil
	}
	for _, poll := range polls {
		if poll.Snapshot == nil {
			continue
		}
		all, err := r.memory.Know(ctx, source, []string{poll.Account.ID})
		if err != nil {
			return err
		}
		known := all[poll.Account.ID]
		poll, vars := r.pipeline.plans.get().dressed(poll, known.Previous)
		r.inputs[poll.Account.Key()] = subject{poll, known, vars}.input(standingBy(known.Alerts), r.clock.Now())
	}
	return nil
}

func (r *Replay) tell(ctx context.Context) error {
	due, err := r.dispatcher.Rehearse(ctx, r.c.Told)
	if err != nil {
		return err
	}
	r.due = due
	return nil
}

// lease claims the source once, for good.
func (r *Replay) lease(ctx context.Context, source string) (billwatch.Lease, error) {
	if lease, claimed := r.leases[source]; claimed {
		return lease, nil
	}
	now := r.clock.Now()
	slot, err := r.store.ClaimSlot(ctx, billwatch.SlotClaim{Source: source, Holder: replayHolder, Slot: now.Unix(), Now: now})
	if err != nil {
		return billwatch.Lease{}, err
	}
	r.leases[source] = slot.Lease
	return slot.Lease, nil
}
