package rules

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// brokenAfter is for how long a rule must have failed on evaluation before
// somebody is told.
const brokenAfter = time.Hour

// Sum tells a rule from what it is after a change of its conditions.
func (i Info) Sum() string {
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%q %q %q %q", i.Expr, i.Until, i.Where, i.Value)
	return fmt.Sprintf("%016x", sum.Sum64())
}

// RuleBroken judges whether a rule fails on evaluation, by how it fails on each
// source. It is about the rule and not about accounts: one alert, however many
// there are. Its account is billwatch's own: without a source, and with the
// rule's name for its id.
func (s *Set) RuleBroken(name string, errors []billwatch.RuleErrors, now time.Time) []billwatch.Evaluation {
	r := s.watch(billwatch.RuleRuleBroken)
	if r == nil {
		return nil
	}
	out := billwatch.Evaluation{
		Rule: r.name, Account: billwatch.AccountKey{ID: name}, At: now, Until: billwatch.True,
		Labels: billwatch.Labels{
			billwatch.LabelAlert: r.name, billwatch.LabelRule: name, billwatch.LabelSeverity: r.fixedLabels[billwatch.LabelSeverity],
		},
		LabelsBy: r.labelsBy,
	}
	if len(errors) == 0 {
		out.Outcome = billwatch.False
		return []billwatch.Evaluation{out}
	}
	accounts, since, first := 0, now, errors[0]
	for _, e := range errors {
		accounts += e.Accounts
		if e.Since.Before(since) {
			since, first = e.Since, e
		}
	}
	if now.Sub(since) < brokenAfter {
		out.Reason, out.Detail = billwatch.ReasonEvaluationError, first.Detail
		return []billwatch.Evaluation{out}
	}
	out.Outcome = billwatch.True
	count := float64(accounts)
	out.Value = &count
	on := "1 account"
	if accounts != 1 {
		on = fmt.Sprintf("%d accounts", accounts)
	}
	out.Annotations = map[string]string{
		"summary": fmt.Sprintf("rule %s fails on %s since %s: %s", name, on, since.UTC().Format("2 January 15:04 MST"),
			cmp.Or(strings.TrimSpace(first.Detail), "evaluation error")),
		"action": fmt.Sprintf("run billwatch explain %s %s/%s: it shows which part fails; a condition that fails begins and ends no alert", name, first.Source, first.Account),
	}
	return []billwatch.Evaluation{out}
}
