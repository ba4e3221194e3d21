package rules_test

import (
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
)

// What is not known never decides by some default value, wherever it stands.
func TestAnOperandThatIsNotKnownDecidesNothing(t *testing.T) {
	const unsent = "spend.monthly" // of a full account
	for _, expr := range []string{
		unsent + " < 1", unsent + " >= 0", unsent + " == 0", unsent + " != 0", "!(" + unsent + " < 1)", "-" + unsent + " <= 0",
		unsent + " + 1 > 0", "5 - " + unsent + " > 0", unsent + " * 0 == 0", "0 / " + unsent + " == 0", unsent + " % 2 == 0", unsent + " ** 0 == 1",
		unsent + " in [0, 1]", unsent + " not in [0, 1]", "0 in [" + unsent + "]", "1 < " + unsent + " < 3",
		"(" + unsent + " < 1) ? true : false", "abs(" + unsent + ") >= 0", "min(" + unsent + ", 5) == 0", "forecast(" + unsent + ") < 0",
		unsent + " < 1 && true", "true && " + unsent + " < 1", unsent + " < 1 || false", "false || " + unsent + " < 1",
		`state == ""`, `state != ""`, `state startsWith ""`, `state contains ""`, `state matches ""`, `lower(state) == ""`, `state + "x" == "x"`, `state in ["", "x"]`,
		"previous." + unsent + " < 1", `changed("state")`,
	} {
		if got := judge(t, expr, full()); got.Outcome != billwatch.Unknown || got.Reason == "" {
			t.Errorf("%s is %s, want unknown with a reason", expr, said(got))
		}
	}
}

// What an operator makes that is no number is an evaluation error and moves
// nothing, unless it does not matter.
func TestWhatIsNoNumberIsAnError(t *testing.T) {
	for expr, want := range map[string]string{
		"balance / 0 > 1": failed, "0 / 0 == 0": failed, "-1 / spend.hourly < 0": failed, "balance % 0 == 0": failed,
		"(-8) ** 0.5 > 0": failed, "10 ** 400 > 1": failed, "1e300 * 1e300 > 1": failed, "1e308 + 1e308 > 0": failed, "balance / 0 != balance / 0": failed,
		"false && balance / 0 > 1": isFalse, "true || balance / 0 > 1": isTrue, "balance / 0 > 1 && false": isFalse, "balance / 0 > 1 || true": isTrue,
		"spend.hourly > 0 && balance / spend.hourly < 5": isFalse, "((balance / 0) ?? 7) == 7": isTrue, "(spend.monthly ?? 7) == 7": isTrue, "(balance ?? 7) == 7": isFalse,
		"9223372036854775807 + 1 > 0": isTrue, "-9223372036854775807 - 2 < 0": isTrue, "9223372036854775807 * 9223372036854775807 > 0": isTrue,
	} {
		in := full()
		in.Standing = map[string]bool{"Tried": true}
		if got := judge(t, expr, in); said(got) != want || got.Ends != "" {
			t.Errorf("%s is %s, want %s", expr, said(got), want)
		}
	}
	for _, free := range []string{"runway_days() > 1", "runway_days() == runway_days(0.9)", `days_until(exhausts_at()) > 1`} { // +Inf of ours is a value
		in := full()
		in.Records = using(5_000, 0, 60)
		if got := judge(t, free, in); got.Outcome != billwatch.True {
			t.Errorf("%s is %s without use", free, said(got))
		}
	}
}

// Whatever would take long, take memory, or see more than it may is refused
// when it is loaded, at its place.
func TestBombsAreRefusedAtTheirPlace(t *testing.T) {
	for _, bomb := range []struct {
		what, expr string
		column     int
	}{
		{"loops in loops", `suspended || any(1..9, any(1..9, any(1..9, # > 1)))`, 14},
		{"a range", `balance in 1..1000000000`, 13},
		{"repeat", `suspended || repeat("a", 1000000000) == ""`, 14},
		{"reduce", `1 < reduce(1..1000000000, #acc + #)`, 5},
		{"brackets", strings.Repeat("(", 5_000) + "true", 201},
		{"negations", strings.Repeat("!", 15_000) + "true", 0},
		{"parts", strings.Repeat("true || ", 1_999) + "true", 0},
		{"a long text", `account.name == "` + strings.Repeat("a", 16<<10) + `"`, 1},
		{"repetitions of repetitions", `account.name matches "(((a{1,100}){1,100}){1,100})"`, 22},
		{"a long pattern", `account.name matches "` + strings.Repeat("é", 513) + `"`, 22},
		{"the environment", `suspended || $env != nil`, 14},
		{"the environment as text", `suspended || toJSON($env) contains "token"`, 14},
		{"a member of it", `suspended || $env["token"] == "x"`, 14},
	} {
		set, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", condition(bomb.expr))}, onlyOwn())
		if set != nil || len(problems) == 0 || problems[0].Line != 4 || bomb.column > 0 && problems[0].Column != bomb.column+6 {
			t.Errorf("%s: %.300v, want it refused at 4:%d", bomb.what, problems, bomb.column+6)
		}
	}
}
