package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules/forecast"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// Past is what is known of an account's past: what polls would have read, in
// the order of their times.
type Past struct {
	Account billwatch.Account
	Polls   []billwatch.Poll
}

// ErrNoPast says that nothing of an account's past is known.
var ErrNoPast = errors.New("there is no history of it: neither from the provider nor among our own snapshots")

// FromRecords is the past that an account's balance records tell. A record is
// known when its period has ended; the plan is today's, and of what has no
// history nothing is known.
func FromRecords(today billwatch.Snapshot, records []billwatch.Record) Past {
	p := Past{Account: today.Account}
	for i, record := range records {
		ended := record.Period.Add(periodOf(records, i))
		p.Polls = append(p.Polls, billwatch.Poll{
			Account: today.Account, At: ended, Records: []billwatch.Record{record},
			Snapshot: remembered(today, record, ended),
		})
	}
	return p
}

// remembered is the snapshot that a record tells of: what today's has and the
// record does not say is not sent.
func remembered(today billwatch.Snapshot, record billwatch.Record, at time.Time) *billwatch.Snapshot {
	s := billwatch.Snapshot{
		Account: today.Account, At: at, Unit: today.Unit, Plan: today.Plan,
		Balance:   billwatch.Known(record.Remaining),
		Suspended: billwatch.NotSent[bool](), State: billwatch.NotSent[string](),
	}
	return &s
}

// periodOf returns how long a record's period lasts: until the next, at most as
// long as the one before it; a day for a single one.
func periodOf(records []billwatch.Record, i int) time.Duration {
	const day = 24 * time.Hour
	shortest := time.Duration(0)
	if i+1 < len(records) {
		shortest = records[i+1].Period.Sub(records[i].Period)
	}
	if i > 0 {
		before := records[i].Period.Sub(records[i-1].Period)
		if shortest == 0 || before < shortest {
			shortest = before
		}
	}
	return cmp.Or(shortest, day)
}

// FromReadings is the past that readings of a counter tell, one a day at most.
// What was used over days without a reading is shared evenly among them, and
// known with the reading after them.
func FromReadings(today billwatch.Snapshot, readings []forecast.Reading) (Past, error) {
	p := Past{Account: today.Account}
	for i, r := range readings {
		left, err := exactly(r.Remaining)
		if err != nil {
			return p, err
		}
		end := r.Day.AddDate(0, 0, 1)
		poll := billwatch.Poll{Account: today.Account, At: end,
			Snapshot: remembered(today, billwatch.Record{Remaining: left}, end)}
		if i > 0 {
			if poll.Records, err = between(readings[i-1], r, left); err != nil {
				return p, err
			}
		}
		p.Polls = append(p.Polls, poll)
	}
	return p, nil
}

// between returns a record for each day after one reading up to another.
func between(from, to forecast.Reading, left billwatch.Decimal) ([]billwatch.Record, error) {
	days := max(1, int(to.Day.Sub(from.Day).Hours()/24+0.5))
	used, err := exactly(max(0, to.Total-from.Total) / float64(days))
	if err != nil {
		return nil, err
	}
	var records []billwatch.Record
	for d := 1; d <= days; d++ {
		records = append(records, billwatch.Record{Period: from.Day.AddDate(0, 0, d), Remaining: left, Used: used})
	}
	return records, nil
}

// exactly writes a float with as many digits as a decimal has room for.
func exactly(f float64) (billwatch.Decimal, error) {
	return billwatch.ParseDecimal(strconv.FormatFloat(f, 'g', 15, 64))
}

// FromSnapshots is the past that stored snapshots tell: a poll where each was
// first seen, and at every interval while it still looked so. Records count
// from the end of their period on.
func FromSnapshots(stored []sqlstore.Seen, records []billwatch.Record, interval time.Duration) Past {
	p := Past{}
	next := 0 // record
	for i := range stored {
		s := stored[i]
		p.Account = s.Snapshot.Account
		for at := s.Snapshot.At; ; at = at.Add(interval) {
			if at.After(s.SeenAt) {
				break
			}
			snapshot := s.Snapshot
			snapshot.At = at
			poll := billwatch.Poll{Account: snapshot.Account, At: at, Snapshot: &snapshot}
			for next < len(records) && !records[next].Period.Add(periodOf(records, next)).After(at) {
				poll.Records = append(poll.Records, records[next])
				next++
			}
			p.Polls = append(p.Polls, poll)
		}
	}
	return p
}

// Remember reads the accounts' pasts: from the providers' histories since a
// moment, or from the store where a provider has none or stored is set. An
// error is joined for every source and account of which there is none; the
// others are returned.
func Remember(ctx context.Context, p Plan, store *sqlstore.Store, since time.Time, stored bool) ([]Past, error) {
	var mu sync.Mutex
	var pasts []Past
	var failed []error
	var wg sync.WaitGroup
	for _, source := range p.Sources {
		wg.Go(func() {
			found, err := remember(ctx, source, store, since, stored)
			mu.Lock()
			defer mu.Unlock()
			pasts = append(pasts, found...)
			failed = append(failed, err)
		})
	}
	wg.Wait()
	slices.SortStableFunc(pasts, func(a, b Past) int {
		return cmp.Or(cmp.Compare(a.Account.Source, b.Account.Source), cmp.Compare(a.Account.Title(), b.Account.Title()))
	})
	return pasts, errors.Join(failed...)
}

func remember(ctx context.Context, source *poller.Source, store *sqlstore.Store, since time.Time, stored bool) ([]Past, error) {
	_, tells := source.Provider.(poller.Historian)
	if stored || !tells {
		return rememberStored(ctx, source, store, since)
	}
	source.FirstHistory = source.Now().Sub(since)
	polls, looked := lookAt(ctx, source)
	failed := []error{looked.Err}
	var pasts []Past
	for _, poll := range polls {
		err := errors.Join(poll.Err, poll.HistoryFailed)
		if err == nil && len(poll.Records) == 0 {
			err = ErrNoPast
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s %s: %w", source.Name, poll.Account.Title(), err))
			continue
		}
		pasts = append(pasts, FromRecords(*poll.Snapshot, poll.Records))
	}
	return pasts, errors.Join(failed...)
}

// rememberStored reads what the service itself has seen.
func rememberStored(ctx context.Context, source *poller.Source, store *sqlstore.Store, since time.Time) ([]Past, error) {
	if store == nil {
		return nil, fmt.Errorf("%s: %w", source.Name, ErrNoPast)
	}
	known, err := store.Accounts(ctx, source.Name)
	if err != nil {
		return nil, err
	}
	var pasts []Past
	var failed []error
	for _, account := range known {
		past, err := storedPast(ctx, store, source, account.Account, since)
		if err == nil && len(past.Polls) == 0 {
			err = ErrNoPast
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s %s: %w", source.Name, account.Account.Title(), err))
			continue
		}
		pasts = append(pasts, past)
	}
	if len(known) == 0 {
		failed = append(failed, fmt.Errorf("%s: %w", source.Name, ErrNoPast))
	}
	return pasts, errors.Join(failed...)
}

func storedPast(ctx context.Context, store *sqlstore.Store, source *poller.Source, account billwatch.Account, since time.Time) (Past, error) {
	seen, err := store.Seen(ctx, account.Key(), since)
	if err != nil {
		return Past{}, err
	}
	known, err := store.Know(ctx, source.Name, []string{account.ID})
	if err != nil {
		return Past{}, err
	}
	slot, next := source.Timing.Slot(source.Name, source.Now())
	return FromSnapshots(seen, known[account.ID].Records, next.Sub(time.Unix(slot, 0))), nil
}
