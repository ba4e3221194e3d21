package ruletest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

// File is a file of rule tests.
type File struct {
	Name         string
	RuleFiles    []string   // as they are written, relative to the file
	BuiltinRules bool       // whether the built-in rules take part
	Route        *yaml.Node // a routing tree as in the configuration; nil for one receiver
	Tests        []Test

	doc      *document.Document
	expected []*yaml.Node
	told     []*yaml.Node
}

// Told returns the receivers that messages are expected at, where they are
// written.
func (f *File) Told() []*yaml.Node { return f.told }

// Doc is the document that the file was read from, for problems with its parts.
func (f *File) Doc() *document.Document { return f.doc }

// Expected returns the names of the rules that alerts are expected of, where
// they are written.
func (f *File) Expected() []*yaml.Node { return f.expected }

// Receiver returns who is told where the file has no route: the first receiver
// that a message is expected at.
func (f *File) Receiver() string {
	for _, t := range f.Tests {
		for _, e := range t.Expect {
			for _, n := range e.Notifications {
				if n.Receiver != "" {
					return n.Receiver
				}
			}
		}
	}
	return "default"
}

// Test is how one account goes on, and what must be told of it.
type Test struct {
	Name     string
	Interval time.Duration // between two polls
	Start    time.Time
	Account  billwatch.Account
	Vars     map[string]any
	Expect   []Expectation

	line     int
	constant []string // fields that the account gives
	base     billwatch.Snapshot
	series   map[string][]token
	history  []billwatch.Record
	polls    []token // "ok", "fail"
}

// Expectation is what must be so at a moment.
type Expectation struct {
	At            time.Duration // since the start
	Alerts        []ExpectedAlert
	Notifications []ExpectedNotification // since the expectation before

	line      int
	checked   bool // alerts are
	notifieds bool // notifications are
}

