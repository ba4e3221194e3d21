package rules_test

import (
	"flag"
	"os"
	"regexp"
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

func TestReferenceExamplesCompile(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `[a-z_]+\\(.*\\| `(.*)` \\|$").FindAllStringSubmatch(rules.Reference(), -1)
	if len(rows) < 20 {
		t.Fatalf("%d examples", len(rows))
	}
	for _, row := range rows {
		load(t, condition(row[1]))
	}
	for _, name := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllStringSubmatch(rules.Reference(), -1) {
		if strings.HasSuffix(name[1], ".") {
			continue
		}
		load(t, condition(name[1]+" == nil"))
	}
}
