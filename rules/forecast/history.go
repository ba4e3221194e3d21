package forecast

import (
	"math"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	day     = 24 * time.Hour
	longest = 400 // days of history that are looked at
)

// History is an account's complete periods. The running one is left out: it
// counts in the balance, and half a day's use is no day's use.
type History struct {
	End     time.Time // of the last complete period; zero without one
	Use     []float64 // of each whole day before End, oldest first
	periods []period  // oldest first, one after another
	usual   time.Duration
}

// period is one record, or the gap that it closes.
type period struct {
	start, end      time.Time
	used, remaining float64
	topUp           float64
}

// Of returns the history that an account's records make, as it is known at a
// moment. A period lasts until the next one's start, so that a gap's use is
// shared evenly over its days. Records of the future are ignored, and of two
// for one period the last wins.
func Of(records []billwatch.Record, now time.Time) History {
	records = inOrder(records)
	for len(records) > 0 && records[len(records)-1].Period.After(now) {
		records = records[:len(records)-1]
	}
	if len(records) == 0 {
		return History{usual: day}
	}
	usual := usualPeriod(records)
	last := endOf(records[len(records)-1].Period, usual)
	periods := make([]period, 0, len(records))
	for i, r := range records {
		end := last
		if i+1 < len(records) {
			end = records[i+1].Period
		}
		if end.After(now) {
			break
		}
		if !end.After(r.Period) || last.Sub(end) > longest*day {
			continue
		}
		periods = append(periods, period{
			start: r.Period, end: end,
			used: math.Max(0, r.Used.Float64()), remaining: r.Remaining.Float64(),
		})
	}
	return build(periods, usual)
}

// Reading is one line of a balance history that counts use from the beginning
// of the account, as it stood at the end of a day.
type Reading struct {
	Day       time.Time
	Remaining float64
	Total     float64
}

// FromReadings returns the history that daily readings make, sorted by day.
// The first one only says where counting began.
func FromReadings(readings []Reading) History {
	if len(readings) == 0 {
		return History{usual: day}
	}
	periods := make([]period, 0, len(readings))
	for i, r := range readings[1:] {
		from := readings[i]
		periods = append(periods, period{
			start: from.Day.Add(day), end: r.Day.Add(day),
			used: math.Max(0, r.Total-from.Total), remaining: r.Remaining,
		})
	}
	return build(periods, day)
}

func inOrder(records []billwatch.Record) []billwatch.Record {
	before := func(a, b billwatch.Record) int { return a.Period.Compare(b.Period) }
	if slices.IsSortedFunc(records, before) {
		return records
	}
	records = slices.Clone(records)
	slices.SortStableFunc(records, before)
	return records
}

// usualPeriod is the shortest distance between two records: a gap only makes
// distances longer. With a single record a period is one day.
func usualPeriod(records []billwatch.Record) time.Duration {
	usual := time.Duration(0)
	for i := 1; i < len(records); i++ {
		d := records[i].Period.Sub(records[i-1].Period)
		if d > 0 && (usual == 0 || d < usual) {
			usual = d
		}
	}
	if usual == 0 {
		return day
	}
	return usual
}

// endOf returns the end of the newest period, for which no next one says it.
func endOf(start time.Time, usual time.Duration) time.Time {
	if usual >= 28*day && usual <= 31*day {
		return start.AddDate(0, 1, 0)
	}
	return start.Add(usual)
}

func build(periods []period, usual time.Duration) History {
	h := History{periods: periods, usual: usual}
	if len(periods) == 0 {
		return h
	}
	for i := 1; i < len(periods); i++ {
		p, before := &periods[i], periods[i-1].remaining
		rise := p.remaining - (before - p.used)
		if rise > 1e-9*(math.Abs(p.remaining)+math.Abs(before)+p.used) { // floats, not credit
			p.topUp = rise
		}
	}
	h.End = periods[len(periods)-1].end
	h.Use = byDay(periods, h.End)
	return h
}

// byDay shares each period's use evenly over its days.
func byDay(periods []period, end time.Time) []float64 {
	n := min(longest, int(end.Sub(periods[0].start)/day))
	use := make([]float64, n)
	for _, p := range periods {
		from, to := end.Sub(p.end).Hours()/24, end.Sub(p.start).Hours()/24
		for i := int(from); i < n && float64(i) < to; i++ {
			share := math.Min(to, float64(i+1)) - math.Max(from, float64(i))
			use[n-1-i] += p.used * share / (to - from)
		}
	}
	return use
}
