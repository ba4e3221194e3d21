package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/daemon"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/rules/ruletest"
)

const testHelp = `Run rule tests: files in promtool's notation that say how an account goes on and
what must be told of it, and when. They take the same road as the service:
rules, alert machine, grouping, routes, on a clock of their own.`

// testOptions is how tests are wanted.
type testOptions struct {
	run    string
	junit  string
	diff   bool
	output string
}

func newTest(g *globals) *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:     "test FILE…",
		Short:   "Run rule tests",
		Long:    testHelp,
		Example: "  billwatch test rules_test.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s takes at least one test file\n  hint: %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runTests(cmd.Context(), g, o, args) },
	}
	cmd.Flags().StringVar(&o.run, "run", "", "run only tests whose name matches this `REGEX`")
	cmd.Flags().StringVar(&o.junit, "junit", "", "write the results to this `FILE`, as CI systems read them")
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "table or json")
	cmd.Flags().BoolVar(&o.diff, "diff", false, "show only what differs")
	return cmd
}

func runTests(ctx context.Context, g *globals, o testOptions, paths []string) error {
	if o.output != "table" && o.output != "json" {
		return misused(fmt.Errorf("--output: %q is not table or json", o.output))
	}
	chosen, err := regexp.Compile(o.run)
	if err != nil {
		return misused(fmt.Errorf("--run: %w", err))
	}
	plays, err := loadTests(g, paths)
	if err != nil {
		return err
	}
	var results []ruletest.Result
	for _, p := range plays {
		for i := range p.file.Tests {
			if !chosen.MatchString(p.file.Tests[i].Name) {
				continue
			}
			result, err := p.run(ctx, &p.file.Tests[i])
			if ctx.Err() != nil {
				return found(context.Cause(ctx))
			}
			if err != nil {
				return found(fmt.Errorf("%s: %s: %w", p.file.Name, p.file.Tests[i].Name, err))
			}
			results = append(results, result)
		}
	}
	return reportTests(g, o, results)
}

func reportTests(g *globals, o testOptions, results []ruletest.Result) error {
	if o.junit != "" {
		if err := writeJUnit(o.junit, results); err != nil {
			return found(err)
		}
	}
	if len(results) == 0 {
		return found(fmt.Errorf("no test has a name that matches %q", o.run))
	}
	show := printTests
	if o.output == "json" {
		show = printTestsJSON
	}
	if err := show(g.stdout, results, o.diff); err != nil {
		return found(err)
	}
	if failed := failures(results); failed > 0 {
		return found(fmt.Errorf("%d of %s failed", failed, plural(len(results), "test")))
	}
	return nil
}

func failures(results []ruletest.Result) int {
	n := 0
	for _, r := range results {
		if !r.OK() {
			n++
		}
	}
	return n
}

// printTests prints what failed, or that all is well.
func printTests(w io.Writer, results []ruletest.Result, diff bool) error {
	for _, r := range results {
		if !r.OK() {
			r.Print(w, diff)
		}
	}
	if failures(results) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "ok: %s\n", plural(len(results), "test"))
	return err
}

type testJSON struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Message string `json:"message"` // what a person would read; empty where all is well
}

func printTestsJSON(w io.Writer, results []ruletest.Result, diff bool) error {
	all := make([]testJSON, len(results))
	for i, r := range results {
		var text strings.Builder
		if !r.OK() {
			r.Print(&text, diff)
		}
		all[i] = testJSON{r.File, r.Line, r.Name, r.OK(), strings.TrimSuffix(text.String(), "\n")}
	}
	return printJSON(w, struct {
		Version string     `json:"version"`
		Tests   []testJSON `json:"tests"`
	}{"1", all})
}

