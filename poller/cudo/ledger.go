package cudo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

const (
	day = 24 * time.Hour
	// maxTransactions and maxLedgerPages bound one reading; what is older is
	// left out.
	maxTransactions = 10_000
	maxLedgerPages  = 100
	// maxDays bounds the records, whatever is asked for.
	maxDays = 400
)

// ledger is what was read of an account's transactions, newest first, summed
// up by UTC days.
type ledger struct {
	from   time.Time // the first day that is asked for
	now    time.Time
	anchor *anchor

	seen   map[string]bool
	newest string    // the first transaction's id
	last   string    // the last one's so far
	at     time.Time // of the last one so far
	top    time.Time // of the first one
	passed bool      // there is one from before the first day
	whole  bool      // it was read to its beginning
	met    bool      // the anchor's transaction was read
	err    error     // of a row

	days  map[time.Time]*sums
	all   big.Rat
	later big.Rat // of those after the anchor
}

// sums are a day's positive amounts and its negative ones.
type sums struct{ plus, minus big.Rat }

func newLedger(since, now time.Time, a *anchor) *ledger {
	return &ledger{
		from: since.UTC().Truncate(day), now: now.UTC(), anchor: a,
		seen: map[string]bool{}, days: map[time.Time]*sums{},
	}
}

// read reads pages until one is from before the first day.
func (p *ledgerProvider) read(ctx context.Context, id string, l *ledger) error {
	for range maxLedgerPages {
		before := len(l.seen)
		more, err := p.ledgerPage(ctx, id, l)
		switch {
		case err != nil:
			return err
		case !more:
			l.whole = true
			l.met = l.met || l.anchor != nil && l.anchor.newest == ""
			return nil
		case len(l.seen) == before:
			return unreadable(ledgerRoute, fmt.Errorf("%s: is true, but there is nothing to go on from", fieldHasMore))
		case l.passed:
			return nil
		case len(l.seen) >= maxTransactions:
			return l.long()
		}
	}
	return l.long()
}

// long checks that a ledger that was not read to its end covers a day.
func (l *ledger) long() error {
	if !l.first().After(l.today()) {
		return nil
	}
	return unreadable(ledgerRoute, fmt.Errorf("there are more than %d transactions of one day", len(l.seen)-1))
}

// ledgerPage adds one page to the ledger, and says whether there is another.
func (p *ledgerProvider) ledgerPage(ctx context.Context, id string, l *ledger) (more bool, err error) {
	request := poller.Request{
		Route:   ledgerRoute,
		Path:    []string{"v1", "billing-accounts", id, "credit-balance-transactions"},
		Query:   url.Values{fieldPageSize: {strconv.Itoa(pageSize)}},
		Limit:   poller.MaxHistory,
		History: true,
	}
	if l.last != "" {
		request.Query.Set(fieldStartingAfter, l.last)
	}
	err = p.Stream(ctx, request, func(body io.Reader) (err error) {
		more, err = l.decode(body)
		return err
	})
	return more, err
}

// decode reads one page. A ledger that it failed on is not used any more.
func (l *ledger) decode(body io.Reader) (more bool, err error) {
	row := 0
	rest, err := poller.ReadList(body, fieldTransactions, func(raw json.RawMessage) {
		if l.err == nil && len(l.seen) < maxTransactions {
			if err := l.add(raw); err != nil {
				l.err = fmt.Errorf("%s[%d]: %w", fieldTransactions, row, err)
			}
		}
		row++
	})
	if err == nil {
		err = l.err
	}
	if err != nil {
		return false, err
	}
	switch string(rest[fieldHasMore]) {
	case "true":
		return true, nil
	case "", "null", "false": // false may be left out
		return len(l.seen) >= maxTransactions, nil // some may have been left out
	}
	return false, fmt.Errorf("%s: is not true or false", fieldHasMore)
}

// add sums one transaction up. Its description is nobody's business.
func (l *ledger) add(raw json.RawMessage) error {
	o, err := poller.ParseObject(raw)
	if err != nil {
		return err
	}
	id := o.ID(fieldID)
	text, hasAmount := o.Decimal(fieldAmount).Get()
	at, hasTime := o.Time(fieldCreateTime).Get()
	if err := o.Err(); err != nil {
		return err
	}
	switch {
	case !hasAmount:
		return fmt.Errorf("%s: is missing", fieldAmount)
	case !hasTime:
		return fmt.Errorf("%s: is missing", fieldCreateTime)
	case at.After(l.now.Add(day)):
		return fmt.Errorf("%s: lies in the future", fieldCreateTime)
	case len(l.seen) > 0 && at.After(l.at):
		return fmt.Errorf("%s: the newest transaction does not come first", fieldCreateTime)
	case l.seen[id]:
		return fmt.Errorf("%s: was there before; the list has no end", fieldID)
	}
	l.met = l.met || l.anchor != nil && id == l.anchor.newest
	if len(l.seen) == 0 {
		l.newest, l.top = id, at
	}
	l.seen[id], l.last, l.at = true, id, at
	l.count(exact(text), at)
	return nil
}

func (l *ledger) count(amount *big.Rat, at time.Time) {
	l.all.Add(&l.all, amount)
	if !l.met {
		l.later.Add(&l.later, amount)
	}
	if at.Before(l.from) {
		l.passed = true
		return
	}
	today := l.days[at.Truncate(day)]
	if today == nil {
		today = new(sums)
		l.days[at.Truncate(day)] = today
	}
	if amount.Sign() > 0 {
		today.plus.Add(&today.plus, amount)
	} else {
		today.minus.Add(&today.minus, amount)
	}
}

// records works the balance backwards, day by day, from today to the first day
// that the ledger covers whole. With sign -1, positive amounts take away.
func (l *ledger) records(balance *big.Rat, sign int) ([]billwatch.Record, error) {
	if len(l.seen) == 0 {
		return nil, nil
	}
	first := l.first()
	var records []billwatch.Record
	remaining := new(big.Rat).Set(balance)
	for d := l.today(); !d.Before(first); d = d.Add(-day) {
		s := l.days[d]
		if s == nil {
			s = new(sums)
		}
		used := new(big.Rat).Neg(&s.minus)
		change := new(big.Rat).Add(&s.plus, &s.minus)
		if sign < 0 {
			used.Set(&s.plus)
			change.Neg(change)
		}
		record := billwatch.Record{Period: d}
		var errs [2]error
		record.Remaining, errs[0] = billwatch.ParseDecimal(number(remaining))
		record.Used, errs[1] = billwatch.ParseDecimal(number(used))
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("the sums of %s: %w", d.Format(time.DateOnly), err)
		}
		records = append(records, record)
		remaining.Sub(remaining, change)
	}
	slices.Reverse(records)
	return records, nil
}

// today returns the last day: a transaction may be ahead of our clock.
func (l *ledger) today() time.Time {
	if l.top.After(l.now) {
		return l.top.Truncate(day)
	}
	return l.now.Truncate(day)
}

// first returns the first day that the ledger covers whole.
func (l *ledger) first() time.Time {
	first := l.at.Truncate(day)
	switch {
	case l.passed:
		first = l.from
	case !l.whole: // the rest of that day was not read
		first = first.Add(day)
	}
	if earliest := l.today().Add(-maxDays * day); first.Before(earliest) {
		return earliest
	}
	return first
}

// exact returns a decimal for reckoning.
func exact(d billwatch.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String()) // a Decimal is a number of bounded size
	if r == nil {
		return new(big.Rat)
	}
	return r
}

// number writes a sum of decimals out in full.
func number(r *big.Rat) string {
	text := r.FloatString(19) // as many as a Decimal may have
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
