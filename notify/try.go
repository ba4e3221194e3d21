package notify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// ErrNoTemplate says that there is no template of a name.
var ErrNoTemplate = errors.New("there is no template of that name")

// Defined returns the names of the templates that there are, sorted, without
// the files' own.
func (t *Templates) Defined() []string {
	var names []string
	for _, d := range t.own.text.Templates() {
		if name := d.Name(); !t.isFile(name) && d.Tree != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// isFile says whether a template is a whole file.
func (t *Templates) isFile(name string) bool {
	_, own := t.c.Files[name]
	return own || name == "" || name == "default.tmpl" || name == "default.html.tmpl"
}

// Origin returns the file that defines a template; "billwatch" for a default one.
func (t *Templates) Origin(name string) string {
	for file, source := range t.c.Files {
		if alone, err := newSet().with(file, source); err == nil && namesOf(alone)[name] {
			return file
		}
	}
	return "billwatch"
}

// With returns the templates with one more file; one of that path is replaced.
func (t *Templates) With(file, source string) (*Templates, error) {
	c := t.c
	c.Files = maps.Clone(c.Files)
	if c.Files == nil {
		c.Files = map[string]string{}
	}
	c.Files[file] = source
	return NewTemplates(c)
}

// Redefines says whether a file defines a part of every message anew.
func (t *Templates) Redefines(file string) bool {
	alone, err := newSet().with(file, t.c.Files[file])
	if err != nil {
		return false
	}
	shipped := slices.Collect(maps.Keys(namesOf(t.shipped)))
	return slices.ContainsFunc(shipped, func(name string) bool { return namesOf(alone)[name] })
}

func namesOf(s set) map[string]bool {
	names := map[string]bool{}
	for _, d := range s.text.Templates() {
		if d.Name() != "" && d.Tree != nil {
			names[d.Name()] = true
		}
	}
	return names
}

// Try writes the message of a notification as Render does, and returns what
// went wrong, with places.
func (t *Templates) Try(n billwatch.Notification, o Overrides) (billwatch.Message, error) {
	m, problems := t.render(n, o)
	return m, t.placed(problems)
}

// Execute writes what one template makes of a notification, as a text or as
// HTML: over the message or, where it is about one, over the first alert.
func (t *Templates) Execute(name string, n billwatch.Notification, page bool) (string, error) {
	if t.own.text.Lookup(name) == nil {
		return "", ErrNoTemplate
	}
	s, err := t.own.copied()
	if err != nil {
		return "", err
	}
	data := writer{now: n.FrozenAt, zone: t.zone, external: t.external}.data(n)
	over := []any{data}
	if len(data.Alerts) > 0 {
		over = append(over, data.Alerts[0])
	}
	if data.Storm != nil {
		over = append(over, data.Storm)
	}
	var first error
	for _, v := range over {
		out := &bounded{room: maxHTML, until: time.Now().Add(maxTime)}
		if page {
			err = s.html.ExecuteTemplate(out, name, v)
		} else {
			err = s.text.ExecuteTemplate(out, name, v)
		}
		if err == nil || out.full {
			return strings.ToValidUTF8(out.String(), ""), nil
		}
		if first == nil || strings.Contains(first.Error(), fmt.Sprintf("in type %T", data)) { // it is not about the message
			first = err
		}
	}
	return "", t.placed([]error{first})
}

// placed gives errors in files their places.
func (t *Templates) placed(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	var problems billwatch.Problems
	for _, err := range errs {
		p := billwatch.Problem{File: "template", Severity: billwatch.SeverityError, Message: err.Error()}
		for file, source := range t.c.Files {
			if w, ok := wrongIn(err, file, source); ok {
				p = w.problem(file, source)
			}
		}
		if !slices.Contains(problems, p) {
			problems = append(problems, p)
		}
	}
	return problems
}