// writeJUnit writes beside the file first, so that nobody reads half of it.
func writeJUnit(path string, results []ruletest.Result) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".junit-*")
	if err != nil {
		return err
	}
	err = errors.Join(ruletest.WriteJUnit(file, results), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// play is a test file with the rules that it tests.
type play struct {
	file   *ruletest.File
	rules  *rules.Set
	router *notify.Router
}

// loadTests reads the test files and their rules; all problems are printed.
func loadTests(g *globals, paths []string) ([]play, error) {
	var plays []play
	var problems billwatch.Problems
	for _, path := range paths {
		doc, err := document.Read(path)
		var broken billwatch.Problems
		switch {
		case errors.As(err, &broken):
			problems = append(problems, broken...)
			continue
		case err != nil:
			return nil, misused(err)
		}
		p, more := loadTest(doc)
		problems = append(problems, more...)
		plays = append(plays, p)
	}
	for _, p := range problems {
		fmt.Fprintln(g.stderr, p)
	}
	if n := problems.Errors(); n > 0 {
		return nil, misused(fmt.Errorf("%s in the tests and their rules", plural(n, "error")))
	}
	return plays, nil
}

func loadTest(doc *document.Document) (play, billwatch.Problems) {
	if kind := config.KindOf(doc); kind != config.TestFile {
		return play{}, billwatch.Problems{doc.Error(nil, "is a "+string(kind)+", not a test file", "a test file has the key tests")}
	}
	file, problems := ruletest.Load(doc)
	p := play{file: file}
	var more billwatch.Problems
	if p.rules, more = testedRules(file); p.rules != nil {
		more = append(more, unknownRules(file, p.rules)...)
	}
	problems = append(problems, more...)
	p.router, more = testRouter(file)
	problems = append(problems, more...)
	slices.SortStableFunc(problems, func(a, b billwatch.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return p, problems
}

// unreadable is why a file cannot be read, without the name of the system's call.
func unreadable(err error) string {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Path + ": " + failed.Err.Error()
	}
	return err.Error()
}

// testedRules compiles the rules that a test file names.
func testedRules(f *ruletest.File) (*rules.Set, billwatch.Problems) {
	var docs []*document.Document
	var problems billwatch.Problems
	for i, name := range f.RuleFiles {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(f.Name), name)
		}
		doc, err := document.Read(path)
		var broken billwatch.Problems
		switch {
		case errors.As(err, &broken):
			problems = append(problems, broken...)
		case err != nil:
			problems = append(problems, f.Doc().Error(ruleFile(f, i), "rule_files: "+unreadable(err), "paths are relative to the test file"))
		default:
			docs = append(docs, doc.Only("rules"))
		}
	}
	options := rules.Options{}
	if standard, _ := rules.Load(nil, rules.Options{}); standard != nil && !f.BuiltinRules {
		for _, rule := range standard.Rules() {
			options.Disabled = append(options.Disabled, rule.Name)
		}
	}
	set, more := rules.Load(docs, options)
	return set, append(problems, more...)
}

// ruleFile is where the name of a rule file is written.
func ruleFile(f *ruletest.File, i int) *yaml.Node {
	list := document.Get(f.Doc().Root(), "rule_files")
	if list != nil && i < len(list.Content) {
		return list.Content[i]
	}
	return list
}

// checkTests returns what is wrong with a test file, and with the rules that it
// names.
func checkTests(doc *document.Document) billwatch.Problems {
	_, problems := loadTest(doc)
	return problems
}

// unknownRules finds expectations of rules that do not exist: they would fail
// for ever, or, where nothing is expected of them, never.
func unknownRules(f *ruletest.File, set *rules.Set) billwatch.Problems {
	var known []string
	for _, rule := range set.Rules() {
		known = append(known, rule.Name)
	}
	var problems billwatch.Problems
	for _, name := range f.Expected() {
		if slices.Contains(known, name.Value) {
			continue
		}
		hint := ""
		if near := document.Suggest(name.Value, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		problems = append(problems, f.Doc().Error(name, "there is no rule "+f.Doc().Quote(name), hint))
	}
	return problems
}

// testRouter routes as the test file says, to receivers that only keep what
// they are told.
func testRouter(f *ruletest.File) (*notify.Router, billwatch.Problems) {
	root := &notify.Route{Receiver: f.Receiver()}
	if !document.IsNull(f.Route) {
		if problems := f.Doc().Decode(f.Route, root); problems.Errors() > 0 {
			return nil, problems
		}
	}
	receivers := map[string][]notify.Integration{}
	var walk func(r *notify.Route)
	walk = func(r *notify.Route) {
		if r.Receiver != "" {
			receivers[r.Receiver] = []notify.Integration{{Name: r.Receiver + "/test/0", Receiver: r.Receiver, SendResolved: true}}
		}
		for _, child := range r.Routes {
			walk(child)
		}
	}
	walk(root)
	problems := untold(f, slices.Sorted(maps.Keys(receivers)))
	router, err := notify.NewRouter(root, receivers)
	if err != nil {
		return nil, billwatch.Problems{f.Doc().Error(f.Route, "route: "+err.Error(), "")}
	}
	return router, problems
}

// untold finds messages that are expected at receivers to which nothing goes.
func untold(f *ruletest.File, known []string) billwatch.Problems {
	var problems billwatch.Problems
	for _, to := range f.Told() {
		if to.Value == "" || slices.Contains(known, to.Value) {
			continue
		}
		hint := "everything goes to " + strings.Join(known, ", ")
		if near := document.Suggest(to.Value, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		problems = append(problems, f.Doc().Error(to, "nothing is routed to receiver "+f.Doc().Quote(to), hint))
	}
	return problems
}

// run plays one test.
func (p play) run(ctx context.Context, t *ruletest.Test) (ruletest.Result, error) {
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	if err != nil {
		return ruletest.Result{}, err
	}
	var told []billwatch.Notification
	began := time.Now()
	stage, err := daemon.NewReplay(ctx, daemon.ReplayConfig{
		Start: t.Start, Keep: true,
		Told: func(n billwatch.Notification) { told = append(told, n) },
		Plan: daemon.Plan{
			Rules: p.rules, Router: p.router, Templates: templates,
			Given: func(a billwatch.Account, _ ...*billwatch.Snapshot) config.Given {
				return config.Given{Labels: a.Labels, Vars: t.Vars}
			},
		},
	})
	if err != nil {
		return ruletest.Result{}, err
	}
	defer stage.Close()
	result, err := t.Run(ctx, stage, func() []billwatch.Notification { return told })
	result.File, result.Took = p.file.Name, time.Since(began)
	return result, err
}
