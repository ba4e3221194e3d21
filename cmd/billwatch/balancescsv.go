package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules/forecast"
)

const dailyHint = "where each record has the use of its own day, add --daily"

// csvBalances reads balance records as comma-separated values, row by row.
type csvBalances struct {
	*balanceReader
	name    string
	rows    *csv.Reader
	columns map[string]int
	now     *balances // whose records come at the moment
	day     int       // the last record's
}

func (r *balanceReader) readCSV(in io.Reader, name string) error {
	c := &csvBalances{balanceReader: r, name: name, rows: csv.NewReader(in), columns: map[string]int{}}
	c.rows.ReuseRecord = true
	if err := c.header(); err != nil {
		return err
	}
	for n := 0; ; n++ {
		row, err := c.rows.Read()
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return fmt.Errorf("%s: has no records, only a header", c.name)
		case errors.Is(err, io.EOF):
			return c.end()
		case err != nil:
			return c.broken(err)
		case r.ctx.Err() != nil:
			return r.ctx.Err()
		}
		if err := c.row(row); err != nil {
			return err
		}
	}
}

func (c *csvBalances) header() error {
	row, err := c.rows.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: is empty\n  hint: the first line names the columns: %s", c.name, strings.Join(balanceColumns(), ","))
	}
	if err != nil {
		return c.broken(err)
	}
	for i, title := range row {
		c.columns[strings.TrimSpace(strings.TrimPrefix(title, "\ufeff"))] = i
	}
	for _, column := range balanceColumns() {
		if _, ok := c.columns[column]; !ok {
			return wrongRecord(c.name, 1, 1, "there is no column "+column,
				"the first line names the columns: "+strings.Join(balanceColumns(), ","))
		}
	}
	return nil
}

func balanceColumns() []string {
	return []string{columnSeries, columnDay, columnPeriod, columnRemaining, columnUsed}
}

// broken says where a row is no row.
func (c *csvBalances) broken(err error) error {
	var wrong *csv.ParseError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	hint := "a field with a comma or a quote in it stands in double quotes"
	if errors.Is(wrong.Err, csv.ErrFieldCount) {
		return wrongRecord(c.name, wrong.Line, 1, "not as many fields as there are columns", "each line has one field a column")
	}
	return wrongRecord(c.name, wrong.Line, max(1, wrong.Column), wrong.Err.Error(), hint)
}

// row adds one record, and hands on the account before it where that was its
// last.
func (c *csvBalances) row(row []string) error {
	id := row[c.columns[columnSeries]]
	if c.now == nil || c.now.id != id {
		if err := c.end(); err != nil {
			return err
		}
		line, _ := c.rows.FieldPos(0)
		if err := c.begin(strings.Clone(id), c.name, line); err != nil {
			return err
		}
		c.now = &balances{id: strings.Clone(id)}
	}
	day, err := strconv.Atoi(row[c.columns[columnDay]])
	if err != nil {
		return c.wrong(row, columnDay, "is not a whole number", "days count from the first record on: 0, 1, 2, …")
	}
	period, err := readPeriod(row[c.columns[columnPeriod]])
	if err != nil {
		return c.wrong(row, columnPeriod, "is not a day", "write days as 2026-11-24")
	}
	remaining, err := billwatch.ParseDecimal(row[c.columns[columnRemaining]])
	if err != nil {
		return c.wrong(row, columnRemaining, "is not a number", "write numbers as 5000 or 57.92")
	}
	used, err := billwatch.ParseDecimal(row[c.columns[columnUsed]])
	if err != nil || used.Float64() < 0 {
		return c.wrong(row, columnUsed, "is not an amount of use", "write numbers as 5000 or 57.92")
	}
	return c.add(row, day, billwatch.Record{Period: period, Remaining: remaining, Used: used})
}

func readPeriod(text string) (time.Time, error) {
	if len(text) == len(time.DateOnly) {
		return time.Parse(time.DateOnly, text)
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return at.UTC(), err
}

// add appends a record, which must be younger than the one before.
func (c *csvBalances) add(row []string, day int, record billwatch.Record) error {
	b := c.now
	n := b.len()
	if n > 0 && day <= c.day {
		return c.wrong(row, columnDay, fmt.Sprintf("is not after day %d", c.day), "sort by "+columnSeries+" and "+columnDay)
	}
	reading := forecast.Reading{
		Day: record.Period.Truncate(24 * time.Hour), Remaining: record.Remaining.Float64(), Total: record.Used.Float64(),
	}
	if n > 0 {
		before := b.readings[n-1]
		if !reading.Day.After(before.Day) {
			return c.wrong(row, columnPeriod, "is not after "+before.Day.Format(time.DateOnly), "sort by "+columnSeries+" and "+columnPeriod)
		}
		if !c.daily && reading.Total < before.Total {
			return c.wrong(row, columnUsed, "is less than the record before, "+plainNumber(before.Total)+", but counts all use", dailyHint)
		}
	}
	c.day = day
	b.days = append(b.days, strconv.Itoa(day))
	b.readings = append(b.readings, reading)
	if c.daily {
		b.records = append(b.records, record)
	}
	return nil
}

// end hands the account on whose records have come.
func (c *csvBalances) end() error {
	b := c.now
	c.now = nil
	if b == nil {
		return nil
	}
	first, last := b.readings[0], b.readings[len(b.readings)-1]
	if !c.daily && last.Remaining < first.Remaining && last.Total == first.Total && last.Total > 0 {
		line, _ := c.rows.FieldPos(0)
		return wrongRecord(c.name, line, 1, fmt.Sprintf("account %s has less left at its end, but %s never grows", b.id, columnUsed), dailyHint)
	}
	return c.each(b)
}

// wrong says what is wrong with one field.
func (c *csvBalances) wrong(row []string, column, what, hint string) error {
	i := c.columns[column]
	line, at := c.rows.FieldPos(i)
	return wrongRecord(c.name, line, at, fmt.Sprintf("%s: %q %s", column, shortened(plain(row[i]), 40), what), hint)
}

func plainNumber(f float64) string {
	if math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
