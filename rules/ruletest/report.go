package ruletest

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/common/model"
)

// Print writes what a failed test expected, what happened, and why.
func (r Result) Print(w io.Writer, diff bool) {
	fmt.Fprintf(w, "FAIL %s:%d: %s\n", r.File, r.Line, r.Name)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "  at %s: %s (line %d)\n", model.Duration(f.At), f.What, f.Line)
		if diff {
			f.printDiff(w)
		} else {
			printLines(w, "want", f.Want)
			printLines(w, "got ", f.Got)
		}
		for _, line := range f.Why {
			fmt.Fprintf(w, "    why   %s\n", line)
		}
	}
}

func printLines(w io.Writer, label string, lines []string) {
	if len(lines) == 0 {
		lines = []string{"nothing"}
	}
	for i, line := range lines {
		if i > 0 {
			label = "    "
		}
		fmt.Fprintf(w, "    %s  %s\n", label, line)
	}
}

// printDiff writes only what differs, with - for what is missing and + for what
// is too much.
func (f Failure) printDiff(w io.Writer) {
	got := map[string]int{}
	for _, line := range f.Got {
		got[line]++
	}
	for _, line := range f.Want {
		if got[line]--; got[line] < 0 {
			fmt.Fprintf(w, "    - %s\n", line)
			got[line] = 0
		}
	}
	for _, line := range f.Got {
		if got[line] > 0 {
			fmt.Fprintf(w, "    + %s\n", line)
			got[line]--
		}
	}
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"` // a stage that breaks ends the command: always 0
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes results in the form that CI systems read, a suite a file.
func WriteJUnit(w io.Writer, results []Result) error {
	var out junitSuites
	var took []time.Duration
	for _, r := range results {
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != r.File {
			out.Suites = append(out.Suites, junitSuite{Name: r.File})
			took = append(took, 0)
		}
		suite := &out.Suites[len(out.Suites)-1]
		took[len(took)-1] += r.Took
		suite.Tests++
		suite.Time = seconds(took[len(took)-1])
		c := junitCase{Name: r.Name, Class: r.File, File: r.File, Line: r.Line, Time: seconds(r.Took)}
		if !r.OK() {
			suite.Failures++
			var text textWriter
			r.Print(&text, false)
			c.Failure = &junitFailure{Message: r.Failures[0].What + " are not as expected", Type: r.Failures[0].What, Text: string(text)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// textWriter gathers what is written.
type textWriter []byte

// Write never fails.
func (t *textWriter) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	return len(p), nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
