package rules_test

import (
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

// TestRunsOutSoonReadsAsASentence, also when nothing is left to run out.
func TestRunsOutSoonReadsAsASentence(t *testing.T) {
	set, problems := rules.Load(nil, rules.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for left, want := range map[int64]string{
		0:   "Acme has run out, or is about to",
		200: "Acme may run out in 1.8 days",
	} {
		s := acme()
		s.Balance = billwatch.Known(billwatch.DecimalOf(left))
		in := at(s)
		in.Records = using(float64(left), 100, 30)
		for _, e := range set.Evaluate(in) {
			if e.Rule == rules.RunsOutSoon && (e.Outcome != billwatch.True || e.Annotations["summary"] != want) {
				t.Errorf("with %d left: %s, %q", left, e.Outcome, e.Annotations["summary"])
			}
		}
	}
}
