package rules_test

import (
	"testing"

	"github.com/billwatch/billwatch/rules"
)

func TestNumbersThatAreMeantOtherwise(t *testing.T) {
	lintAll(t, rules.Options{}, []lintCase{
		{"a percentage", `expr: percent_left() < 10`, ""},
		{"a share for a percentage", `expr: percent_left() < 0.1`, "3:28: 0.1 is less than one percent: percent_left() goes from 0 to 100 (did you mean 10?)"},
		{"on the left", `expr: 0.25 > percent_left()`, "3:11: 0.25 is less than one percent: percent_left() goes from 0 to 100 (did you mean 25?)"},
		{"in until", "expr: suspended\nuntil: percent_left() > 0.2", "4:29: 0.2 is less than one percent: percent_left() goes from 0 to 100 (did you mean 20?)"},
		{"a share that is made of it", `expr: percent_left() / 100 < 0.1`, ""},
		{"nothing left", `expr: percent_left() == 0`, ""},
		{"a window of all history", `expr: used("90d") > 5`, ""},
		{"a window that is longer", `expr: used("52w") > 5`, `3:16: window "52w" is longer than the 90 days that are looked back`},
		{"in value", "expr: suspended\nvalue: burn_rate('91d')", `4:22: window "91d" is longer than the 90 days that are looked back`},
		{"a forecast", `expr: forecast(1) < 5`, ""},
		{"a forecast of the past", `expr: forecast(-7) < 5`, "3:20: a forecast of no days is the balance itself"},
	})
}
