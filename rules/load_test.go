package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
	"github.com/google/go-cmp/cmp"
)

func TestRefusedConditions(t *testing.T) {
	tests := []struct {
		name, expr string
		column     int // within the expression, from 1
		want, hint string
	}{
		{"a name that is a typo", `balanc < 5`, 1, "unknown name balanc", "did you mean balance?"},
		{"a field that is a typo", `plan.typ == "x"`, 6, "plan has no field typ", "did you mean plan.type?"},
		{"a field of previous that is a typo", `previous.plan.typ == "x"`, 15, "plan has no field typ", "did you mean plan.type?"},
		{"a function that is a typo", `burnrate() > 5`, 1, "unknown function burnrate", "did you mean burn_rate?"},
		{"a group is no value", `plan == nil`, 1, "plan is a group of values", "name one: plan.type, plan.start, plan.end, plan.capacity"},
		{"a text is no number", `balance < "5"`, 9, "cannot compare a number with a text", ""},
		{"a text is no time", `plan.end > "2026-12-31"`, 10, "cannot compare a time with a text", `write a time as date("2026-12-31")`},
		{"a number is no duration", `now - plan.start > 7`, 18, "cannot compare a duration with a number", `write a duration as duration("7d")`},
		{"a number is no condition", `balance`, 1, "must be a condition, not a number", "compare it with something"},
		{"a number is no operand of &&", `suspended && balance`, 14, "true or false must stand right of &&, not a number", ""},
		{"nothing is written", ` `, 0, "expression is empty", ""},
		{"it ends too early", `balance <`, 9, "expression ends too early", "something is missing after this"},
		{"a single =", `balance = 5`, 9, `unexpected "="`, "two values are compared with =="},
		{"a unit that no duration has", `burn_rate("7x") > 1`, 11, `burn_rate: window: "7x" is not a duration such as 90s, 15m, 1h30m or 7d`, `write burn_rate("28d") > 500`},
		{"a window without unit", `burn_rate("7") > 1`, 11, `burn_rate: window: "7" is not a duration such as 90s, 15m, 1h30m or 7d`, `write burn_rate("28d") > 500`},
		{"a window of less than a day", `used("12h") > 1`, 6, `used: window "12h" is shorter than a day`, `write used("1d") > 10_000`},
		{"a window that is no constant", `used(plan.type) > 1`, 11, "window of used must be a text in quotes", `write used("1d") > 10_000`},
		{"a window that is left out", `used() > 1`, 1, "used takes 1 argument, not 0", "write used(window)"},
		{"a quantile of more than 1", `runway_days(10) < 3`, 13, "runway_days: q must lie between 0 and 1", "write runway_days(q = 0.5)"},
		{"an argument of the wrong kind", `days_until(balance) < 3`, 12, "days_until: time must be a time, not a number", "write days_until(time)"},
		{"a field of changed that is a typo", `changed("plan.tpe")`, 9, `changed: "plan.tpe" is not a field`, "did you mean plan.type?"},
		{"a field of changed that is no constant", `changed(plan.type)`, 14, "field of changed must be a text in quotes", `write changed("plan.type")`},
		{"now is no function", `now() > plan.end`, 1, "now is a variable", "write now, without parentheses"},
		{"a function without its parentheses", `burn_rate > 5`, 1, "burn_rate is a function", `call it: burn_rate("28d") > 500`},
		{"a day that is none", `now > date("2026-13-45")`, 12, `date: "2026-13-45" is not a day like 2026-12-31 or a time as in RFC 3339`, `write now > date("2026-12-31")`},
		{"nil is compared only", `balance < nil`, 11, "nil can only be compared, with == or !=", ""},
		{"a pattern that is none", `account.name matches "("`, 22, "regular expression: missing closing )", ""},
		{"a pattern that is too long", `account.name matches "` + strings.Repeat("a", 513) + `"`, 22, "regular expression is longer than 512 characters", ""},
		{"a predicate", `any([1, 2], # > 1)`, 1, "any is not available in rules", "a condition has no loops"},
		{"reduce", `reduce(1..1000000000, #acc + #) > 1`, 1, "reduce is not available in rules", "a condition has no loops"},
		{"repeat", `repeat("a", 1000000) == ""`, 1, "unknown function repeat", ""},
		{"a range", `balance in 1..1000000000`, 13, "ranges are not available in rules", ""},
		{"a map", `{"a": 1} == nil`, 1, "maps are not available in rules", ""},
		{"a slice", `account.name[1:2] == "c"`, 13, "slices are not available in rules", ""},
		{"a list that stands alone", `[1, 2] == nil`, 1, "a list may only stand right of in", ""},
		{"let", `let a = 1; a > 2`, 1, "let is not available in rules", ""},
		{"a sequence", `balance > 1; balance > 2`, 22, "; is not available in rules", "join two conditions with && or ||"},
		{"if", `if suspended {true} else {false}`, 4, "if is not available in rules", "write condition ? one : other"},
		{"the whole environment", `$env.balance > 1`, 1, "$env is not available in rules", ""},
		{"the whole environment within a call", `lower($env) == ""`, 7, "$env is not available in rules", ""},
		{"a field of what a function gives", `lower(account.name).x == 1`, 1, "what a function gives has no fields", ""},
		{"a field of a text", `"a".x == 1`, 1, "has no fields", ""},
		{"a field that is computed", `plan[account.name] == 1`, 14, "must be a text in quotes", ""},
		{"the poll before as a value", `previous > 1`, 1, "previous is a whole poll", "compare it with nil, or name a field: previous.balance"},
		{"the variables as a value", `vars == 1`, 1, "vars is a group of values", "name one: vars.floor"},
		{"a variable that is called", `balance() > 1`, 1, "balance is a variable", "write balance, without parentheses"},
		{"a field of a number", `balance.x > 1`, 9, "balance has no fields", ""},
		{"two kinds beside :", `(suspended ? 1 : "a") == 1`, 18, "is a text where the other side of : is a number", ""},
		{"two kinds beside ??", `(balance ?? "a") == 1`, 13, "is a text where the left of ?? is a number", ""},
		{"a number on the left of a pattern", `balance matches "1"`, 1, "a text must stand left of matches, not a number", ""},
		{"a pattern that is no constant", `account.name matches state`, 14, "a text in quotes must stand right of matches", ""},
		{"a text in a list of numbers", `balance in [1, "a"]`, 16, "cannot compare a number with a text", ""},
		{"no list", `balance in plan.type`, 9, "a list must stand right of in", `write one: plan.type in ["Essentials", "Enterprise"]`},
		{"flags have no order", `suspended < true`, 11, "true and false cannot be compared with <", ""},
		{"times are not added", `now + plan.end > now`, 5, "cannot calculate a time + a time", ""},
		{"a text has no sign", `-account.name == "a"`, 2, "a number must stand right of -, not a text", ""},
		{"bytes", `b"a" == account.name`, 1, "bytes are not available in rules", ""},
		{"a number that is too large", `balance > 99999999999999999999`, 0, "integer is too large", ""},
		{"a duration that is none", `duration("1y2") > duration("1d")`, 10, `duration: "1y2" is not a duration such as 90s, 15m, 1h30m or 7d`, `write now - plan.start > duration("7d")`},
		{"three arguments of two", `min(1, 2, 3) > 1`, 1, "min takes 2 arguments, not 3", "write min(x, y)"},
		{"an argument of none", `history_days(1) > 1`, 1, "history_days takes no arguments, not 1", "write history_days()"},
		{"an argument that is nil", `abs(nil) > 1`, 5, "x of abs cannot be nil", ""},
		{"a method", `plan.end.Year() > 2026`, 10, "methods are not available in rules", ""},
		{"predicates within predicates", `any(1..9, any(1..9, any(1..9, # > 1)))`, 1, "any is not available in rules", "a condition has no loops"},
		{"the environment as a text", `toJSON($env) contains "x"`, 1, "unknown function toJSON", ""},
		{"a pattern that would take for ever elsewhere", `account.name matches "(((a{1,100}){1,100}){1,100})"`, 22, "regular expression: invalid repeat count", ""},
		{"50,000 brackets", strings.Repeat("(", 50_000) + "true", 1, "expression is longer than 16 KiB", ""},
		{"100,000 negations", strings.Repeat("!", 100_000) + "true", 1, "expression is longer than 16 KiB", ""},
		{"too many brackets", strings.Repeat("(", 5_000) + "true", 201, "more than 200 brackets within brackets", ""},
		{"too many parts", "true" + strings.Repeat(" || true", 1_200), 8006, "expression has more than 2000 parts", ""},
		{"too many negations", strings.Repeat("!", 10_000) + "true", 0, "expression has more than 2000 parts", ""},
		{"too long", "true " + strings.Repeat(" ", 16<<10) + "|| true", 1, "expression is longer than 16 KiB", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", condition(tt.expr))}, onlyOwn())
			if len(problems) != 1 {
				t.Fatalf("%d problems, want one:\n%v", len(problems), problems)
			}
			p := problems[0]
			if p.Message != tt.want || p.Hint != tt.hint {
				t.Errorf("got  %s (%s)\nwant %s (%s)", p.Message, p.Hint, tt.want, tt.hint)
			}
			if tt.column > 0 && (p.File != "rules.yaml" || p.Line != 4 || p.Column != tt.column+6) {
				t.Errorf("at %s:%d:%d, want rules.yaml:4:%d", p.File, p.Line, p.Column, tt.column+6)
			}
		})
	}
}

