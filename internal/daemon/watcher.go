package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// longestTick is how often it is at least judged what cannot be seen.
const longestTick = time.Minute

// sightings is what the watcher asks of the store.
type sightings interface {
	Watch(ctx context.Context, c billwatch.WatchClaim) (billwatch.Watch, error)
	Sights(ctx context.Context, c billwatch.SightClaim) ([]billwatch.AccountSight, error)
	BrokenRules(ctx context.Context) ([]billwatch.RuleErrors, []billwatch.Alert, error)
	Exclude(ctx context.Context, l billwatch.Lease, accounts []string) error
}

// watcher says what cannot be seen: sources that are down, accounts that are
// stale or gone. It looks on a tick of its own, so that a source whose polls
// hang or do not even begin is told of, too, and after each round.
type watcher struct {
	store     sightings
	absent    forgets
	asked     chan struct{} // somebody wants it to look now
	pipeline  *pipeline
	holder    string
	clock     *Clock
	log       *slog.Logger
	visits    bool // it looks only after a poll of its own, and then ends
	attention attention
}

// run looks at every source until ctx ends.
func (w *watcher) run(ctx context.Context) error {
	for ctx.Err() == nil {
		now, changed := w.pipeline.plans.watch()
		tick := time.NewTicker(max(time.Duration(float64(now.tick())/w.clock.pace), time.Millisecond))
		w.during(ctx, tick.C, changed)
		tick.Stop()
	}
	return nil
}

// during looks at each tick while one plan is in force, and at once by the next.
func (w *watcher) during(ctx context.Context, tick <-chan time.Time, changed <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			w.lookAtAll(ctx)
			return
		case <-tick:
			w.lookAtAll(ctx)
		case <-w.asked:
			w.lookAtAll(ctx)
		}
	}
}

// lookAtAll looks at each source that is this replica's or nobody's.
func (w *watcher) lookAtAll(ctx context.Context) {
	for _, source := range w.pipeline.plans.get().sources() {
		err := w.look(ctx, source)
		if err != nil && !errors.Is(err, billwatch.ErrLeaseLost) && ctx.Err() == nil {
			w.log.Warn("not judged what cannot be seen", "source", source.Name, "err", err)
		}
	}
	if err := w.lookAtOwn(ctx); err != nil && !errors.Is(err, billwatch.ErrLeaseLost) && ctx.Err() == nil {
		w.log.Warn("not judged which rules fail", "err", err)
	}
}

// look judges what cannot be seen of one source. No batch of its polls is
// judged meanwhile, or one of the two would not know of the other's alerts.
func (w *watcher) look(ctx context.Context, source *poller.Source) error {
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	defer w.pipeline.turns.alone(source.Name)()
	plan := w.pipeline.plans.get()
	if !plan.polls(source) {
		return nil
	}
	return glance{w, plan}.look(ctx, source)
}

// glance is one look, by the plan that is in force when it begins.
type glance struct {
	*watcher
	*inForce
}

func (w glance) look(ctx context.Context, source *poller.Source) error {
	now, tick := w.clock.Now(), w.tick()
	attended := w.attention.look(source.Name, now, 2*tick)
	claim := billwatch.WatchClaim{Source: source.Name, Holder: w.holder, Now: now, Gap: 2 * tick}
	watch, err := w.store.Watch(ctx, claim)
	if err != nil || !watch.Held {
		return err
	}
	fair := attended.fair(watch.Sight)
	if w.visits {
		fair = visit(watch.Sight)
	}
	down := isDown(source, fair, now)
	if down && !watch.Sight.Down {
		claim.Down = true
		if watch, err = w.store.Watch(ctx, claim); err != nil || !watch.Held {
			return err
		}
	}
	v := w.sourceVerdict(source, watch.Sight, down, now)
	if err := w.commit(ctx, watch.Lease, v, now); err != nil {
		return err
	}
	if !w.visits && watch.Sight.Good.Before(attended.since) { // nor were its accounts read since
		watch.Sight.Since = latest(watch.Sight.Since, attended.since)
	}
	return w.accounts(ctx, source, watch, now)
}

// isDown says whether no poll of the source succeeded for three intervals. One
// that is under way may yet succeed, and is waited for within reason.
func isDown(source *poller.Source, sight billwatch.SourceSight, now time.Time) bool {
	if latest(sight.Good, sight.Since).After(overdue(source, 0, now)) {
		return false
	}
	begin, next := source.Timing.Slot(source.Name, now)
	patience := min(next.Sub(time.Unix(begin, 0)), 15*time.Minute)
	return sight.Down || sight.Polling.IsZero() || now.Sub(sight.Polling) >= patience
}

// overdue is the latest moment since when three polls were due, and would have
// been made at the planned distance where that is longer than the interval.
func overdue(source *poller.Source, planned time.Duration, now time.Time) time.Time {
	if source.Timing.Cron == nil {
		return now.Add(-3 * max(planned, source.Timing.Interval, time.Second))
	}
	at := now
	for range 3 {
		begin, next := source.Timing.Slot(source.Name, at)
		due := time.Unix(begin, 0).UTC()
		at = due.Add(-time.Second)
		if slot := next.Sub(due); planned > slot {
			at = at.Add(slot - planned)
		}
	}
	return at
}

