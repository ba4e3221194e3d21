package httpjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/billwatch/billwatch/poller/httpjson"
)

const sample = `{
	"credits": 57.92, "big": 9007199254740993, "quoted": "57.92", "cents": 5792, "blocked": false, "status": "ACTIVE", "none": null,
	"plan": null, "ended": 1761955200, "ms": 1761955200500, "huge": 0.1234567890123456789012, "wild": 1e999999999, "zero": 0e999999999,
	"tags": ["a", "b", null], "names": ["a", "b"],
	"grants": [{"id": 1, "left": 1.1, "active": true}, {"id": 2, "left": 2.2, "active": false}, {"id": 3, "left": 0.3, "active": true}],
	"holes": [{"left": 1, "active": true}, {"active": null}, {"left": 3, "active": false}],
	"money": {"value": "12.50", "currency": "EUR"}
}`

func TestWhatMappingsGive(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`item.credits`, "number 57.92"},
		{`item.big`, "number 9007199254740993"},
		{`item.big + 1`, "number 9007199254740994"},
		{`item.cents / 100`, "number 57.92"},
		{`0.1 + 0.2`, "number 0.3"},
		{`1 / 3`, "number 0.333333333333333"},
		{`-7 % 3`, "number -1"},
		{`item.credits * 0`, "number 0"},
		{`item.cents / 0`, "error: division by zero"},
		{`item.wild + 1`, "error: out of range"},
		{`item.zero + 1`, "number 1"},
		{`item.huge`, "number 0.1234567890123456789012"},
		{`float(item.huge)`, "number 0.12345678901234568"},
		{`float(item.quoted)`, "number 57.92"},
		{`float("1e400")`, "error: out of range"},
		{`float("NaN")`, "error: is not a number"},
		{`decimal(item.money) + 1`, "number 13.5"},
		{`item.quoted * 2`, "error: decimal(…)"},
		{`item.quoted + item.quoted`, "error: decimal(…)"}, // never "57.9257.92"
		{`item.status + ": " + item.quoted`, "ACTIVE: 57.92"},
		{`"n" + item.cents`, "error: string(…)"},
		{`int("5000.0")`, "number 5000"},
		{`int(57.92)`, "error: not a whole number"},
		{`string(item.big)`, "9007199254740993"},
		{`item.nothing.at.all`, "nil"},
		{`item.plan.balance`, "nil"},
		{`item.plan.balance - 5`, "nil"},
		{`item.plan["balance"] > 5`, "nil"},
		{`item.status.x`, "error: item.status is a text and has no members"},
		{`item.tags.x`, "error: item.tags is an array"},
		{`item.tags[0] + ""`, "a"},
		{`item.tags[-2] + ""`, "b"},
		{`item.tags[7]`, "nil"},
		{`item.none == "x"`, "nil"},
		{`item.none == nil`, "true"},
		{`item.status != nil`, "true"},
		{`item.status == "ACTIVE"`, "true"},
		{`item.status == item.cents`, "error: a text is compared with a number"},
		{`item.cents == 5792.00`, "true"},
		{`item.none || true`, "true"},
		{`true || item.none`, "true"},
		{`item.none && false`, "false"},
		{`item.none && true`, "nil"},
		{`item.blocked || item.none`, "nil"},
		{`!item.none`, "nil"},
		{`item.status || true`, "error: item.status is a text, not true or false"},
		{`item.none ? 1 : 2`, "nil"},
		{`item.blocked ? "x" : "y"`, "y"},
		{`item.none ?? item.cents`, "number 5792"},
		{`item.none ?? not_applicable`, "not applicable"},
		{`not_applicable ?? 1`, "number 1"},
		{`not_applicable + 1`, "nil"},
		{`"a" in item.names`, "true"},
		{`"c" in item.names`, "false"},
		{`"c" in item.tags`, "nil"},
		{`"plan" in item`, "true"},
		{`item.status matches "^ACT"`, "true"},
		{`lower(item.status) startsWith "act"`, "true"},
		{`item.status contains item.none`, "nil"},
		{`sum(map(item.grants, .left))`, "number 3.6"},
		{`sum(item.grants, .left)`, "number 3.6"},
		{`sum(filter(item.grants, .active), .left)`, "number 1.4"},
		{`sum(item.holes, .left)`, "nil"},
		{`sum(filter(item.holes, .active), .left)`, "nil"},
		{`sum([])`, "number 0"},
		{`sum(item.missing, .left)`, "nil"},
		{`find(item.grants, .id == 2).left`, "number 2.2"},
		{`find(item.grants, .id == 9).left`, "nil"},
		{`find(item.holes, .active).left`, "number 1"},
		{`find(item.holes, !.active).left`, "nil"},
		{`findLast(item.grants, .active).id`, "number 3"},
		{`findIndex(item.grants, .id == 3)`, "number 2"},
		{`count(item.grants, .active)`, "number 2"},
		{`count(item.holes, .active)`, "nil"},
		{`any(item.holes, .active)`, "true"},
		{`all(item.holes, .active)`, "false"},
		{`none(item.holes, .active)`, "false"},
		{`one(item.holes, .active)`, "nil"},
		{`map(item.grants, #index)[1]`, "number 1"},
		{`first(item.grants).id + last(item.grants).id`, "number 4"},
		{`max(map(item.grants, .left))`, "number 2.2"},
		{`min(3, item.credits, 7)`, "number 3"},
		{`len(item.tags) + len(item.status) + len(item.money)`, "number 11"},
		{`keys(item.money)[0] + ""`, "currency"},
		{`round(2.5) + round(-2.5) + floor(-0.5) + ceil(0.5) + abs(-7)`, "number 7"},
		{`unix(item.ended)`, "2025-11-01T00:00:00Z"},
		{`unix(item.ms / 1000)`, "2025-11-01T00:00:00.5Z"},
		{`unix(item.ms)`, "error: divided by 1000"},
		{`unix(0)`, "nil"},
		{`date(item.ms)`, "error: unix(…) makes a date of seconds, unix(… / 1000) of milliseconds"},
		{`date(5)`, "mistake at 5: a text must stand in date(…), not a number"},
		{`unix(item.status)`, "error: date(…) reads a date"},
		{`date("2026-11-01")`, "2026-11-01T00:00:00Z"},
		{`date("")`, "nil"},
		{`date("soon")`, "error: is not a date"},
		{`split("a/b/c", "/")[1] + trimPrefix("xy", "x") + trimSuffix("zx", "x") + replace("a b", " ", "T") + trim(" u ") + upper("v")`, "byzaTbuV"},
		{`item.credits | float()`, "number 57.92"},
		{`item?.plan?.x`, "nil"},
		{`if item.blocked { 1 } else { 2 }`, "number 2"},
	} {
		got, at, message, err := httpjson.Evaluate(c.text, []byte(sample))
		shown := fmt.Sprint(got)
		switch {
		case at >= 0:
			shown = fmt.Sprintf("mistake at %d: %s", at, message)
		case err != nil:
			shown = "error: " + err.Error()
		case got == nil:
			shown = "nil"
		}
		if part, isError := strings.CutPrefix(c.want, "error: "); isError {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %s, want %s", c.text, shown, c.want)
			}
		} else if shown != c.want {
			t.Errorf("%s: got %s, want %s", c.text, shown, c.want)
		}
	}
}

