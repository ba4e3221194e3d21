package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/billwatch/billwatch"
)

// templateFunctions are what label and annotation templates can call.
func templateFunctions() template.FuncMap {
	return template.FuncMap{
		"humanize":      func(v any) string { return shown(v, humanize) },
		"humanizeDays":  func(v any) string { return shown(v, humanizeDays) },
		"humanizeMoney": func(v any, unit ...string) string { return shown(v, money(unit)) },
		"date":          dateOf,
		"since":         func(now time.Time, v any) string { return since(now, v) },
	}
}

// shown applies a way of showing numbers to whatever holds one.
func shown(v any, as func(float64) string) string {
	switch v := v.(type) {
	case float64:
		return as(v)
	case *float64:
		if v != nil {
			return as(*v)
		}
	case int:
		return as(float64(v))
	case billwatch.Decimal:
		return as(v.Float64())
	case billwatch.Value[billwatch.Decimal]:
		if d, ok := v.Get(); ok {
			return as(d.Float64())
		}
	default:
		if f, err := strconv.ParseFloat(fmt.Sprint(v), 64); err == nil {
			return as(f)
		}
	}
	return "unknown"
}

// humanize shows a number with thousands separators, and with no more digits
// than matter.
func humanize(f float64) string {
	size := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return "no number"
	case math.IsInf(f, 0):
		return "infinite"
	case size >= 1e15:
		return strconv.FormatFloat(f, 'g', 6, 64)
	case size >= 1000 || size == math.Trunc(size):
		return grouped(strconv.FormatFloat(f, 'f', 0, 64))
	case size >= 1:
		return trimmed(strconv.FormatFloat(f, 'f', 2, 64))
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

func trimmed(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

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
		whole += "." + fraction
	}
	return sign + whole
}

// humanizeDays shows a number of days in the unit that fits.
func humanizeDays(days float64) string {
	switch size := math.Abs(days); {
	case math.IsNaN(days):
		return "unknown"
	case math.IsInf(days, 1):
		return "never"
	case math.IsInf(days, -1) || size >= 730:
		return humanize(math.Round(days/365.25*10)/10) + " years"
	case size >= 10:
		return plural(math.Round(days), "day")
	case size >= 1:
		return plural(math.Round(days*10)/10, "day")
	case size*24 >= 1:
		return plural(math.Round(days*24), "hour")
	}
	return plural(math.Round(days*24*60), "minute")
}

func plural(n float64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return humanize(n) + " " + unit + "s"
}

// money shows an amount with two decimals and its unit.
func money(unit []string) func(float64) string {
	return func(f float64) string {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return humanize(f)
		}
		s := grouped(strconv.FormatFloat(f, 'f', 2, 64))
		if len(unit) > 0 && unit[0] != "" {
			s += " " + unit[0]
		}
		return s
	}
}

func humanizeDuration(d time.Duration) string { return humanizeDays(d.Hours() / 24) }

func date(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }

func timeOf(v any) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, !v.IsZero()
	case billwatch.Value[time.Time]:
		return v.Get()
	}
	return time.Time{}, false
}

func dateOf(v any) string {
	t, ok := timeOf(v)
	switch {
	case !ok:
		return "unknown"
	case !t.Before(never):
		return "never"
	}
	return date(t)
}

// since shows how long ago something was.
func since(now time.Time, v any) string {
	t, ok := timeOf(v)
	if !ok {
		return "unknown"
	}
	return humanizeDays(now.Sub(t).Hours() / 24)
}
