// Package httpjson reads the accounts of any API that answers GET requests with
// JSON: what is asked stands in the settings as paths, and what is made of an
// answer as expressions over it.
//
// The expressions are parsed by expr and evaluated here, over JSON as it came:
// numbers keep their digits, what is missing or null stays so through every
// operation, and nothing panics. A new function is one entry in functions; a new
// field of a snapshot is one entry in Fields and its targets.
package httpjson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

type provider struct {
	*poller.Client // Refresh and Close
	*plan

	mu   sync.Mutex
	rows map[string]json.RawMessage // of the last listing, by id, where the detail's mappings read them
}

// historian is a provider with a history.
type historian struct{ *provider }

// Fetch reads one account.
func (p *provider) Fetch(ctx context.Context, account billwatch.Account) (billwatch.Snapshot, error) {
	if p.detail == nil {
		return billwatch.Snapshot{}, errors.New("the listing carries the snapshots")
	}
	route := p.detail.path.route
	link, err := p.detail.path.fill(p.base, account.ID, "")
	if err != nil {
		return billwatch.Snapshot{}, unreadable(route, err)
	}
	body, err := p.Get(ctx, poller.Request{Route: route, Link: link, Limit: poller.MaxDetail, Suspended: p.suspends()})
	if poller.KindOf(err) == poller.Suspended {
		return p.suspendedSnapshot(account), err
	}
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	e, err := p.answers(body, account.ID)
	if err != nil {
		return billwatch.Snapshot{}, unreadable(route, err)
	}
	snapshot, err := p.snapshot(e, account)
	if err != nil {
		return billwatch.Snapshot{}, unreadable(route, err)
	}
	return snapshot, nil
}

// answers decodes what came about an account, and puts its row beside it.
func (p *provider) answers(body []byte, id string) (e env, err error) {
	if e.response, err = decode(body); err != nil {
		return env{}, err
	}
	if e.response == nil {
		return env{}, errors.New("the answer is null")
	}
	p.mu.Lock()
	raw := p.rows[id]
	p.mu.Unlock()
	if raw == nil {
		return e, nil
	}
	e.item, err = decode(raw)
	return e, err
}

// suspends says of a refusal whether it is for suspension.
func (p *provider) suspends() func(body []byte) bool {
	if p.detail.suspended == nil {
		return nil
	}
	return func(body []byte) bool {
		response, err := decode(body)
		if err != nil {
			return false
		}
		is, err := p.detail.suspended.eval(env{response: response})
		return err == nil && is == true
	}
}

// suspendedSnapshot is all that a refusal for suspension says.
func (p *provider) suspendedSnapshot(account billwatch.Account) billwatch.Snapshot {
	s := billwatch.Snapshot{Account: account, Unit: p.unit}
	for _, b := range p.fields {
		_, _ = b.set(b.mapping, env{}, &s) // what is not constant is not sent
	}
	s.Account = account
	s.Suspended = billwatch.Known(true)
	return s
}

// account reads who a row is about.
func (p *plan) account(e env) (billwatch.Account, error) {
	a := billwatch.Account{Source: p.source, Provider: typeName, Kind: p.kind}
	var err error
	if a.ID, err = identity(p.list.id, e); err != nil {
		return billwatch.Account{}, err
	}
	name, err := read(p.list.name, e, (*poller.Object).Text)
	if err != nil {
		return billwatch.Account{}, err
	}
	role, err := read(p.list.role, e, (*poller.Object).Text)
	a.Name, _ = name.Get()
	a.Role, _ = role.Get()
	return a, err
}

// identity reads an id, which must be there and is kept as it is.
func identity(m *mapping, e env) (string, error) {
	v, err := m.eval(e)
	if err != nil {
		return "", err
	}
	if kindOf(v) == number {
		return "", m.fails(errors.New("is a number, not a text: string(…) makes one of it"))
	}
	if isNil(v) {
		return "", m.fails(errors.New("is missing"))
	}
	got, err := convert(v, func(o *poller.Object, name string) billwatch.Value[string] { return billwatch.Known(o.ID(name)) })
	if err != nil {
		return "", m.fails(err)
	}
	id, _ := got.Get()
	return id, nil
}

// snapshot reads the fields of an account.
func (p *plan) snapshot(e env, account billwatch.Account) (billwatch.Snapshot, error) {
	named := !p.list.id.root.fixed
	if p.detail != nil {
		named = p.detail.id != nil
	}
	if p.detail != nil && p.detail.id != nil {
		id, err := identity(p.detail.id, e)
		if err == nil && id != account.ID {
			err = p.detail.id.fails(errors.New("is another account's than the one asked for"))
		}
		if err != nil {
			return billwatch.Snapshot{}, err
		}
	}
	s := billwatch.Snapshot{Account: account, Unit: p.unit}
	sent := named
	for _, b := range p.fields {
		v, err := b.set(b.mapping, e, &s)
		if err != nil {
			return billwatch.Snapshot{}, err
		}
		sent = sent || v != nil && !b.mapping.root.fixed
	}
	if !sent { // an answer about nothing is none
		return billwatch.Snapshot{}, errors.New("none of the fields is in the answer")
	}
	return s, nil
}

// Decode reads a saved answer about one account: of the detail, or a row of the
// list.
func (p *provider) Decode(body []byte) (billwatch.Snapshot, error) {
	v, err := decode(body)
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	if v == nil {
		return billwatch.Snapshot{}, errors.New("the answer is null")
	}
	e := env{item: v, response: v}
	account, err := p.account(e)
	if err != nil && p.detail != nil && p.detail.id != nil { // the row may have other names
		account = billwatch.Account{Source: p.source, Provider: typeName, Kind: p.kind}
		account.ID, err = identity(p.detail.id, e)
	}
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	return p.snapshot(e, account)
}

func unreadable(route string, err error) error {
	return &poller.Error{Kind: poller.Unreadable, Endpoint: http.MethodGet + " " + route, Status: http.StatusOK, Err: err}
}

func wrongItems(m *mapping, v any) error {
	if isNil(v) {
		return m.fails(errors.New("is missing"))
	}
	return m.fails(fmt.Errorf("is %s, not an array", kindOf(v)))
}
