package rules

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/billwatch/billwatch/internal/document"
)

// Function is one that conditions can call, as the reference shows it.
type Function struct {
	Name      string
	Signature string
	Doc       string
	Example   string // a condition with a call
	Gives     string // what the call gives over the reference's account; empty of a constant
	Is        string // what the condition is there

	params  []parameter
	result  kind
	reads   bool // the account: the same arguments may give different answers
	history bool // reads the account's history
	run     func(e *env, a *arguments) value
}

// functions returns every function, in the reference's order.
func functions() []*Function { return functionTable }

func functionNamed(name string) *Function {
	for _, f := range functionTable {
		if f.Name == name {
			return f
		}
	}
	return nil
}

var functionTable = []*Function{
	{Name: "burn_rate", Signature: `burn_rate(window = "7d")`, Example: `burn_rate("28d") > 500`,
		Gives: "100", Is: "false",
		Doc:    "mean use a day over the window's complete periods; a top-up is no negative use",
		params: []parameter{windowParameter("7d")}, result: number, reads: true, history: true, run: burnRate},
	{Name: "used", Signature: "used(window)", Example: `used("1d") > 10_000`,
		Gives: "100", Is: "false",
		Doc:    "use within the window's complete periods",
		params: []parameter{windowParameter("")}, result: number, reads: true, history: true, run: used},
	{Name: "top_ups", Signature: "top_ups(window)", Example: `top_ups("30d") == 0`,
		Gives: "0", Is: "true",
		Doc:    "credit added within the window's complete periods",
		params: []parameter{windowParameter("")}, result: number, reads: true, history: true, run: topUps},
	{Name: "runway_days", Signature: "runway_days(q = 0.5)", Example: "runway_days(0.1) < 3",
		Gives: "46.5", Is: "false",
		Doc:    "days until the balance reaches zero, as quantile q of the forecast: with 0.1 it is sooner in one case of ten; infinite when there is no use",
		params: []parameter{quantileParameter()}, result: number, reads: true, history: true, run: runwayDays},
	{Name: "exhausts_at", Signature: "exhausts_at(q = 0.5)", Example: "exhausts_at() < plan.end",
		Gives: "13 January 2027 12:00 UTC", Is: "false",
		Doc:    "the moment at which the balance reaches zero; in the year 9999 when never",
		params: []parameter{quantileParameter()}, result: moment, reads: true, history: true, run: exhaustsAt},
	{Name: "forecast", Signature: "forecast(days, q = 0.5)", Example: "forecast(30, 0.1) < 0",
		Gives: "1,774", Is: "false",
		Doc:    "the balance after so many days, below zero where it does not last; with q = 0.1 it is less in one case of ten",
		params: []parameter{parameterOf("days", number), quantileParameter()}, result: number, reads: true, history: true, run: balanceIn},
	{Name: "percent_left", Signature: "percent_left()", Example: "percent_left() < 10",
		Gives: "50", Is: "false",
		Doc:    "the balance as a share of plan.capacity, or of the highest balance since the last top-up where the plan has none: 0 to 100",
		result: number, reads: true, history: true, run: percentLeft},
	{Name: "days_until", Signature: "days_until(time)", Example: "days_until(plan.end) < 14",
		Gives: "30", Is: "false",
		Doc:    "days from now to a time, negative when it has passed; infinite for the year 9999",
		params: []parameter{parameterOf("time", moment)}, result: number, reads: true, run: daysUntil},
	{Name: "changed", Signature: "changed(field)", Example: `changed("plan.type")`,
		Gives: "true", Is: "true",
		Doc:    "whether a field differs from the last good poll before this one; false at the first",
		params: []parameter{{name: "field", kind: text, constant: readField, known: fieldNames}},
		result: boolean, reads: true, history: true, run: changed},
	{Name: "history_days", Signature: "history_days()", Example: "history_days() >= 14",
		Gives: "60", Is: "true",
		Doc:    "how many complete days of history there are",
		result: number, reads: true, history: true, run: historyDays},
	{Name: "usage_anomaly", Signature: "usage_anomaly()", Example: "usage_anomaly() > 3",
		Gives: "about 0", Is: "false",
		Doc:    "how far the last complete day's use lies from what was expected of it, in units of the forecast's distance from its median to its ninth decile",
		result: number, reads: true, history: true, run: usageAnomaly},
	{Name: "date", Signature: "date(text)", Example: `now > date("2026-12-31")`,
		Gives: "", Is: "false",
		Doc:    "a day, in UTC, or a time written as in RFC 3339",
		params: []parameter{{name: "text", kind: moment, constant: readDate}}, result: moment, run: first},
	{Name: "duration", Signature: "duration(text)", Example: `now - plan.start > duration("7d")`,
		Gives: "", Is: "true",
		Doc:    "a length of time: 90s, 15m, 1h30m, 7d, 2w",
		params: []parameter{{name: "text", kind: span, constant: readDuration}}, result: span, run: first},
	{Name: "abs", Signature: "abs(x)", Example: "abs(balance - previous.balance) > 100",
		Gives: "100", Is: "false",
		Doc:    "the number without its sign",
		params: []parameter{parameterOf("x", number)}, result: number, run: math1(math.Abs)},
	{Name: "ceil", Signature: "ceil(x)", Example: "ceil(runway_days(0.1)) <= 7",
		Gives: "47", Is: "false",
		Doc:    "the number rounded up",
		params: []parameter{parameterOf("x", number)}, result: number, run: math1(math.Ceil)},
	{Name: "floor", Signature: "floor(x)", Example: "floor(runway_days(0.1)) < 7",
		Gives: "46", Is: "false",
		Doc:    "the number rounded down",
		params: []parameter{parameterOf("x", number)}, result: number, run: math1(math.Floor)},
	{Name: "round", Signature: "round(x)", Example: "round(percent_left()) < 10",
		Gives: "50", Is: "false",
		Doc:    "the number rounded to the nearest whole one",
		params: []parameter{parameterOf("x", number)}, result: number, run: math1(math.Round)},
	{Name: "min", Signature: "min(x, y)", Example: "min(runway_days(), days_until(plan.end)) < 7",
		Gives: "30", Is: "false",
		Doc:    "the smaller of two numbers",
		params: []parameter{parameterOf("x", number), parameterOf("y", number)}, result: number,
		run: func(_ *env, a *arguments) value { return numeric(math.Min(a[0].num, a[1].num)) }},
	{Name: "max", Signature: "max(x, y)", Example: `max(burn_rate("1d"), burn_rate()) > 500`,
		Gives: "100", Is: "false",
		Doc:    "the greater of two numbers",
		params: []parameter{parameterOf("x", number), parameterOf("y", number)}, result: number,
		run: func(_ *env, a *arguments) value { return numeric(math.Max(a[0].num, a[1].num)) }},
	{Name: "lower", Signature: "lower(text)", Example: `lower(account.name) contains "test"`,
		Gives: "\"acme\"", Is: "false",
		Doc:    "the text in lower case",
		params: []parameter{parameterOf("text", text)}, result: text,
		run: func(_ *env, a *arguments) value { return textual(strings.ToLower(a[0].str)) }},
	{Name: "upper", Signature: "upper(text)", Example: `upper(account.role) == "OWNER"`,
		Gives: "\"OWNER\"", Is: "true",
		Doc:    "the text in upper case",
		params: []parameter{parameterOf("text", text)}, result: text,
		run: func(_ *env, a *arguments) value { return textual(strings.ToUpper(a[0].str)) }},
	{Name: "trim", Signature: "trim(text)", Example: `trim(account.name) == ""`,
		Gives: "\"Acme\"", Is: "false",
		Doc:    "the text without the white space around it",
		params: []parameter{parameterOf("text", text)}, result: text,
		run: func(_ *env, a *arguments) value { return textual(strings.TrimSpace(a[0].str)) }},
}

func first(_ *env, a *arguments) value { return a[0] }

func math1(f func(float64) float64) func(*env, *arguments) value {
	return func(_ *env, a *arguments) value { return numeric(f(a[0].num)) }
}

func readDate(s string) (value, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return momentary(t), nil
		}
	}
	return value{}, fmt.Errorf("%q is not a day like 2026-12-31 or a time as in RFC 3339", s)
}

func readDuration(s string) (value, error) {
	d, err := document.ParseDuration(s)
	if err != nil {
		return value{}, err
	}
	return lasting(d), nil
}

func readField(s string) (value, error) {
	if variables[s] == nil {
		return value{}, fmt.Errorf("%q is not a field", s)
	}
	return textual(s), nil
}

func fieldNames() []string {
	names := make([]string, len(snapshotVariables))
	for i, v := range snapshotVariables {
		names[i] = v.name
	}
	return names
}
