package notify

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// NamedInterval is an entry of time_intervals as a person wrote it, with the
// words of Alertmanager.
type NamedInterval struct {
	Name      string         `yaml:"name"`
	Intervals []TimeInterval `yaml:"time_intervals"`
}

// TimeInterval is a set of times: those that all of its keys name. A key that is
// left out names all.
type TimeInterval struct {
	Times       []TimeRange    `yaml:"times"`
	Weekdays    []string       `yaml:"weekdays"`      // "monday:friday"
	DaysOfMonth []string       `yaml:"days_of_month"` // "1:5", "-1" for the last
	Months      []string       `yaml:"months"`        // "november:december", "1:3"
	Years       []string       `yaml:"years"`         // "2026:2028"
	Location    *time.Location `yaml:"location"`      // UTC where it is left out
}

// TimeRange is a part of a day, "09:00" to "17:00", without its end.
type TimeRange struct {
	StartTime string `yaml:"start_time"`
	EndTime   string `yaml:"end_time"`
}

// Intervals are compiled time intervals by name.
type Intervals map[string][]interval

// interval is a compiled TimeInterval.
type interval struct {
	days  timeinterval.TimeInterval // without times and zone
	times []timeinterval.TimeRange
	zone  *time.Location
}

// NewIntervals compiles time intervals. Mistakes are *billwatch.FieldError, all
// of them joined, with places such as "0.time_intervals.1.weekdays.0".
func NewIntervals(all []NamedInterval) (Intervals, error) {
	c, found := &compiler{}, Intervals{}
	for i, named := range all {
		at := fmt.Sprintf("%d.", i)
		switch _, twice := found[named.Name]; {
		case named.Name == "":
			c.wrong(at+"name", "", "a time interval needs a name")
		case twice:
			c.wrong(at+"name", "", "there are two time intervals %q", named.Name)
		}
		if len(named.Intervals) == 0 {
			c.wrong(at+"time_intervals", "", "at least one is needed")
		}
		found[named.Name] = nil
		for k, t := range named.Intervals {
			found[named.Name] = append(found[named.Name], c.interval(t, fmt.Sprintf("%stime_intervals.%d.", at, k)))
		}
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	return found, nil
}

func (c *compiler) interval(t TimeInterval, at string) interval {
	compiled := interval{zone: cmp.Or(t.Location, time.UTC)}
	if len(t.Times)+len(t.Weekdays)+len(t.DaysOfMonth)+len(t.Months)+len(t.Years) == 0 {
		c.wrong(strings.TrimSuffix(at, "."), "give times, weekdays, days_of_month, months or years", "names no time")
	}
	for i, r := range t.Times {
		var compiledRange timeinterval.TimeRange
		if c.timeRange(r, fmt.Sprintf("%stimes.%d", at, i), &compiledRange) {
			compiled.times = append(compiled.times, compiledRange)
		}
	}
	for i, text := range t.Weekdays {
		var r timeinterval.WeekdayRange
		c.ranged(text, fmt.Sprintf("%sweekdays.%d", at, i), "such as monday:friday", r.UnmarshalYAML)
		compiled.days.Weekdays = append(compiled.days.Weekdays, r)
	}
	for i, text := range t.DaysOfMonth {
		var r timeinterval.DayOfMonthRange
		c.ranged(text, fmt.Sprintf("%sdays_of_month.%d", at, i), "such as 1:5, or -1 for the last day", r.UnmarshalYAML)
		compiled.days.DaysOfMonth = append(compiled.days.DaysOfMonth, r)
	}
	for i, text := range t.Months {
		var r timeinterval.MonthRange
		field, hint := fmt.Sprintf("%smonths.%d", at, i), "such as november:december or 1:3"
		if c.ranged(text, field, hint, r.UnmarshalYAML) && (r.Begin < 1 || r.End > 12) {
			c.wrong(field, hint, "are 1 to 12")
		}
		compiled.days.Months = append(compiled.days.Months, r)
	}
	for i, text := range t.Years {
		var r timeinterval.YearRange
		c.ranged(text, fmt.Sprintf("%syears.%d", at, i), "such as 2026:2028", r.UnmarshalYAML)
		compiled.days.Years = append(compiled.days.Years, r)
	}
	return compiled
}

// ranged reads a range by the library's own reading of it, and says whether it
// is one.
func (c *compiler) ranged(text, field, hint string, read func(func(any) error) error) bool {
	if err := read(scalar(text)); err != nil {
		c.wrong(field, hint, "%q: %w", cutRunes(text, maxName), err)
		return false
	}
	return true
}

func scalar(text string) func(any) error {
	return func(into any) error {
		if s, ok := into.(*string); ok {
			*s = text
		}
		return nil
	}
}

// timeRange reads a part of a day; each of its ends has its own place.
func (c *compiler) timeRange(r TimeRange, at string, into *timeinterval.TimeRange) bool {
	const hint = "such as 09:00; 24:00 is the end of the day"
	start, end := minutes(r.StartTime), minutes(r.EndTime)
	switch {
	case start < 0:
		c.wrong(at+".start_time", hint, "must be HH:MM")
	case end < 0:
		c.wrong(at+".end_time", hint, "must be HH:MM")
	case end <= start:
		c.wrong(at+".end_time", "give two times, up to 24:00 and from 00:00", "must be after start_time")
	default:
		into.StartMinute, into.EndMinute = start, end
		return true
	}
	return false
}

// minutes returns how long after midnight "HH:MM" is; negative where the text is
// something else.
func minutes(text string) int {
	if text == "24:00" {
		return 24 * 60
	}
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return -1
	}
	return at.Hour()*60 + at.Minute()
}

// containing says whether one of the intervals is on at a moment.
func containing(all []interval, now time.Time) bool {
	for _, i := range all {
		for day := -1; day <= 1; day++ {
			for _, p := range i.on(now, day) {
				if !now.Before(p.from) && now.Before(p.to) {
					return true
				}
			}
		}
	}
	return false
}
