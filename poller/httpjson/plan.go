package httpjson

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/billwatch/billwatch"
)

// plan is the settings, compiled: what is asked, and what is made of it.
type plan struct {
	source, kind, unit string
	base               *url.URL
	list               listing
	detail             *detail
	history            *records
	fields             []bound
}

type listing struct {
	path                  *address
	items, id, name, role *mapping
	next                  *mapping
	parameter             string
	stream                string // the field that is read as a stream; empty where the whole answer is needed
}

type detail struct {
	path          *address
	id, suspended *mapping
	keep          bool // the list's rows: mappings read them beside the answer
}

type records struct {
	path                           *address
	since                          string
	items, period, remaining, used *mapping
}

// bound is a field that is mapped.
type bound struct {
	target
	mapping *mapping
}

// planner compiles the settings and goes on after a mistake.
type planner struct{ errs []error }

func (p *planner) fail(field, what, hint string) {
	p.errs = append(p.errs, &billwatch.FieldError{Field: field, Err: errors.New(what), Hint: hint})
}

func (p *planner) mapping(field string, e Expr, scope []string, want ...kind) *mapping {
	m, err := newMapping(field, e, scope, want...)
	if err != nil {
		p.errs = append(p.errs, err)
		return nil
	}
	return m
}

// needed is a mapping that must be there.
func (p *planner) needed(field string, e Expr, scope []string, want ...kind) *mapping {
	if e == "" {
		p.fail(field, "is missing", "")
	}
	return p.mapping(field, e, scope, want...)
}

func (p *planner) path(field, text string, places ...string) *address {
	a, err := parseAddress(field, text, places)
	if err != nil {
		p.errs = append(p.errs, err)
	}
	return a
}

func (c *Config) plan(source string) (*plan, error) {
	var p planner
	base, err := url.Parse(c.BaseURL)
	if err != nil {
		base = &url.URL{} // the client reports it
	}
	made := &plan{source: source, kind: c.Kind, unit: c.Unit, base: base}
	if made.kind == "" {
		made.kind = defaultKind
	}
	made.fields = p.fields(c.Fields)
	made.list = p.list(c.List, source)
	if c.Detail != nil {
		made.detail = p.detail(*c.Detail, c.List.Items == "")
		for _, b := range made.fields {
			made.detail.keep = made.detail.keep || b.mapping.uses(varItem)
		}
		made.detail.keep = made.detail.keep || made.detail.id.uses(varItem)
	}
	if c.History != nil {
		made.history = p.history(*c.History)
	}
	made.list.stream = made.streamed()
	return made, errors.Join(p.errs...)
}

func answer() []string { return []string{varResponse} }

func row() []string { return []string{varItem, varResponse} }

func (p *planner) list(l List, source string) listing {
	got := listing{path: p.path("list.path", l.Path), parameter: l.NextParameter}
	got.items = p.mapping("list.items", l.Items, answer(), array)
	if l.ID == "" && l.Items == "" {
		l.ID = Expr(fmt.Sprintf("%q", source)) // the one account of this source
	}
	got.id = p.needed("list.id", l.ID, row(), text)
	got.name = p.mapping("list.name", l.Name, row(), text)
	got.role = p.mapping("list.role", l.Role, row(), text)
	got.next = p.mapping("list.next", l.Next, answer(), text, number)
	switch {
	case l.NextParameter != "" && l.Next == "":
		p.fail("list.next_parameter", "has nothing to send", "list.next is missing")
	case l.Next != "" && l.Items == "":
		p.fail("list.next", "has no pages to go through", "list.items is missing")
	}
	return got
}

func (p *planner) detail(d Detail, single bool) *detail {
	got := &detail{path: p.path("detail.path", d.Path, placeID)}
	got.id = p.mapping("detail.id", d.ID, row(), text)
	got.suspended = p.mapping("detail.suspended_403", d.Suspended403, answer(), boolean)
	if got.path != nil && !single && !strings.Contains(d.Path, placeID) {
		p.fail("detail.path", "does not say which account", "it needs {id}")
	}
	return got
}

func (p *planner) history(h History) *records {
	got := &records{path: p.path("history.path", h.Path, placeID, placeSince), since: h.Since}
	switch h.Since {
	case "":
		got.since = sinceRFC3339
	case sinceRFC3339, sinceDate, sinceUnix:
	default:
		p.fail("history.since", fmt.Sprintf("there is no form %q", h.Since), "rfc3339, date or unix")
	}
	got.items = p.needed("history.items", h.Items, answer(), array)
	got.period = p.needed("history.period", h.Period, row(), text)
	got.remaining = p.needed("history.remaining", h.Remaining, row(), number, text, object)
	got.used = p.needed("history.used", h.Used, row(), number, text, object)
	return got
}

// fields compiles the mappings of a snapshot. What is the same for every
// account is tried out at once.
func (p *planner) fields(f Fields) []bound {
	var fields []bound
	given, judged := false, false
	for _, t := range f.targets() {
		given = given || t.expr != ""
		judged = judged || t.expr != "" && (t.name == "balance" || t.name == "suspended")
		m := p.mapping("fields."+t.name, t.expr, row(), t.wants...)
		if m == nil {
			continue
		}
		if m.root.fixed {
			if _, err := t.set(m, env{}, &billwatch.Snapshot{}); err != nil {
				p.fail(m.field, strings.TrimPrefix(err.Error(), m.field+": "), "")
			}
		}
		fields = append(fields, bound{t, m})
	}
	switch {
	case !given:
		p.fail("fields", "is missing", "it needs balance at least")
	case !judged:
		p.fail("fields", "has neither balance nor suspended", "there would be nothing to watch")
	}
	return fields
}

// streamed returns the field of the answer that can be read row by row: where
// the array is a field of its top, and nothing else asks for the whole answer.
func (p *plan) streamed() string {
	if p.list.items == nil || len(p.list.items.used) != 2 {
		return ""
	}
	path := strings.Split(p.list.items.text, ".")
	if len(path) != 2 || strings.Join(path, ".") != p.list.items.used[1] {
		return ""
	}
	rows := []*mapping{p.list.id, p.list.name, p.list.role}
	if p.detail == nil {
		for _, b := range p.fields {
			rows = append(rows, b.mapping)
		}
	}
	for _, m := range rows {
		if m.uses(varResponse) {
			return ""
		}
	}
	if p.list.next != nil && readsRows(p.list.next.used, p.list.items.used[1]) {
		return ""
	}
	return path[1]
}

// readsRows says whether what is used of an answer takes in its rows.
func readsRows(all []string, rows string) bool {
	for i, used := range all {
		whole := used == varResponse && (i+1 == len(all) || !strings.HasPrefix(all[i+1], varResponse+"."))
		if whole || used == rows || strings.HasPrefix(used, rows+".") {
			return true
		}
	}
	return false
}
