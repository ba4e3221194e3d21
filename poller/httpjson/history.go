package httpjson

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// History reads the balance records from since on.
func (h *historian) History(ctx context.Context, id string, since time.Time) ([]billwatch.Record, error) {
	route := h.history.path.route
	link, err := h.history.path.fill(h.base, id, sinceText(h.history.since, since))
	if err != nil {
		return nil, unreadable(route, err)
	}
	body, err := h.Get(ctx, poller.Request{Route: route, Link: link, Limit: poller.MaxHistory, History: true})
	if err != nil {
		return nil, err
	}
	records, err := h.history.decode(body, since)
	if err != nil {
		return nil, unreadable(route, err)
	}
	return records, nil
}

// decode reads balance records: sorted, the last of each period.
func (r *records) decode(body []byte, since time.Time) ([]billwatch.Record, error) {
	response, err := decode(body)
	if err != nil {
		return nil, err
	}
	v, err := r.items.eval(env{response: response})
	if err != nil {
		return nil, err
	}
	items, ok := v.([]any)
	if !ok {
		return nil, wrongItems(r.items, v)
	}
	records := make([]billwatch.Record, 0, len(items))
	for i, item := range items {
		record, err := r.record(env{item: item, response: response})
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		if !record.Period.Before(since.UTC().Truncate(24 * time.Hour)) {
			records = append(records, record)
		}
	}
	slices.SortStableFunc(records, func(a, b billwatch.Record) int { return a.Period.Compare(b.Period) })
	last := records[:0]
	for _, record := range records {
		if n := len(last); n > 0 && last[n-1].Period.Equal(record.Period) {
			last[n-1] = record
			continue
		}
		last = append(last, record)
	}
	return last, nil
}

func (r *records) record(e env) (record billwatch.Record, err error) {
	if record.Period, err = must(r.period, e, (*poller.Object).Time); err != nil {
		return record, err
	}
	if record.Remaining, err = must(r.remaining, e, (*poller.Object).Decimal); err != nil {
		return record, err
	}
	record.Used, err = must(r.used, e, (*poller.Object).Decimal)
	return record, err
}

// must reads what a record cannot do without.
func must[T any](m *mapping, e env, get getter[T]) (T, error) {
	v, err := read(m, e, get)
	got, known := v.Get()
	if err == nil && !known {
		err = m.fails(errors.New("is missing"))
	}
	return got, err
}
