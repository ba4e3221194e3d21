package notify

import (
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// Hold is whether a route tells at a moment.
type Hold struct {
	By    string    // the time interval because of which it does not; empty where it tells
	Until time.Time // when that ends; zero where nobody knows
	Next  time.Time // of a route that tells: when it stops; zero where nobody knows
}

// mute is why the alerts of a route that does not tell are not told.
func (h Hold) mute() billwatch.Mute {
	if h.By == "" {
		return billwatch.Mute{}
	}
	return billwatch.Mute{Why: billwatch.MutedTime, By: h.By, Until: h.Until}
}

// horizon is how many days ahead the end of a time interval is looked for, a
// leap year and some.
const horizon = 400

// times are when a route does not tell, or alone does.
type times struct {
	mute, active []string
	intervals    Intervals
}

func (t times) none() bool { return len(t.mute)+len(t.active) == 0 }

// at says whether the route tells at a moment.
func (t times) at(now time.Time) Hold {
	if t.none() {
		return Hold{}
	}
	hold := Hold{By: t.heldBy(now)}
	turn := t.turn(now, hold.By != "")
	if hold.By == "" {
		hold.Next = turn
	} else {
		hold.Until = turn
	}
	return hold
}

// heldBy names the interval that keeps the route from telling: one of its mute
// times, or the first of its active times where none is on.
func (t times) heldBy(now time.Time) string {
	for _, name := range t.mute {
		if containing(t.intervals[name], now) {
			return name
		}
	}
	if len(t.active) == 0 || slices.ContainsFunc(t.active, func(name string) bool { return containing(t.intervals[name], now) }) {
		return ""
	}
	return t.active[0]
}

// turn returns when the route begins or stops to tell next. Days of two zones
// overlap, so that each is looked at together with the two behind it.
func (t times) turn(now time.Time, held bool) time.Time {
	for day := -1; day < horizon; day++ {
		own := t.edges(now, day)
		for _, edge := range slices.SortedFunc(slices.Values(slices.Concat(own, t.edges(now, day+1), t.edges(now, day+2))), time.Time.Compare) {
			if !edge.After(now) || (t.heldBy(edge) != "") == held {
				continue
			}
			if slices.ContainsFunc(own, edge.Equal) {
				return edge
			}
			break
		}
	}
	return time.Time{}
}

// edges are when the intervals begin and end on a day.
func (t times) edges(now time.Time, day int) []time.Time {
	var all []time.Time
	for _, name := range slices.Concat(t.mute, t.active) {
		for _, i := range t.intervals[name] {
			for _, p := range i.on(now, day) {
				all = append(all, p.from, p.to)
			}
		}
	}
	return all
}

// period is a part of time, without its end.
type period struct{ from, to time.Time }

// on returns the interval's periods of the day that is so many days after that
// of now, by the interval's own calendar.
func (i interval) on(now time.Time, days int) []period {
	local := now.In(i.zone)
	noon := time.Date(local.Year(), local.Month(), local.Day()+days, 12, 0, 0, 0, time.UTC)
	if !i.days.ContainsTime(noon) {
		return nil
	}
	if len(i.times) == 0 {
		return []period{i.period(noon, 0, 24*60)}
	}
	all := make([]period, 0, len(i.times))
	for _, t := range i.times {
		all = append(all, i.period(noon, t.StartMinute, t.EndMinute))
	}
	return all
}

// period is the part of a day between two times of it, once a day whatever the
// clocks do: a time that comes twice counts when it comes first, and one that is
// skipped counts as if the clock had not been put forward yet. Where that turns
// the two round, the period is as long as it would be on another day.
func (i interval) period(day time.Time, start, end int) period {
	p := period{i.moment(day, start), i.moment(day, end)}
	if !p.to.After(p.from) {
		p.to = p.from.Add(time.Duration(end-start) * time.Minute)
	}
	return p
}

// moment is when the zone's clocks show a time of a day for the first time.
func (i interval) moment(day time.Time, minute int) time.Time {
	shown := time.Date(day.Year(), day.Month(), day.Day(), 0, minute, 0, 0, time.UTC)
	_, before := shown.Add(-24 * time.Hour).In(i.zone).Zone()
	early := shown.Add(-time.Duration(before) * time.Second)
	_, after := shown.Add(24 * time.Hour).In(i.zone).Zone()
	late := shown.Add(-time.Duration(after) * time.Second)
	switch {
	case shows(early, i.zone, shown) && shows(late, i.zone, shown):
		return sooner(early, late)
	case shows(late, i.zone, shown):
		return late
	}
	return early // as is right, or as if the clock had not been put forward yet
}

// shows says whether the zone's clocks show this at a moment.
func shows(at time.Time, zone *time.Location, shown time.Time) bool {
	_, offset := at.In(zone).Zone()
	return at.Add(time.Duration(offset) * time.Second).Equal(shown)
}
