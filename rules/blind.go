package rules

import (
	"time"

	"github.com/billwatch/billwatch"
)

// Blind returns what the rules say of an account that could not be read:
// nothing, or what their on_unknown says of that. Only the account itself is
// known; where that leaves open whether a rule looks at it, on_unknown does
// not count.
func (s *Set) Blind(a billwatch.Account, reason, detail string, now time.Time) []billwatch.Evaluation {
	e := &env{snap: &billwatch.Snapshot{Account: a, At: now}, now: now, listed: true}
	all := make([]billwatch.Evaluation, 0, len(s.rules))
	for _, r := range s.rules {
		if !r.concerns(a.Source) {
			continue
		}
		out := r.evaluation(e)
		out.Until, out.Reason, out.Detail = billwatch.Unknown, reason, detail
		applies := billwatch.True
		if r.where != nil {
			applies = r.where.root.eval(e).outcome()
		}
		switch applies {
		case billwatch.False:
			continue
		case billwatch.True:
			r.decideUnknown(&out)
		}
		if out.Outcome == billwatch.True {
			r.fillBlind(e, &out)
		}
		all = append(all, out)
	}
	return all
}

// fillBlind is fill without a snapshot: the alert keeps the last good one.
func (r *rule) fillBlind(e *env, out *billwatch.Evaluation) {
	out.RunbookURL = r.runbook
	out.Labels = r.labelsFor(e.snap.Account)
	out.Annotations = r.annotationsFor(e, out)
	if out.Annotations[UnknownAnnotation] == "" {
		out.Annotations[UnknownAnnotation] = reasonInWords(out)
	}
}
