package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// Input is what is known of one account when it is judged.
type Input struct {
	Snapshot billwatch.Snapshot
	Previous *billwatch.Snapshot          // the last good one before this; nil at the first
	Records  []billwatch.Record           // sorted by period
	Vars     map[string]any               // the account's own variables
	Standing map[string]bool              // rules whose alert is pending or firing
	Applied  map[string]billwatch.Outcome // what where said last, by rule
	Now      time.Time
}

// The reason of an end that where brings about.
const noLongerApplies = "no longer applies"

// UnknownAnnotation says why an alert is told although nothing is known.
const UnknownAnnotation = "unknown"

// Evaluate judges an account by every rule that concerns it. A rule whose where
// does not hold gives nothing, or the end of its alert where that stands. An
// account that was deleted is judged by no rule.
func (s *Set) Evaluate(in Input) []billwatch.Evaluation {
	if in.Snapshot.DeletedAt.IsKnown() {
		return nil
	}
	d := s.desk(in)
	defer s.clear(d)
	e := &d.env
	all := make([]billwatch.Evaluation, 0, len(s.rules))
	for _, r := range s.rules {
		if !r.concerns(in.Snapshot.Account.Source) {
			continue
		}
		standing := in.Standing[r.name]
		switch applies, fails := r.applies(e, in.Applied[r.name], standing); {
		case applies:
			out := r.evaluate(e, standing)
			out.Fails = cmp.Or(out.Fails, fails)
			all = append(all, out)
		case fails != "": // begins nothing, and is told as a rule that fails
			out := r.evaluation(e)
			out.Reason, out.Detail = billwatch.ReasonEvaluationError, fails
			all = append(all, out)
		case standing:
			end := r.evaluation(e)
			end.Outcome, end.Ends, end.Until = billwatch.False, noLongerApplies, billwatch.True
			r.fill(e, &end)
			all = append(all, end)
		}
	}
	return all
}

// desk is what one account is judged on. Most accounts are well, and leave
// nothing behind: the desk is cleared for the next one.
type desk struct {
	in  Input
	env env
}

func (s *Set) desk(in Input) *desk {
	d, ok := s.desks.Get().(*desk)
	if !ok {
		d = &desk{}
	}
	d.in = in
	d.in.begin(&d.env)
	d.env.shared = true
	return d
}

func (s *Set) clear(d *desk) {
	*d = desk{}
	s.desks.Put(d)
}

func (r *rule) concerns(source string) bool {
	return len(r.sources) == 0 || slices.Contains(r.sources, source)
}

// applies is the answer of where, and why it fails where it does. What does not
// apply to an account is no account of this rule; what is not known leaves it as
// it was.
func (r *rule) applies(e *env, last billwatch.Outcome, standing bool) (applies bool, fails string) {
	if r.where == nil {
		return true, ""
	}
	v := r.where.root.eval(e)
	switch {
	case v.isTrue():
		return true, ""
	case v.isFalse() || v.kind != unknown || v.why == notApplicable:
		return false, ""
	}
	was := last == billwatch.True || last == billwatch.Unknown && (standing || r.applied(e))
	return was, failure("where", v, boolean)
}

// applied is what where said of the poll before.
func (r *rule) applied(e *env) bool {
	return e.prev != nil && r.where.root.eval(&env{snap: e.prev, vars: e.vars, records: e.records, now: e.prev.At}).isTrue()
}

// evaluation returns what is the same whatever the outcome.
func (r *rule) evaluation(e *env) billwatch.Evaluation {
	return billwatch.Evaluation{
		Rule: r.name, Account: e.snap.Account.Key(), At: e.now,
		For: r.pending, KeepFiringFor: r.keep, Until: billwatch.True, LabelsBy: r.labelsBy,
	}
}

func (r *rule) evaluate(e *env, standing bool) billwatch.Evaluation {
	out := r.evaluation(e)
	v := r.expr.root.eval(e)
	if v.kind != unknown && v.kind != boolean {
		v = wrongKind(v, boolean)
	}
	out.Outcome = v.outcome()
	if v.kind == unknown {
		out.Reason, out.Detail = v.why.String(), v.str
		r.decideUnknown(&out)
	}
	if r.until != nil {
		until := r.until.root.eval(e)
		out.Until, out.Fails = until.outcome(), failure("until", until, boolean)
	}
	if out.Outcome == billwatch.True || standing {
		r.fill(e, &out)
	}
	return out
}

