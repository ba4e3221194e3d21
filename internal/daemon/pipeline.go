package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/state/sqlstore"
)

const (
	batchSize  = 500                   // accounts in one transaction
	batchDelay = 20 * time.Millisecond // how long a batch waits for company
)

// memory is what the pipeline keeps between rounds.
type memory interface {
	Know(ctx context.Context, source string, ids []string) (map[string]billwatch.Knowledge, error)
	Commit(ctx context.Context, b billwatch.Batch) error
}

// pipeline judges what was read and commits what follows from it.
type pipeline struct {
	memory  memory
	plans   *plans
	metrics *web.Metrics
	clock   *Clock
	log     *slog.Logger

	observer Observer
	moved    func() // told that alerts moved, once that is stored; may be nil
	runways  runways
	turns    turns
	faulty   ruleTroubles

	mu     sync.Mutex
	router *notify.Router              // in force
	routed map[billwatch.AlertKey]bool // firing alerts that this process has routed by it
}

// run takes polls until the channel closes, a batch at a time. After an error
// it goes on taking them, so that nobody waits for it, and keeps none.
func (p *pipeline) run(ctx context.Context, source *poller.Source, lease billwatch.Lease, polls <-chan billwatch.Poll) error {
	var failed error
	for {
		batch := gather(polls)
		if len(batch) == 0 {
			return failed
		}
		if failed == nil {
			failed = p.settle(ctx, source, lease, folded(batch))
		}
	}
}

// gather waits for a poll, then takes what comes within the batch's delay.
func gather(polls <-chan billwatch.Poll) []billwatch.Poll {
	first, open := <-polls
	if !open {
		return nil
	}
	batch := []billwatch.Poll{first}
	late := time.NewTimer(batchDelay)
	defer late.Stop()
	for len(batch) < batchSize {
		select {
		case poll, open := <-polls:
			if !open {
				return batch
			}
			batch = append(batch, poll)
		case <-late.C:
			return batch
		}
	}
	return batch
}

// folded keeps the last poll of each account: a first history comes as a second
// poll with the same snapshot, and may come within the same batch.
func folded(polls []billwatch.Poll) []billwatch.Poll {
	at := make(map[string]int, len(polls))
	kept := polls[:0]
	for _, poll := range polls {
		if i, twice := at[poll.Account.ID]; twice {
			kept[i] = poll
			continue
		}
		at[poll.Account.ID] = len(kept)
		kept = append(kept, poll)
	}
	return kept
}

