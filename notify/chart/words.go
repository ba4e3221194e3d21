package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/billwatch/billwatch"
)

// title names the account in characters that the font has.
func title(a billwatch.Account) string {
	for _, name := range []string{a.Name, a.ID} {
		name = strings.Join(strings.Fields(strings.Map(visible, strings.ToValidUTF8(name, "?"))), " ")
		if name != "" && !strings.ContainsFunc(name, foreign) {
			return name
		}
	}
	return "Balance" // the message names it
}

func visible(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	if unicode.Is(unicode.Cf, r) { // turns the direction, or is not seen at all
		return -1
	}
	return r
}

// foreign says whether the font lacks a character, or would set it the wrong
// way round.
func foreign(r rune) bool {
	switch {
	case r >= 0x20 && r <= 0x17F, r >= 0x370 && r <= 0x3FF, r >= 0x400 && r <= 0x45F: // Latin, Greek, Cyrillic
		return false
	case r >= 0x2010 && r <= 0x2026, r == '€':
		return false
	}
	return true
}

// said returns what the picture says in words, the most important first.
func (v view) said() []string {
	return []string{v.state(), v.outlook()}
}

func (v view) state() string {
	left := amount(v.balance(), v.in.Current.Unit) + " left"
	if v.balance() <= 0 {
		left = "empty, " + amount(v.balance(), v.in.Current.Unit)
	}
	if suspended, ok := v.in.Current.Suspended.Get(); ok && suspended {
		return "suspended · " + left
	}
	f := v.in.Forecast
	switch {
	case v.balance() <= 0 || f == nil || math.IsNaN(f.Runway.P50):
		return left
	case f.BurnRate <= 0 || math.IsInf(f.Runway.P50, 1):
		return left + " · no use seen"
	case !v.runsOut.IsZero():
		return left + " · lasts until about " + v.moment(v.runsOut)
	}
	return left + " · lasts " + plainDays(f.Runway.P50)
}

// outlook says how sure that is; empty where there is nothing to be sure of.
func (v view) outlook() string {
	f := v.in.Forecast
	if f == nil || v.balance() <= 0 || !(f.BurnRate > 0) || math.IsInf(f.Runway.P50, 1) {
		return ""
	}
	rate := "at about " + amount(coarse(f.BurnRate), v.in.Current.Unit) + " a day"
	from, to := v.after(f.Runway.P10), v.after(f.Runway.P90)
	if from.IsZero() || to.IsZero() {
		return rate
	}
	if v.date(from) == v.date(to) {
		return rate
	}
	return "most likely " + v.date(from) + " to " + v.date(to) + ", " + rate
}

// after returns the moment so many days ahead; zero where that is too far to
// name.
func (v view) after(days float64) time.Time {
	if !(days >= 0 && days < 1000) {
		return time.Time{}
	}
	return v.in.Now.Add(time.Duration(days * float64(day)))
}

// moment is date, with the time of the day where it is near.
func (v view) moment(t time.Time) string {
	if t.Sub(v.in.Now) < 2*day {
		return v.date(t) + t.In(v.in.Zone).Format(", 15:04")
	}
	return v.date(t)
}

// date names a day, with its year where it is another one.
func (v view) date(t time.Time) string {
	t = t.In(v.in.Zone)
	if t.Year() != v.in.Now.In(v.in.Zone).Year() && t.Sub(v.in.Now) > 180*day {
		return t.Format("2 Jan 2006")
	}
	return t.Format("Mon 2 Jan")
}

func plainDays(days float64) string {
	if days > 730 {
		return "for years"
	}
	return "about " + grouped(strconv.FormatFloat(math.Round(days), 'f', 0, 64)) + " days"
}

// coarse leaves two digits: an estimate has no more.
func coarse(f float64) float64 {
	if f == 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		return f
	}
	scale := math.Pow(10, math.Floor(math.Log10(math.Abs(f)))-1)
	return math.Round(f/scale) * scale
}

// isMoney says whether a unit is a currency's code.
func isMoney(unit string) bool {
	if len(unit) != 3 {
		return false
	}
	return !strings.ContainsFunc(unit, func(r rune) bool { return r < 'A' || r > 'Z' })
}

// amount writes an amount with its unit.
func amount(f float64, unit string) string {
	text := short(f, 1e9)
	if isMoney(unit) && math.Abs(f) < 1e9 {
		text = grouped(strconv.FormatFloat(f, 'f', 2, 64))
		if size := math.Abs(f); size > 0 && size < 0.01 {
			text = strconv.FormatFloat(f, 'g', 2, 64)
		}
	}
	unit = strings.Map(visible, unit)
	if unit == "" || strings.ContainsFunc(unit, foreign) || len(unit) > 24 {
		return text
	}
	return text + " " + unit
}

// short writes a number with thousands, and with a letter for the millions from
// a bound on.
func short(f, bound float64) string {
	size := math.Abs(f)
	switch {
	case size >= 1e15:
		return strconv.FormatFloat(f, 'g', 3, 64)
	case size >= bound && size >= 1e12:
		return number(f/1e12, 3) + "T"
	case size >= bound && size >= 1e9:
		return number(f/1e9, 3) + "B"
	case size >= bound:
		return number(f/1e6, 3) + "M"
	case size >= 1000 || size == math.Trunc(size):
		return grouped(strconv.FormatFloat(f, 'f', 0, 64))
	}
	return number(f, 2)
}

func number(f float64, digits int) string {
	if math.Abs(f) >= 1 {
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', digits-1, 64), "0"), ".")
	}
	return strconv.FormatFloat(f, 'g', digits, 64)
}

// grouped puts commas between the thousands of a number.
func grouped(s string) string {
	sign, rest := "", s
	if strings.HasPrefix(s, "-") {
		sign, rest = "-", s[1:]
	}
	whole, fraction, pointed := strings.Cut(rest, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if pointed {
		whole = fmt.Sprintf("%s.%s", whole, fraction)
	}
	return sign + whole
}
