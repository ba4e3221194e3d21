package rules_test

import (
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

func TestSelector(t *testing.T) {
	listed := billwatch.Account{Source: "blues", ID: "app:1", Name: "Prod 1", Provider: "notehub", Kind: "organization"}
	tests := []struct {
		name, expr    string
		row, snapshot billwatch.Outcome // what a list row says, and what the detail says
	}{
		{"by name", `account.name startsWith "Prod"`, billwatch.True, billwatch.True},
		{"not by name", `account.name startsWith "Test"`, billwatch.False, billwatch.False},
		{"by what no list row has", `plan.type == "Enterprise"`, billwatch.Unknown, billwatch.True},
		{"by the absence of what no list row has", `plan.end == nil`, billwatch.Unknown, billwatch.False},
		{"by a default of what no list row has", `(plan.type ?? "none") == "none"`, billwatch.Unknown, billwatch.False},
		{"by what does not apply", `account.role == "owner"`, billwatch.False, billwatch.True},
		{"enough is known", `account.name == "Prod 1" || suspended`, billwatch.True, billwatch.False},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := parse(t, "billwatch.yaml", "|-\n  "+tt.expr+"\n")
			s, problems := rules.CompileSelector(doc, doc.Root())
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if got := s.Match(listed); got != tt.row {
				t.Errorf("a list row says %v, want %v", got, tt.row)
			}
			snap := acme()
			if snap.Account.Name = "Prod 2"; s.MatchSnapshot(snap) != tt.snapshot {
				t.Errorf("the detail says %v, want %v", s.MatchSnapshot(snap), tt.snapshot)
			}
		})
	}
}

func TestSelectorsKnowNoHistory(t *testing.T) {
	for _, expr := range []string{"runway_days() < 3", "previous.balance > 1", "now > plan.end", "vars.floor > 1", "account.nam == 1"} {
		doc := parse(t, "billwatch.yaml", "'"+expr+"'\n")
		if s, problems := rules.CompileSelector(doc, doc.Root()); s != nil || problems.Errors() != 1 {
			t.Errorf("%s: %v", expr, problems)
		}
	}
}
