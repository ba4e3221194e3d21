package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/shape"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

// probeReport is what a probe says. Nothing in it is somebody's, but for the
// values where they were asked for.
type probeReport struct {
	Version    string         `json:"version"`
	Source     string         `json:"source"`
	Type       string         `json:"type"`
	Calls      []callReport   `json:"calls"`
	Accounts   *accountsCount `json:"accounts"` // null where the list could not be read
	Requests   string         `json:"requests,omitempty"`
	Understood []fact         `json:"understood"` // of one account
	Role       string         `json:"role,omitempty"`
	History    *historySeen   `json:"history,omitempty"`
	Mappings   []mappingShown `json:"mappings,omitempty"`
	Rules      int            `json:"rules"` // that were judged
	Blind      []blindRules   `json:"blind"`
	values     bool
}

type callReport struct {
	Name      string          `json:"name"` // "list", "detail", "history", "mappings"
	Error     string          `json:"error,omitempty"`
	Kind      poller.Kind     `json:"kind,omitempty"`
	Hint      string          `json:"hint,omitempty"`
	Skipped   string          `json:"skipped,omitempty"`
	Suspended bool            `json:"suspended,omitempty"` // a refusal says that the account is
	Requests  []requestReport `json:"requests"`
	Answers   []answerReport  `json:"answers"`
}

type requestReport struct {
	Route   string            `json:"route"`
	Status  int               `json:"status"` // 0 where no answer came
	Millis  int64             `json:"milliseconds"`
	Bytes   int64             `json:"bytes"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"` // why it is not looked at
}

// answerReport is what answers of one status look like, all pages together.
type answerReport struct {
	Route   string        `json:"route"`
	Status  int           `json:"status"`
	Fields  []fieldReport `json:"fields"`
	Missing []string      `json:"missing,omitempty"` // that billwatch reads where they are there
}

type fieldReport struct {
	shape.Field
	Read *bool `json:"read,omitempty"` // by billwatch; null where only mappings say
}

type accountsCount struct {
	Listed  int `json:"listed"`
	Polled  int `json:"polled"`
	LeftOut int `json:"left_out"`
}

type mappingShown struct {
	Field string `json:"field"`
	Expr  string `json:"expr"`
	Gave  string `json:"gave,omitempty"`
	Error string `json:"error,omitempty"`
}

// blindRules are rules that say Unknown for one reason.
type blindRules struct {
	Rules    []string `json:"rules"`
	Reason   string   `json:"reason"` // one of billwatch.Reason…
	Detail   string   `json:"detail,omitempty"`
	Accounts int      `json:"accounts"`
}

func reportOf(l *look, values bool) probeReport {
	r := probeReport{Version: "1", Source: l.of.Name, Type: l.of.Type, values: values,
		Calls: []callReport{}, Understood: []fact{}, Blind: []blindRules{}}
	known := fieldsOf(l.source.Provider)
	for _, c := range l.calls {
		r.Calls = append(r.Calls, callReportOf(c, known, values))
	}
	if l.listing != nil {
		r.Accounts = &accountsCount{Listed: len(l.listing.Rows)}
		for _, row := range l.listing.Rows {
			if l.polled(row.Account) {
				r.Accounts.Polled++
			}
		}
		r.Accounts.LeftOut = r.Accounts.Listed - r.Accounts.Polled
		r.Requests = l.requests(r.Accounts.Polled)
	}
	r.History = historyOf(l.records, l.began)
	if s := l.shown(); s != nil {
		r.Understood, r.Role = factsOf(*s, values), s.Account.Role
	}
	for _, m := range l.mappings {
		r.Mappings = append(r.Mappings, mappingOf(m, values))
	}
	r.Rules, r.Blind = l.blind()
	return r
}

// fieldsOf returns what the provider says that it reads; nil where it does not.
func fieldsOf(p poller.Provider) []poller.Field {
	if describer, ok := p.(poller.Describer); ok {
		return describer.Fields()
	}
	return nil
}

