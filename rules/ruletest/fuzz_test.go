package ruletest_test

import (
	"os"
	"testing"

	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules/ruletest"
)

// Whatever stands in a test file, it is read or refused, within bounds.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("../../rules.example_test.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	for _, text := range []string{
		"rule_files: [a]\ntests: [{ name: n, series: { balance: '1+1x9999999' }, expect: [{ at: 1h, alerts: [] }] }]",
		"rule_files: [a]\ntests: [{ name: n, series: { balance: '1e9999x3' }, history: { used: '1x3', remaining: '_' }, expect: [{ at: 1h }] }]",
		"tests: [{ account: [], poll: maybe, series: 5, history: x, expect: y }]",
		"rule_files: 5\ntests: [{ name: n, account: { plan: { end: never } }, vars: [], start: 5, interval: 0s }]",
		"tests: [", "", "tests: {}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, problems := document.Parse("f_test.yaml", []byte(text))
		if doc == nil || problems.Errors() > 0 {
			return
		}
		file, problems := ruletest.Load(doc)
		if problems.Errors() == 0 && len(file.Tests) == 0 {
			t.Error("a file without tests and without a problem")
		}
	})
}
