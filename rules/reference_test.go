package rules_test

import (
	"flag"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/rules"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the reference page anew")

const referencePage = "../docs/functions.md"

func TestReferencePageIsCurrent(t *testing.T) {
	if *update {
		if err := os.WriteFile(referencePage, []byte(rules.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rules.Reference(), string(page)); diff != "" {
		t.Errorf("go test ./rules -run Reference -update\n%s", diff)
	}
}

// Each example is run over the page's account, by the engine itself, and gives
// what the page says.
func TestReferenceExamplesGiveWhatThePageSays(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)\\(.*\\| `(.*)` \\| (?:(.*), so )?(true|false) \\|$").FindAllStringSubmatch(rules.Reference(), -1)
	functions := regexp.MustCompile("(?m)^\\| `[a-z_]+\\(").FindAllString(rules.Reference(), -1)
	if len(rows) < 20 || len(rows) != len(functions) {
		t.Fatalf("%d functions, of which %d have a result", len(functions), len(rows))
	}
	in := full()
	in.Now = now
	for _, row := range rows {
		name, example, gives, is := row[1], row[2], row[3], row[4]
		t.Run(name, func(t *testing.T) {
			got, _ := load(t, condition(example)).Explain("Tried", in)
			if said(got.Evaluation) != is {
				t.Errorf("%s is %s, the page says %s", example, said(got.Evaluation), is)
			}
			call := slices.IndexFunc(got.Parts, func(p rules.Part) bool { return strings.HasPrefix(p.Text, name+"(") && strings.HasSuffix(p.Text, ")") })
			if about, ok := strings.CutPrefix(gives, "about "); ok && call >= 0 { // of what is no round number in every processor
				is, err := strconv.ParseFloat(got.Parts[call].Value, 64)
				should, _ := strconv.ParseFloat(about, 64)
				if err != nil || math.Abs(is-should) > 0.01 {
					t.Errorf("%s gives %s, the page says %s", name, got.Parts[call].Value, gives)
				}
				return
			}
			if gives != "" && (call < 0 || got.Parts[call].Value != gives) {
				t.Errorf("%s gives %+v, the page says %s", name, got.Parts, gives)
			}
			if gives == "" && call >= 0 && got.Parts[call].Value != is {
				t.Errorf("the page does not say that %s gives %s", name, got.Parts[call].Value)
			}
		})
	}
}

func TestReferenceVariablesCompile(t *testing.T) {
	names := regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllStringSubmatch(rules.Reference(), -1)
	if len(names) < 30 {
		t.Fatalf("%d variables", len(names))
	}
	for _, name := range names {
		load(t, condition(name[1]+" == nil"))
	}
}
