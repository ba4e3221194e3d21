package rules

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules/forecast"
)

// Sentence says to a person what a model expects of a balance in this unit:
// "At about 310 events a day (weekends lower; up from 120 since 12 May) the
// 4,200 left last until Thursday, 3 December, most likely between Tuesday and
// Sunday."
func Sentence(m *forecast.Model, balance float64, unit string, now time.Time) string {
	left := humanize(balance)
	switch {
	case balance <= 0:
		return fmt.Sprintf("Nothing is left: the balance is %s.", left)
	case m.BurnRate() <= 0:
		return fmt.Sprintf("No use was seen: the %s left do not run out.", left)
	}
	runway := Outlook(m, balance, now).Runway
	return fmt.Sprintf("At about %s %s a day%s the %s left last %s.",
		humanize(coarse(m.BurnRate(), 2)), unit, habits(m), left, howLong(now, runway))
}

// habits are what makes the rate more than a number, in parentheses.
func habits(m *forecast.Model) string {
	var said []string
	switch share := m.Weekends(); {
	case share < 0.8:
		said = append(said, "weekends lower")
	case share > 1.25:
		said = append(said, "weekends higher")
	}
	if step := m.Step(); !step.At.IsZero() {
		way := "up"
		if step.After < step.Before {
			way = "down"
		}
		said = append(said, fmt.Sprintf("%s from %s since %s",
			way, humanize(coarse(step.Before, 2)), step.At.UTC().Format("2 January")))
	}
	if len(said) == 0 {
		return ""
	}
	return " (" + strings.Join(said, "; ") + ")"
}

// farOff is the number of days from which on a date says more than is known.
const farOff = 365

// howLong says until when a balance lasts.
func howLong(now time.Time, runway billwatch.Quantiles) string {
	if runway.P50 > farOff {
		if runway.P10 > farOff {
			return "more than a year"
		}
		return "more than a year, at worst until " + longDay(now, runway.P10)
	}
	until := "until " + longDay(now, runway.P50)
	if runway.P90 > farOff {
		return until + ", perhaps more than a year and at worst until " + longDay(now, runway.P10)
	}
	first, last := on(now, runway.P10), on(now, runway.P90)
	if first.Equal(last) {
		return until + ", most likely that very day"
	}
	layout := "Monday"
	if last.Sub(first) >= 7*24*time.Hour {
		layout = "2 January"
	}
	from, to := first.Format(layout), last.Format(layout)
	if layout != "Monday" && first.Year() != last.Year() {
		to = last.Format("2 January 2006")
	}
	return until + ", most likely between " + from + " and " + to
}

// on returns the day, UTC, on which so many days from now end.
func on(now time.Time, days float64) time.Time {
	at := now.UTC().Add(time.Duration(math.Min(days, farOff+1) * 24 * float64(time.Hour)))
	return at.Truncate(24 * time.Hour)
}

// longDay names a day, with its year where it is another one than now.
func longDay(now time.Time, days float64) string {
	day := on(now, days)
	if day.Year() != now.UTC().Year() {
		return day.Format("Monday, 2 January 2006")
	}
	return day.Format("Monday, 2 January")
}
