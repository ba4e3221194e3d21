package rules_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
	"github.com/google/go-cmp/cmp"
)

func exampleRules(t *testing.T) *rules.Set {
	t.Helper()
	data, err := os.ReadFile("../rules.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, problems := document.Parse("rules.example.yaml", data)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	o := onlyOwn()
	o.Sources, o.Vars = []string{"blues", "gpus"}, []string{"floor"}
	set, problems := rules.Load([]*document.Document{doc}, o)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set
}

// gpus is an account in good order, as Cudo would show it.
func gpus() billwatch.Snapshot {
	return billwatch.Snapshot{
		Account:      billwatch.Account{Source: "gpus", ID: "b1", Name: "Renders", Provider: "cudo", Kind: "billing_account"},
		At:           now,
		Suspended:    billwatch.Known(false),
		State:        billwatch.Known("active"),
		Balance:      billwatch.Known(amount(50_000)),
		Unit:         "USD",
		PaymentTerms: billwatch.Known("prepaid"),
		Spend: billwatch.Spend{
			Hourly: billwatch.Known(amount(1)), HourlyLimit: billwatch.Known(amount(10)),
			Monthly: billwatch.Known(amount(300)), MonthlyLimit: billwatch.Known(amount(1_000)),
		},
		Recharge: billwatch.Recharge{Auto: billwatch.Known(true), LastSucceeded: billwatch.Known(true), LastStatus: billwatch.Known("succeeded")},
	}
}

func with(s billwatch.Snapshot, change func(*billwatch.Snapshot)) billwatch.Snapshot {
	change(&s)
	return s
}

func TestExampleRules(t *testing.T) {
	set := exampleRules(t)
	well := with(acme(), func(s *billwatch.Snapshot) {
		s.Plan.End = billwatch.Known(now.AddDate(1, 0, 0))
		s.Balance = billwatch.Known(amount(9_000))
	})
	essentials := with(well, func(s *billwatch.Snapshot) {
		s.Plan = billwatch.Plan{Type: billwatch.Known("Essentials")}
	})
	spike := using(9_000, 100, 30)
	spike[29].Used = amount(2_000)
	tests := []struct {
		name string
		in   rules.Input
		want string // rules that are true
	}{
		{"all is well", rules.Input{Snapshot: well, Records: using(9_000, 100, 60)}, ""},
		{"all is well at Cudo", rules.Input{Snapshot: gpus()}, ""},
		{"suspended", rules.Input{Snapshot: with(well, func(s *billwatch.Snapshot) { s.Suspended = billwatch.Known(true) })}, "OrganizationSuspended"},
		{"low", rules.Input{Snapshot: with(well, func(s *billwatch.Snapshot) { s.Balance = billwatch.Known(amount(900)) })}, "CapacityLow"},
		{"low by its own floor", rules.Input{Snapshot: well, Vars: map[string]any{"floor": 10_000}}, "CapacityLow"},
		{"a short runway", rules.Input{Snapshot: with(well, func(s *billwatch.Snapshot) { s.Balance = billwatch.Known(amount(3_000)) }),
			Records: using(3_000, 600, 60)}, "RunwayShort"},
		{"a spike", rules.Input{Snapshot: well, Records: spike}, "UsageSpike"},
		{"a plan that ends", rules.Input{Snapshot: with(well, func(s *billwatch.Snapshot) { s.Plan.End = billwatch.Known(now.AddDate(0, 0, 20)) }),
			Records: using(9_000, 400, 60)}, "PlanEnding"},
		{"a plan without an end", rules.Input{Snapshot: essentials, Records: using(9_000, 100, 60)}, ""},
		{"capacity that will expire", rules.Input{Snapshot: with(well, func(s *billwatch.Snapshot) { s.Plan.End = billwatch.Known(now.AddDate(0, 0, 60)) }),
			Records: using(9_000, 10, 60)}, "CapacityWillExpireUnused"},
		{"another plan", rules.Input{Snapshot: essentials, Previous: &well, Records: using(9_000, 100, 60)}, "PlanChanged"},
		{"a recharge that failed", rules.Input{Snapshot: with(gpus(), func(s *billwatch.Snapshot) {
			s.Recharge.LastSucceeded = billwatch.Known(false)
			s.Recharge.LastFailure = billwatch.Known("card declined")
		})}, "RechargeFailed"},
		{"a recharge of which nothing was said", rules.Input{Snapshot: with(gpus(), func(s *billwatch.Snapshot) {
			s.Recharge = billwatch.Recharge{LastSucceeded: billwatch.NotSent[bool](), LastStatus: billwatch.NotSent[string]()}
		})}, ""},
		{"near the month's limit", rules.Input{Snapshot: with(gpus(), func(s *billwatch.Snapshot) { s.Spend.Monthly = billwatch.Known(amount(950)) })}, "SpendNearLimit"},
		{"near the hour's limit, the month's not known", rules.Input{Snapshot: with(gpus(), func(s *billwatch.Snapshot) {
			s.Spend.Monthly = billwatch.NotSent[billwatch.Decimal]()
			s.Spend.Hourly = billwatch.Known(amount(9.5))
		})}, "SpendNearLimit"},
		{"spend that was not sent", rules.Input{Snapshot: with(gpus(), func(s *billwatch.Snapshot) { s.Spend.Monthly = billwatch.NotSent[billwatch.Decimal]() })}, "SpendNearLimit"},
		{"on invoice there is no limit to watch", rules.Input{Snapshot: with(gpus(), func(s *billwatch.Snapshot) {
			s.PaymentTerms = billwatch.Known("invoice")
			s.Balance = billwatch.Value[billwatch.Decimal]{}
			s.Spend.Monthly = billwatch.Known(amount(950))
		})}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Now = now
			var got []string
			for _, e := range set.Evaluate(tt.in) {
				if e.Outcome != billwatch.True {
					continue
				}
				got = append(got, e.Rule)
				for name, text := range e.Annotations {
					if text == "" || strings.Contains(text, "template:") || strings.Contains(text, "<no value>") {
						t.Errorf("%s: %s = %q", e.Rule, name, text)
					}
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExampleRulesHaveHysteresis(t *testing.T) {
	set := exampleRules(t)
	until := func(rule string, balance, perDay float64) billwatch.Outcome {
		in := rules.Input{Now: now, Standing: map[string]bool{rule: true}, Records: using(balance, perDay, 60),
			Snapshot: with(acme(), func(s *billwatch.Snapshot) { s.Balance = billwatch.Known(amount(balance)) })}
		for _, e := range set.Evaluate(in) {
			if e.Rule == rule {
				return e.Until
			}
		}
		return billwatch.Unknown
	}
	tests := []struct {
		name            string
		rule            string
		balance, perDay float64
		want            billwatch.Outcome
	}{
		{"just above the floor it stays", "CapacityLow", 1_100, 1, billwatch.False},
		{"well above the floor it ends", "CapacityLow", 1_600, 1, billwatch.True},
		{"just over a week it stays", "RunwayShort", 750, 100, billwatch.False},
		{"well over a week it ends", "RunwayShort", 850, 100, billwatch.True},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := until(tt.rule, tt.balance, tt.perDay); got != tt.want {
				t.Errorf("until is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestExampleRulesShowEveryKey(t *testing.T) {
	data, err := os.ReadFile("../rules.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"alert", "expr", "for", "keep_firing_for", "until", "where", "value", "labels",
		"annotations", "sources", "on_unknown", "runbook_url"} {
		if !strings.Contains(string(data), key+":") {
			t.Errorf("the example does not show %s", key)
		}
	}
	for _, r := range exampleRules(t).Rules() {
		if r.For < 0 || r.For > 24*time.Hour {
			t.Errorf("%s waits for %v", r.Name, r.For)
		}
	}
}
