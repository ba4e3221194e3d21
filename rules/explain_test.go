package rules_test

import (
	"testing"

	"github.com/billwatch/billwatch/rules"
	"github.com/google/go-cmp/cmp"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		name, expr        string
		decides, distance string
	}{
		{"a single comparison", `balance < 1000`, "balance < 1000", "balance 5,000 is 4,000 above 1,000"},
		{"the side of && that is false", `plan.type == "Enterprise" && balance < 1000`, "balance < 1000", "balance 5,000 is 4,000 above 1,000"},
		{"the side of || that is true", `suspended || balance < 6000`, "balance < 6000", "balance 5,000 is 1,000 below 6,000"},
		{"what is not known", `balance > 1000 && state == "active"`, `state == "active"`, ""},
		{"below a not", `!(balance < 1000)`, "balance < 1000", "balance 5,000 is 4,000 above 1,000"},
		{"a flag", `suspended`, "suspended", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := full()
			in.Now = now
			got, ok := load(t, condition(tt.expr)).Explain("Tried", in)
			if !ok || got.Decides != tt.decides || got.Distance != tt.distance {
				t.Errorf("decides %q, %q", got.Decides, got.Distance)
			}
		})
	}
}

func TestExplainShowsEveryPart(t *testing.T) {
	in := full()
	in.Now = now
	got, _ := load(t, condition(`balance / 2 < 1000 || state == "active"`)).Explain("Tried", in)
	want := []rules.Part{
		{Text: `balance / 2 < 1000 || state == "active"`, Value: "unknown: state was not sent"},
		{Text: "balance / 2 < 1000", Value: "false"},
		{Text: "balance / 2", Value: "2,500"},
		{Text: "balance", Value: "5,000"},
		{Text: `state == "active"`, Value: "unknown: state was not sent"},
		{Text: "state", Value: "unknown: state was not sent"},
	}
	if diff := cmp.Diff(want, got.Parts); diff != "" {
		t.Error(diff)
	}
	if _, ok := load(t, condition("true")).Explain("Other", in); ok {
		t.Error("a rule that is not there is explained")
	}
}
