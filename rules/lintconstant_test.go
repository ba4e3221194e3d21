package rules_test

import (
	"strings"
	"testing"

	"github.com/billwatch/billwatch/rules"
)

const (
	neverFires  = " (the rule can never fire)"
	alwaysFires = " (the rule fires wherever its values are known)"
	deadPart    = " (this part is never true)"
	idlePart    = " (this part is always true where its values are known)"
)

func TestConditionsThatAreNeverTrueOrAlways(t *testing.T) {
	lintAll(t, rules.Options{}, []lintCase{
		{"false itself", `expr: false`, "3:11: condition is always false" + neverFires},
		{"constants alone", `expr: 2 < 1`, "3:11: condition is always false" + neverFires},
		{"a constant beside a condition", `expr: balance > 1 && 2 < 1`, "3:11: condition is always false" + neverFires},
		{"true itself is meant", `expr: true`, ""},
		{"a true constant beside a condition is no harm", `expr: balance > 1 && 1 < 2`, ""},
		{"two bounds that exclude each other", `expr: balance < 5 && balance > 10`, "3:26: balance < 5 and balance > 10 cannot both be true" + neverFires},
		{"with the number on the left", `expr: 5 > balance && 10 < balance`, "3:26: 5 > balance and 10 < balance cannot both be true" + neverFires},
		{"with something between", `expr: balance < 5 && suspended && balance > 10`, "3:39: balance < 5 and balance > 10 cannot both be true" + neverFires},
		{"chained", `expr: 10 < balance < 5`, "3:16: 10 < balance and balance < 5 cannot both be true" + neverFires},
		{"bounds that touch", `expr: balance < 5 && balance >= 5`, "3:26: balance < 5 and balance >= 5 cannot both be true" + neverFires},
		{"bounds that leave one value", `expr: balance <= 5 && balance >= 5`, ""},
		{"which is excluded", `expr: balance <= 5 && balance >= 5 && balance != 5`, "3:43: balance >= 5 and balance != 5 cannot both be true" + neverFires},
		{"the narrower of two bounds counts", `expr: balance <= 5 && balance < 5 && balance >= 5`, "3:42: balance < 5 and balance >= 5 cannot both be true" + neverFires},
		{"in whatever order", `expr: balance >= 5 && balance > 5 && balance <= 5`, "3:42: balance > 5 and balance <= 5 cannot both be true" + neverFires},
		{"a range", `expr: balance > 5 && balance < 10`, ""},
		{"a balance below zero can be", `expr: balance < 0`, ""},
		{"a plan cannot hold less than nothing", `expr: plan.capacity < 0`, "3:11: plan.capacity < 0 is never true: it is never less than 0" + neverFires},
		{"more than all", `expr: percent_left() > 100`, "3:11: percent_left() > 100 is never true: it lies between 0 and 100" + neverFires},
		{"all", `expr: percent_left() >= 100`, ""},
		{"at most all", `expr: percent_left() <= 100`, "3:11: percent_left() <= 100 is always true: it lies between 0 and 100" + alwaysFires},
		{"a runway of less than nothing", `expr: runway_days(0.1) < 0`, "3:11: runway_days(0.1) < 0 is never true: it is never less than 0" + neverFires},
		{"none at all", `expr: runway_days() <= 0`, ""},
		{"two quantiles are two numbers", `expr: runway_days(0.1) < 3 && runway_days(0.9) > 5`, ""},
		{"a function of a function may be less", `expr: runway_days() - runway_days(0.1) < 0`, ""},
		{"one of two values", `expr: plan.type == "A" && plan.type == "B"`, `3:31: plan.type == "A" and plan.type == "B" cannot both be true` + neverFires},
		{"a value that is not in the list", `expr: plan.type in ["A", "B"] && plan.type == "C"`, `3:38: plan.type in ["A", "B"] and plan.type == "C" cannot both be true` + neverFires},
		{"a value that is", `expr: plan.type in ["A", "B"] && plan.type == "B"`, ""},
		{"neither of two, with the wrong operator", `expr: plan.type != "A" || plan.type != "B"`, `3:31: one of plan.type != "A" and plan.type != "B" is always true` + alwaysFires},
		{"the same in a part", `expr: suspended || plan.type != "A" || plan.type != "B"`, `3:44: one of plan.type != "A" and plan.type != "B" is always true` + alwaysFires},
		{"and beside another condition", `expr: suspended && (plan.type != "A" || plan.type != "B")`, `3:45: one of plan.type != "A" and plan.type != "B" is always true` + idlePart},
		{"high or low", `expr: balance < 5 || balance >= 5`, "3:26: one of balance < 5 and balance >= 5 is always true" + alwaysFires},
		{"a part that is never true", `expr: suspended || percent_left() > 100`, "3:24: percent_left() > 100 is never true: it lies between 0 and 100" + deadPart},
		{"yes and no", `expr: suspended && !suspended`, "3:25: suspended and not (suspended) cannot both be true" + neverFires},
		{"the same, spelt out", `expr: suspended == true && suspended == false`, "3:32: suspended and not (suspended) cannot both be true" + neverFires},
		{"yes or no", `expr: suspended || not suspended`, "3:28: one of suspended and suspended is always true" + alwaysFires},
		{"below a not", `expr: "!(balance < 5 || balance > 3)"`, "3:29: one of balance < 5 and balance > 3 is always true" + neverFires},
		{"nothing that is something", `expr: balance == nil && balance < 5`, "3:29: balance == nil and balance < 5 cannot both be true" + neverFires},
		{"nothing within a function", `expr: plan.end == nil && days_until(plan.end) < 5`, "3:30: plan.end == nil and days_until(plan.end) < 5 cannot both be true" + neverFires},
		{"the balance within a function", `expr: balance == nil && runway_days() < 5`, "3:29: balance == nil and runway_days() < 5 cannot both be true" + neverFires},
		{"the explicit form", `expr: plan.end != nil && days_until(plan.end) < 5`, ""},
		{"there or not", `expr: balance == nil || balance < 5`, ""},
		{"there or not, and that is all", `expr: balance == nil || balance != nil`, "3:29: one of balance == nil and balance != nil is always true" + alwaysFires},
		{"two fields with each other", `expr: spend.hourly > spend.monthly && spend.monthly > spend.hourly`, "3:43: spend.hourly > spend.monthly and spend.monthly > spend.hourly cannot both be true" + neverFires},
		{"dates", `expr: plan.end < date("2026-01-01") && plan.end > date("2027-01-01")`, `3:44: plan.end < date("2026-01-01") and plan.end > date("2027-01-01") cannot both be true` + neverFires},
		{"durations", `expr: now - plan.start < duration("1d") && now - plan.start > duration("2d")`, `3:48: now - plan.start < duration("1d") and now - plan.start > duration("2d") cannot both be true` + neverFires},
		{"either way", `expr: "suspended ? balance < 5 : balance > 10"`, ""},
		{"a choice that is made already", `expr: "suspended && (suspended ? balance < 5 && balance > 7 : true)"`, "3:53: balance < 5 and balance > 7 cannot both be true" + neverFires},
		{"a default", `expr: (vars.on ?? false) && !(vars.on ?? false)`, "3:35: vars.on and not (vars.on) cannot both be true" + neverFires},
		{"a folded text", "expr: >-\n  balance < 5\n  && balance > 10", "5:10: balance < 5 and balance > 10 cannot both be true" + neverFires},
		{"an expression with more ways than are looked at", `expr: ` + manyWays(), ""},
		{"or a part that is never true", `expr: ` + strings.Replace(manyWays(), " && balance < 0'", " || percent_left() > 100'", 1), "3:445: percent_left() > 100 is never true: it lies between 0 and 100" + deadPart},
		{"accounts that there are none of", "expr: suspended\nwhere: balance < 5 && balance > 10", "4:27: balance < 5 and balance > 10 cannot both be true (the rule looks at no account)"},
		{"accounts that cannot meet it", "expr: balance < 5\nwhere: balance > 10", "4:12: no account that where picks can meet expr" + neverFires},
		{"accounts that can", "expr: balance < 5\nwhere: balance < 10", ""},
	})
}

// manyWays is true for two accounts in all, but to see that takes more cases
// than are listed.
func manyWays() string {
	text := "balance > 1"
	for _, f := range []string{"plan.capacity", "spend.hourly", "spend.monthly", "recharge.low", "recharge.high", "spend.hourly_limit", "spend.monthly_limit", "spend.next_invoice", "used(\"1d\")"} {
		text += " && (" + f + " < 1 || " + f + " > 2)"
	}
	return "'" + text + " && balance < 0'"
}

func TestSelectionsThatPickNobody(t *testing.T) {
	for expr, want := range map[string]string{
		`account.name == "a" && account.name == "b"`: `account.name == "a" and account.name == "b" cannot both be true`,
		`account.name != "a" || account.name != "b"`: `one of account.name != "a" and account.name != "b" is always true`,
		`account.name startsWith "Prod"`:             "",
		"true":                                       "",
	} {
		doc := parse(t, "billwatch.yaml", "'"+expr+"'\n")
		s, problems := rules.CompileSelector(doc, doc.Root())
		got := ""
		if len(problems) > 0 {
			got = problems[0].Message
		}
		if s == nil || got != want || problems.Errors() > 0 {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}
