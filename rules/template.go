package rules

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"text/template"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/internal/expression"
	"go.yaml.in/yaml/v4"
)

// namedText is a label or an annotation: a plain text, or a template.
type namedText struct {
	name  string
	plain string
	tmpl  *template.Template
}

// labelData is what label templates see: nothing that changes while an alert
// stands, and nothing personal.
type labelData struct {
	Account labelAccount
	Source  string
	Rule    string
}

type labelAccount struct {
	Source, ID, Name, Provider, Kind, Role string
	Labels                                 billwatch.Labels
}

// annotationData is what annotation templates see.
type annotationData struct {
	Account   billwatch.Account
	Source    string
	Rule      string
	Labels    billwatch.Labels
	Value     *float64
	Unit      string
	Snapshot  billwatch.Snapshot
	Previous  *billwatch.Snapshot
	Forecast  *billwatch.Forecast
	Runway    billwatch.Quantiles // +Inf without a forecast
	BurnRate  float64
	ExhaustAt time.Time
	Vars      map[string]any
	Now       time.Time
	Reason    string // of an unknown outcome that counts as true
}

func labelsOf(a billwatch.Account, rule string) labelData {
	return labelData{
		Account: labelAccount{a.Source, a.ID, a.Name, a.Provider, a.Kind, a.Role, a.Labels},
		Source:  a.Source,
		Rule:    rule,
	}
}

// readText compiles one label or annotation, and tries it on empty data of its
// kind, so that a field that is not there is found now.
func readText(doc *document.Document, key, n *yaml.Node, sample any) (namedText, billwatch.Problems) {
	t := namedText{name: key.Value, plain: n.Value}
	if n.Kind != yaml.ScalarNode || document.IsNull(n) {
		return t, billwatch.Problems{doc.Error(n, key.Value+" must be a text", "")}
	}
	if !strings.Contains(n.Value, "{{") {
		return t, nil
	}
	if len(n.Value) > expression.MaxText {
		return t, billwatch.Problems{doc.Error(n, fmt.Sprintf("template is longer than %d KiB", expression.MaxText>>10), "")}
	}
	tmpl, err := template.New(key.Value).Funcs(boundedFunctions()).Funcs(templateFunctions()).Parse(n.Value)
	if err != nil {
		return t, billwatch.Problems{doc.Error(n, "template: "+templateError(err), "")}
	}
	if loop := unbounded(tmpl); loop != "" {
		return t, billwatch.Problems{doc.Error(n, "template: "+loop+" is not available in rules", "")}
	}
	t.tmpl = tmpl
	err = tmpl.Execute(&bounded{}, sample)
	if err == nil {
		return t, nil
	}
	if wrong := wrongField.FindStringSubmatch(err.Error()); wrong != nil {
		hint := "it sees " + strings.Join(fieldsOf(sample), ", ")
		if wrong[2] != reflect.TypeOf(sample).String() {
			hint = ""
		}
		hint = suggest("."+wrong[1], fieldsOf(sample), hint)
		return t, billwatch.Problems{doc.Error(n, fmt.Sprintf("template: there is no field %s here", wrong[1]), hint)}
	}
	return t, nil
}

// wrongField is how text/template says that there is none of a name.
var wrongField = regexp.MustCompile(`can't evaluate field (\w+) in type ([\w.]+)`)

// fieldsOf returns what a template can name in its data.
func fieldsOf(sample any) []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(sample)) {
		names = append(names, "."+f.Name)
	}
	return names
}

// place of an error, as text/template begins its messages.
var templatePlace = regexp.MustCompile(`^template: [^ ]*: (executing "[^"]*" at )?`)

func templateError(err error) string { return templatePlace.ReplaceAllString(err.Error(), "") }

// render returns the text; where that fails, the error in the text's stead:
// an alert is told with a broken annotation rather than not at all.
func (t namedText) render(data any) (text string, failed bool) {
	if t.tmpl == nil {
		return t.plain, false
	}
	out := &bounded{}
	if err := t.tmpl.Execute(out, data); err != nil {
		return fmt.Sprintf("%s(template: %s)", out.String(), templateError(err)), true
	}
	return out.String(), false
}
