package notify

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// Quantity is a number with its unit, which may be empty. Printed, it has
// thousands separators and its unit, and money has its cents.
type Quantity struct {
	Unit   string // "events", "USD"; may be empty
	number float64
	exact  string // the digits that came, where there are some
}

func exactly(d billwatch.Decimal, unit string) *Quantity {
	return &Quantity{Unit: unit, number: d.Float64(), exact: d.String()}
}

// Float returns the nearest float; NaN where the quantity is unknown.
func (q *Quantity) Float() float64 {
	if q == nil {
		return math.NaN()
	}
	return q.number
}

// String returns "1,234.5 events", "57.90 USD" or "unknown".
func (q *Quantity) String() string {
	if q == nil {
		return "unknown"
	}
	if isCurrency(q.Unit) {
		return q.money(q.Unit)
	}
	return strings.TrimSpace(q.plain() + " " + q.Unit)
}

// Number returns the number without its unit.
func (q *Quantity) Number() string {
	if q == nil {
		return "unknown"
	}
	return q.plain()
}

// isCurrency says whether a unit is written as a currency code is.
func isCurrency(unit string) bool {
	return len(unit) == 3 && strings.Trim(unit, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func (q *Quantity) plain() string {
	if q.exact != "" && !strings.ContainsAny(q.exact, "eE+") {
		return separate(q.exact)
	}
	return formatFloat(q.number)
}

func (q *Quantity) money(currency string) string {
	text := q.plain()
	whole, cents, _ := strings.Cut(text, ".")
	if strings.Trim(whole, "-0123456789,") == "" && len(cents) < 2 {
		text = whole + "." + cents + strings.Repeat("0", 2-len(cents))
	}
	return strings.TrimSpace(text + " " + currency)
}

// formatFloat writes a float with thousands separators, rounded to what a
// person reads: two places, or two digits of a small number.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "unknown"
	case math.IsInf(f, 1):
		return "infinite"
	case math.IsInf(f, -1):
		return "minus infinite"
	case math.Abs(f) >= 1e15:
		return strconv.FormatFloat(f, 'g', 4, 64)
	}
	places := 2
	for small := math.Abs(f); small != 0 && small < 0.1 && places < 12; small *= 10 {
		places++
	}
	text := strconv.FormatFloat(f, 'f', places, 64)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	if text == "-0" || text == "" {
		return "0"
	}
	return separate(text)
}

// separate puts commas between the thousands of a plain decimal text.
func separate(text string) string {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	whole, fraction, point := strings.Cut(text, ".")
	if whole == "" {
		whole = "0"
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + fraction
	}
	return sign + whole
}

// Runway is how long a balance lasts.
type Runway struct {
	Days      billwatch.Quantiles // the days left; +Inf is never
	ExhaustAt Moment              // at the median; empty for never
	Note      string              // what changed in the use, in words
}

// String returns "about 6.7 days, between 4.1 and 9.9 days", "no end in
// sight" or "unknown".
func (r *Runway) String() string {
	if r == nil {
		return "unknown"
	}
	if math.IsInf(r.Days.P50, 1) {
		return "no end in sight"
	}
	text := "about " + humanizeDays(r.Days.P50)
	low, high := humanizeDays(r.Days.P10), humanizeDays(r.Days.P90)
	if low == high {
		return text
	}
	if math.IsInf(r.Days.P90, 1) {
		return fmt.Sprintf("%s, at least %s", text, low)
	}
	number, unit, _ := strings.Cut(low, " ")
	if strings.HasSuffix(high, " "+unit) {
		low = number
	}
	return fmt.Sprintf("%s, between %s and %s", text, low, high)
}

// humanizeDays writes days as a person says them.
func humanizeDays(days float64) string {
	switch {
	case math.IsNaN(days):
		return "unknown"
	case math.IsInf(days, 1) || days > 3650:
		return "more than 10 years"
	case days <= 0:
		return "no time"
	case days < 1.0/24:
		return plural(math.Max(1, math.Round(days*24*60)), "minute")
	case days < 2:
		return plural(math.Round(days*24), "hour")
	case days < 10:
		return plural(math.Round(days*10)/10, "day")
	}
	return plural(math.Round(days), "day")
}

func plural(n float64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return formatFloat(n) + " " + noun + "s"
}

// Moment is a time in the zone of the message, which knows when the message was
// written.
type Moment struct {
	time.Time
	now time.Time
}

// String returns the time, absolute with its zone and relative: "24 Nov 2026
// 05:39 UTC (2 hours ago)"; "" for no time.
func (m Moment) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Absolute() + " (" + m.Relative() + ")"
}

// Absolute returns "24 Nov 2026 05:39 UTC".
func (m Moment) Absolute() string {
	if m.IsZero() {
		return ""
	}
	return m.Format("2 Jan 2006 15:04 MST")
}

// Relative returns "2 hours ago", "in 3 days" or "just now".
func (m Moment) Relative() string {
	if m.IsZero() {
		return ""
	}
	ago := m.now.Sub(m.Time)
	switch {
	case ago.Abs() < time.Minute:
		return "just now"
	case ago < 0:
		return "in " + humanizeDays(-ago.Hours()/24)
	}
	return humanizeDays(ago.Hours()/24) + " ago"
}
