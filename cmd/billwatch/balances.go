package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules/forecast"
)

// The columns of balance records, named as the provider names its fields.
const (
	columnSeries    = "series_id"
	columnDay       = "day"
	columnPeriod    = "period"
	columnRemaining = "remaining_event_capacity"
	columnUsed      = "total_event_capacity_used"
)

// balances are one account's balance records, oldest first.
type balances struct {
	id       string
	days     []string           // what the file calls each record's day
	readings []forecast.Reading // where use is counted from the beginning,
	records  []billwatch.Record // or where each record has its own use
}

func (b *balances) len() int { return len(b.days) }

// enough is how many records reach back farther than any forecast looks, gaps
// or not.
const enough = 64

// upTo returns what was known with record i: the history, the balance, and the
// moment, which is the end of the record's day, or now where that is sooner.
func (b *balances) upTo(i int, now time.Time) (forecast.History, float64, time.Time) {
	from := max(0, i+1-enough)
	if len(b.records) > 0 {
		seen := b.records[from : i+1]
		h := forecast.Of(seen, seen[len(seen)-1].Period.AddDate(1, 0, 0))
		if h.End.After(now) {
			return forecast.Of(seen, now), seen[len(seen)-1].Remaining.Float64(), now
		}
		return h, seen[len(seen)-1].Remaining.Float64(), h.End
	}
	seen := b.readings[from : i+1]
	last := seen[len(seen)-1]
	end := last.Day.AddDate(0, 0, 1)
	if end.After(now) {
		return forecast.FromReadings(seen[:len(seen)-1]), last.Remaining, now
	}
	return forecast.FromReadings(seen), last.Remaining, end
}

// balanceReader reads files of balance records, one account after another.
type balanceReader struct {
	ctx   context.Context // ends the reading of a file, between two records
	stdin io.Reader
	daily bool                    // in CSV each record has its own use
	each  func(b *balances) error // gets every account
	seen  map[string]string       // the file of each account so far
}

// read reads one file; "-" is standard input.
func (r *balanceReader) read(path string) error {
	in, name, err := r.open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	buffered := bufio.NewReaderSize(in, 1<<16)
	if head, _ := buffered.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		buffered = bufio.NewReaderSize(unzipped, 1<<16)
	}
	if head, _ := buffered.Peek(1); len(head) == 1 && (head[0] == '{' || head[0] == '[') {
		return r.readJSON(buffered, name)
	}
	return r.readCSV(buffered, name)
}

func (r *balanceReader) open(path string) (io.ReadCloser, string, error) {
	if path == "-" {
		return interruptible(r.ctx, r.stdin), "standard input", nil
	}
	file, err := os.Open(path)
	if err != nil {
		var lost *fs.PathError
		if errors.As(err, &lost) {
			err = lost.Err
		}
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, "", fmt.Errorf("%s: is a directory\n  hint: name its files: %s", path, filepath.Join(path, "*.csv"))
	}
	return file, path, nil
}

// interruptible returns a reader that ends with the context, even while nothing
// comes. What then still waits for in waits until the process ends.
func interruptible(ctx context.Context, in io.Reader) io.ReadCloser {
	out, into := io.Pipe()
	context.AfterFunc(ctx, func() { into.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(into, in)
		into.CloseWithError(err)
	}()
	return out
}

// begin notes that an account's records begin here; each account comes once.
func (r *balanceReader) begin(id, name string, line int) error {
	if before, again := r.seen[id]; again {
		return wrongRecord(name, line, 1, fmt.Sprintf("account %s came before, in %s", id, before),
			"the records of an account stand together: sort by "+columnSeries+" and "+columnDay)
	}
	r.seen[id] = name
	return nil
}

// wrongRecord is a mistake in a file of balance records.
func wrongRecord(name string, line, column int, message, hint string) error {
	return billwatch.Problems{{
		File: name, Line: line, Column: column, Severity: billwatch.SeverityError, Message: message, Hint: hint,
	}}
}

// seriesName is what an account is called of which only the file is known.
func seriesName(name string) string {
	base := filepath.Base(name)
	base = strings.TrimSuffix(base, ".gz")
	return strings.TrimSuffix(base, filepath.Ext(base))
}
