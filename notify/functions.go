package notify

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/billwatch/billwatch"
)

// Function is one function of message templates, as its reference shows it.
type Function struct {
	Name      string
	Signature string
	Doc       string
	Example   string // over the first alert of the sample low; $ is the message
	Gives     string // what the example gives there

	call any
}

// Functions returns the functions that message templates may use, in the order
// of their reference.
func Functions() []Function { return slices.Clone(functionTable) }

// functionTable has the functions in the order of their reference.
var functionTable = []Function{
	{"humanize", "humanize NUMBER", "the number with thousands separators, and with its unit where it has one; `unknown` where it is", "humanize .Snapshot.Balance", "4,200 events", humanize},
	{"humanizeMoney", "humanizeMoney NUMBER CURRENCY", "the amount with its cents and the currency", `humanizeMoney 1234.5 "USD"`, "1,234.50 USD", humanizeMoney},
	{"humanizeDays", "humanizeDays NUMBER", "so many days as a person says them: minutes, hours or days", "humanizeDays .Runway", "13 days", onNumbers(humanizeDays)},
	{"humanizeDuration", "humanizeDuration SECONDS", "the same of a number of seconds", "humanizeDuration 5400", "2 hours", humanizeDuration},
	{"percent", "percent NUMBER", "a number from 0 to 100 with a percent sign", "percent 12.34", "12.3 %", onNumbers(percent)},
	{"plural", "plural NUMBER NOUN", "the number and the noun, with an s where it needs one", `plural (len $.Alerts) "alert"`, "1 alert", func(n any, noun string) (string, error) {
		return onFloat(n, func(f float64) string { return plural(f, noun) })
	}},
	{"since", "since TIME", "how long ago, or ahead, as seen from the message", "since .StartsAt", "2 hours ago", func(m Moment) string { return m.Relative() }},
	{"date", "date LAYOUT TIME", "the time in a [layout of Go](https://pkg.go.dev/time#Layout), in the receiver's zone", `date "Mon 2 Jan, 15:04 MST" .StartsAt`, "Tue 24 Nov, 10:00 UTC", date},
	{"toUpper", "toUpper TEXT", "the text in upper case", "toUpper .Severity", "WARNING", strings.ToUpper},
	{"toLower", "toLower TEXT", "the text in lower case", "toLower .Rule", "capacitylow", strings.ToLower},
	{"title", "title TEXT", "the text with a capital first letter", "title .Status", "Firing", capital},
	{"trim", "trim TEXT", "the text without the white space around it", `trim " a "`, "a", strings.TrimSpace},
	{"truncate", "truncate NUMBER TEXT", "at most so many characters of the text, with … where some are missing", "truncate 8 .Account.Name", "Harbour…", func(n int, s string) string { return cutRunes(s, max(1, n)) }},
	{"replace", "replace TEXT OLD NEW", "the text with each OLD made NEW", `replace .Account.ID ":" " "`, "app 1234", replaced},
	{"join", "join SEPARATOR TEXTS", "the texts with the separator between them", `join ", " $.GroupLabels.Names`, "alertname, source", joined},
	{"sub", "sub NUMBER NUMBER", "the difference of two whole numbers", "sub 10 (len $.Alerts)", "9", func(a, b int) int { return a - b }},
}

func onNumbers(word func(float64) string) func(any) (string, error) {
	return func(n any) (string, error) { return onFloat(n, word) }
}

func percent(f float64) string { return formatFloat(math.Round(f*10)/10) + " %" }

func functionMap() template.FuncMap {
	table := template.FuncMap{}
	for _, f := range functionTable {
		table[f.Name] = f.call
	}
	return table
}

func humanize(v any) (string, error) {
	if q, ok := v.(*Quantity); ok {
		return q.String(), nil
	}
	return onFloat(v, formatFloat)
}

func humanizeMoney(v any, currency string) (string, error) {
	if q, ok := v.(*Quantity); ok {
		if q == nil {
			return q.String(), nil
		}
		return q.money(currency), nil
	}
	return onFloat(v, func(f float64) string { return (&Quantity{number: f}).money(currency) })
}

func humanizeDuration(v any) (string, error) {
	if d, ok := v.(time.Duration); ok {
		v = d.Seconds()
	}
	return onFloat(v, func(seconds float64) string {
		if seconds > 0 && seconds < 60 {
			return plural(math.Round(seconds), "second")
		}
		return humanizeDays(seconds / (24 * 3600))
	})
}

// onFloat applies a wording to whatever can be read as a number; nil is
// unknown.
func onFloat(v any, word func(float64) string) (string, error) {
	switch n := v.(type) {
	case nil:
		return word(math.NaN()), nil
	case *Quantity:
		return word(n.Float()), nil
	case *Runway:
		if n == nil {
			return word(math.NaN()), nil
		}
		return word(n.Days.P50), nil
	case billwatch.Decimal:
		return word(n.Float64()), nil
	case float64:
		return word(n), nil
	case int:
		return word(float64(n)), nil
	case string:
		f, err := strconv.ParseFloat(n, 64)
		if err != nil {
			return "", fmt.Errorf("%q is not a number", n)
		}
		return word(f), nil
	}
	return "", fmt.Errorf("%T is not a number", v)
}

func date(layout string, v any) (string, error) {
	switch t := v.(type) {
	case Moment:
		if t.IsZero() {
			return "", nil
		}
		return t.Format(layout), nil
	case time.Time:
		return t.Format(layout), nil
	}
	return "", fmt.Errorf("%T is not a time", v)
}

func capital(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

func replaced(s, from, to string) (string, error) {
	if strings.Count(s, from)*len(to) > maxCall {
		return "", errLong
	}
	return notLong(strings.ReplaceAll(s, from, to))
}

func joined(sep string, texts []string) (string, error) {
	if len(texts)*len(sep) > maxCall {
		return "", errLong
	}
	return notLong(strings.Join(texts, sep))
}
