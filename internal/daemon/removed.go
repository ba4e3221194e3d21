package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/state/sqlstore"
)

const (
	// settleAgain is how often what a plan asks for at once is tried again, while
	// somebody else, a process that was killed perhaps, still has a lease.
	settleAgain = 5 * time.Second
	// sweepEvery is how often it is looked for what others, who did not know of
	// this plan yet, left to integrations that it has not.
	sweepEvery = time.Minute
)

// settler does what a plan asks for as soon as it is in force, polls or not:
// alerts of what is no longer configured end, and those who are no longer to be
// told of an alert are told that.
type settler struct {
	store   *sqlstore.Store
	rounds  *rounds
	plans   *plans
	dropped func(integration string, notifications int)
}

// run settles each plan until ctx ends.
func (s *settler) run(ctx context.Context) error {
	for ctx.Err() == nil {
		now, changed := s.plans.watch()
		s.during(ctx, now, changed)
	}
	return nil
}

func (s *settler) during(ctx context.Context, now *inForce, changed <-chan struct{}) {
	settled, quiet := false, false
	for {
		wait := sweepEvery
		if now.works() && !settled {
			err := s.settle(ctx, now)
			settled = err == nil
			if !settled {
				wait = settleAgain
			}
			if err != nil && !quiet && !errors.Is(err, errTaken) && ctx.Err() == nil {
				s.rounds.log.Warn("the configuration is not followed in all yet", "err", err)
				quiet = true
			}
		} else if now.works() {
			if err := s.drop(ctx, now); err != nil && ctx.Err() == nil {
				s.rounds.log.Warn("what is owed to removed receivers was not dropped", "err", err)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
			continue
		}
		timer.Stop()
		return
	}
}

// settle does all of it. What is done already is found so.
func (s *settler) settle(ctx context.Context, now *inForce) error {
	standing, err := s.store.Alerts(ctx)
	if err != nil {
		return err
	}
	failed := []error{s.configured(ctx, now), s.drop(ctx, now), s.reroute(ctx, now), s.concern(ctx, now, standing)}
	by := map[string][]billwatch.Alert{}
	for _, alert := range standing {
		if source := alert.Key.Account.Source; source != "" { // without one it is about what is our own
			by[source] = append(by[source], alert)
		}
	}
	for name, alerts := range by {
		i := slices.IndexFunc(now.plan.Sources, func(source *poller.Source) bool { return source.Name == name })
		if i < 0 {
			err = s.rounds.endSource(ctx, name, alerts)
		} else {
			err = s.rounds.follow(ctx, now.plan.Sources[i], alerts)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("source %s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

// configured tells the store how the receivers are configured now.
func (s *settler) configured(ctx context.Context, now *inForce) error {
	return s.store.Configured(ctx, now.plan.settings(), s.rounds.clock.Now())
}

// drop drops what is owed to receivers that are no longer configured.
func (s *settler) drop(ctx context.Context, now *inForce) error {
	dropped, err := s.store.DropRemoved(ctx, s.rounds.holder, integrationNames(now.plan.Router), s.rounds.clock.Now())
	for integration, n := range dropped {
		s.rounds.log.Warn("receiver was removed: what it was owed is dropped", "integration", integration, "notifications", n)
		if s.dropped != nil {
			s.dropped(integration, n)
		}
	}
	return err
}

// concern lets those be told of receivers that are down who are to be told of
// them now, and have not been: no evaluation comes by these alerts.
func (s *settler) concern(ctx context.Context, now *inForce, standing []billwatch.Alert) error {
	var due []billwatch.GroupDue
	at := s.rounds.clock.Now()
	for _, alert := range standing {
		if ofReceiver(alert) && alert.State == billwatch.Firing {
			due = append(due, now.due(alert, at)...)
		}
	}
	if len(due) == 0 {
		return nil
	}
	for i := range due {
		due[i].Standing = true
	}
	return s.store.Concern(ctx, s.rounds.holder, due, at)
}

// reroutePage is of how many alerts it is looked at a time who is told of them.
const reroutePage = 500

const noLongerRouted = "no longer routed"

// reroute tells those who were told of an alert that no longer concerns them.
// Who is told of it in another group now goes on as before: nobody is told again
// because groups are cut otherwise.
func (s *settler) reroute(ctx context.Context, now *inForce) error {
	for after := ""; ; {
		page, err := s.store.Memberships(ctx, after, reroutePage)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].Fingerprint
		at := s.rounds.clock.Now()
		var changed []sqlstore.Membership
		for _, m := range page {
			if m.Alert.State != billwatch.Firing {
				continue
			}
			routed := slices.ContainsFunc(now.due(m.Alert, at), func(d billwatch.GroupDue) bool { return d.Integration == m.Integration })
			if routed == m.Unrouted {
				m.Unrouted = !routed
				changed = append(changed, m)
			}
		}
		if len(changed) == 0 {
			continue
		}
		if err := s.store.Reroute(ctx, s.rounds.holder, changed, noLongerRouted, at); err != nil {
			return err
		}
	}
}

// endSource ends the alerts of a source that is no longer configured.
func (r *rounds) endSource(ctx context.Context, source string, alerts []billwatch.Alert) error {
	defer r.pipeline.turns.alone(source)()
	now := r.clock.Now()
	claim := billwatch.SlotClaim{Source: source, Holder: r.holder, Slot: now.Unix() + 1, Now: now}
	claimed, err := r.ledger.ClaimSlot(ctx, claim)
	if err != nil {
		return err
	}
	if !claimed.Taken {
		return errTaken
	}
	for _, alert := range alerts {
		r.metrics.Forgotten(alert.Key.Account)
	}
	return r.end(ctx, claimed.Lease, alerts, "source removed")
}

// follow ends what by the plan no longer stands on a source, whether or not its
// accounts can be read: alerts of removed rules, and those of accounts that are
// gone and would be left out now if they were not.
func (r *rounds) follow(ctx context.Context, source *poller.Source, alerts []billwatch.Alert) error {
	plan := r.pipeline.plans.get()
	if !plan.polls(source) {
		return nil
	}
	why := map[string]string{} // accounts that are gone, and no longer selected
	for _, alert := range alerts {
		if alert.Key.Rule == billwatch.RuleAccountGone && alert.Snapshot != nil && source.Select != nil &&
			source.Select(alert.Snapshot.Account) == billwatch.False {
			why[alert.Key.Account.ID] = "no longer selected"
		}
	}
	ids := map[string]bool{}
	for _, alert := range alerts {
		if id := alert.Key.Account.ID; plan.outdated(alert) != "" || why[id] != "" {
			ids[id] = true
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return glance{r.watcher, plan}.follow(ctx, source, ids, why)
}

func (w glance) follow(ctx context.Context, source *poller.Source, ids map[string]bool, why map[string]string) error {
	defer w.pipeline.turns.alone(source.Name)()
	if !w.pipeline.plans.get().polls(source) {
		return nil
	}
	now := w.clock.Now()
	watch, err := w.store.Watch(ctx, billwatch.WatchClaim{Source: source.Name, Holder: w.holder, Now: now, Gap: 2 * w.tick()})
	if err != nil {
		return err
	}
	if !watch.Held {
		return errTaken
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(ids)), batchSize) {
		known, err := w.pipeline.memory.Know(ctx, source.Name, some)
		if err != nil {
			return err
		}
		v := verdict{}
		for _, id := range some {
			for _, alert := range known[id].Alerts {
				if reason := cmp.Or(why[id], w.outdated(alert)); reason != "" {
					w.judge.note(&v, alert, ended(alert, reason, now), now)
				}
			}
		}
		if err := w.commit(ctx, watch.Lease, v, now); err != nil {
			return err
		}
	}
	if len(why) == 0 {
		return nil
	}
	return w.store.Exclude(ctx, watch.Lease, slices.Sorted(maps.Keys(why)))
}
