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
	poll, err := d.lastSeen(ctx, store, plan, account)
	if err != nil {
		return web.Explanation{}, err
	}
	x, judged, err := Explain(ctx, ExplainConfig{Plan: plan, Store: store, Rule: rule, Poll: poll, Now: d.Clock.Now()})
	if err == nil && !judged {
		err = &web.AskedWronglyError{Err: fmt.Errorf("%s was not judged on %s", rule, poll.Account.Title())}
	}
	return x.Shown(), err
}

var errNeverRead = errors.New("the account was not read yet")

// lastSeen is a poll that reads an account as it was seen last.
func (d *Daemon) lastSeen(ctx context.Context, store *sqlstore.Store, plan Plan, name string) (billwatch.Poll, error) {
	var accounts []billwatch.Account
	var last []*billwatch.Snapshot
	for _, source := range plan.Sources {
		known, err := store.Accounts(ctx, source.Name)
		if err != nil {
			return billwatch.Poll{}, err
		}
		for _, k := range known {
			k.Account.Source = source.Name
			accounts, last = append(accounts, k.Account), append(last, k.Last)
		}
	}
	i, err := FindAccount(accounts, name)
	if err == nil && last[i] == nil {
		err = errNeverRead
	}
	if err != nil {
		return billwatch.Poll{}, &web.AskedWronglyError{Err: err}
	}
	snapshot := *last[i]
	snapshot.At = d.Clock.Now()
	return billwatch.Poll{Account: snapshot.Account, At: snapshot.At, Snapshot: &snapshot}, nil
}
