package daemon

import (
	"slices"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state"
)

// judge takes one account's poll along the pure part of the road: rules, the
// alert machine, routing. It keeps nothing.
type judge struct {
	plan  Plan
	rules map[string]rules.Info // in force, by name
}

func newJudge(plan Plan) *judge {
	if plan.Rules == nil {
		plan.Rules = &rules.Set{}
	}
	j := &judge{plan: plan, rules: map[string]rules.Info{}}
	for _, rule := range plan.Rules.Rules() {
		j.rules[rule.Name] = rule
	}
	return j
}

// outdated says why an alert ends by the rules alone, whatever is so: empty
// where it does not.
func (j *judge) outdated(alert billwatch.Alert) string {
	rule, inForce := j.rules[alert.Key.Rule]
	switch source := alert.Key.Account.Source; {
	case !inForce:
		return "rule removed"
	case alert.Key.Account.ID == "" && !j.plan.Rules.Watches(rule.Name):
		return "rule changed" // it was about a source, and now is about accounts
	case len(rule.Sources) > 0 && !slices.Contains(rule.Sources, source):
		return "no longer applies"
	}
	return ""
}

// verdict is all that follows from one poll.
type verdict struct {
	evaluations []billwatch.Evaluation
	alerts      []billwatch.Alert // changed ones
	transitions []billwatch.Transition
	due         []billwatch.GroupDue
	forecast    *billwatch.Forecast
}

// judge judges one poll against what is known of its account.
func (j *judge) judge(poll billwatch.Poll, known billwatch.Knowledge, now time.Time) verdict {
	poll, vars := j.dressed(poll, known.Previous)
	standing := standingBy(known.Alerts)
	v := verdict{}
	v.evaluations, v.forecast = j.evaluate(subject{poll, known, vars}, standing, now)
	if poll.Snapshot == nil || !known.Forgotten || !poll.Snapshot.DeletedAt.IsKnown() {
		v.evaluations = j.seen(v.evaluations, poll, standing, now)
	}
	for _, e := range v.evaluations {
		alert, stands := standing[e.Rule]
		if !stands {
			alert = billwatch.Alert{Key: billwatch.AlertKey{Rule: e.Rule, Account: e.Account}}
		}
		j.advance(&v, alert, e, now)
	}
	for _, alert := range known.Alerts {
		if why := j.outdated(alert); why != "" {
			j.advance(&v, alert, ended(alert, why, now), now)
		}
	}
	return v
}

// standingBy returns the alerts of one account by their rules.
func standingBy(alerts []billwatch.Alert) map[string]billwatch.Alert {
	standing := make(map[string]billwatch.Alert, len(alerts))
	for _, alert := range alerts {
		standing[alert.Key.Rule] = alert
	}
	return standing
}

// dressed returns the poll with the labels that the configuration gives the
// account, and the account's variables. What they hang on may be known from the
// last good poll only.
func (j *judge) dressed(poll billwatch.Poll, previous *billwatch.Snapshot) (billwatch.Poll, map[string]any) {
	given := j.plan.given(poll.Account, poll.Snapshot, previous)
	poll.Account.Labels = given.Labels
	if poll.Snapshot != nil {
		snapshot := *poll.Snapshot
		snapshot.Account.Labels = poll.Account.Labels
		poll.Snapshot = &snapshot
	}
	return poll, given.Vars
}

// subject is an account that is judged: what was read of it, what was known
// before, and what the configuration says of it.
type subject struct {
	poll  billwatch.Poll
	known billwatch.Knowledge
	vars  map[string]any
}

func (j *judge) evaluate(s subject, standing map[string]billwatch.Alert, now time.Time) ([]billwatch.Evaluation, *billwatch.Forecast) {
	poll := s.poll
	if poll.Snapshot == nil {
		detail := ""
		if poll.Err != nil {
			detail = poll.Err.Error()
		}
		return j.plan.Rules.Blind(poll.Account, billwatch.ReasonFailedPoll, detail, now), nil
	}
	in := s.input(standing, now)
	return j.plan.Rules.Evaluate(in), rules.ForecastOf(in)
}

// input is what rules see of a good poll.
func (s subject) input(standing map[string]billwatch.Alert, now time.Time) rules.Input {
	in := rules.Input{
		Snapshot: *s.poll.Snapshot,
		Previous: s.known.Previous,
		Records:  recordsWith(s.poll, s.known.Records),
		Vars:     s.vars,
		Standing: make(map[string]bool, len(standing)),
		Applied:  make(map[string]billwatch.Outcome, len(standing)),
		Now:      now,
	}
	for rule := range standing { // what stands was looked at, so that a where that cannot tell keeps it
		in.Standing[rule], in.Applied[rule] = true, billwatch.True
	}
	return in
}

// advance moves one alert and notes what follows. An alert to which the rule or
// the configuration no longer gives the labels that it began with ends, and
// begins anew at once. One whose account changed keeps them: they are its name.
func (j *judge) advance(v *verdict, alert billwatch.Alert, e billwatch.Evaluation, now time.Time) {
	e.LabelsBy += j.plan.LabelsBy[e.Account.Source]
	if changedLabels(alert, e) {
		alert = j.note(v, alert, ended(alert, "rule changed", now), now)
		e.For = 0
		alert = billwatch.Alert{Key: alert.Key}
	}
	j.note(v, alert, e, now)
}

// note applies one evaluation and records the alert, its move and who is to be
// told.
func (j *judge) note(v *verdict, alert billwatch.Alert, e billwatch.Evaluation, now time.Time) billwatch.Alert {
	next, moved := state.Advance(alert, e, now)
	next.Inhibits = next.State == billwatch.Firing && j.plan.Router.Inhibition().Inhibits(next)
	if moved != nil {
		v.transitions = append(v.transitions, *moved)
		if moved.To == billwatch.Firing || moved.To == billwatch.Resolved {
			v.due = append(v.due, j.plan.Router.Due(next, now)...)
		}
	}
	if moved != nil || next.State != billwatch.Inactive {
		v.alerts = append(v.alerts, next)
	}
	return next
}

func changedLabels(alert billwatch.Alert, e billwatch.Evaluation) bool {
	return alert.State == billwatch.Firing && e.Ends == "" && e.Outcome != billwatch.Unknown &&
		len(e.Labels) > 0 && e.LabelsBy != alert.LabelsBy && e.Labels.Fingerprint() != alert.Fingerprint
}

func ended(alert billwatch.Alert, why string, now time.Time) billwatch.Evaluation {
	return billwatch.Evaluation{
		Rule: alert.Key.Rule, Account: alert.Key.Account, At: now,
		Outcome: billwatch.Unknown, Until: billwatch.True, Ends: why,
	}
}

// merged returns stored and new records, sorted; a new one replaces a stored
// one of the same period.
func merged(stored, fresh []billwatch.Record) []billwatch.Record {
	if len(fresh) == 0 {
		return stored
	}
	all := make([]billwatch.Record, 0, len(stored)+len(fresh))
	i, k := 0, 0
	for i < len(stored) || k < len(fresh) {
		switch {
		case k == len(fresh), i < len(stored) && stored[i].Period.Before(fresh[k].Period):
			all = append(all, stored[i])
			i++
		case i < len(stored) && stored[i].Period.Equal(fresh[k].Period):
			i++
		default:
			all = append(all, fresh[k])
			k++
		}
	}
	return all
}
