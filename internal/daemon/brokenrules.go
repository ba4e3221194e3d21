package daemon

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
)

// ownAffairs is the lease of what is about no source: rules and receivers. It is
// no name that a source can have.
const ownAffairs = "billwatch:own"

// faults returns which rules fail on evaluation on an account that was read, and
// which no longer do, as far as that is not known.
func (j *judge) faults(v verdict, poll billwatch.Poll, known billwatch.Knowledge) (failing []billwatch.RuleFailure, mended []billwatch.AlertKey) {
	if poll.Snapshot == nil {
		return nil, nil
	}
	fails := map[string]bool{}
	for _, e := range v.evaluations {
		detail, broken := failure(e)
		if !broken {
			continue
		}
		fails[e.Rule] = true
		if sum := j.rules[e.Rule].Sum(); known.Failing[e.Rule] != sum {
			failing = append(failing, billwatch.RuleFailure{Key: billwatch.AlertKey{Rule: e.Rule, Account: e.Account}, Sum: sum, Detail: detail})
		}
	}
	for rule := range known.Failing {
		if !fails[rule] {
			mended = append(mended, billwatch.AlertKey{Rule: rule, Account: poll.Account.Key()})
		}
	}
	return failing, mended
}

// failure says why a rule cannot be evaluated, and whether that is so: its
// condition, or what else it asks for.
func failure(e billwatch.Evaluation) (string, bool) {
	if e.Reason == billwatch.ReasonEvaluationError {
		return e.Detail, true
	}
	return e.Fails, e.Fails != ""
}

// lookAtOwn judges the rules themselves: one that fails on evaluation for an hour
// is told of, once, whatever the number of accounts. What stands on a rule or a
// receiver ends when the built-in rule about it is switched off.
func (w *watcher) lookAtOwn(ctx context.Context) error {
	plan := w.pipeline.plans.get()
	if !plan.works() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	defer w.pipeline.turns.alone(ownAffairs)()
	broken, standing, err := w.store.BrokenRules(ctx)
	if err != nil || len(broken)+len(standing) == 0 {
		return err
	}
	now := w.clock.Now()
	watch, err := w.store.Watch(ctx, billwatch.WatchClaim{Source: ownAffairs, Holder: w.holder, Now: now, Gap: 2 * plan.tick()})
	if err != nil || !watch.Held {
		return err
	}
	g := glance{w, plan}
	return g.commit(ctx, watch.Lease, g.own(broken, standing, now), now)
}

// own is what follows for rules and receivers.
func (w glance) own(broken []billwatch.RuleErrors, standing []billwatch.Alert, now time.Time) verdict {
	by := map[string][]billwatch.RuleErrors{}
	for _, b := range broken {
		if rule, inForce := w.judge.rules[b.Rule]; inForce && rule.Sum() == b.Sum && w.concerned(b) {
			by[b.Rule] = append(by[b.Rule], b)
		}
	}
	alerts := map[string]billwatch.Alert{}
	v := verdict{}
	for _, alert := range standing {
		switch _, inForce := w.judge.rules[alert.Key.Account.ID]; {
		case !w.rules().Watches(alert.Key.Rule), alert.Key.Rule == billwatch.RuleRuleBroken && !inForce:
			w.judge.note(&v, alert, ended(alert, "rule removed", now), now)
		case alert.Key.Rule == billwatch.RuleRuleBroken:
			alerts[alert.Key.Account.ID] = alert
			by[alert.Key.Account.ID] = append(by[alert.Key.Account.ID], nil...) // judged, too, where nothing fails any more
		}
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		for _, e := range w.rules().RuleBroken(name, by[name], now) {
			alert, stands := alerts[name]
			if !stands {
				alert = billwatch.Alert{Key: billwatch.AlertKey{Rule: e.Rule, Account: e.Account}}
			}
			w.judge.advance(&v, alert, e, now)
		}
	}
	return v
}

// concerned says whether the rule is still to be judged on the source.
func (w glance) concerned(b billwatch.RuleErrors) bool {
	rule := w.judge.rules[b.Rule]
	_, configured := w.plan.Providers[b.Source]
	return configured && (len(rule.Sources) == 0 || slices.Contains(rule.Sources, b.Source))
}

// ruleTroubles remembers which rules fail on which accounts, so that it is logged
// once for each rule: when it begins, and when it ends. The zero ruleTroubles is
// ready.
type ruleTroubles struct {
	mu       sync.Mutex
	accounts map[string]map[billwatch.AccountKey]bool // by rule
}

// note logs what is news in the evaluations of one account.
func (t *ruleTroubles) note(log *slog.Logger, evaluations []billwatch.Evaluation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range evaluations {
		failing := t.accounts[e.Rule]
		detail, broken := failure(e)
		switch {
		case broken:
			if failing == nil {
				if t.accounts == nil {
					t.accounts = map[string]map[billwatch.AccountKey]bool{}
				}
				failing = map[billwatch.AccountKey]bool{}
				t.accounts[e.Rule] = failing
				log.Warn("rule fails on evaluation", "rule", e.Rule, "source", e.Account.Source, "account", e.Account.ID, "err", detail)
			}
			failing[e.Account] = true
		case failing[e.Account] && e.Reason != billwatch.ReasonFailedPoll:
			delete(failing, e.Account)
			if len(failing) == 0 {
				delete(t.accounts, e.Rule)
				log.Info("rule can be evaluated again", "rule", e.Rule)
			}
		}
	}
}