// failure says why an expression cannot be evaluated; empty where it can, or
// where a value is missing.
func failure(key string, v value, want kind) string {
	if v.kind != unknown && v.kind != want {
		v = wrongKind(v, want)
	}
	if v.kind != unknown || v.why != failed {
		return ""
	}
	return key + ": " + v.str
}

// decideUnknown does what the rule says of an outcome that is not known. What
// does not apply to an account is never an alert.
func (r *rule) decideUnknown(out *billwatch.Evaluation) {
	if out.Reason == billwatch.ReasonNotApplicable {
		return
	}
	switch r.onUnknown {
	case alertUnknown:
		out.Outcome = billwatch.True
	case okUnknown:
		out.Outcome = billwatch.False
	}
}

// fill adds what is told of an alert.
func (r *rule) fill(e *env, out *billwatch.Evaluation) {
	out.RunbookURL = r.runbook
	out.Labels = r.labelsFor(e.snap.Account)
	guessed := out.Reason != "" // on_unknown made it true
	if !guessed && r.shown != nil {
		v := r.shown(e)
		if v.kind == number && !math.IsInf(v.num, 0) && !math.IsNaN(v.num) {
			out.Value = &v.num
		}
		if r.shownBy != nil && out.Fails == "" {
			out.Fails = failure("value", v, number)
		}
	}
	out.Snapshot = e.keep()
	if !e.blind {
		out.Forecast = e.forecast()
	}
	out.Annotations = r.annotationsFor(e, out)
	if out.Outcome == billwatch.True && guessed && out.Annotations[UnknownAnnotation] == "" {
		out.Annotations[UnknownAnnotation] = reasonInWords(out)
	}
}

func reasonInWords(e *billwatch.Evaluation) string {
	if e.Detail == "" {
		return e.Reason
	}
	return fmt.Sprintf("%s: %s", e.Reason, e.Detail)
}

// labelsFor returns the labels of this rule's alert on an account.
func (r *rule) labelsFor(a billwatch.Account) billwatch.Labels {
	labels := make(billwatch.Labels, len(a.Labels)+len(r.labels)+len(ownLabels))
	for name, v := range a.Labels {
		labels[name] = v
	}
	data := labelData{}
	for i, l := range r.labels {
		if i == 0 {
			data = labelsOf(a, r.name)
		}
		labels[l.name], _ = l.render(data) // made over and over, and counted nowhere
	}
	labels[billwatch.LabelAlert] = r.name
	labels[billwatch.LabelSource] = a.Source
	labels[billwatch.LabelProvider] = a.Provider
	labels[billwatch.LabelAccount] = a.ID
	labels[billwatch.LabelAccountName] = a.Title()
	for name, v := range labels {
		if v == "" { // as in Prometheus, an empty label is none
			delete(labels, name)
		}
	}
	return labels
}

func (r *rule) annotationsFor(e *env, out *billwatch.Evaluation) map[string]string {
	annotations := make(map[string]string, len(r.annotations)+1)
	if len(r.annotations) == 0 {
		return annotations
	}
	never := math.Inf(1)
	account := e.snap.Account
	account.Name = account.Title() // "has 3 left" would say of whom to nobody
	data := annotationData{
		Account: account, Source: account.Source, Rule: r.name, Labels: out.Labels,
		Value: out.Value, Unit: e.snap.Unit, Snapshot: *e.snap, Previous: e.prev, Forecast: out.Forecast,
		Runway: billwatch.Quantiles{P10: never, P50: never, P90: never},
		Vars:   e.vars, Now: e.now, Reason: out.Reason,
	}
	if f := out.Forecast; f != nil {
		data.Runway, data.BurnRate, data.ExhaustAt = f.Runway, f.BurnRate, f.ExhaustAt
	}
	for _, a := range r.annotations {
		failed := false
		if annotations[a.name], failed = a.render(data); failed {
			out.Miswritten++
		}
	}
	return annotations
}

// LabelsOf returns the labels that a rule's alert on an account would have; nil
// where there is no such rule.
func (s *Set) LabelsOf(rule string, a billwatch.Account) billwatch.Labels {
	for _, r := range s.rules {
		if r.name == rule {
			return r.labelsFor(a)
		}
	}
	return nil
}
