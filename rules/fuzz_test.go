package rules_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
)

// Whatever stands in a rule file, it is rules or problems with their place.
func FuzzLoad(f *testing.F) {
	f.Add("rules:\n  - alert: A\n    expr: balance < 1000\n    until: balance > 1500\n    for: 15m\n")
	f.Add("rules:\n  - alert: A\n    where: plan.type == \"x\"\n    expr: suspended\n    labels: { severity: \"{{ .Rule }}\" }\n")
	f.Add("groups: []\n")
	f.Add("rules:\n  - &a {alert: A, expr: >-\n      true}\n  - *a\n")
	f.Add("rules: [{alert: A, expr: [1], value: {}, sources: x, on_unknown: [], annotations: [a], labels: 3}]")
	f.Fuzz(func(t *testing.T, text string) {
		doc, problems := document.Parse("rules.yaml", []byte(text))
		if doc == nil {
			return
		}
		set, more := rules.Load([]*document.Document{doc}, rules.Options{Facts: everySource(), Labels: []string{"team"}})
		for _, p := range append(problems, more...) {
			if p.Message == "" || p.File == "" || p.Line < 0 {
				t.Errorf("problem %+v", p)
			}
		}
		if (set == nil) != (more.Errors() > 0) {
			t.Errorf("a set: %v, with %v", set != nil, more)
		}
		if set != nil {
			set.Rules()
			set.Evaluate(full())
			set.Blind(acme().Account, "failed_poll", "refused", now)
		}
	})
}

// Whatever a condition says, it is refused with its place or it can be judged.
func FuzzCondition(f *testing.F) {
	for _, seed := range []string{
		`balance < 1000 || suspended`, `runway_days(0.1) < 3`, `plan.type in ["a", 'b']`, `any([1], # > 1)`,
		`changed("plan.type") ? 1 < 2 : previous?.balance > 1`, `let a = 1; a`, `$env`, `balance[1:]`, `{a: 1}`, `1..2`,
		`account.name matches "a+"`, `now - plan.end > duration("7d") ** 2`, `vars.x ?? nil`, `((1))`, `not in []`, `"\u00e9" < b"x"`,
		`1 < balance < 3 == true`, `account.labels["x"] != nil`, `if true {1} else {2}`, `balance | abs | abs()`, `::abs(1)`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\t\r") {
			return // no YAML
		}
		indented := strings.ReplaceAll(text, "\n", "\n      ")
		doc, problems := document.Parse("rules.yaml", []byte(condition(indented)))
		if doc == nil || len(problems) > 0 {
			return
		}
		o := onlyOwn()
		o.Facts, o.Vars = everySource(), []string{"floor"}
		set, more := rules.Load([]*document.Document{doc}, o)
		for _, p := range more {
			if p.Line < 1 || p.Column < 1 {
				t.Errorf("no place: %+v", p)
			}
		}
		if set == nil {
			return
		}
		in := full()
		in.Now = now
		in.Standing = map[string]bool{"Tried": true}
		for _, e := range set.Evaluate(in) {
			if (e.Reason == "") != (e.Outcome != 0) {
				t.Errorf("%q: %v with reason %q", text, e.Outcome, e.Reason)
			}
		}
	})
}

// Whatever stands in a template, it is refused with its place or it gives a
// bounded text.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		`{{ .Account.Name }} has {{ humanize .Value }} left`, `{{ with .Forecast }}{{ .Note }}{{ end }}`, `{{ range .Labels }}{{ . }}{{ end }}`,
		`{{ range .Snapshot }}x{{ end }}`, `{{ printf "%1000000d" 1 }}`, `{{ index .Vars "floor" }}`, `{{ .Runway.P10 }}{{ date .ExhaustAt }}`,
		`{{ if gt .BurnRate 5.0 }}a{{ else }}b{{ end }}`, `{{ define "x" }}{{ end }}`, `{{ template "x" }}`, `{{ block "x" . }}{{ end }}`, `{{ $x := .Value }}{{ $x }}`,
		`{{ since .Now .Snapshot.Plan.End }}`, `{{ humanizeMoney .Value "EUR" "USD" }}`, `{{ call .Account.Key }}`, `{{ .Account.Key }}`, `{{ "{{" }}`, `{{ len .Labels | printf "%s" }}`,
		`{{ range $i, $e := .Labels }}{{ range $.Labels }}{{ range $.Labels }}x{{ end }}{{ end }}{{ end }}`, `{{ break }}`, `{{ slice "abc" 9 }}`, `{{/* a */}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\t\r") {
			return // no YAML
		}
		indented := strings.ReplaceAll(text, "\n", "\n        ")
		doc, problems := document.Parse("rules.yaml", []byte(condition("true")+"    annotations:\n      a: |-\n        "+indented+"\n"))
		if doc == nil || len(problems) > 0 {
			return
		}
		set, more := rules.Load([]*document.Document{doc}, onlyOwn())
		for _, p := range more {
			if p.Line < 1 || p.Column < 1 {
				t.Errorf("no place: %+v", p)
			}
		}
		if set == nil {
			return
		}
		in := full()
		in.Now = now
		for _, e := range set.Evaluate(in) {
			for _, a := range e.Annotations {
				if len(a) > 32<<10 {
					t.Errorf("%d bytes of text from %q", len(a), text)
				}
			}
		}
	})
}
