package cudo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// reAnchor is after how long a balance that its ledger does not explain is
// forgotten, so that one adjustment does not spoil history for ever.
const reAnchor = 7 * day

// ledgerProvider is a provider with history: an account's last known balance,
// worked backwards through its ledger.
//
// Whether a positive amount adds to the balance is not documented. So it is
// read off what a balance did while transactions came: until that has been
// seen, and where the two do not fit, history is an error.
type ledgerProvider struct {
	*provider
	now func() time.Time

	mu    sync.Mutex
	books map[string]book // of the listed accounts
	sign  int             // 1 where positive amounts add, -1 where they take away, 0 where not yet known
}

// book is what is remembered of an account.
type book struct {
	balance billwatch.Value[billwatch.Decimal] // when it was last listed
	anchor  *anchor
}

// anchor is a balance and the newest transaction when it was read.
type anchor struct {
	balance *big.Rat
	newest  string // empty for an empty ledger
	at      time.Time
}

// List remembers the balances that history is worked back from.
func (p *ledgerProvider) List(ctx context.Context) (poller.Listing, error) {
	listing, err := p.provider.List(ctx)
	if err != nil {
		return poller.Listing{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	listed := make(map[string]bool, len(listing.Rows))
	for _, row := range listing.Rows {
		id := row.Account.ID
		if listed[id] { // the first counts
			continue
		}
		listed[id] = true
		p.books[id] = book{row.Snapshot.Balance, p.books[id].anchor}
	}
	if listing.Complete {
		maps.DeleteFunc(p.books, func(id string, _ book) bool { return !listed[id] })
	}
	return listing, nil
}

// Fields returns what is read of each answer, the ledger's among them.
func (p *ledgerProvider) Fields() []poller.Field {
	return append(p.provider.Fields(),
		poller.Field{Route: ledgerRoute, Path: fieldHasMore},
		poller.Field{Route: ledgerRoute, Path: fieldTransactions + "[]." + fieldID},
		poller.Field{Route: ledgerRoute, Path: fieldTransactions + "[]." + fieldAmount},
		poller.Field{Route: ledgerRoute, Path: fieldTransactions + "[]." + fieldCreateTime})
}

// History returns a record for each UTC day that the ledger covers, today's
// among them. An account that has no balance has no history.
func (p *ledgerProvider) History(ctx context.Context, id string, since time.Time) ([]billwatch.Record, error) {
	b, err := p.book(ctx, id)
	if err != nil {
		return nil, err
	}
	text, known := b.balance.Get()
	if b.balance.IsZero() {
		return nil, nil
	}
	if !known {
		return nil, unreadable(ledgerRoute, fmt.Errorf("%s: was not sent, so that nothing can be worked backwards", fieldBalance))
	}
	balance := exact(text)
	l := newLedger(since, p.now(), b.anchor)
	if err := p.read(ctx, id, l); err != nil {
		return nil, err
	}
	sign, err := p.judge(id, balance, l)
	if err != nil {
		return nil, unreadable(ledgerRoute, err)
	}
	records, err := l.records(balance, sign)
	if err != nil {
		return nil, unreadable(ledgerRoute, err)
	}
	return records, nil
}

// book returns what is remembered of an account, and asks where that is
// nothing.
func (p *ledgerProvider) book(ctx context.Context, id string) (book, error) {
	p.mu.Lock()
	b, found := p.books[id]
	p.mu.Unlock()
	if found {
		return b, nil
	}
	snapshot, err := p.detail(ctx, id, true)
	return book{balance: snapshot.Balance}, err
}

// judge says with which sign amounts add to the balance.
func (p *ledgerProvider) judge(id string, balance *big.Rat, l *ledger) (sign int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.whole { // it began with nothing, unless its beginning is no longer served
		sign = explains(balance, &l.all)
	}
	if l.anchor != nil && l.met {
		change := new(big.Rat).Sub(balance, l.anchor.balance)
		later := explains(change, &l.later)
		if later == 0 && (change.Sign() != 0 || l.later.Sign() != 0) {
			if l.now.Sub(l.anchor.at) > reAnchor {
				p.settle(id, balance, l)
			}
			return 0, fmt.Errorf("%s changed by %s, but the transactions of that time sum up to %s", fieldBalance, number(change), number(&l.later))
		}
		if sign*later < 0 {
			return 0, errSigns
		}
		sign += later // one of them may know nothing
		sign = max(-1, min(sign, 1))
	}
	if l.anchor == nil || !l.met || sign != 0 {
		p.settle(id, balance, l)
	}
	return p.agreed(sign, l)
}

// agreed is the sign of the whole source, after this account's is known, 0
// where it tells nothing.
func (p *ledgerProvider) agreed(sign int, l *ledger) (int, error) {
	switch {
	case sign*p.sign < 0:
		return 0, errSigns
	case sign != 0:
		p.sign = sign
	case p.sign == 0 && len(l.seen) > 0:
		return 0, fmt.Errorf("%s: whether a positive one adds to %s is not documented, and shows only when the balance has changed between two readings", fieldAmount, fieldBalance)
	}
	return p.sign, nil
}

var errSigns = errors.New("amount: sometimes a positive one adds to creditBalance, and sometimes it takes away")

// settle keeps this reading for the next one to be compared with.
func (p *ledgerProvider) settle(id string, balance *big.Rat, l *ledger) {
	b, listed := p.books[id]
	if !listed {
		return
	}
	b.anchor = &anchor{balance: balance, newest: l.newest, at: l.now}
	p.books[id] = b
}

// explains says with which sign a sum of amounts makes this change: the
// remainder must be a tenth of what the other sign leaves, because use that is
// not yet in the ledger is already off the balance. It is 0 for neither.
func explains(change, sum *big.Rat) int {
	plus := new(big.Rat).Sub(change, sum)
	minus := new(big.Rat).Add(change, sum)
	ten := big.NewRat(10, 1)
	switch plus, minus = plus.Abs(plus), minus.Abs(minus); {
	case plus.Cmp(minus) == 0:
		return 0
	case new(big.Rat).Mul(plus, ten).Cmp(minus) <= 0:
		return 1
	case new(big.Rat).Mul(minus, ten).Cmp(plus) <= 0:
		return -1
	}
	return 0
}
