package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// longestAnswer is how much of a provider's answer is read.
const longestAnswer = 4 << 20

// readJSON reads a provider's answer with one account's balance history, where
// each record has its own use.
func (r *balanceReader) readJSON(in io.Reader, name string) error {
	data, err := io.ReadAll(io.LimitReader(in, longestAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case len(data) > longestAnswer:
		return fmt.Errorf("%s: is longer than 4 MiB\n  hint: give one file an account", name)
	}
	records, err := readHistory(data)
	if err != nil {
		return jsonMistake(name, data, err)
	}
	b := &balances{id: seriesName(name), records: records}
	if err := r.begin(b.id, name, 0); err != nil {
		return err
	}
	first := records[0].Period
	for _, record := range records {
		b.days = append(b.days, strconv.Itoa(int(record.Period.Sub(first).Hours()/24)))
	}
	return r.each(b)
}

// readHistory returns the records in an answer, oldest first, the last of each
// period.
func readHistory(data []byte) ([]billwatch.Record, error) {
	o, err := poller.ParseObject(data)
	if err != nil {
		return nil, err
	}
	rows := o.Array("data")
	if err := o.Err(); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("data: has no records")
	}
	byPeriod := map[int64]billwatch.Record{}
	for i, raw := range rows {
		record, err := readRecord(raw)
		if err != nil {
			return nil, fmt.Errorf("data[%d]: %w", i, err)
		}
		byPeriod[record.Period.UnixNano()] = record
	}
	records := make([]billwatch.Record, 0, len(byPeriod))
	for _, record := range byPeriod {
		records = append(records, record)
	}
	slices.SortFunc(records, func(a, b billwatch.Record) int { return a.Period.Compare(b.Period) })
	return records, nil
}

func readRecord(raw json.RawMessage) (billwatch.Record, error) {
	o, err := poller.ParseObject(raw)
	if err != nil {
		return billwatch.Record{}, err
	}
	period, hasPeriod := o.Time(columnPeriod).Get()
	remaining, hasRemaining := o.Integer(columnRemaining).Get()
	used, hasUsed := o.Integer(columnUsed).Get()
	if err := o.Err(); err != nil {
		return billwatch.Record{}, err
	}
	for _, field := range []struct {
		name string
		sent bool
	}{{columnPeriod, hasPeriod}, {columnRemaining, hasRemaining}, {columnUsed, hasUsed}} {
		if !field.sent {
			return billwatch.Record{}, fmt.Errorf("%s: is missing", field.name)
		}
	}
	return billwatch.Record{Period: period, Remaining: remaining, Used: used}, nil
}

// jsonMistake gives a mistake its place where JSON itself is broken.
func jsonMistake(name string, data []byte, err error) error {
	hint := `a balance history is {"data": [{"` + columnPeriod + `": "2026-11-24", "` + columnRemaining + `": 4200, "` + columnUsed + `": 310}]}`
	var broken *json.SyntaxError
	if errors.As(err, &broken) {
		before := string(data[:min(int(broken.Offset), len(data))])
		line := strings.Count(before, "\n") + 1
		column := len([]rune(before[strings.LastIndex(before, "\n")+1:]))
		return wrongRecord(name, line, max(1, column), broken.Error(), hint)
	}
	return wrongRecord(name, 0, 0, err.Error(), hint)
}
