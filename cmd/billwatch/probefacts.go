package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/shape"
	"github.com/billwatch/billwatch/poller"
)

// fact is what a snapshot says of one thing.
type fact struct {
	Name  string `json:"name"`
	State string `json:"state"` // "known", "not sent", "not applicable"
	Value string `json:"value,omitempty"`
}

func factsOf(s billwatch.Snapshot, values bool) []fact {
	all := []fact{
		textFact("id", s.Account.ID), textFact("name", s.Account.Name), textFact("role", s.Account.Role),
		textFact("owner", s.Account.Owner), textFact("email", s.Account.Email),
		factOf("suspended", s.Suspended), factOf("state", s.State), factOf("balance", s.Balance), textFact("unit", s.Unit),
		factOf("plan.type", s.Plan.Type), factOf("plan.start", s.Plan.Start), factOf("plan.end", s.Plan.End),
		factOf("plan.capacity", s.Plan.Capacity), factOf("payment_terms", s.PaymentTerms),
		factOf("spend.hourly", s.Spend.Hourly), factOf("spend.hourly_limit", s.Spend.HourlyLimit),
		factOf("spend.monthly", s.Spend.Monthly), factOf("spend.monthly_limit", s.Spend.MonthlyLimit),
		factOf("spend.next_invoice", s.Spend.NextInvoice),
		factOf("recharge.auto", s.Recharge.Auto), factOf("recharge.low", s.Recharge.Low), factOf("recharge.high", s.Recharge.High),
		factOf("recharge.last_status", s.Recharge.LastStatus), factOf("recharge.last_failure", s.Recharge.LastFailure),
		factOf("recharge.last_succeeded", s.Recharge.LastSucceeded), factOf("deleted_at", s.DeletedAt),
	}
	kept := all[:0]
	for _, f := range all {
		if !values {
			f.Value = ""
		}
		if f.State != "" {
			kept = append(kept, f)
		}
	}
	return kept
}

func textFact(name, text string) fact {
	if text == "" {
		return fact{} // rules do not look at it
	}
	return fact{name, "known", text}
}

func factOf[T any](name string, v billwatch.Value[T]) fact {
	switch {
	case v.IsKnown():
		return fact{name, "known", v.String()}
	case v.IsZero():
		return fact{Name: name, State: "not applicable"}
	}
	return fact{Name: name, State: "not sent"}
}

func mappingOf(m poller.Mapping, values bool) mappingShown {
	out := mappingShown{Field: m.Field, Expr: m.Expr}
	switch {
	case m.Err != nil:
		out.Error = hideValues(m.Err.Error(), values)
	case m.Value == nil:
		out.Gave = "not sent"
	case values:
		out.Gave = fmt.Sprint(m.Value)
	default:
		out.Gave = typeOf(m.Value)
	}
	return out
}

// typeOf names what a mapping gave.
func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("string(%d)", len([]rune(v)))
	case bool:
		return "boolean"
	case time.Time:
		return "date"
	case int: // how many there are
		return fmt.Sprintf("array[%d]", v)
	}
	return "number"
}

// limitsIn returns the headers that tell of limits, and how far the other clock
// is off.
func limitsIn(h http.Header) map[string]string {
	shown := map[string]string{}
	for name, values := range h {
		lower := strings.ToLower(name)
		if lower == "retry-after" || strings.HasPrefix(lower, "ratelimit") || strings.HasPrefix(lower, "x-ratelimit") || strings.HasPrefix(lower, "x-rate-limit") {
			shown[name] = harmless(strings.Join(values, ", "))
		}
	}
	if there, err := http.ParseTime(h.Get("Date")); err == nil {
		if off := time.Since(there).Round(time.Second); off.Abs() > 2*time.Second {
			shown["Date"] = fmt.Sprintf("%s %s", off.Abs(), map[bool]string{true: "behind", false: "ahead"}[off > 0])
		}
	}
	if len(shown) == 0 {
		return nil
	}
	return shown
}

var harmlessWord = regexp.MustCompile(`^([a-z_-]{1,16}|\d{1,10}(\.\d+)?|[A-Z][a-z]{2}|GMT|\d\d:\d\d:\d\d)$`)

