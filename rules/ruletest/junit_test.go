package ruletest_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch/rules/ruletest"
)

// report is what Jenkins and GitLab read of a JUnit file, by their names for it.
type report struct {
	XMLName xml.Name `xml:"testsuites"`
	Suites  []struct {
		Name     string `xml:"name,attr"`
		Tests    string `xml:"tests,attr"`
		Failures string `xml:"failures,attr"`
		Errors   string `xml:"errors,attr"`
		Skipped  string `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Class   string `xml:"classname,attr"`
			File    string `xml:"file,attr"`
			Time    string `xml:"time,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
				Type    string `xml:"type,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestResultsAreWrittenAsContinuousIntegrationReadsThem(t *testing.T) {
	fails := ruletest.Failure{What: "alerts", At: time.Hour, Line: 7, Want: []string{`firing Low {severity="a<b"}`}, Got: []string{"\x1b[31mred"}}
	var out strings.Builder
	err := ruletest.WriteJUnit(&out, []ruletest.Result{
		{File: "a_test.yaml", Name: "well", Line: 3, Took: 1500 * time.Millisecond},
		{File: "a_test.yaml", Name: `"wrong" & <odd>`, Line: 6, Took: 250 * time.Millisecond, Failures: []ruletest.Failure{fails}},
		{File: "b_test.yaml", Name: "well, too", Line: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := xml.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err, out.String())
	}
	var lines []string
	for _, s := range got.Suites {
		lines = append(lines, strings.Join([]string{s.Name, s.Tests, s.Failures, s.Errors, s.Skipped, s.Time}, " "))
		for _, c := range s.Cases {
			line := strings.Join([]string{" ", c.Name, c.Class, c.File, c.Time}, " ")
			if f := c.Failure; f != nil {
				line += ": " + f.Type + ": " + f.Message
				if !strings.Contains(f.Text, `want  firing Low {severity="a<b"}`) || !strings.Contains(f.Text, "line 7") || strings.Contains(f.Text, "\x1b") {
					t.Errorf("the failure says %q", f.Text)
				}
			}
			lines = append(lines, line)
		}
	}
	want := []string{
		"a_test.yaml 2 1 0 0 1.750",
		"  well a_test.yaml a_test.yaml 1.500",
		`  "wrong" & <odd> a_test.yaml a_test.yaml 0.250: alerts: alerts are not as expected`,
		"b_test.yaml 1 0 0 0 0.000",
		"  well, too b_test.yaml b_test.yaml 0.000",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, out.String())
	}
	if !strings.HasPrefix(out.String(), xml.Header) {
		t.Error("there is no XML declaration")
	}
}
