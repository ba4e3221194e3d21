package chart

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	day      = 24 * time.Hour
	farthest = 1e18 // an amount that is drawn; beyond it axes lose their digits
	most     = 800  // points of a line: as many as there are columns
)

// point is a balance at a moment.
type point struct {
	at    time.Time
	value float64
}

// topUp is money or events that came in.
type topUp struct {
	point  // the balance after it
	amount float64
}

// drawable says whether an amount has a place on an axis.
func drawable(f float64) bool { return !math.IsNaN(f) && math.Abs(f) <= farthest }

// history returns the balance until now and what was topped up. Records end
// where our own snapshots begin: those were seen at their time.
func history(in Input) ([]point, []topUp) {
	snapshots := seen(in)
	began := in.Now.Add(time.Nanosecond)
	if len(snapshots) > 0 {
		began = snapshots[0].at
	}
	points, ups := recorded(in.Records, began)
	for _, p := range snapshots {
		if n := len(points); n > 0 {
			if rise := p.value - points[n-1].value; rise > noise(p.value, points[n-1].value) {
				ups = append(ups, topUp{p, rise})
			}
		}
		points = append(points, p)
	}
	return points, ups
}

// seen returns the balances of snapshots, the current one last.
func seen(in Input) []point {
	var points []point
	for _, s := range append(slices.Clone(in.Snapshots), in.Current) {
		at := s.At
		if s.Unit != in.Current.Unit { // it counts something else
			continue
		}
		balance, ok := s.Balance.Get()
		if !ok || at.IsZero() || at.After(in.Now) || !drawable(balance.Float64()) {
			continue
		}
		points = append(points, point{at, balance.Float64()})
	}
	slices.SortStableFunc(points, func(a, b point) int { return a.at.Compare(b.at) })
	if n := len(points); n > 0 && points[n-1].at.Before(in.Now) {
		points = append(points, point{in.Now, points[n-1].value})
	}
	return points
}

// recorded returns the balance at the end of each period before a moment.
func recorded(records []billwatch.Record, before time.Time) ([]point, []topUp) {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b billwatch.Record) int { return a.Period.Compare(b.Period) })
	var points []point
	var ups []topUp
	for i, r := range records {
		end := r.Period.Add(day)
		if i+1 < len(records) {
			end = records[i+1].Period
		}
		remaining, used := r.Remaining.Float64(), math.Max(0, r.Used.Float64())
		if !end.Before(before) || !drawable(remaining) || !drawable(used) {
			continue
		}
		p := point{end, remaining}
		if n := len(points); n > 0 {
			if rise := remaining - (points[n-1].value - used); rise > noise(remaining, points[n-1].value) {
				ups = append(ups, topUp{p, rise})
			}
		}
		points = append(points, p)
	}
	return points, ups
}

// noise is what two floats differ by without anything having come in.
func noise(a, b float64) float64 { return 1e-9*(math.Abs(a)+math.Abs(b)) + 1e-12 }

// stepped makes a line of balances: what was topped up came at once, and what
// was used went little by little.
func stepped(points []point) []point {
	var line []point
	for i, p := range points {
		if i > 0 && p.value > points[i-1].value {
			line = append(line, point{p.at, points[i-1].value})
		}
		line = append(line, p)
	}
	return line
}

// thinned returns a line of few points that looks the same: of each column the
// first, the lowest, the highest and the last.
func thinned(line []point) []point {
	if len(line) <= most {
		return line
	}
	span := line[len(line)-1].at.Sub(line[0].at) + 1
	column := func(p point) int64 { return int64(p.at.Sub(line[0].at)) / (int64(span)/(most/4) + 1) }
	var kept []point
	for i := 0; i < len(line); {
		j := i
		for j < len(line) && column(line[j]) == column(line[i]) {
			j++
		}
		kept = append(kept, extremes(line[i:j])...)
		i = j
	}
	return kept
}

func extremes(line []point) []point {
	low, high := 0, 0
	for i, p := range line {
		if cmp.Less(p.value, line[low].value) {
			low = i
		}
		if cmp.Less(line[high].value, p.value) {
			high = i
		}
	}
	at := []int{0, low, high, len(line) - 1}
	slices.Sort(at)
	var kept []point
	for _, i := range slices.Compact(at) {
		kept = append(kept, line[i])
	}
	return kept
}
