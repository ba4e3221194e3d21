package sqlstore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	recordsKept = 92 * 24 * time.Hour // before the newest
	recordsTold = 90 * 24 * time.Hour
	day         = 24 * time.Hour
)

// encodeRecords writes a line a record: its period, what remained, what was
// used. The period is in days since 1970 where it is whole, else in
// microseconds with a u: an account a day costs some twenty bytes.
func encodeRecords(records []billwatch.Record) string {
	var b strings.Builder
	for _, r := range records {
		us := r.Period.UnixMicro()
		if us%day.Microseconds() == 0 {
			b.WriteString(strconv.FormatInt(us/day.Microseconds(), 10))
		} else {
			b.WriteString(strconv.FormatInt(us, 10) + "u")
		}
		b.WriteString(" " + r.Remaining.String() + " " + r.Used.String() + "\n")
	}
	return b.String()
}

func decodeRecords(body string) ([]billwatch.Record, error) {
	if body == "" {
		return nil, nil
	}
	records := make([]billwatch.Record, 0, strings.Count(body, "\n"))
	for line := range strings.Lines(body) {
		period, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		remaining, used, _ := strings.Cut(rest, " ")
		r, err := decodeRecord(period, remaining, used)
		if err != nil {
			return nil, fmt.Errorf("balance record %q: %w", line, err)
		}
		records = append(records, r)
	}
	return records, nil
}

func decodeRecord(period, remaining, used string) (billwatch.Record, error) {
	unit := day.Microseconds()
	digits, exact := strings.CutSuffix(period, "u")
	if exact {
		unit = 1
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return billwatch.Record{}, err
	}
	r := billwatch.Record{Period: time.UnixMicro(n * unit).UTC()}
	if r.Remaining, err = billwatch.ParseDecimal(remaining); err != nil {
		return r, err
	}
	r.Used, err = billwatch.ParseDecimal(used)
	return r, err
}

// mergeRecords adds new records to stored ones, a new one replacing that of the
// same period, and drops what is too old to be asked for.
func mergeRecords(stored, fresh []billwatch.Record) []billwatch.Record {
	byPeriod := map[int64]billwatch.Record{}
	for _, r := range slices.Concat(stored, fresh) {
		byPeriod[r.Period.UnixMicro()] = r
	}
	merged := make([]billwatch.Record, 0, len(byPeriod))
	for _, r := range byPeriod {
		merged = append(merged, r)
	}
	slices.SortFunc(merged, func(a, b billwatch.Record) int { return a.Period.Compare(b.Period) })
	return newest(merged, recordsKept)
}

// newest returns the records of so long before the last one.
func newest(records []billwatch.Record, span time.Duration) []billwatch.Record {
	if len(records) == 0 {
		return records
	}
	from := records[len(records)-1].Period.Add(-span)
	i := slices.IndexFunc(records, func(r billwatch.Record) bool { return r.Period.After(from) })
	return records[i:]
}