// ExpectedAlert is an alert that must stand. What is left out may be anything.
type ExpectedAlert struct {
	Alert       string            `yaml:"alert"`
	State       string            `yaml:"state"` // firing where empty
	Labels      billwatch.Labels  `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
	Value       *float64          `yaml:"value"`
}

// ExpectedNotification is a message that must have been sent. What is left out
// may be anything.
type ExpectedNotification struct {
	Receiver string   `yaml:"receiver"`
	Status   string   `yaml:"status"`
	Reason   string   `yaml:"reason"`
	Alerts   []string `yaml:"alerts"` // names, in any order
}

// The files' own shapes.
type fileKeys struct {
	RuleFiles    []string   `yaml:"rule_files"`
	BuiltinRules bool       `yaml:"builtin_rules"`
	Route        *yaml.Node `yaml:"route"`
	Tests        *yaml.Node `yaml:"tests"`
}

type testKeys struct {
	Name     string         `yaml:"name"`
	Interval time.Duration  `yaml:"interval"`
	Start    string         `yaml:"start"`
	Account  *yaml.Node     `yaml:"account"`
	Series   *yaml.Node     `yaml:"series"`
	History  *yaml.Node     `yaml:"history"`
	Poll     string         `yaml:"poll"`
	Vars     map[string]any `yaml:"vars"`
	Expect   *yaml.Node     `yaml:"expect"`
}

type expectKeys struct {
	At            time.Duration `yaml:"at"`
	Alerts        *yaml.Node    `yaml:"alerts"`
	Notifications *yaml.Node    `yaml:"notifications"`
}

// defaultStart is when a test begins that does not say it.
var defaultStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Load reads a test file. The problems are all that there are; with an error
// among them the File is only good for finding more of them.
func Load(doc *document.Document) (*File, billwatch.Problems) {
	l := &loader{doc: doc}
	var keys fileKeys
	root := doc.Root()
	l.add(doc.Decode(root, &keys))
	f := &File{Name: doc.File(), RuleFiles: keys.RuleFiles, BuiltinRules: keys.BuiltinRules, Route: keys.Route, doc: doc}
	if len(keys.RuleFiles) == 0 {
		l.fail(root, "rule_files is missing", "the rules to test, relative to this file")
	}
	for _, n := range l.list(keys.Tests, "tests") {
		if t, ok := l.test(n); ok {
			f.Tests = append(f.Tests, t)
		}
	}
	if len(f.Tests) == 0 && l.problems.Errors() == 0 {
		l.fail(root, "tests holds no test", "- name: …")
	}
	f.expected, f.told = l.expected, l.told
	return f, l.problems
}

type loader struct {
	doc      *document.Document
	problems billwatch.Problems
	expected []*yaml.Node // names of rules
	told     []*yaml.Node // names of receivers
}

func (l *loader) add(p billwatch.Problems) { l.problems = append(l.problems, p...) }

func (l *loader) fail(n *yaml.Node, message, hint string) {
	l.problems = append(l.problems, l.doc.Error(n, message, hint))
}

// list returns a list's items; none, with a problem, of anything else.
func (l *loader) list(n *yaml.Node, what string) []*yaml.Node {
	switch {
	case document.IsNull(n):
		return nil
	case n.Kind != yaml.SequenceNode:
		l.fail(n, what+" must be a list", "")
		return nil
	}
	return n.Content
}

func (l *loader) test(n *yaml.Node) (Test, bool) {
	before := l.problems.Errors()
	keys := testKeys{Interval: time.Hour}
	l.add(l.doc.Decode(n, &keys))
	t := Test{Name: keys.Name, Interval: keys.Interval, Start: defaultStart, Vars: keys.Vars, line: n.Line, series: map[string][]token{}}
	if t.Name == "" {
		l.fail(n, "name is missing", "say what the test shows")
	}
	if t.Interval < time.Second {
		l.fail(document.Get(n, "interval"), "interval: must be at least 1s", "")
	}
	if keys.Start != "" {
		start, err := parseTime(keys.Start)
		if err != nil {
			l.fail(document.Get(n, "start"), "start: "+err.Error(), "")
		}
		t.Start = start
	}
	l.account(keys.Account, &t)
	l.series(keys.Series, &t)
	l.pollSeries(document.Get(n, "poll"), keys.Poll, &t)
	l.history(keys.History, &t)
	for _, e := range l.list(keys.Expect, "expect") {
		l.expectation(e, &t)
	}
	if len(t.Expect) == 0 && l.problems.Errors() == before {
		l.fail(n, "expect is missing", "- at: 1h\n  alerts: []")
	}
	return t, l.problems.Errors() == before
}

// account reads what does not change: the account and fields of its snapshots.
func (l *loader) account(n *yaml.Node, t *Test) {
	t.base.Account = billwatch.Account{ID: "test", Name: "Test", Source: "test", Provider: "test", Kind: "account"}
	if !document.IsNull(n) {
		l.constants(n, "", t)
	}
	t.Account = t.base.Account
}

func (l *loader) constants(n *yaml.Node, path string, t *Test) {
	if n.Kind != yaml.MappingNode {
		l.fail(n, "account must be a mapping", "account: { name: Acme, plan: { type: Essentials } }")
		return
	}
	for k, v := range document.Pairs(n) {
		if path == "" && k.Value == "labels" {
			l.add(l.doc.Decode(v, &t.base.Account.Labels))
			continue
		}
		if v.Kind == yaml.MappingNode {
			l.constants(v, path+k.Value+".", t)
			continue
		}
		name := path + k.Value
		if fields[name] == nil {
			name = "account." + name
		}
		set := fields[name]
		if set == nil {
			l.unknown(k, path+k.Value, true)
			continue
		}
		if err := set(&t.base, token{text: v.Value, absent: document.IsNull(v)}); err != nil {
			l.fail(v, path+k.Value+": "+err.Error(), "")
			continue
		}
		t.constant = append(t.constant, name)
	}
}

func (l *loader) unknown(k *yaml.Node, name string, account bool) {
	var known []string
	for _, field := range fieldNames() {
		short, ofAccount := strings.CutPrefix(field, "account.")
		switch {
		case ofAccount && account:
			known = append(known, short)
		case !ofAccount:
			known = append(known, field)
		}
	}
	hint := ""
	if near := document.Suggest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	l.fail(k, fmt.Sprintf("there is no field %q", shortened(name)), hint)
}

// series reads what changes from poll to poll.
func (l *loader) series(n *yaml.Node, t *Test) {
	if document.IsNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		l.fail(n, "series must be a mapping of fields to values", `series: { balance: "5000-10x4" }`)
		return
	}
	for k, v := range document.Pairs(n) {
		set := fields[k.Value]
		if k.Value == "poll" {
			l.pollSeries(v, v.Value, t)
			continue
		}
		if set == nil || strings.HasPrefix(k.Value, "account.id") || k.Value == "account.source" {
			l.unknown(k, k.Value, false)
			continue
		}
		if slices.Contains(t.constant, k.Value) {
			l.fail(k, k.Value+": the account has it, too", "account gives what does not change, series what does")
			continue
		}
		values, err := expand(v.Value)
		for i := 0; i < len(values) && err == nil; i++ {
			scratch := t.base
			err = set(&scratch, values[i])
		}
		if err != nil {
			l.fail(v, k.Value+": "+err.Error(), `such as "5000-10x4" or "false false true"; _ leaves a value out`)
			continue
		}
		t.series[k.Value] = values
	}
}

func (l *loader) pollSeries(n *yaml.Node, written string, t *Test) {
	if written == "" {
		return
	}
	values, err := expand(written)
	for _, v := range values {
		if v.text != "ok" && v.text != "fail" {
			err = fmt.Errorf("%q is not ok or fail", shortened(v.text))
		}
	}
	if err != nil {
		l.fail(n, "poll: "+err.Error(), `such as "ok fail ok"`)
		return
	}
	t.polls = values
}

// history reads the days before the start: what was used in each, and what was
// left, which the test's first balance ends.
func (l *loader) history(n *yaml.Node, t *Test) {
	if document.IsNull(n) {
		return
	}
	var keys struct {
		Used      string `yaml:"used"`
		Remaining string `yaml:"remaining"`
	}
	l.add(l.doc.Decode(n, &keys))
	used, err := expand(keys.Used)
	if err != nil {
		l.fail(document.Get(n, "used"), "history.used: "+err.Error(), `a day each, the last one ends before the start: "120x27"`)
		return
	}
	var remaining []token
	if keys.Remaining != "" {
		if remaining, err = expand(keys.Remaining); err == nil && len(remaining) != len(used) {
			err = fmt.Errorf("has %d values, used has %d", len(remaining), len(used))
		}
		if err != nil {
			l.fail(document.Get(n, "remaining"), "history.remaining: "+err.Error(), "a day each")
			return
		}
	}
	if t.history, err = t.records(used, remaining); err != nil {
		l.fail(n, "history: "+err.Error(), "")
	}
}
