package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"go.yaml.in/yaml/v4"
)

// What becomes of an outcome that is not known.
const (
	keepUnknown  = "keep"
	alertUnknown = "alert"
	okUnknown    = "ok"
)

// entry is a rule as it stands in a file.
type entry struct {
	Alert         *yaml.Node    `yaml:"alert"`
	Expr          *yaml.Node    `yaml:"expr"`
	For           time.Duration `yaml:"for"`
	KeepFiringFor time.Duration `yaml:"keep_firing_for"`
	Until         *yaml.Node    `yaml:"until"`
	Where         *yaml.Node    `yaml:"where"`
	Value         *yaml.Node    `yaml:"value"`
	Labels        *yaml.Node    `yaml:"labels"`
	Annotations   *yaml.Node    `yaml:"annotations"`
	Sources       []yaml.Node   `yaml:"sources"`
	OnUnknown     *yaml.Node    `yaml:"on_unknown"`
	RunbookURL    string        `yaml:"runbook_url"`
}

// rule is a compiled entry.
type rule struct {
	name          string
	expr          *program
	until, where  *program // nil where there is none
	shownBy       *program // value
	shown         func(*env) value
	sources       []string // empty for all
	onUnknown     string
	labels        []namedText
	annotations   []namedText
	runbook       string
	pending, keep time.Duration
	builtin       bool
	file          string
	line          int
	key           *yaml.Node // the name, for problems
	fixedLabels   billwatch.Labels
	labelsBy      string // another text when the labels are written otherwise
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// ownLabels are set by billwatch, not by rules.
var ownLabels = []string{
	billwatch.LabelAlert, billwatch.LabelSource, billwatch.LabelProvider,
	billwatch.LabelAccount, billwatch.LabelAccountName,
}

// reader compiles rules, and gathers every mistake.
type reader struct {
	doc      *document.Document
	options  Options
	problems billwatch.Problems
}

func (r *reader) fail(n *yaml.Node, message, hint string) {
	r.problems = append(r.problems, r.doc.Error(n, message, hint))
}

// rule compiles one entry; it is nil where that is impossible.
func (r *reader) rule(n *yaml.Node) *rule {
	if document.IsNull(n) {
		r.fail(n, "rule is empty", "remove the dash, or begin it with alert:")
		return nil
	}
	before := r.problems.Errors()
	var e entry
	r.problems = append(r.problems, r.doc.Decode(n, &e)...)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	out := &rule{pending: e.For, keep: e.KeepFiringFor, runbook: e.RunbookURL, file: r.doc.File(), line: n.Line, key: e.Alert}
	r.name(n, &e, out)
	if e.Expr == nil {
		r.fail(n, "expr is missing", "")
	}
	out.expr = r.condition(e.Expr, boolean)
	out.until = r.condition(e.Until, boolean)
	out.where = r.condition(e.Where, boolean)
	if out.shownBy = r.condition(e.Value, number); out.shownBy != nil {
		out.shown = out.shownBy.root.eval
	} else if out.expr != nil {
		out.shown = out.expr.shown
	}
	r.sources(e.Sources, out)
	r.onUnknown(e.OnUnknown, out)
	out.labels = r.texts(e.Labels, "label", labelsOf(billwatch.Account{}, ""))
	out.annotations = r.texts(e.Annotations, "annotation", annotationData{
		Value: new(float64), Previous: &billwatch.Snapshot{}, Forecast: &billwatch.Forecast{},
	})
	out.fixedLabels = billwatch.Labels{}
	for _, l := range out.labels {
		out.fixedLabels[l.name] = l.plain
	}
	if r.problems.Errors() == before {
		r.lint(n, out)
	}
	if r.problems.Errors() > before {
		return &rule{name: out.name, key: out.key, file: out.file, line: out.line}
	}
	return out
}

func (r *reader) name(n *yaml.Node, e *entry, out *rule) {
	switch {
	case e.Alert == nil || document.IsNull(e.Alert):
		r.fail(n, "alert is missing", "a rule needs a name")
	case e.Alert.Kind != yaml.ScalarNode || strings.TrimSpace(e.Alert.Value) == "":
		r.fail(e.Alert, "alert must be a name", "")
	case len(e.Alert.Value) > 200:
		r.fail(e.Alert, "alert is longer than 200 bytes", "")
	default:
		out.name = e.Alert.Value
	}
}

func (r *reader) condition(n *yaml.Node, want kind) *program {
	if n == nil {
		return nil
	}
	p, problems := compile(r.doc, n, scope{vars: r.options.Vars}, want)
	r.problems = append(r.problems, problems...)
	return p
}

func (r *reader) sources(nodes []yaml.Node, out *rule) {
	for i := range nodes {
		n := &nodes[i]
		switch {
		case n.Kind != yaml.ScalarNode || n.Value == "":
			r.fail(n, "must be a source's name", "")
		case r.options.Sources != nil && !slices.Contains(r.options.Sources, n.Value):
			r.fail(n, fmt.Sprintf("there is no source %q", n.Value), suggest(n.Value, r.options.Sources, ""))
		default:
			out.sources = append(out.sources, n.Value)
		}
	}
}

func (r *reader) onUnknown(n *yaml.Node, out *rule) {
	out.onUnknown = keepUnknown
	if n == nil || document.IsNull(n) {
		return
	}
	choices := []string{keepUnknown, alertUnknown, okUnknown}
	if !slices.Contains(choices, n.Value) {
		r.fail(n, fmt.Sprintf("on_unknown is %s, which is not one of keep, alert and ok", r.doc.Quote(n)), suggest(n.Value, choices, ""))
		return
	}
	out.onUnknown = n.Value
}

// texts compiles the labels or the annotations.
func (r *reader) texts(n *yaml.Node, what string, sample any) []namedText {
	if n == nil || document.IsNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, what+"s must be a mapping of names to texts", "")
		return nil
	}
	var all []namedText
	for k, v := range document.Pairs(n) {
		switch {
		case !labelName.MatchString(k.Value):
			r.fail(k, fmt.Sprintf("%s is not a %s name", r.doc.Quote(k), what), "letters, digits and _, not beginning with a digit")
			continue
		case what == "label" && slices.Contains(ownLabels, k.Value):
			r.fail(k, k.Value+" is set by billwatch itself", "choose another name")
			continue
		}
		t, problems := readText(r.doc, k, v, sample)
		r.problems = append(r.problems, problems...)
		all = append(all, t)
	}
	return all
}

