package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

// watchRules are the built-in rules about what cannot be seen or told. They have
// no condition: they are judged by how polls and deliveries go, not by what
// accounts look like.
func watchRules() []*rule {
	watch := func(name, severity, holds string) *rule {
		r := &rule{name: name, builtin: true, file: builtinFile, expr: &program{source: holds}}
		r.severe(severity)
		return r
	}
	return []*rule{
		watch(billwatch.RuleSourceDown, "critical", "no successful poll of the source for 3 intervals"),
		watch(billwatch.RuleAccountStale, "warning", "no successful poll of the account for 3 planned intervals"),
		watch(billwatch.RuleAccountGone, "warning", "missing from 3 listings in a row, or deleted"),
		watch(billwatch.RuleRuleBroken, "warning", "a rule fails on evaluation for an hour"),
		watch(billwatch.RuleReceiverDown, "critical", "a message to a receiver failed for good"),
	}
}

// severe gives a rule its severity, and no other label.
func (r *rule) severe(severity string) {
	r.labels = []namedText{{name: billwatch.LabelSeverity, plain: severity}}
	r.fixedLabels = billwatch.Labels{billwatch.LabelSeverity: severity}
}

// graded is the rule with the severity that the configuration gives it.
func (r *rule) graded(o Options) *rule {
	if severity, ok := o.Severities[r.name]; ok {
		r.severe(severity)
	}
	return r
}

// Watches says whether the built-in rule of that name about what cannot be seen
// is in force: neither switched off nor replaced.
func (s *Set) Watches(name string) bool {
	return s.watch(name) != nil
}

func (s *Set) watch(name string) *rule {
	i := slices.IndexFunc(s.watching, func(r *rule) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return s.watching[i]
}

// SourceDown judges how a source can be seen. The account is the source itself:
// it has no id. Overdue says that no poll of it succeeded for too long since it
// was last seen well and is watched.
func (s *Set) SourceDown(source billwatch.Account, sight billwatch.SourceSight, overdue bool, now time.Time) []billwatch.Evaluation {
	r := s.watch(billwatch.RuleSourceDown)
	if r == nil {
		return nil
	}
	out := r.evaluation(&env{snap: &billwatch.Snapshot{Account: source}, now: now})
	switch {
	case overdue:
		out.Outcome = billwatch.True
		r.tell(&out, source, nil, unread(source.Source, sight.Good, now)+because(sight.Failure),
			"run billwatch probe "+source.Source+": it shows what the API answers, and what helps")
	case sight.Failing.IsZero() && !sight.Down && !sight.Good.IsZero():
		out.Outcome = billwatch.False
	default:
		out.Reason, out.Detail = billwatch.ReasonFailedPoll, sight.Failure.Message
	}
	return []billwatch.Evaluation{out}
}

// AccountGone judges whether an account is still there. Missing from less than
// three listings says nothing yet.
func (s *Set) AccountGone(sight billwatch.AccountSight, now time.Time) []billwatch.Evaluation {
	r := s.watch(billwatch.RuleAccountGone)
	if r == nil {
		return nil
	}
	out := r.evaluation(&env{snap: &billwatch.Snapshot{Account: sight.Account}, now: now})
	switch {
	case !sight.Deleted.IsZero():
		out.Outcome = billwatch.True
		r.tell(&out, sight.Account, sight.Last, fmt.Sprintf("%s was deleted on %s", sight.Account.Title(), sight.Deleted.UTC().Format("2 January 2006")),
			"make sure that nothing uses it any more")
	case sight.Gone:
		out.Outcome = billwatch.True
		r.tell(&out, sight.Account, sight.Last, fmt.Sprintf("%s is gone: %s lists it no more; its other alerts stay as they are, untold", sight.Account.Title(), sight.Account.Source),
			"run billwatch probe "+sight.Account.Source+" --accounts: it shows what the credential still sees")
	case sight.Missing == 0:
		out.Outcome = billwatch.False
	default:
		out.Reason, out.Detail = billwatch.ReasonFailedPoll, "missing from the listing"
	}
	return []billwatch.Evaluation{out}
}

// AccountStale judges whether an account was read lately: not before the moment
// stale. A zero moment says that it cannot be told, as while the source is down.
func (s *Set) AccountStale(sight billwatch.AccountSight, stale, now time.Time) []billwatch.Evaluation {
	r := s.watch(billwatch.RuleAccountStale)
	if r == nil {
		return nil
	}
	out := r.evaluation(&env{snap: &billwatch.Snapshot{Account: sight.Account}, now: now})
	switch {
	case stale.IsZero() || sight.Missing > 0:
		out.Reason, out.Detail = billwatch.ReasonFailedPoll, sight.Failure.Message
	case sight.Good.After(stale):
		out.Outcome = billwatch.False
	case sight.Since.After(stale):
		out.Reason, out.Detail = billwatch.ReasonFailedPoll, sight.Failure.Message
	default:
		out.Outcome = billwatch.True
		r.tell(&out, sight.Account, sight.Last, unread(sight.Account.Title(), sight.Good, now)+because(sight.Failure),
			"run billwatch probe "+sight.Account.Source+" --account "+sight.Account.ID+": it shows what the API answers, and what helps")
	}
	return []billwatch.Evaluation{out}
}

// tell adds what is told of an alert about what cannot be seen.
func (r *rule) tell(out *billwatch.Evaluation, a billwatch.Account, last *billwatch.Snapshot, summary, action string) {
	out.Labels, out.Snapshot = r.labelsFor(a), last
	out.Annotations = map[string]string{"summary": summary, "action": action}
}

// unread says since when something cannot be read: by the clock within a day,
// else with the day.
func unread(title string, good, now time.Time) string {
	if good.IsZero() {
		return title + " could never be read"
	}
	layout := "15:04 MST"
	if now.Sub(good) >= 24*time.Hour {
		layout = "2 January 2006 15:04 MST"
	}
	return title + " cannot be read since " + good.UTC().Format(layout)
}

// because says what went wrong, beginning with its kind.
func because(f billwatch.Failure) string {
	if f.Message == "" {
		return ""
	}
	kinds := map[string]string{
		"credential":    "credential rejected",
		"not_permitted": "not permitted",
		"gone":          "not found",
		"rate_limited":  "rate limited",
		"unreadable":    "unreadable answer",
		"failed":        "request failed",
		"suspended":     "refused as suspended",
	}
	words := kinds[f.Kind]
	if words == "" {
		words = strings.ReplaceAll(f.Kind, "_", " ")
	}
	return ": " + words + ": " + f.Message
}

// Builtin returns the names of all built-in rules.
func Builtin() []string {
	doc, _ := document.Parse(builtinFile, []byte(builtinRules))
	r := &reader{doc: doc}
	var names []string
	for _, n := range r.entries() {
		names = append(names, r.rule(n).name)
	}
	for _, w := range watchRules() {
		names = append(names, w.name)
	}
	return names
}
