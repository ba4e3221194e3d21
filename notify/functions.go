package notify

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/billwatch/billwatch"
)

// Function is one function of message templates, as it is documented.
type Function struct {
	Name, Usage, Gives string
	call               any
}

// Functions returns the functions that message templates may use, in the order
// of their reference page.
func Functions() []Function {
	return []Function{
		{"humanize", "humanize .Value", "a number with thousands separators and its unit", humanize},
		{"humanizeDays", "humanizeDays 6.7", "a number of days in words: 14 hours, 6.7 days", func(n any) (string, error) { return onFloat(n, humanizeDays) }},
		{"humanizeDuration", "humanizeDuration 90.0", "a number of seconds in words: 1.5 minutes", humanizeDuration},
		{"humanizeMoney", "humanizeMoney .Snapshot.Balance \"USD\"", "an amount with its cents and a currency", humanizeMoney},
		{"percent", "percent .Value", "a number from 0 to 100 with a percent sign", func(n any) (string, error) {
			return onFloat(n, func(f float64) string { return formatFloat(math.Round(f*10)/10) + " %" })
		}},
		{"since", "since .StartsAt", "a moment as seen from the message: 2 hours ago", func(m Moment) string { return m.Relative() }},
		{"date", "date \"2006-01-02 15:04 MST\" .StartsAt", "a moment in a layout of Go", date},
		{"toUpper", "toUpper .Status", "the text in upper case", strings.ToUpper},
		{"toLower", "toLower .Status", "the text in lower case", strings.ToLower},
		{"title", "title .Status", "the text with a capital first letter", capital},
		{"trim", "trim .Rule", "the text without white space around it", strings.TrimSpace},
		{"replace", "replace .Rule \"_\" \" \"", "the text with one text replaced by another", replaced},
		{"join", "join \", \" .GroupLabels.Names", "texts with a separator between them", joined},
		{"truncate", "truncate 40 .Rule", "at most so many characters", func(n int, s string) string { return cutRunes(s, max(1, n)) }},
		{"plural", "plural 3 \"alert\"", "a number and a noun: 3 alerts", func(n any, noun string) (string, error) {
			return onFloat(n, func(f float64) string { return plural(f, noun) })
		}},
		{"sub", "sub (len .Alerts) 10", "the difference of two whole numbers", func(a, b int) int { return a - b }},
	}
}

func functionMap() template.FuncMap {
	table := template.FuncMap{}
	for _, f := range Functions() {
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
