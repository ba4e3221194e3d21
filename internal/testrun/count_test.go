package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tally is what a stream of events came to.
type tally struct {
	Passed, Failed, Skipped, SQLite, PostgreSQL int
	Verdict                                     string
}

func TestCount(t *testing.T) {
	tests := []struct {
		name   string
		events string // Action Package [Test], one a line
		whole  bool
		want   tally
	}{
		{"a test without subtests counts as one", "run p A|pass p A|pass p", false, tally{Passed: 1}},
		{"a test with subtests counts as its subtests",
			"run p A|run p A/x|run p A/y|pass p A/x|pass p A/y|pass p A|pass p", false, tally{Passed: 2}},
		{"a failed subtest is one failure, not also its parent's",
			"run p A|run p A/x|fail p A/x|fail p A|fail p", false, tally{Failed: 1, Verdict: "1 failed\nno test passed"}},
		{"a parent that fails by itself is a failure",
			"run p A|run p A/x|pass p A/x|fail p A|fail p", false, tally{Passed: 1, Failed: 1, Verdict: "1 failed"}},
		{"a test that never ended has failed",
			"run p A|run p B|pass p A|fail p", false, tally{Passed: 1, Failed: 1, Verdict: "1 failed"}},
		{"a package that fails with its tests passed is a failure",
			"run p A|pass p A|fail p", false, tally{Passed: 1, Failed: 1, Verdict: "1 failed"}},
		{"a package that does not compile is a failure", "fail p", false,
			tally{Failed: 1, Verdict: "1 failed\nno test passed"}},
		{"a package without tests is nothing", "run p A|pass p A|pass p|skip q", false, tally{Passed: 1}},
		{"a skipped test makes the run fail", "run p A|pass p A|run p B|skip p B|pass p", false,
			tally{Passed: 1, Skipped: 1, Verdict: "1 skipped: a test that is not run promises nothing"}},
		{"no test at all makes the run fail", "skip p", false, tally{Verdict: "no test passed"}},
		{"a database is a whole element of the name",
			"run p A|run p A/SQLite|run p A/SQLite/x|run p A/PostgreSQL|run p A/NotPostgreSQL|" +
				"pass p A/SQLite/x|pass p A/SQLite|pass p A/PostgreSQL|pass p A/NotPostgreSQL|pass p A|pass p",
			true, tally{Passed: 3, SQLite: 1, PostgreSQL: 1}},
		{"a skipped test did not run on its database",
			"run p A|run p A/SQLite|run p A/PostgreSQL|pass p A/SQLite|skip p A/PostgreSQL|pass p A|pass p", true,
			tally{Passed: 1, Skipped: 1, SQLite: 1,
				Verdict: "1 skipped: a test that is not run promises nothing\nno test ran on PostgreSQL"}},
		{"a whole run without a database makes the run fail", "run p A/SQLite|pass p A/SQLite|pass p", true,
			tally{Passed: 1, SQLite: 1, Verdict: "no test ran on PostgreSQL"}},
		{"packages are counted apart", "run p A|run q A|fail q A|fail q|pass p A|pass p", false,
			tally{Passed: 1, Failed: 1, Verdict: "1 failed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCount(&strings.Builder{})
			if err := c.read(strings.NewReader(stream(tt.events))); err != nil {
				t.Fatal(err)
			}
			got := tally{c.action("pass"), c.failed(), c.action("skip"), c.ranOn("SQLite"), c.ranOn("PostgreSQL"), ""}
			if err := c.verdict(tt.whole); err != nil {
				got.Verdict = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", tt.events, diff)
			}
		})
	}
}

// stream spells events out as go test -json does.
func stream(events string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(events, "|") {
		words := strings.Fields(line)
		b.WriteString(`{"Action":"` + words[0] + `","Package":"` + words[1] + `"`)
		if len(words) == 3 {
			b.WriteString(`,"Test":"` + words[2] + `"`)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func TestFailuresAreShownAndTheLastLineStandsAlone(t *testing.T) {
	var out strings.Builder
	c := newCount(&out)
	events := `{"Action":"build-output","ImportPath":"q [q.test]","Output":"q.go:3: undefined: x\n"}
{"Action":"build-fail","ImportPath":"q [q.test]"}
{"Action":"fail","Package":"q","FailedBuild":"q [q.test]"}
{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"A"}
{"Action":"run","Package":"p","Test":"B"}
{"Action":"output","Package":"p","Test":"B","Output":"quiet when well\n"}
{"Action":"pass","Package":"p","Test":"B"}
{"Action":"run","Package":"p","Test":"C"}
{"Action":"skip","Package":"p","Test":"C"}
{"Action":"output","Package":"p","Output":"exit status 1\n"}
{"Action":"fail","Package":"p","Elapsed":0.5}
not an event
`
	if err := c.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	c.summary(&out)
	const want = `FAIL  q  1 tests  0.0s
q.go:3: undefined: x
FAIL  p  3 tests  0.5s
got 1, want 2
exit status 1
not an event

fail: q 
fail: p A
skip: p C
3 tests run, 0 on SQLite, 0 on PostgreSQL
1 passed, 2 failed, 1 skipped
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestWhole(t *testing.T) {
	for args, want := range map[string]bool{
		"":                       true,
		"./...":                  true,
		"-race ./...":            true,
		"./state/...":            false,
		"-run Lease ./...":       false,
		"--run=Lease ./...":      false,
		"-skip=PostgreSQL ./...": false,
	} {
		if got := whole(strings.Fields(args)); got != want {
			t.Errorf("%q runs every test: got %v, want %v", args, got, want)
		}
	}
}
