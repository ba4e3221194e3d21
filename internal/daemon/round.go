package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// ledger is what the rounds of a source are kept in.
type ledger interface {
	ClaimSlot(ctx context.Context, c billwatch.SlotClaim) (billwatch.Slot, error)
	Accounts(ctx context.Context, source string) ([]billwatch.Remembered, error)
	EndRound(ctx context.Context, r billwatch.Round) error
}

// rounds polls sources, one round at a time for each, whoever knocks.
type rounds struct {
	ledger   ledger
	pipeline *pipeline
	metrics  *web.Metrics
	clock    *Clock
	holder   string
	log      *slog.Logger
	ended    func(billwatch.Round) // may be nil
	watcher  *watcher

	troubles troubles
}

// knockAgain is how long a slot that the store could not be asked for waits.
const knockAgain = 2 * time.Second

// knock polls the source if its time slot is due and not taken yet. While the
// store is away, or was for so long that the lease ended in mid-round, it asks
// again: the next slot may be a day off.
func (r *rounds) knock(ctx context.Context, source *poller.Source) {
	broken := int64(0)
	for quiet := false; ; quiet = true {
		slot, _ := source.Timing.Slot(source.Name, r.clock.Now())
		_, err := r.poll(ctx, source, slot+broken)
		if err == nil || errors.Is(err, errTaken) || errors.Is(err, errReplanned) || ctx.Err() != nil {
			return
		}
		if !quiet {
			r.log.Warn("round not finished", "source", source.Name, "err", err)
		}
		if _, unasked := errors.AsType[*claimError](err); !unasked {
			if leaseLost(err) == nil {
				return
			}
			broken++ // the slot counts as polled, the second after it does not
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(knockAgain):
		}
	}
}

// claimError says that the store could not be asked for a slot: nothing was
// polled, and the slot may still be free.
type claimError struct {
	source string
	err    error
}

func (e *claimError) Error() string { return fmt.Sprintf("claim a slot of %s: %v", e.source, e.err) }
func (e *claimError) Unwrap() error { return e.err }

// errTaken says that the slot was polled already, or is being polled, by
// whichever replica.
var errTaken = errors.New("slot is taken")

// poll claims the slot and makes a round: list, fetch, judge, commit.
func (r *rounds) poll(ctx context.Context, source *poller.Source, slot int64) (billwatch.Round, error) {
	claim := billwatch.SlotClaim{Source: source.Name, Holder: r.holder, Slot: slot, Now: r.clock.Now()}
	claimed, err := r.ledger.ClaimSlot(ctx, claim)
	if err != nil {
		return billwatch.Round{}, &claimError{source.Name, err}
	}
	if !claimed.Taken {
		return billwatch.Round{}, errTaken
	}
	known, err := r.ledger.Accounts(ctx, source.Name)
	if err != nil {
		return billwatch.Round{}, fmt.Errorf("accounts of %s: %w", source.Name, err)
	}
	r.pipeline.runways.tell(known)
	source.Resume(claimed, func(until time.Time) { r.rests(ctx, claimed.Lease, source, until) })
	return r.make(ctx, source, claimed.Lease, known)
}

func (r *rounds) make(ctx context.Context, source *poller.Source, lease billwatch.Lease, known []billwatch.Remembered) (billwatch.Round, error) {
	polls := make(chan billwatch.Poll)
	judged := make(chan error, 1)
	go func() { judged <- r.pipeline.run(ctx, source, lease, polls) }()
	var read []billwatch.Poll
	round := source.Round(ctx, known, func(p billwatch.Poll) {
		read = append(read, billwatch.Poll{Account: p.Account, Err: p.Err})
		polls <- p
	})
	close(polls)
	err := <-judged
	if broken := errors.Join(ctx.Err(), leaseLost(round.Err)); err == nil {
		err = broken // half a round says nothing of who is missing
	}
	if err != nil {
		return round, errors.Join(err, r.breakOff(ctx, lease, source))
	}
	round.Lease, round.Now = lease, r.clock.Now()
	r.report(round, read)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	if err := r.ledger.EndRound(ending, round); err != nil {
		return round, fmt.Errorf("end the round of %s: %w", source.Name, err)
	}
	if err := r.endExcluded(ending, lease, round.Excluded); err != nil {
		return round, fmt.Errorf("end alerts of accounts that %s leaves out: %w", source.Name, err)
	}
	if err := r.watcher.look(ending, source); err != nil {
		return round, fmt.Errorf("judge what cannot be seen of %s: %w", source.Name, err)
	}
	return round, nil
}

// end ends alerts whose accounts are no longer looked at.
func (r *rounds) end(ctx context.Context, lease billwatch.Lease, alerts []billwatch.Alert, why string) error {
	now, judge := r.clock.Now(), r.pipeline.plans.get().judge
	v := verdict{}
	for _, alert := range alerts {
		judge.note(&v, alert, ended(alert, why, now), now)
	}
	if len(v.transitions) == 0 {
		return nil
	}
	err := r.pipeline.memory.Commit(ctx, billwatch.Batch{
		Lease: lease, Now: now, Alerts: v.alerts, Transitions: v.transitions, Due: v.due,
	})
	if err == nil {
		r.pipeline.announce(v.transitions)
	}
	return err
}

// endExcluded ends the alerts of accounts that select now leaves out.
func (r *rounds) endExcluded(ctx context.Context, lease billwatch.Lease, excluded []string) error {
	if len(excluded) == 0 {
		return nil
	}
	defer r.pipeline.turns.alone(lease.Source)()
	known, err := r.pipeline.memory.Know(ctx, lease.Source, excluded)
	if err != nil {
		return err
	}
	var alerts []billwatch.Alert
	for _, id := range excluded {
		alerts = append(alerts, known[id].Alerts...)
		r.metrics.Forgotten(billwatch.AccountKey{Source: lease.Source, ID: id})
	}
	return r.end(ctx, lease, alerts, "no longer selected")
}

// report logs once what is wrong with a source and its accounts, and its end.
func (r *rounds) report(round billwatch.Round, read []billwatch.Poll) {
	r.metrics.RoundEnded(round)
	if r.ended != nil {
		r.ended(round)
	}
	r.troubles.report(r.log, round, read)
	for _, problem := range round.Problems {
		r.log.Debug("row of the listing could not be read", "source", round.Lease.Source, "err", problem)
	}
}

var _ ledger = (*sqlstore.Store)(nil)
