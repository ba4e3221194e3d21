package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// databases are the path elements of a test's name that say where it ran.
var databases = [...]string{"SQLite", "PostgreSQL"}

// event is one line of go test -json.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of a build, instead of Package
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// result is how one test went; the tests of a package stand under their names.
type result struct {
	action string // "pass", "fail" or "skip"; empty while it runs
	parent bool   // it has subtests, which are counted in its place
	output strings.Builder
}

// suite is one package on its way.
type suite struct {
	tests  map[string]*result
	output strings.Builder // outside any test: a panic, a data race, log.Fatal
}

// outcome is a counted test with its package.
type outcome struct{ pkg, test, action string }

// count reads the events of go test and keeps what they come to.
type count struct {
	out      io.Writer
	running  map[string]*suite
	builds   map[string]*strings.Builder
	outcomes []outcome
}

func newCount(out io.Writer) *count {
	return &count{out: out, running: map[string]*suite{}, builds: map[string]*strings.Builder{}}
}

// read takes events until the stream ends. Lines that are no events are shown
// as they are.
func (c *count) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			c.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the output of go test: %w", err)
		}
	}
}

func (c *count) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		fmt.Fprintf(c.out, "%s", line)
		return
	}
	switch {
	case e.Action == "build-output":
		b := c.builds[e.ImportPath]
		if b == nil {
			b = &strings.Builder{}
			c.builds[e.ImportPath] = b
		}
		b.WriteString(e.Output)
	case e.Package == "":
	case e.Test != "":
		c.suite(e.Package).take(e)
	default:
		c.pkg(e)
	}
}

func (c *count) suite(pkg string) *suite {
	s := c.running[pkg]
	if s == nil {
		s = &suite{tests: map[string]*result{}}
		c.running[pkg] = s
	}
	return s
}

// take notes an event of one test.
func (s *suite) take(e event) {
	r := s.tests[e.Test]
	if r == nil {
		r = &result{}
		s.tests[e.Test] = r
		for name := e.Test; ; {
			i := strings.LastIndexByte(name, '/')
			if i < 0 {
				break
			}
			name = name[:i]
			if p := s.tests[name]; p != nil {
				p.parent = true
			}
		}
	}
	switch e.Action {
	case "output":
		r.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		r.action = e.Action
	}
}

// pkg notes an event of a package as a whole; with its end its tests are
// counted and shown.
func (c *count) pkg(e event) {
	s := c.suite(e.Package)
	switch e.Action {
	case "output":
		s.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		delete(c.running, e.Package)
		n := len(c.outcomes)
		c.outcomes = append(c.outcomes, s.outcomes(e)...)
		c.show(e, s, c.outcomes[n:])
	}
}

// outcomes are the tests of a package that count: those without subtests, and
// whatever failed by itself. A package that failed with all its tests passed
// counts as one more failure.
func (s *suite) outcomes(e event) []outcome {
	var all []outcome
	failed := func(o outcome) bool { return o.action == "fail" }
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(s.tests))) {
		r := s.tests[name]
		action := r.action
		if action == "" {
			action = "fail" // cut off by a panic or a deadline
		}
		below := func(o outcome) bool { return failed(o) && strings.HasPrefix(o.test, name+"/") }
		if r.parent && (action != "fail" || slices.ContainsFunc(all, below)) {
			continue
		}
		all = append(all, outcome{e.Package, name, action})
	}
	if e.Action == "fail" && !slices.ContainsFunc(all, failed) {
		all = append(all, outcome{e.Package, "", "fail"})
	}
	slices.Reverse(all)
	return all
}

// show prints one line for a package, and all that a person needs of what
// failed in it.
func (c *count) show(e event, s *suite, counted []outcome) {
	if len(counted) == 0 {
		return
	}
	word := "ok  "
	if e.Action == "fail" {
		word = "FAIL"
	}
	fmt.Fprintf(c.out, "%s  %s  %d tests  %.1fs\n", word, e.Package, len(counted), e.Elapsed)
	if e.Action != "fail" {
		return
	}
	if b := c.builds[e.FailedBuild]; b != nil {
		fmt.Fprint(c.out, b.String())
	}
	for _, name := range slices.Sorted(maps.Keys(s.tests)) {
		if a := s.tests[name].action; a == "fail" || a == "" {
			fmt.Fprint(c.out, s.tests[name].output.String())
		}
	}
	fmt.Fprint(c.out, s.output.String())
}

func (c *count) number(is func(outcome) bool) int {
	n := 0
	for _, o := range c.outcomes {
		if is(o) {
			n++
		}
	}
	return n
}

func (c *count) action(action string) int {
	return c.number(func(o outcome) bool { return o.action == action })
}

func (c *count) failed() int { return c.action("fail") }

// ranOn counts the tests that ran on a database.
func (c *count) ranOn(database string) int {
	return c.number(func(o outcome) bool {
		return o.action != "skip" && slices.Contains(strings.Split(o.test, "/"), database)
	})
}

// summary prints what did not pass by name, and then the numbers; the last line
// stands by itself for whoever greps.
func (c *count) summary(out io.Writer) {
	fmt.Fprintln(out)
	for _, o := range c.outcomes {
		if o.action != "pass" {
			fmt.Fprintf(out, "%s: %s %s\n", o.action, o.pkg, o.test)
		}
	}
	fmt.Fprintf(out, "%d tests run", c.action("pass")+c.failed())
	for _, d := range databases {
		fmt.Fprintf(out, ", %d on %s", c.ranOn(d), d)
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", c.action("pass"), c.failed(), c.action("skip"))
}

// verdict is why the run is not good; whole says that every test was asked for,
// and so each database must have been used.
func (c *count) verdict(whole bool) error {
	var all []error
	if n := c.failed(); n > 0 {
		all = append(all, fmt.Errorf("%d failed", n))
	}
	if n := c.action("skip"); n > 0 {
		all = append(all, fmt.Errorf("%d skipped: a test that is not run promises nothing", n))
	}
	if c.action("pass") == 0 {
		all = append(all, errors.New("no test passed"))
	}
	for _, d := range databases {
		if whole && c.ranOn(d) == 0 {
			all = append(all, fmt.Errorf("no test ran on %s", d))
		}
	}
	return errors.Join(all...)
}
