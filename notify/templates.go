package notify

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	html "html/template"
	"maps"
	"slices"
	"strings"
	"sync"
	text "text/template"
	"time"

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
	Files       map[string]string // template files by name; they may redefine the default templates
	ExternalURL string            // of the pages, for links; may be empty
	Timezone    *time.Location    // of times in messages; nil is UTC
}

// Templates write the texts of notifications. They are safe for concurrent use.
type Templates struct {
	external string
	zone     *time.Location
	shipped  set // without anything of the user's, in case that fails
	own      set // only ever copied

	mu        sync.Mutex
	overrides map[Overrides]set
}

// set is one title, text and HTML that belong together. One that was executed
// cannot be copied any more.
type set struct {
	text *text.Template
	html *html.Template
}

// NewTemplates reads the default templates and then the files. A file that does
// not parse is a *billwatch.FieldError of the field templates.
func NewTemplates(c TemplatesConfig) (*Templates, error) {
	t := &Templates{
		external:  strings.TrimRight(c.ExternalURL, "/"),
		zone:      cmp.Or(c.Timezone, time.UTC),
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
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		next, err := t.own.with(name, c.Files[name])
		if err != nil {
			problems = append(problems, &billwatch.FieldError{Field: "templates", Err: err})
			continue
		}
		t.own = next
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return t, nil
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
			problems = append(problems, &billwatch.FieldError{Field: field, Err: err})
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
	own, err := t.forOverrides(o)
	r := rendering{own: own, shipped: t.shipped, until: time.Now().Add(maxTime), problems: lines(err)}
	r.data = writer{now: n.FrozenAt, zone: cmp.Or(o.Timezone, t.zone), external: t.external}.data(n)
	m := billwatch.Message{
		Title: cutBytes(cleanLine(r.plain(titleTemplate, maxTitle), maxTitle), maxTitle),
		Text:  r.plain(textTemplate, maxText),
		HTML:  r.page(),
	}
	for _, problem := range r.problems {
		problem = cleanLine(problem, maxName*4)
		m.Text += "\n\nTemplate error: " + problem
		m.HTML += "<p>Template error: " + html.HTMLEscapeString(problem) + "</p>\n"
	}
	return m
}

func lines(err error) []string {
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

// rendering is the writing of one message, with what went wrong so far.
type rendering struct {
	own, shipped set
	data         Data
	until        time.Time // when its own templates must have ended
	problems     []string
}

func (r *rendering) plain(name string, most int) string {
	out := &bounded{room: most, until: r.until}
	err := r.own.text.ExecuteTemplate(out, name, r.data)
	if err != nil && !out.full {
		r.problems = append(r.problems, err.Error())
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
		r.problems = append(r.problems, err.Error())
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