// harmless hides what is neither number, date nor a short word in a header.
func harmless(text string) string {
	for w := range strings.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune(` ,;="`, c) }) {
		if !harmlessWord.MatchString(w) {
			return "(hidden)"
		}
	}
	return text
}

// told says what is wrong without what may be somebody's in it.
func told(err error, values bool) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all := joined.Unwrap()
		text := told(all[0], values)
		if more := len(all) - 1; more > 0 {
			text += fmt.Sprintf(" (and %d more)", more)
		}
		return text
	}
	if values {
		return err.Error()
	}
	e, ok := errors.AsType[*poller.Error](err)
	if !ok {
		return hideValues(err.Error(), false)
	}
	plain := *e
	plain.Excerpt = shape.ErrorText(e.Excerpt)
	if e.Err != nil {
		plain.Err = errors.New(hideValues(e.Err.Error(), false))
	}
	return plain.Error()
}

var (
	quotedText  = regexp.MustCompile(`"[^"]*"`)
	numberValue = regexp.MustCompile(`: [-+]?\.?\d\S* is `)
)

// hideValues takes values out of what decoders say of them.
func hideValues(text string, values bool) string {
	if values {
		return text
	}
	text = quotedText.ReplaceAllStringFunc(text, func(q string) string {
		return "string(" + strconv.Itoa(len([]rune(q))-2) + ")"
	})
	return numberValue.ReplaceAllString(text, ": its value is ")
}

// hintAt says what to do about an error, of a source whose answers are read by
// the mappings of its user or by us.
func hintAt(err error, mapped bool) string {
	e, ok := errors.AsType[*poller.Error](err)
	if !ok || e.Kind == poller.Unreadable && e.Status == http.StatusOK {
		return unreadHint(mapped)
	}
	switch e.Kind {
	case poller.Credential:
		return "is the credential still valid? Make a new one, and see that all of it is in the configuration"
	case poller.NotPermitted:
		return "the credential lacks a right: its owner needs a role that may read billing"
	case poller.Gone:
		if mapped {
			return "are base_url and path right? Together they are what is asked for"
		}
		return "is base_url right (without /v1), and is this the right type of source?"
	case poller.RateLimited:
		if e.RetryAfter > 0 {
			return fmt.Sprintf("come back in %s; requests_per_minute: keeps a source below its limit", e.RetryAfter.Round(time.Second))
		}
		return "come back later; requests_per_minute: keeps a source below its limit"
	}
	if e.Status >= 500 {
		return "the API itself fails: try again later"
	}
	return "is base_url right, and is it reached from here? See proxy_url, ca_file and timeout"
}

func unreadHint(mapped bool) string {
	if mapped {
		return "do path and mapping fit what the API answers? As far as it can be shown, it stands above"
	}
	return "is base_url right? If it is, then the API answers otherwise than known: please report this"
}

func shortDuration(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// historySeen is what balance records look like.
type historySeen struct {
	Records int    `json:"records"`
	Oldest  string `json:"oldest"` // how old the first one is; 90 days were asked for
	Newest  string `json:"newest"`
	Longest string `json:"longest_step"` // from one record to the next
	Unused  int    `json:"without_use"`
	Clock   string `json:"starts_at"` // the time of day at which periods start
}

func historyOf(records []billwatch.Record, now time.Time) *historySeen {
	if len(records) == 0 {
		return nil
	}
	first, last := records[0].Period, records[len(records)-1].Period
	out := &historySeen{Records: len(records), Oldest: days(now.Sub(first)), Newest: days(now.Sub(last)), Clock: first.Format("15:04:05Z")}
	var longest time.Duration
	for i, r := range records {
		if i > 0 {
			longest = max(longest, r.Period.Sub(records[i-1].Period))
		}
		if r.Used.Float64() == 0 {
			out.Unused++
		}
	}
	out.Longest = days(longest)
	return out
}

func days(d time.Duration) string { return fmt.Sprintf("%.1f days", d.Hours()/24) }