// Info is what a rule is, for those who show it.
type Info struct {
	Name          string
	Expr          string
	Until, Where  string
	Value         string // empty where the condition itself says what is shown
	File          string // empty for a built-in rule
	Line          int
	For           time.Duration
	KeepFiringFor time.Duration
	Labels        billwatch.Labels // as they are written
	Sources       []string         // empty for all
	Fields        []string         // what its conditions name
	Builtin       bool
}

func (r *rule) info() Info {
	i := Info{
		Name: r.name, Expr: r.expr.source, File: r.file, Line: r.line, For: r.pending, KeepFiringFor: r.keep,
		Labels: maps.Clone(r.fixedLabels), Sources: slices.Clone(r.sources), Builtin: r.builtin,
	}
	fields := map[string]bool{}
	for _, p := range []*program{r.expr, r.until, r.where} {
		if p == nil {
			continue
		}
		for _, f := range p.fields {
			fields[f] = true
		}
	}
	i.Fields = slices.Sorted(maps.Keys(fields))
	if r.until != nil {
		i.Until = r.until.source
	}
	if r.where != nil {
		i.Where = r.where.source
	}
	if r.shownBy != nil {
		i.Value = r.shownBy.source
	}
	if r.builtin {
		i.File, i.Line = "", 0
	}
	return i
}