func TestWhatMappingsRefuse(t *testing.T) {
	for _, c := range []struct {
		text string
		at   int
		says string
	}{
		{``, 0, "is empty"},
		{`item.`, 4, "ends too early"},
		{`item.a = 1`, 7, `unexpected "="`},
		{`itm.credits`, 0, "unknown name itm"},
		{`1 + flaot(item.x)`, 4, "there is no function flaot"},
		{`item.x.trim()`, 7, "there are no methods"},
		{`float()`, 0, "one argument"},
		{`1 + "x"`, 0, "a text must stand left of +"},
		{`"yes" && true`, 0, "true or false must stand left of &&"},
		{`item.x == 1 and "a" == 1`, 23, "never equals"},
		{`map(item.a, filter(.b, true))`, 12, "within another predicate"},
		{`sortBy(item.a, .b)`, 0, "sortBy is not available"},
		{`reduce(item.a, #acc + .b)`, 0, "reduce is not available"},
		{`let a = 1; a`, 4, "let is not available"},
		{`item.a[1:2]`, 6, "slices are not available"},
		{`{"a": 1}`, 0, "objects in braces"},
		{`$env`, 0, "unknown name $env"},
		{`item.a matches item.b`, 15, "text in quotes"},
		{`item.a matches "("`, 15, "missing closing"},
		{`item.a matches "` + strings.Repeat("a", 513) + `"`, 15, "longer than 512"},
		{`item.a ** 2`, 0, "** is not available"},
		{`1..3`, 0, ".. is not available"},
		{strings.Repeat("(", 300), 200, "brackets within brackets"},
		{strings.Repeat("1+", 1500) + "1", -2, "more than 2000 parts"},
		{strings.Repeat(" ", 17<<10) + "1", 0, "longer than 16 KiB"},
		{"item.\xff", 0, "not valid UTF-8"},
	} {
		_, at, message, _ := httpjson.Evaluate(c.text, []byte(`{}`))
		if at < 0 || (c.at >= 0 && at != c.at) || !strings.Contains(message, c.says) {
			t.Errorf("%s: got %q at %d, want %q at %d", c.text, message, at, c.says, c.at)
		}
	}
}