func TestEveryMistakeOfAnExpressionIsTold(t *testing.T) {
	_, problems := rules.Load([]*document.Document{parse(t, "rules.yaml",
		condition(`balanc < 5 || plan.typ == "x" && now() > 3`))}, onlyOwn())
	if len(problems) != 3 {
		t.Errorf("%d problems, want three:\n%v", len(problems), problems)
	}
}

func TestProblemsAreShownWithTheirPlace(t *testing.T) {
	_, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", `rules:
  - alert: Low
    expr: balanc < 5
  - alert: Folded
    expr: >-
      balance < 5 &&
      plan.typ == "x"
`)}, onlyOwn())
	want := `rules.yaml:3:11: unknown name balanc
  |     expr: balanc < 5
  |           ^
  hint: did you mean balance?
rules.yaml:7:12: plan has no field typ
  |       plan.typ == "x"
  |            ^
  hint: did you mean plan.type?`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestRuleFiles(t *testing.T) {
	few := onlyOwn()
	few.Sources, few.Vars = []string{"blues"}, []string{"floor"}
	tests := []struct {
		name, text string
		want       string // the problems, each as line:column: message
	}{
		{"an empty file is fine", "", ""},
		{"no rules are fine", "rules:", ""},
		{"a comment is fine", "# nothing yet\n", ""},
		{"groups", "groups:\n  - name: x\n", "1:1: there are no groups of rules"},
		{"another key", "rulez: []\n", `1:1: unknown key "rulez"`},
		{"no list", "rules: yes\n", "1:8: rules must be a list"},
		{"no mapping", "- alert: A\n", "1:1: a rule file must have the key rules"},
		{"an unknown key", "rules:\n  - alert: A\n    expr: true\n    fro: 15m\n", `4:5: unknown key "fro"`},
		{"no name", "rules:\n  - expr: true\n", "2:5: alert is missing"},
		{"a name that is empty", "rules:\n  - alert: ' '\n    expr: true\n", "2:12: alert must be a name"},
		{"a name that is a list", "rules:\n  - alert: [a]\n    expr: true\n", "2:12: alert must be a name"},
		{"a condition that is a list", "rules:\n  - alert: A\n    expr: [a]\n", "3:11: must be an expression"},
		{"an annotation that is a list", "rules:\n  - alert: A\n    expr: true\n    annotations: { a: [] }\n", "4:23: a must be a text"},
		{"labels that are a list", "rules:\n  - alert: A\n    expr: true\n    labels: [a]\n", "4:13: labels must be a mapping of names to texts"},
		{"no condition", "rules:\n  - alert: A\n", "2:5: expr is missing"},
		{"the same name twice", "rules:\n  - alert: A\n    expr: true\n  - alert: A\n    expr: true\n", "4:12: alert A is already defined at rules.yaml:2"},
		{"a label of ours", "rules:\n  - alert: A\n    expr: true\n    labels: { source: x }\n", "4:15: source is set by billwatch itself"},
		{"a label that is none", "rules:\n  - alert: A\n    expr: true\n    labels: { a-b: x }\n", `4:15: "a-b" is not a label name`},
		{"a label over values", "rules:\n  - alert: A\n    expr: true\n    labels: { a: \"{{ .Value }}\" }\n", "4:18: template: there is no field Value here"},
		{"a label over personal data", "rules:\n  - alert: A\n    expr: true\n    labels: { a: \"{{ .Account.Owner }}\" }\n", "4:18: template: there is no field Owner here"},
		{"an annotation that is a typo", "rules:\n  - alert: A\n    expr: true\n    annotations: { a: \"{{ .Valeu }}\" }\n", "4:23: template: there is no field Valeu here"},
		{"an annotation that does not parse", "rules:\n  - alert: A\n    expr: true\n    annotations: { a: \"{{ .Value\" }\n", "4:23: template: unclosed action"},
		{"a template that calls itself", "rules:\n  - alert: A\n    expr: true\n    annotations: { a: '{{ template \"a\" }}' }\n", "4:23: template: template is not available in rules"},
		{"a template that defines another", "rules:\n  - alert: A\n    expr: true\n    annotations: { a: '{{ define \"b\" }}{{ end }}' }\n", "4:23: template: define is not available in rules"},
		{"a template that counts to a billion", "rules:\n  - alert: A\n    expr: true\n    annotations: { a: '{{ if true }}{{ range 1000000000 }}{{ end }}{{ end }}' }\n", "4:23: template: range over what is no field is not available in rules"},
		{"a template that goes through the labels", "rules:\n  - alert: A\n    expr: true\n    annotations: { a: '{{ range .Labels }}{{ . }}{{ end }}' }\n", ""},
		{"a number that no float holds", "rules:\n  - alert: A\n    expr: balance < 9007199254740993\n", "3:21: numbers beyond 2^53 are compared inexactly"},
		{"a value that is no number", "rules:\n  - alert: A\n    expr: true\n    value: suspended\n", "4:12: must be a number, not true or false"},
		{"another word for unknown", "rules:\n  - alert: A\n    expr: true\n    on_unknown: fire\n", `4:17: on_unknown is "fire", which is not one of keep, alert and ok`},
		{"a source that is not there", "rules:\n  - alert: A\n    expr: true\n    sources: [blue]\n", `4:15: there is no source "blue"`},
		{"a variable that nobody sets", "rules:\n  - alert: A\n    expr: balance < vars.flor\n", "3:26: no account sets vars.flor"},
		{"a variable that somebody sets", "rules:\n  - alert: A\n    expr: balance < vars.floor\n", ""},
		{"a variable that nobody sets, with a default", "rules:\n  - alert: A\n    expr: balance < (vars.flor ?? 1000)\n", "3:27: no account sets vars.flor: it is nil everywhere"},
		{"one of several defaults", "rules:\n  - alert: A\n    expr: balance < (vars.a ?? vars.floor ?? 1000)\n", "3:27: no account sets vars.a: it is nil everywhere"},
		{"the second of several defaults", "rules:\n  - alert: A\n    expr: balance < (vars.floor ?? vars.a ?? 1000)\n", "3:41: no account sets vars.a: it is nil everywhere"},
		{"the last default is needed", "rules:\n  - alert: A\n    expr: balance < (vars.floor ?? vars.a)\n", "3:41: no account sets vars.a"},
		{"a variable that nobody sets, asked for", "rules:\n  - alert: A\n    expr: vars.a == nil\n", "3:16: no account sets vars.a: it is nil everywhere"},
		{"asked for before it is used", "rules:\n  - alert: A\n    expr: nil != vars.a && balance < vars.a\n", "3:23: no account sets vars.a: it is nil everywhere\n3:43: no account sets vars.a: it is nil everywhere"},
		{"another one is asked for", "rules:\n  - alert: A\n    expr: vars.floor != nil && balance < vars.a\n", "3:47: no account sets vars.a"},
		{"never true", "rules:\n  - alert: A\n    expr: balance > 1 && 2 < 1\n", "3:11: condition is always false"},
		{"true is legal", "rules:\n  - alert: A\n    expr: true\n", ""},
		{"a configuration has other keys", "listen: :9595\nrules:\n  - alert: A\n    expr: tru\n", "4:11: unknown name tru"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", tt.text)}, few)
			var got []string
			for _, p := range problems {
				place, _, _ := strings.Cut(strings.TrimPrefix(p.String(), "rules.yaml:"), " ")
				got = append(got, place+" "+p.Message)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSameNameInTwoFiles(t *testing.T) {
	one := parse(t, "one.yaml", "rules:\n  - alert: A\n    expr: true\n")
	two := parse(t, "two.yaml", "rules:\n  - alert: B\n    expr: true\n  - alert: A\n    expr: true\n")
	_, problems := rules.Load([]*document.Document{one, two}, onlyOwn())
	if len(problems) != 1 || problems[0].File != "two.yaml" || problems[0].Line != 4 ||
		problems[0].Message != "alert A is already defined at one.yaml:2" {
		t.Errorf("problems:\n%v", problems)
	}
}

func TestBuiltinRules(t *testing.T) {
	names := func(text string, o rules.Options) string {
		set, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", text)}, o)
		if len(problems) > 0 {
			t.Fatalf("%v", problems)
		}
		var all []string
		for _, r := range set.Rules() {
			if set.Watches(r.Name) { // they stand behind the others, and have a test of their own
				continue
			}
			name := r.Name + "/" + r.Labels[billwatch.LabelSeverity]
			if r.Builtin {
				name = "built-in " + name
			}
			all = append(all, name)
		}
		return strings.Join(all, ", ")
	}
	redefined := "rules:\n  - alert: RunsOutSoon\n    expr: balance < 5\n"
	tests := []struct {
		name, text string
		options    rules.Options
		want       string
	}{
		{"they are on", "", rules.Options{}, "built-in AccountSuspended/critical, built-in RunsOutSoon/warning"},
		{"they can be switched off", "", rules.Options{Disabled: []string{rules.RunsOutSoon}}, "built-in AccountSuspended/critical"},
		{"they can be redefined", redefined, rules.Options{}, "built-in AccountSuspended/critical, RunsOutSoon/"},
		{"their severity can be another", "", rules.Options{Severities: map[string]string{rules.RunsOutSoon: "critical"}},
			"built-in AccountSuspended/critical, built-in RunsOutSoon/critical"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := names(tt.text, tt.options); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRulesAreShown(t *testing.T) {
	set := load(t, `rules:
  - alert: Low
    expr: balance < 1000 && changed("plan.type")
    until: balance > 1500
    where: account.labels.team == "iot"
    for: 15m
    keep_firing_for: 1h
    sources: [blues]
    labels: { severity: warning }
`)
	want := []rules.Info{{
		Name: "Low", Expr: `balance < 1000 && changed("plan.type")`, Until: "balance > 1500",
		Where: `account.labels.team == "iot"`, File: "rules.yaml", Line: 2,
		For: 15 * 60e9, KeepFiringFor: 3600e9, Sources: []string{"blues"},
		Labels: billwatch.Labels{"severity": "warning"},
		Fields: []string{"account.labels.team", "balance", "plan.type"},
	}}
	if diff := cmp.Diff(want, set.Rules()[5:]); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsComeInOrderEachOnce(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"rules:\n  - &r { alert: A, expr: balanc < 5, for: 5 }\n  - { <<: *r, alert: B }\n", "2:26 unknown name balanc, 2:43 \"5\" is not a duration"},
		{"rules:\n  -\n  - null\n  - { alert: A, expr: true, value: , where: ~ }\n",
			"2:4 rule is empty, 3:5 rule is empty, 4:36 must be an expression, 4:45 must be an expression"},
	} {
		_, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", tt.text)}, onlyOwn())
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Message))
		}
		if text := strings.Join(got, ", "); text != tt.want {
			t.Errorf("got  %s\nwant %s", text, tt.want)
		}
	}
}