// sourceVerdict judges the source itself.
func (w glance) sourceVerdict(source *poller.Source, sight billwatch.SourceSight, down bool, now time.Time) verdict {
	account := billwatch.Account{Source: source.Name, Provider: w.plan.Providers[source.Name], Labels: source.Labels}
	return w.verdict(sight.Alerts, w.rules().SourceDown(account, sight, down, now), now)
}

func (w glance) rules() *rules.Set { return w.plan.Rules }

// verdict is what follows from the evaluations. An alert of a rule that is no
// longer in force, or no longer about what cannot be seen, ends.
func (w glance) verdict(standing []billwatch.Alert, evaluations []billwatch.Evaluation, now time.Time) verdict {
	v := verdict{evaluations: evaluations}
	judge := w.judge
	for _, e := range evaluations {
		alert := billwatch.Alert{Key: billwatch.AlertKey{Rule: e.Rule, Account: e.Account}}
		if i := slices.IndexFunc(standing, func(a billwatch.Alert) bool { return a.Key == alert.Key }); i >= 0 {
			alert = standing[i]
		}
		judge.advance(&v, alert, e, now)
	}
	for _, alert := range standing {
		if why := judge.outdated(alert); why != "" {
			judge.advance(&v, alert, ended(alert, why, now), now)
		}
	}
	return v
}

// accounts judges the accounts that cannot be seen as they should.
func (w glance) accounts(ctx context.Context, source *poller.Source, watch billwatch.Watch, now time.Time) error {
	claim := billwatch.SightClaim{
		Source: source.Name, Gone: w.rules().Watches(billwatch.RuleAccountGone),
		StaleBefore: staleBefore(source, watch.Sight, now), Standing: w.pipeline.turns.firstLook(source.Name, w.judge),
	}
	if !w.rules().Watches(billwatch.RuleAccountStale) {
		claim.StaleBefore = time.Time{}
	}
	sights, err := w.store.Sights(ctx, claim)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(sights, batchSize) {
		v := verdict{}
		for _, sight := range some {
			v.add(w.accountVerdict(sight, claim.StaleBefore, now))
		}
		if err := w.commit(ctx, watch.Lease, v, now); err != nil {
			return err
		}
	}
	w.pipeline.turns.lookedAt(source.Name, w.judge)
	return w.forget(ctx, source, watch.Lease, now)
}

// staleBefore is the moment since when an account must have been read; zero
// where nobody can tell: the source fails or was down until lately, a round is
// under way, or nobody has watched for so long.
func staleBefore(source *poller.Source, sight billwatch.SourceSight, now time.Time) time.Time {
	begin, next := source.Timing.Slot(source.Name, now)
	slow := sight.Took + next.Sub(time.Unix(begin, 0)) // a round may take longer than the interval
	before := overdue(source, max(source.Planned(sight.Accounts), slow), now)
	if sight.Down || !sight.Failing.IsZero() || !sight.Polling.IsZero() || latest(sight.Since, sight.Back).After(before) {
		return time.Time{}
	}
	return before
}

func (w glance) accountVerdict(sight billwatch.AccountSight, stale, now time.Time) verdict {
	sight.Account.Labels = w.plan.given(sight.Account, sight.Last).Labels
	if sight.Last != nil {
		sight.Last.Account.Labels = sight.Account.Labels
	}
	evaluations := w.rules().AccountGone(sight, now)
	if !sight.Gone && sight.Deleted.IsZero() {
		evaluations = append(evaluations, w.rules().AccountStale(sight, stale, now)...)
	}
	return w.verdict(sight.Alerts, evaluations, now)
}

// add takes in what follows for another account.
func (v *verdict) add(other verdict) {
	v.evaluations = append(v.evaluations, other.evaluations...)
	v.alerts = append(v.alerts, other.alerts...)
	v.transitions = append(v.transitions, other.transitions...)
	v.due = append(v.due, other.due...)
}

func (w glance) commit(ctx context.Context, lease billwatch.Lease, v verdict, now time.Time) error {
	v.due = append(v.due, w.pipeline.standing(w.judge, v, now)...)
	if len(v.alerts) == 0 && len(v.transitions) == 0 {
		return nil
	}
	err := w.pipeline.memory.Commit(ctx, billwatch.Batch{
		Lease: lease, Now: now, Alerts: v.alerts, Transitions: v.transitions, Due: v.due,
	})
	if err != nil {
		return fmt.Errorf("store what cannot be seen of %s: %w", lease.Source, err)
	}
	for _, t := range v.transitions {
		if t.Alert.Key.Rule == billwatch.RuleAccountGone && t.To == billwatch.Firing {
			w.pipeline.metrics.Forgotten(t.Alert.Key.Account)
		}
	}
	w.pipeline.announce(v.transitions)
	w.pipeline.keep(w.judge, v.alerts)
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

var _ sightings = (*sqlstore.Store)(nil)
