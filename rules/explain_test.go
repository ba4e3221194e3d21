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
		{"of two true sides the nearer", `balance > 1000 && balance < 5100`, "balance < 5100", "balance 5,000 is 100 below 5,100"},
		{"of two true sides the nearer, whichever way round", `balance < 5100 && balance > 1000`, "balance < 5100", "balance 5,000 is 100 below 5,100"},
		{"of two false sides the nearer", `balance < 1000 || balance < 4900`, "balance < 4900", "balance 5,000 is 100 above 4,900"},
		{"of a number and a flag the number", `plan.type == "Enterprise" && balance < 90000`, "balance < 90000", "balance 5,000 is 85,000 below 90,000"},
		{"of two false sides of && the farther, for both must turn", `balance < 4900 && balance < 1000`, "balance < 1000", "balance 5,000 is 4,000 above 1,000"},
		{"of two true sides of || the farther", `balance > 1000 || balance < 5100`, "balance > 1000", "balance 5,000 is 4,000 above 1,000"},
		{"of two false sides of && the flag, which no number turns", `balance < 4900 && plan.type == "Foo"`, `plan.type == "Foo"`, ""},
		{"nearer by share, not by size", `balance < 5500 && balance / 1000 < 10`, "balance < 5500", "balance 5,000 is 500 below 5,500"},
		{"no noise of floats", `balance * 0.1 * 3 > 1500`, "balance * 0.1 * 3 > 1500", "balance * 0.1 * 3 1,500 is just 1,500"},
		{"a difference that is noise", `balance * 0.0001 + 0.2 - 0.4 > 0.3`, "balance * 0.0001 + 0.2 - 0.4 > 0.3", "balance * 0.0001 + 0.2 - 0.4 0.3 is a hair below 0.3"},
		{"no more decimals than the number has", `balance / 630 < 7`, "balance / 630 < 7", "balance / 630 7.94 is 0.94 above 7"},
		{"just on the bound", `balance <= 5000`, "balance <= 5000", "balance 5,000 is just 5,000"},
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

func TestExplainSaysWhenTheBoundIsReachedAndWhatEndsIt(t *testing.T) {
	for _, tt := range []struct{ name, rule, reached, until string }{
		{"above the bound", `{ alert: Tried, expr: balance < 4400 }`, "at p50 reached in 5 days", ""},
		{"the other way round", `{ alert: Tried, expr: 4400 > balance }`, "at p50 reached in 5 days", ""},
		{"below it already", `{ alert: Tried, expr: balance < 6000 }`, "", ""},
		{"another number", `{ alert: Tried, expr: balance / 2 < 1000 }`, "", ""},
		{"with until", `{ alert: Tried, expr: balance < 6000, until: balance > 7500 }`, "", "balance > 7500 is false; balance 5,000 is 2,500 below 7,500"},
	} {
		in := full()
		in.Now = now
		in.Records = using(5_000, 120, 28)
		got, ok := load(t, "rules: ["+tt.rule+"]").Explain("Tried", in)
		if !ok || got.Reached != tt.reached || got.Until != tt.until {
			t.Errorf("%s: reached %q, until %q; want %q, %q", tt.name, got.Reached, got.Until, tt.reached, tt.until)
		}
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

func TestExplainSaysWhyARuleDoesNotApply(t *testing.T) {
	for rule, want := range map[string]string{
		`where: 'plan.type == "Essentials"'`:           `plan.type == "Essentials" is false; plan.type is "Enterprise"`,
		`where: 'recharge.auto'`:                       `recharge.auto is unknown: recharge.auto does not apply to this account`,
		`where: 'plan.type == "Foo" && balance > 100'`: `plan.type == "Foo" && balance > 100 is false; plan.type is "Enterprise"; balance is 5,000`,
		`sources: [gpus]`:                              "its sources do not name blues",
		`where: 'plan.type == "Enterprise"'`:           "",
	} {
		in := full()
		in.Now = now
		got, ok := load(t, "rules:\n  - alert: Tried\n    expr: balance < 1\n    "+rule+"\n").Explain("Tried", in)
		if !ok || got.Where != want || got.Applies != (want == "") {
			t.Errorf("%s: applies %v, %q, want %q", rule, got.Applies, got.Where, want)
		}
	}
}
