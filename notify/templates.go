package notify

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	html "html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	text "text/template"
	"time"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
)

//go:embed default.tmpl
var defaultText string

//go:embed default.html.tmpl
var defaultHTML string

// Bytes that a rendered message has at most.
const (
	maxTitle = 512
	maxText  = 32 << 10
	maxHTML  = 256 << 10
)

// Names of the templates that a message is made of.
const (
	titleTemplate = "billwatch.title"
	textTemplate  = "billwatch.text"
	htmlTemplate  = "billwatch.html"
)

// TemplatesConfig is what Templates are made from.
type TemplatesConfig struct {
	Files       map[string]string // template files by path; they may redefine the default templates
	ExternalURL string            // of the pages, for links; may be empty
	Timezone    *time.Location    // of times in messages; nil is UTC
}

// Templates write the texts of notifications. They are safe for concurrent use.
type Templates struct {
	external string
	zone     *time.Location
	shipped  set // without anything of the user's, in case that fails
	own      set // only ever copied
	c        TemplatesConfig

	mu        sync.Mutex
	overrides map[Overrides]set
}

// set is one title, text and HTML that belong together. One that was executed
// cannot be copied any more.
type set struct {
	text *text.Template
	html *html.Template
}

// NewTemplates reads the default templates and then the files. What is wrong
// with these are billwatch.Problems, with their places.
func NewTemplates(c TemplatesConfig) (*Templates, error) {
	t := &Templates{
		external:  strings.TrimRight(c.ExternalURL, "/"),
		zone:      cmp.Or(c.Timezone, time.UTC),
		c:         c,
		overrides: map[Overrides]set{},
	}
	var err error
	if t.own, err = newSet().with("default.tmpl", defaultText); err == nil {
		t.own, err = t.own.with("default.html.tmpl", defaultHTML)
	}
	if err == nil {
		t.shipped, err = t.own.copied()
	}
	if err != nil {
		return nil, fmt.Errorf("default templates: %w", err)
	}
	var problems billwatch.Problems
	defined := map[string]string{} // files by the templates that they define
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		source := c.Files[name]
		next, err := t.own.with(name, source)
		if err != nil {
			problems = append(problems, fileProblem(err, name, source))
			continue
		}
		problems = append(problems, twice(defined, name, source)...)
		t.own = next
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return t, nil
}

func fileProblem(err error, name, source string) billwatch.Problem {
	w, ok := wrongIn(err, name, source)
	if !ok {
		return billwatch.Problem{File: name, Severity: billwatch.SeverityError, Message: "template: " + err.Error()}
	}
	return w.problem(name, source)
}