func callReportOf(c *probeCall, known []poller.Field, values bool) callReport {
	out := callReport{Name: c.name, Skipped: c.skipped, Requests: []requestReport{}, Answers: []answerReport{}}
	if c.err != nil {
		out.Kind = poller.KindOf(c.err)
		out.Error, out.Hint = told(c.err, values), hintAt(c.err, known == nil)
	}
	var bodies [][]*shape.Document // of each answer
	for _, e := range c.exchanges {
		request := requestReport{Route: e.Route, Status: e.Status, Millis: e.Took.Milliseconds(), Bytes: e.Bytes, Headers: limitsIn(e.Header)}
		out.Suspended = out.Suspended || poller.KindOf(e.Err) == poller.Suspended
		if e.Status != 0 {
			body, err := bodyOf(e)
			if err != nil {
				request.Body = err.Error()
			} else {
				i := slices.IndexFunc(out.Answers, func(a answerReport) bool { return a.Route == e.Route && a.Status == e.Status })
				if i < 0 {
					i, bodies = len(bodies), append(bodies, nil)
					out.Answers = append(out.Answers, answerReport{Route: e.Route, Status: e.Status})
				}
				bodies[i] = append(bodies[i], body)
			}
		}
		out.Requests = append(out.Requests, request)
	}
	for i := range out.Answers {
		out.Answers[i].look(bodies[i], known)
	}
	return out
}

// look fills in the fields of answers that came.
func (a *answerReport) look(bodies []*shape.Document, known []poller.Field) {
	named := pathsOf(known, a.Route, false)
	fields := shape.Fields(bodies, pathsOf(known, a.Route, true))
	for _, f := range fields {
		shown := fieldReport{Field: f}
		if known != nil && a.Status == http.StatusOK {
			read := shape.Named(named, f.Path)
			shown.Read = &read
		}
		a.Fields = append(a.Fields, shown)
	}
	if a.Status == http.StatusOK {
		a.Missing = shape.Missing(named, fields)
	}
}

// bodyOf reads the body of an answer, which must be whole.
func bodyOf(e poller.Exchange) (*shape.Document, error) {
	switch {
	case strings.Contains(e.Header.Get("Content-Type"), "html"):
		return nil, fmt.Errorf("is an HTML page")
	case e.Cut:
		return nil, fmt.Errorf("is longer than %d bytes", len(e.Body))
	}
	return shape.Parse(e.Body)
}

// pathsOf returns what is known of a route's answers: all fields, or those that
// hold words.
func pathsOf(known []poller.Field, route string, words bool) []string {
	var paths []string
	for _, f := range known {
		if f.Route == route && (f.Word || !words) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// requests says what a poll of the source costs, and whether that fits.
func (l *look) requests(polled int) string {
	lists, details := 0, polled
	for _, c := range l.calls {
		if c.name == "list" {
			lists = len(c.exchanges)
		}
	}
	if rows := l.listing.Rows; len(rows) > 0 && rows[0].Snapshot != nil {
		details = 0
	}
	every := l.every()
	text := fmt.Sprintf("%s every %s", plural(lists+details, "request"), shortDuration(every))
	limit := l.of.RequestsPerMinute
	if limit == 0 || every <= 0 {
		return text + "; requests_per_minute is not set"
	}
	if need := (int64(lists+details)*int64(time.Minute) + int64(every) - 1) / int64(every); need > int64(limit) {
		return fmt.Sprintf("%s: that needs %d a minute, and there are %d; accounts are read less often", text, need, limit)
	}
	return fmt.Sprintf("%s; requests_per_minute: %d allows that", text, limit)
}

// every is how long it is between two polls.
func (l *look) every() time.Duration {
	if l.of.Timing.Cron == nil {
		return l.of.Timing.Interval
	}
	_, next := l.of.Timing.Slot(l.of.Name, l.began)
	_, after := l.of.Timing.Slot(l.of.Name, next.Add(time.Second))
	return after.Sub(next)
}

// blind judges the accounts as if they had been read before, too, and returns
// what stays unknown by its reason, and how many rules there are for them.
func (l *look) blind() (judged int, all []blindRules) {
	names := map[string]bool{}
	all = []blindRules{}
	for _, s := range l.snapshots() {
		in := rules.Input{Snapshot: s, Previous: &s, Vars: l.config.Given(s.Account, &s).Vars, Now: l.now().UTC()}
		if l.asked != nil && s.Account.ID == l.asked.ID {
			in.Records = l.records
		}
		counted := map[int]bool{}
		for _, e := range l.config.Rules.Evaluate(in) {
			names[e.Rule] = true
			if e.Outcome != billwatch.Unknown {
				continue
			}
			i := slices.IndexFunc(all, func(b blindRules) bool { return b.Reason == e.Reason && b.Detail == e.Detail })
			if i < 0 {
				i, all = len(all), append(all, blindRules{Reason: e.Reason, Detail: e.Detail})
			}
			if !counted[i] {
				counted[i] = true
				all[i].Accounts++
			}
			if !slices.Contains(all[i].Rules, e.Rule) {
				all[i].Rules = append(all[i].Rules, e.Rule)
			}
		}
	}
	return len(names), all
}