// settle judges a batch and commits it. While the store is away it tries again
// until the lease or the context ends: what was read is not thrown away for a
// database that restarts. The times of the source's last requests are stored
// with each batch: whoever polls it next must know.
func (p *pipeline) settle(ctx context.Context, source *poller.Source, lease billwatch.Lease, polls []billwatch.Poll) error {
	try := func() (struct{}, error) {
		err := p.once(ctx, source, billwatch.Batch{Lease: lease, Polls: slices.Clone(polls), Requests: source.Spent(), PausedUntil: source.Paused()})
		if errors.Is(err, billwatch.ErrLeaseLost) || errors.Is(err, errReplanned) {
			return struct{}{}, backoff.Permanent(err)
		}
		if err != nil {
			p.log.Warn("batch not stored yet", "err", err)
		}
		return struct{}{}, err
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 200*time.Millisecond, 10*time.Second
	if _, err := backoff.Retry(ctx, try, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(storePatience)); err != nil {
		return fmt.Errorf("store %d accounts of %s: %w", len(polls), lease.Source, err)
	}
	return nil
}

// transactionTimeout bounds one try to store a batch.
const transactionTimeout = 10 * time.Second

// storePatience bounds how long a batch waits in memory for the store.
const storePatience = 15 * time.Minute

// once judges a batch against what the store knows now, and commits it.
// A transaction that has begun is finished even while the process shuts down.
// What was read of a source that has changed since is refused; source is nil
// where nobody polls.
func (p *pipeline) once(ctx context.Context, source *poller.Source, batch billwatch.Batch) error {
	lease, polls := batch.Lease, batch.Polls
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	defer p.turns.alone(lease.Source)()
	plan := p.plans.get()
	if source != nil && !plan.polls(source) {
		return errReplanned
	}
	ids := make([]string, len(polls))
	for i, poll := range polls {
		ids[i] = poll.Account.ID
	}
	known, err := p.memory.Know(ctx, lease.Source, ids)
	if err != nil {
		return err
	}
	batch.Now = p.clock.Now()
	verdicts := make([]verdict, len(polls))
	for i, poll := range polls {
		polls[i] = derived(poll, known[poll.Account.ID])
		verdicts[i] = plan.judge.judge(polls[i], known[poll.Account.ID], batch.Now)
		batch.Alerts = append(batch.Alerts, verdicts[i].alerts...)
		batch.Transitions = append(batch.Transitions, verdicts[i].transitions...)
		batch.Due = append(batch.Due, verdicts[i].due...)
		batch.Due = append(batch.Due, p.standing(plan.judge, verdicts[i], batch.Now)...)
		failing, mended := plan.faults(verdicts[i], polls[i], known[poll.Account.ID])
		batch.Failing, batch.Mended = append(batch.Failing, failing...), append(batch.Mended, mended...)
	}
	if err := p.memory.Commit(ctx, batch); err != nil {
		return err
	}
	for i, poll := range polls {
		p.show(poll, verdicts[i])
		p.keep(plan.judge, verdicts[i].alerts)
	}
	return nil
}

// show counts and logs what a committed batch said; never before the commit,
// because a batch may be tried again.
func (p *pipeline) show(poll billwatch.Poll, v verdict) {
	p.metrics.Polled(poll)
	if p.observer.Polled != nil {
		p.observer.Polled(poll)
	}
	if poll.Snapshot != nil {
		p.metrics.Forecast(poll.Account.Key(), v.forecast)
		p.runways.note(poll.Account.Key(), v.forecast)
	}
	for _, e := range v.evaluations {
		p.metrics.Evaluated(e)
		if p.observer.Judged != nil {
			p.observer.Judged(e)
		}
	}
	p.faulty.note(p.log, v.evaluations)
	p.announce(v.transitions)
}

// standing routes the alerts that fired before this process saw them: its
// configuration may have receivers that the one before had not.
func (p *pipeline) standing(j *judge, v verdict, now time.Time) []billwatch.GroupDue {
	p.mu.Lock()
	defer p.mu.Unlock()
	moved := make(map[billwatch.AlertKey]bool, len(v.transitions))
	for _, t := range v.transitions {
		moved[t.Alert.Key] = true
	}
	var all []billwatch.GroupDue
	if p.router != j.plan.Router && p.plans.get().judge == j { // what an earlier one said of them is worth nothing
		p.router, p.routed = j.plan.Router, nil
	}
	for _, alert := range v.alerts {
		if alert.State != billwatch.Firing || moved[alert.Key] || p.routed[alert.Key] {
			continue
		}
		for _, due := range j.plan.Router.Due(alert, now) {
			due.Standing = true
			all = append(all, due)
		}
	}
	return all
}

// keep remembers which alerts were routed, once that is stored.
func (p *pipeline) keep(j *judge, alerts []billwatch.Alert) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.router != j.plan.Router { // they were routed by one that is no longer in force
		return
	}
	for _, alert := range alerts {
		if alert.State != billwatch.Firing {
			delete(p.routed, alert.Key)
			continue
		}
		if p.routed == nil {
			p.routed = map[billwatch.AlertKey]bool{}
		}
		p.routed[alert.Key] = true
	}
}

// announce counts and logs what moved.
func (p *pipeline) announce(transitions []billwatch.Transition) {
	for _, t := range transitions {
		p.metrics.Moved(t)
		if p.observer.Moved != nil {
			p.observer.Moved(t)
		}
		p.log.Info("alert moved", "rule", t.Alert.Key.Rule, "source", t.Alert.Key.Account.Source,
			"account", t.Alert.Key.Account.ID, "from", string(t.From), "to", string(t.To), "reason", t.Reason)
	}
	if len(transitions) > 0 && p.moved != nil {
		p.moved()
	}
}

// The rooms know nothing of each other; here their doors are held together.
var (
	_ memory       = (*sqlstore.Store)(nil)
	_ notify.Store = (*sqlstore.Store)(nil)
)
