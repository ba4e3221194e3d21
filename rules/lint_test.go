package rules_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// warned returns the warnings of a rule file, each as line:column: message (hint).
func warned(t *testing.T, text string, o rules.Options) string {
	t.Helper()
	o.Disabled = onlyOwn().Disabled
	_, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", text)}, o)
	var all []string
	for _, p := range problems {
		if p.Severity != billwatch.SeverityWarning {
			t.Fatalf("a mistake:\n%v\nin\n%s", p, text)
		}
		line := fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message)
		if p.Hint != "" {
			line += " (" + p.Hint + ")"
		}
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

// lintCase is a rule's keys below its name, from line 3 and column 5 on.
type lintCase struct{ name, rule, want string }

func lintAll(t *testing.T, o rules.Options, tests []lintCase) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "rules:\n  - alert: A\n    " + strings.ReplaceAll(tt.rule, "\n", "\n    ") + "\n"
			if diff := cmp.Diff(tt.want, warned(t, text, o)); diff != "" {
				t.Errorf("%s\n%s", text, diff)
			}
		})
	}
}

// The rules that we hand out are above suspicion.
func TestNoFalseAlarm(t *testing.T) {
	for _, file := range []string{"../rules.example.yaml", "../cmd/billwatch/demo.yaml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc := parse(t, file, string(data)).Only("rules")
		_, problems := rules.Load([]*document.Document{doc}, rules.Options{
			Sources: []string{"blues", "gpus", "notehub"}, Vars: []string{"floor"}, Facts: everySource(), Labels: []string{"team"},
		})
		if len(problems) > 0 {
			t.Errorf("%v", problems)
		}
	}
}

// What is said never to be true is true of no account, however odd it is; and
// so is the other way round.
func TestWarningsOfConstantConditionsAreRight(t *testing.T) {
	said := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := someWorld(rt, false)
		if full, known := w.snap.Plan.Capacity.Get(); known && full.Float64() < 0 {
			return // there is no such plan
		}
		want := w.flag(rt, rapid.IntRange(1, 3).Draw(rt, "depth"))
		_, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", condition(want.text))}, onlyOwn())
		for _, p := range problems {
			never, always := " ("+p.Hint+")" == neverFires, " ("+p.Hint+")" == alwaysFires
			if never || always {
				said++
			}
			if want.why == 0 && (never && want.truth || always && !want.truth) {
				rt.Fatalf("%s is %v\n%v", want.text, want.truth, p)
			}
		}
	})
	if said == 0 {
		t.Error("no condition was constant")
	}
}
