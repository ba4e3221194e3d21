package poller

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	day          = 24 * time.Hour
	firstHistory = 90 * day // how far back the first read goes
	againAfter   = time.Hour
	overlap      = 7 * day // read again, for late corrections and for the period's length
)

// historyMemory is what a source remembers of an account's history beside what
// the store keeps.
type historyMemory struct {
	period  time.Duration // between two records; a day where not yet seen
	refused time.Time     // when there was no such endpoint for it
}

// historyDue says whether a new complete period must exist that is not stored,
// and from when on to ask for records.
func (s *Source) historyDue(known billwatch.Remembered, id string, now time.Time) (since time.Time, due bool) {
	s.mu.Lock()
	memory := s.history[id]
	s.mu.Unlock()
	if memory.period == 0 {
		memory.period = day
	}
	asked, through := known.HistoryAsked, known.HistoryThrough
	switch {
	case asked.IsZero():
		return now.Add(-cmp.Or(s.FirstHistory, firstHistory)), true
	case !memory.refused.IsZero() && now.Sub(memory.refused) < day:
		return time.Time{}, false
	case through.IsZero(): // none so far: there may be one when another day has ended
		return now.Add(-firstHistory), now.Truncate(day).After(asked.Truncate(day)) && now.Sub(asked) >= againAfter
	}
	late := now.Sub(through.Add(2 * memory.period)) // since the next record's period ended
	if late < 0 {
		return time.Time{}, false
	}
	// An account without use may have no record of that day at all: the longer
	// it is late, the more rarely it is asked for.
	pause := max(againAfter, min(late/4, day))
	return through.Add(-max(overlap, 2*memory.period)), now.Sub(asked) >= pause
}

// readHistory adds new balance records to the poll. It is put off where the
// budget has no place for it.
func (r *round) readHistory(ctx context.Context, p *billwatch.Poll, since time.Time) {
	historian, ok := r.Provider.(Historian)
	if !ok || !r.mayReadHistory() {
		return
	}
	records, err := historian.History(ctx, p.Account.ID, since)
	if errors.Is(err, errNoHistory) || ctx.Err() != nil {
		return
	}
	r.told(err)
	p.HistoryAsked, p.HistoryFailed = true, err
	r.remember(p.Account.ID, records, err, p.At)
	if err == nil {
		p.Records = r.complete(p.Account.ID, records, p.At)
	}
	r.replace(p, since)
}

// replace says what becomes of records that were derived: those of the
// provider take their place; while it has none they go on.
func (r *round) replace(p *billwatch.Poll, since time.Time) {
	p.Derive = p.Derive && len(p.Records) == 0 || hasNoHistory(p.HistoryFailed)
	if r.known[p.Account.ID].HistoryThrough.IsZero() && len(p.Records) > 0 {
		p.RecordsFrom = since
	}
}

// derives says whether an account's records follow from our own snapshots: the
// provider has none, or was asked and had none so far.
func (s *Source) derives(known billwatch.Remembered) bool {
	_, historian := s.Provider.(Historian)
	return !historian || !known.HistoryAsked.IsZero() && known.HistoryThrough.IsZero()
}

// remember keeps what this read says about the next one.
func (s *Source) remember(id string, records []billwatch.Record, err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	memory := s.history[id]
	memory.refused = time.Time{}
	if hasNoHistory(err) {
		memory.refused = now
	}
	if gap := typicalGap(records); gap > 0 {
		memory.period = gap
	}
	if s.history == nil {
		s.history = make(map[string]historyMemory)
	}
	s.history[id] = memory
}

// hasNoHistory says whether err means that there is no history endpoint for
// this account, which is worth asking again only once a day.
func hasNoHistory(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound || e.Status == http.StatusBadRequest)
}

// typicalGap returns the median distance between records; zero for fewer than
// two.
func typicalGap(records []billwatch.Record) time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(records); i++ {
		gaps = append(gaps, records[i].Period.Sub(records[i-1].Period))
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// complete returns the records whose period has ended: one of the running
// period is partial, and one of a future period is nonsense.
func (s *Source) complete(id string, records []billwatch.Record, now time.Time) []billwatch.Record {
	s.mu.Lock()
	period := s.history[id].period
	s.mu.Unlock()
	if period == 0 {
		period = day
	}
	var ended []billwatch.Record
	for i, record := range records {
		end := record.Period.Add(period)
		if i+1 < len(records) && records[i+1].Period.Before(end) {
			end = records[i+1].Period
		}
		if !end.After(now) {
			ended = append(ended, record)
		}
	}
	return ended
}
