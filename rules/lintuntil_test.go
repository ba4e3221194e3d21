package rules_test

import (
	"testing"

	"github.com/billwatch/billwatch/rules"
)

func TestUntilThatIsOfNoUse(t *testing.T) {
	const none = " (it changes nothing; leave some distance between the two)"
	const never = " (an alert never resolves; write what must hold for it to end)"
	lintAll(t, rules.Options{}, []lintCase{
		{"some distance above", "expr: balance < 1000\nuntil: balance > 1500", ""},
		{"something else", "expr: balance < 1000\nuntil: top_ups(\"1d\") > 0", ""},
		{"the very opposite", "expr: balance < 1000\nuntil: balance >= 1000", "4:12: until holds whenever expr does not" + none},
		{"within what fires", "expr: balance < 1000\nuntil: balance > 500", "4:12: until holds whenever expr does not" + none},
		{"the wrong way round", "expr: balance < 1000\nuntil: balance < 500", "4:12: until cannot hold once expr does not" + never},
		{"the condition itself", "expr: suspended\nuntil: suspended", "4:12: until cannot hold once expr does not" + never},
		{"its opposite", "expr: suspended\nuntil: '!suspended'", "4:13: until holds whenever expr does not" + none},
		{"of two conditions one", "expr: balance < 1000 || suspended\nuntil: balance > 1500", ""},
		{"with a floor of its own", "expr: balance < (vars.floor ?? 1000)\nuntil: balance > 1.5 * (vars.floor ?? 1000)", ""},
		{"the opposite of a floor", "expr: balance < (vars.floor ?? 1000)\nuntil: balance >= (vars.floor ?? 1000)", "4:12: until holds whenever expr does not" + none},
		{"true", "expr: suspended\nuntil: true", "4:12: condition is always true (it changes nothing)"},
		{"false", "expr: suspended\nuntil: false", "4:12: condition is always false (an alert never resolves)"},
		{"never true", "expr: suspended\nuntil: percent_left() > 100", "4:12: percent_left() > 100 is never true: it lies between 0 and 100 (an alert never resolves)"},
		{"always true", "expr: suspended\nuntil: percent_left() >= 0", "4:12: percent_left() >= 0 is always true: it lies between 0 and 100 (it changes nothing)"},
		{"of a rule that always fires", "expr: true\nuntil: balance > 5", ""},
	})
}
