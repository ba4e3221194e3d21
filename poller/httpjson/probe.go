package httpjson

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// Mappings asks for the first page of the list and for its first account, and
// says what each mapping makes of them.
func (p *provider) Mappings(ctx context.Context) ([]poller.Mapping, error) {
	link, err := p.list.path.fill(p.base, "", "")
	if err != nil {
		return nil, err
	}
	var first *env
	count := 0
	response, _, err := p.read(ctx, link, func(e env) {
		count++
		if first == nil {
			first = &e
		}
	})
	if err != nil {
		return nil, err
	}
	var told []poller.Mapping
	tell := func(m *mapping, v any, err error) {
		if m != nil {
			told = append(told, poller.Mapping{Field: m.field, Expr: m.text, Value: v, Err: err})
		}
	}
	tell(p.list.items, count, nil)
	if p.list.next != nil {
		next, err := p.list.next.eval(env{response: response})
		tell(p.list.next, written(next), err)
	}
	if first == nil {
		return told, nil
	}
	id, err := identity(p.list.id, *first)
	tell(p.list.id, id, err)
	for _, m := range []*mapping{p.list.name, p.list.role} {
		v, err := read(m, *first, (*poller.Object).Text)
		tell(m, plain(v), err)
	}
	e := *first
	if p.detail != nil {
		if err != nil {
			return told, errors.Join(errors.New("the detail is not asked for without an id"), err)
		}
		if e.response, err = p.look(ctx, id); err != nil {
			return told, err
		}
		tell(p.detail.id, id, nil)
	}
	for _, b := range p.fields {
		v, err := b.set(b.mapping, e, &billwatch.Snapshot{})
		tell(b.mapping, v, err)
	}
	return told, nil
}

// look asks for one account.
func (p *provider) look(ctx context.Context, id string) (any, error) {
	link, err := p.detail.path.fill(p.base, id, "")
	if err != nil {
		return nil, err
	}
	body, err := p.Get(ctx, poller.Request{Route: p.detail.path.route, Link: link, Limit: poller.MaxDetail})
	if err != nil {
		return nil, err
	}
	v, err := decode(body)
	if err != nil {
		return nil, unreadable(p.detail.path.route, err)
	}
	return v, nil
}

// written returns a value of a mapping as Go writes it.
func written(v any) any {
	switch v := v.(type) {
	case notApplicable:
		return nil
	case json.Number:
		return v.String()
	}
	return v
}
