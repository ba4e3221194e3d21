package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// explain says why a rule says of an account what it says, from what the store
// has: as if the account were read now and looked as it did last.
func (d *Daemon) explain(ctx context.Context, rule, account string) (web.Explanation, error) {
	store := d.opened.Load()
	if store == nil {
		return web.Explanation{}, errNoStore
	}
	plan := d.plan()
	var names []string
	for _, info := range plan.Rules.Rules() {
		names = append(names, info.Name)
	}
	if err := KnownRule(rule, names); err != nil {
		return web.Explanation{}, &web.AskedWronglyError{Err: err}
	}
	config, err := d.lastSeen(ctx, store, plan, account)
	if err != nil {
		return web.Explanation{}, err
	}
	config.Rule = rule
	x, judged, err := Explain(ctx, config)
	if err == nil && !judged {
		err = &web.AskedWronglyError{Err: fmt.Errorf("%s was not judged on %s", rule, config.Poll.Account.Title())}
	}
	return x.Shown(), err
}

var errNeverRead = errors.New("the account was not read yet")

// lastSeen is what explains an account as it was seen last, beside what was seen
// before.
func (d *Daemon) lastSeen(ctx context.Context, store *sqlstore.Store, plan Plan, name string) (ExplainConfig, error) {
	c := ExplainConfig{Plan: plan, Store: store, Now: d.Clock.Now()}
	var accounts []billwatch.Account
	for _, source := range plan.Sources {
		named, err := store.Named(ctx, source.Name)
		if err != nil {
			return c, err
		}
		for _, a := range named {
			a.Source = source.Name
			accounts = append(accounts, a)
		}
	}
	i, err := FindAccount(accounts, name)
	if err != nil {
		return c, &web.AskedWronglyError{Err: err}
	}
	last, before, err := store.LastTwo(ctx, accounts[i].Key())
	if err != nil {
		return c, err
	}
	if last == nil {
		return c, &web.AskedWronglyError{Err: errNeverRead}
	}
	last.At = c.Now
	c.Poll, c.Previous = billwatch.Poll{Account: last.Account, At: last.At, Snapshot: last}, before
	return c, nil
}
