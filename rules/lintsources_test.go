package rules_test

import (
	"testing"

	"github.com/billwatch/billwatch/rules"
)

var notehubFields = []string{
	"account.role", "account.owner", "account.email", "suspended", "state", "balance", "unit",
	"plan.type", "plan.start", "plan.end", "plan.capacity",
}

var cudoFields = []string{
	"account.owner", "suspended", "state", "balance", "unit", "payment_terms", "spend.hourly", "spend.hourly_limit",
	"spend.monthly", "spend.monthly_limit", "spend.next_invoice", "recharge.auto", "recharge.low", "recharge.high",
	"recharge.last_status", "recharge.last_failure", "recharge.last_succeeded",
}

func everySource() []rules.Facts {
	return []rules.Facts{
		{Name: "blues", Provider: "notehub", Kind: "organization", Interval: 300e9, Fields: notehubFields},
		{Name: "gpus", Provider: "cudo", Kind: "billing_account", Interval: 300e9, Fields: cudoFields},
	}
}

func TestRulesOverOneSource(t *testing.T) {
	const lost = " (what hangs on it is never known)"
	lintAll(t, rules.Options{Facts: everySource()[:1]}, []lintCase{
		{"what it has", `expr: balance < 5 && plan.end != nil && account.role == "owner"`, ""},
		{"what it has not", `expr: spend.hourly > 5`, "3:11: spend.hourly > 5 is never true: source blues has no spend.hourly" + neverFires},
		{"what it has not, asked for", `expr: spend.hourly != nil && spend.hourly > 5`, "3:11: spend.hourly != nil is never true: source blues has no spend.hourly" + neverFires},
		{"what it had not", `expr: previous.spend.hourly > 5`, "3:11: previous.spend.hourly > 5 is never true: source blues has no spend.hourly" + neverFires},
		{"a change of what it has not", `expr: changed("spend.hourly")`, `3:11: changed("spend.hourly") is never true: source blues has no spend.hourly` + neverFires},
		{"beside what it has", `expr: balance < 5 || spend.hourly > 5`, "3:26: no source that the rule looks at has spend.hourly" + lost},
		{"with a default", `expr: (spend.hourly ?? 0) > 5 || balance < 5`, ""},
		{"in until", "expr: balance < 5\nuntil: spend.hourly < 1", "4:12: no source that the rule looks at has spend.hourly" + lost},
		{"in value", "expr: balance < 5\nvalue: spend.hourly", "4:12: no source that the rule looks at has spend.hourly" + lost},
		{"in where", "expr: balance < 5\nwhere: payment_terms == \"prepaid\"", `4:12: payment_terms == "prepaid" is never true: source blues has no payment_terms (the rule looks at no account)`},
		{"another provider", "expr: balance < 5\nwhere: account.provider == \"cudo\"", `4:12: account.provider == "cudo" is never true: account.provider is "notehub" (the rule looks at no account)`},
		{"a source that is misspelt", `expr: account.source == "bluse" && suspended`, `3:11: account.source == "bluse" is never true: account.source is "blues"` + neverFires},
		{"another kind", `expr: account.kind in ["billing_account"] && suspended`, `3:11: account.kind in ["billing_account"] is never true: account.kind is "organization"` + neverFires},
		{"all others", "expr: suspended\nwhere: account.source != \"gpus\"", ""},
		{"its own kind", `expr: account.kind == "organization" && suspended`, ""},
	})
}

func TestRulesOverSeveralSources(t *testing.T) {
	unknown := append(everySource(), rules.Facts{Name: "own"})
	lintAll(t, rules.Options{Facts: unknown[:2]}, []lintCase{
		{"what one has", `expr: spend.hourly > 5`, ""},
		{"what each has another of", `expr: spend.hourly > 5 && plan.end != nil`, "3:11: no source has accounts for which this can be true" + neverFires},
		{"what none has", `expr: account.labels.x != nil && account.kind == "project"`, `3:38: account.kind == "project" is true at no source` + neverFires},
		{"the one that where picks", "expr: spend.hourly > 5\nwhere: account.provider == \"cudo\"", ""},
		{"the other one", "expr: spend.hourly > 5\nwhere: account.provider == \"notehub\"", "3:11: spend.hourly > 5 is never true: source blues has no spend.hourly" + neverFires},
		{"the other one, among other things", "expr: spend.hourly > 5 || suspended\nwhere: account.provider == \"notehub\"", "3:11: no source that the rule looks at has spend.hourly (what hangs on it is never known)"},
		{"the one that is named", "expr: plan.end != nil\nsources: [gpus]", "3:11: plan.end != nil is never true: source gpus has no plan.end" + neverFires},
		{"named and picked apart", "expr: suspended\nsources: [gpus]\nwhere: account.source == \"blues\"", `5:12: account.source == "blues" is never true: account.source is "gpus" (the rule looks at no account)`},
		{"picked nowhere", "expr: suspended\nwhere: account.source == \"bluse\"", `4:12: account.source == "bluse" is true at no source (the rule looks at no account)`},
	})
	lintAll(t, rules.Options{Facts: unknown}, []lintCase{
		{"a source of which nothing is known", `expr: spend.hourly > 5 && plan.end != nil`, ""},
	})
}

func TestLabelsThatNobodySets(t *testing.T) {
	lintAll(t, rules.Options{Labels: []string{"team"}}, []lintCase{
		{"one that is set", `expr: account.labels.team == "iot"`, ""},
		{"one that is misspelt", `expr: account.labels.taem == "iot"`, "3:11: no source and no account sets the label taem (did you mean team?)"},
		{"one that is asked for", `expr: account.labels.other == nil`, ""},
	})
}