func TestMappingsAreBounded(t *testing.T) {
	many := func(n int) []byte { return []byte(`{"a":[` + strings.TrimSuffix(strings.Repeat("1,", n), ",") + `]}`) }
	for _, c := range []struct {
		what, text string
		body       []byte
		says       string
	}{
		{"10,000 items are gone through", `sum(item.a)`, many(10_000), ""},
		{"one more is not", `sum(item.a)`, many(10_001), "more than 10000 elements"},
		{"long work ends", `count(item.a, len(item.b) + len(item.b) + len(item.b) > 0)`,
			[]byte(`{"b":"` + strings.Repeat("x", 3_000) + `",` + string(many(10_000)[1:])), "more than 2000000 steps"},
		{"texts do not grow without end", `map(item.a, item.b + "x" + item.b)`,
			[]byte(`{"b":"` + strings.Repeat("x", 100_000) + `",` + string(many(10_000)[1:])), "more than 2000000 steps"},
		{"an answer of very many values is not decoded", `item.a`, many(500_001), "more than 500000 values"},
	} {
		_, _, _, err := httpjson.Evaluate(c.text, c.body)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", c.what, err)
		}
	}
}

// Whatever a mapping and an answer say, it is a mistake with its place, an error
// or a value.
func FuzzMapping(f *testing.F) {
	for _, text := range []string{
		`item.credits / 100`, `sum(filter(item.grants, .active), .left)`, `item.none ?? not_applicable`, `unix(item.ms / 1000)`,
		`find(item.grants, .id == 2).left ?? 0`, `item.status matches "^A" ? "x" : lower(item.status)`, `item?.a[0]["b"] in [1, nil]`,
		`min(map(item.grants, .left))`, `decimal(item.money) % -0.3`, `date(item.x) < "2026"`, `-item.big * 1e18`, `one(item.holes, #.active)`,
		`keys(item)[#index]`, `split(item.quoted, ".")[1] + replace("a", "a", "b")`, `string(item.blocked) | len()`, `b"x"`, `1..3`, `$env.x`,
	} {
		f.Add(text, []byte(sample))
	}
	f.Add(`float(item)`, []byte(`1e999999999`))
	f.Add(`item[0]`, []byte(`[[[[]]]]`))
	f.Fuzz(func(t *testing.T, text string, body []byte) {
		got, at, message, err := httpjson.Evaluate(text, body)
		if at >= 0 && (message == "" || got != nil || err != nil || at > utf8.RuneCountInString(text)) {
			t.Errorf("%q: mistake %q at %d", text, message, at)
		}
		if at < 0 && err == nil && !json.Valid(body) {
			t.Errorf("%q was read", body)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%q gives no value: %v", text, err)
		}
		if at < 0 && err == nil {
			whole(t, text, body)
		}
	})
}

// whole reads an account whose every field is the one mapping, where that fits.
func whole(t *testing.T, text string, body []byte) {
	e := httpjson.Expr(text)
	for _, fields := range []httpjson.Fields{{Balance: e, Unit: e}, {Balance: e}, {Suspended: e}, {Suspended: "true", State: e, Plan: httpjson.Plan{Start: e}}} {
		c := httpjson.HTTPJSON().Settings().(*httpjson.Config)
		c.BaseURL, c.Token, c.List.Path, c.Fields = "http://localhost", "secret", "/a", fields
		p, err := c.New(common())
		if err != nil {
			continue
		}
		s, err := p.(interface {
			Decode([]byte) (snapshot, error)
		}).Decode(body)
		if _, failed := json.Marshal(s); err == nil && failed != nil {
			t.Errorf("%q gives a snapshot that cannot be written: %v", text, failed)
		}
	}
}
