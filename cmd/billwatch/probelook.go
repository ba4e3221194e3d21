package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/poller"
)

const probedHistory = 90 * 24 * time.Hour // as a first history read

// look is what a probe saw of a source: its calls in their order, and what the
// provider made of them.
type look struct {
	config   *config.Config
	of       config.Source
	source   *poller.Source
	now      func() time.Time
	began    time.Time
	progress io.Writer // nil where nobody waits before it

	mu    sync.Mutex
	calls []*probeCall

	listing  *poller.Listing // nil where it could not be read
	asked    *billwatch.Account
	fetched  *billwatch.Snapshot // the account's detail
	records  []billwatch.Record
	mappings []poller.Mapping
}

// probeCall is one question to the provider, and the requests that it took.
type probeCall struct {
	name      string
	exchanges []poller.Exchange
	err       error
	skipped   string // why it was not asked
}

// watch is told of each request.
func (l *look) watch(e poller.Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.calls); n > 0 {
		l.calls[n-1].exchanges = append(l.calls[n-1].exchanges, e)
	}
}

func (l *look) call(ctx context.Context, name string, ask func(context.Context) error) error {
	c := &probeCall{name: name}
	l.mu.Lock()
	stop := l.hopeless()
	l.calls = append(l.calls, c)
	l.mu.Unlock()
	if c.skipped = stop; stop != "" {
		return errors.New(stop)
	}
	if l.progress != nil {
		fmt.Fprintf(l.progress, "asking for the %s …\n", name)
	}
	c.err = ask(ctx)
	if poller.KindOf(c.err) == poller.Suspended {
		c.err = nil // that is news of the account, not a failure
	}
	return c.err
}

// hopeless says why nothing more is asked: the same would come of it, or worse.
func (l *look) hopeless() string {
	for _, c := range l.calls {
		switch poller.KindOf(c.err) {
		case poller.Credential:
			return "not asked: the credential was refused"
		case poller.RateLimited:
			return "not asked: the source must rest"
		}
	}
	return ""
}

// ask asks for the listing and, unless that is all, for an account.
func (l *look) ask(ctx context.Context, account string, listOnly bool) error {
	p := l.source.Provider
	listed := l.call(ctx, "list", func(ctx context.Context) error {
		listing, err := p.List(ctx)
		if err == nil {
			l.listing = &listing
		}
		return errors.Join(append([]error{err}, listing.Problems...)...)
	})
	if listOnly || ctx.Err() != nil {
		return nil //nolint:nilerr // what failed is in the report
	}
	row, err := l.choose(account)
	if err != nil || row == nil && listed == nil {
		return err // none there, or none of that name
	}
	mapper, maps := p.(poller.Mapper)
	if row != nil {
		l.asked = &row.Account
		if row.Snapshot == nil || !maps {
			_ = l.call(ctx, "detail", l.fetch)
		}
		l.askHistory(ctx)
	}
	if maps {
		_ = l.call(ctx, "mappings", func(ctx context.Context) (err error) {
			l.mappings, err = mapper.Mappings(ctx)
			return err
		})
	}
	return nil
}

func (l *look) fetch(ctx context.Context) error {
	s, err := l.source.Provider.Fetch(ctx, *l.asked)
	if err == nil || poller.KindOf(err) == poller.Suspended {
		l.fetched = &s
	}
	return err
}

func (l *look) askHistory(ctx context.Context) {
	historian, ok := l.source.Provider.(poller.Historian)
	if !ok {
		return
	}
	_ = l.call(ctx, "history", func(ctx context.Context) (err error) {
		l.records, err = historian.History(ctx, l.asked.ID, l.now().Add(-probedHistory))
		return err
	})
}

// choose returns the row of the account that is asked for: the named one, else
// the first that is polled, else the first. It is nil where none is known.
func (l *look) choose(account string) (*poller.Row, error) {
	if l.listing == nil {
		if account == "" {
			return nil, nil
		}
		return &poller.Row{Account: billwatch.Account{Source: l.of.Name, ID: account}}, nil
	}
	rows := l.listing.Rows
	var known []string
	var first *poller.Row
	for i, row := range rows {
		if account != "" && (row.Account.ID == account || row.Account.Name == account) {
			return &rows[i], nil
		}
		known = append(known, row.Account.ID, row.Account.Name)
		if first == nil && l.polled(row.Account) {
			first = &rows[i]
		}
	}
	switch {
	case account != "":
		return nil, misused(fmt.Errorf("the source sees no account %q%s", account, nearAccount(account, known)))
	case first == nil && len(rows) > 0:
		first = &rows[0]
	}
	return first, nil
}

func nearAccount(account string, known []string) string {
	if name := document.Suggest(account, known); name != "" {
		return "\n  hint: did you mean " + plain(name) + "?"
	}
	return "\n  hint: --accounts lists what it sees"
}

// polled says whether select takes an account.
func (l *look) polled(a billwatch.Account) bool {
	a.Labels = l.of.Labels
	return l.source.Select == nil || l.source.Select(a) != billwatch.False
}

// snapshots returns what is known of each account that was read.
func (l *look) snapshots() []billwatch.Snapshot {
	var all []billwatch.Snapshot
	if l.listing != nil {
		for _, row := range l.listing.Rows {
			if row.Snapshot != nil && l.polled(row.Account) {
				all = append(all, *row.Snapshot)
			}
		}
	}
	if l.fetched != nil && len(all) == 0 {
		all = append(all, *l.fetched)
	}
	for i := range all {
		s := &all[i]
		s.At = l.now().UTC()
		s.Account.Source, s.Account.Labels = l.of.Name, l.of.Labels
		s.Account.Labels = l.config.Given(s.Account, s).Labels
	}
	return all
}

// shown returns the snapshot of the account that was asked for, as billwatch
// takes it: from the list where that has it.
func (l *look) shown() *billwatch.Snapshot {
	for _, s := range l.snapshots() {
		if l.asked != nil && s.Account.ID == l.asked.ID {
			return &s
		}
	}
	return l.fetched
}

// verdict is the command's end: whether all could be read.
func (l *look) verdict() error {
	var failed []string
	for _, c := range l.calls {
		if c.err != nil || c.skipped != "" {
			failed = append(failed, c.name)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return found(fmt.Errorf("could not be read: %s", strings.Join(failed, ", ")))
}