// twice finds what a file defines that another one defines, too: which of them
// holds would hang on their names.
func twice(defined map[string]string, file, source string) billwatch.Problems {
	alone, err := newSet().with(file, source)
	if err != nil {
		return nil //nolint:nilerr // whoever parses it says what is wrong
	}
	var problems billwatch.Problems
	for _, t := range alone.text.Templates() {
		name := t.Name()
		if name == file || name == "" {
			continue
		}
		first, ok := defined[name]
		if !ok {
			defined[name] = file
			continue
		}
		w := wrong{line: 1, column: 1, message: fmt.Sprintf("%q is defined in %s, too", name, first)}
		if at := strings.Index(source, strconv.Quote(name)); at >= 0 {
			before := source[:at]
			w.line += strings.Count(before, "\n")
			w.column += utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:])
		}
		p := w.problem(file, source)
		p.Hint = "give one of them another name, or delete it"
		problems = append(problems, p)
	}
	slices.SortFunc(problems, func(a, b billwatch.Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return problems
}

func newSet() set {
	return set{
		text: text.New("").Funcs(boundedFunctions()).Funcs(plainFunctions()).Funcs(functionMap()).Option("missingkey=zero"),
		html: html.New("").Funcs(boundedFunctions()).Funcs(functionMap()).Option("missingkey=zero"),
	}
}

// with returns the set with one more file; the set itself stays as it was.
func (s set) with(name, source string) (set, error) {
	c, err := s.copied()
	if err != nil {
		return s, err
	}
	if _, err := c.text.New(name).Parse(source); err != nil {
		return s, err
	}
	if _, err := c.html.New(name).Parse(source); err != nil {
		return s, err
	}
	for _, t := range c.text.Templates() {
		countTree(t.Tree)
	}
	for _, t := range c.html.Templates() {
		countTree(t.Tree)
	}
	return c, nil
}

func (s set) copied() (set, error) {
	plain, err := s.text.Clone()
	if err != nil {
		return s, err
	}
	page, err := s.html.Clone()
	return set{plain, page}, err
}

// ExternalURL returns where the pages are; empty where there are none.
func (t *Templates) ExternalURL() string { return t.external }

// Check says whether an integration's own templates parse; wrong ones are
// *billwatch.FieldError, joined.
func (t *Templates) Check(o Overrides) error {
	_, err := t.compile(o)
	return err
}

func (t *Templates) compile(o Overrides) (set, error) {
	s := t.own
	var problems []error
	add := func(field, name, source string) {
		if source == "" {
			return
		}
		next, err := s.with(name, source)
		if err != nil {
			wrong := &billwatch.FieldError{Field: field, Err: err}
			if w, ok := wrongIn(err, name, source); ok {
				wrong.Err, wrong.Offset = errors.New("template: "+w.message), w.offset(source)
			}
			problems = append(problems, wrong)
			return
		}
		s = next
	}
	add("title", titleTemplate, o.Title)
	add("text", textTemplate, o.Text)
	add("html", htmlTemplate, o.HTML)
	return s, errors.Join(problems...)
}

// forOverrides returns the set of an integration, compiled once.
func (t *Templates) forOverrides(o Overrides) (set, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.overrides[o]; ok {
		return s, nil
	}
	s, err := t.compile(o)
	if err != nil { // checked when the configuration was loaded
		return t.shipped, err
	}
	if s, err = s.copied(); err != nil {
		return t.shipped, err
	}
	t.overrides[o] = s
	return s, nil
}

// Render writes the message of a notification; relative times are as seen from
// its FrozenAt. It never fails: where a template does, the default one is used
// and the text ends with what went wrong.
func (t *Templates) Render(n billwatch.Notification, o Overrides) billwatch.Message {
	m, _ := t.render(n, o)
	return m
}

// render returns what went wrong, too.
func (t *Templates) render(n billwatch.Notification, o Overrides) (billwatch.Message, []error) {
	own, err := t.forOverrides(o)
	r := rendering{own: own, shipped: t.shipped, until: time.Now().Add(maxTime), problems: flat(err)}
	r.data = writer{now: n.FrozenAt, zone: cmp.Or(o.Timezone, t.zone), external: t.external}.data(n)
	m := billwatch.Message{
		Title: cutBytes(cleanLine(r.plain(titleTemplate, maxTitle), maxTitle), maxTitle),
		Text:  r.plain(textTemplate, maxText),
		HTML:  r.page(),
	}
	for _, problem := range r.problems {
		said := cleanLine(problem.Error(), maxName*4)
		m.Text += "\n\nTemplate error: " + said
		m.HTML += "<p>Template error: " + html.HTMLEscapeString(said) + "</p>\n"
	}
	return m, r.problems
}

func flat(err error) []error {
	if err == nil {
		return nil
	}
	return []error{err}
}

// rendering is the writing of one message, with what went wrong so far.
type rendering struct {
	own, shipped set
	data         Data
	until        time.Time // when its own templates must have ended
	problems     []error
}

func (r *rendering) plain(name string, most int) string {
	out := &bounded{room: most, until: r.until}
	err := r.own.text.ExecuteTemplate(out, name, r.data)
	if err != nil && !out.full {
		r.problems = append(r.problems, err)
		out = &bounded{room: most}
		_ = r.shipped.text.ExecuteTemplate(out, name, r.data) // golden files watch over it
	}
	return strings.TrimSpace(strings.ToValidUTF8(out.String(), ""))
}

// page renders the HTML. One that is too long cannot be cut: its text is shown
// instead.
func (r *rendering) page() string {
	out, err := r.executeHTML(r.own, r.until)
	if err != nil && !out.full {
		r.problems = append(r.problems, err)
		out, err = r.executeHTML(r.shipped, time.Time{})
	}
	if err != nil {
		return "<pre>" + html.HTMLEscapeString(r.plain(textTemplate, maxText)) + "</pre>\n"
	}
	return strings.ToValidUTF8(out.String(), "")
}

func (r *rendering) executeHTML(s set, until time.Time) (*bounded, error) {
	out := &bounded{room: maxHTML, until: until}
	return out, s.html.ExecuteTemplate(out, htmlTemplate, r.data)
}
