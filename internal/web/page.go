package web

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

//go:embed pages
var pages embed.FS

var templates = template.Must(template.ParseFS(pages, "pages/alert.html"))

// policy lets a page load its style from here, send its forms here, and nothing
// else: a name that comes from elsewhere can do nothing.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// mostListed is how many alerts the list shows.
const mostListed = 500

// pageRoutes serves what people see. Getting a page changes nothing.
func (a API) pageRoutes(mux *http.ServeMux) {
	mux.Handle("GET /alerts", a.reads(a.alertsPage))
	mux.Handle("GET /alerts/{fingerprint}", a.reads(func(w http.ResponseWriter, r *http.Request) {
		a.alertPage(w, r, filled{Duration: r.URL.Query().Get("silence")})
	}))
	mux.Handle("POST /alerts/{fingerprint}/acknowledge", a.forms(func(w http.ResponseWriter, r *http.Request) {
		a.silenceForm(w, r, acknowledgement)
	}))
	mux.Handle("POST /alerts/{fingerprint}/silence", a.forms(func(w http.ResponseWriter, r *http.Request) {
		a.silenceForm(w, r, pause)
	}))
	mux.Handle("POST /alerts/{fingerprint}/expire", a.forms(a.expireForm))
	mux.Handle("POST /alerts/{fingerprint}/forget", a.forms(a.forgetForm))
	mux.HandleFunc("GET /assets/style.css", func(w http.ResponseWriter, _ *http.Request) {
		text, _ := pages.ReadFile("pages/style.css") // it is there
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "max-age=300")
		_, _ = w.Write(text) // whoever asked is gone
	})
}

func page(w http.ResponseWriter, status int, name string, data any) {
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name, data); err != nil {
		problem(w, http.StatusInternalServerError, "the page cannot be made")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // to others nothing; the forms' own origin must be told
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // whoever asked is gone
}

func trouble(w http.ResponseWriter, status int, title, text string) {
	page(w, status, "missing", struct{ Title, Text string }{title, text})
}

// filled is what was filled into the forms, and what is wrong with it.
type filled struct {
	Author, Comment, Duration string
	Wrong                     string
	status                    int
}

// shownPage is what the page of an alert shows.
type shownPage struct {
	filled
	lines
	Description string
	Facts       []fact
	Silences    []pageSilence
	Moves       []pageMove
	Fires, Gone bool
	Writes      bool
	Refused     string
}

// lines are what an alert is in a list.
type lines struct {
	Fingerprint, Rule, Account, Title, Summary, Severity, Class, Since, Quiet string
	State                                                                     billwatch.AlertState
}

type fact struct{ Name, Text, Link string }

type pageSilence struct {
	ID, By, Comment, When, Matchers string
	Own                             bool // it is of this alert only
}

type pageMove struct {
	At, Value, Reason string
	To                billwatch.AlertState
}

const minute = "2 Jan 2006 15:04 UTC"

func linesOf(a Alert) lines {
	l := lines{
		Fingerprint: fingerprintOf(a.Alert), Rule: a.Key.Rule, Account: a.Labels[billwatch.LabelAccountName], Summary: a.Annotations["summary"],
		Severity: a.Labels[billwatch.LabelSeverity], State: a.State, Quiet: quietInWords(a.Mute),
	}
	if l.Account == "" {
		l.Account = strings.Trim(a.Key.Account.String(), "/")
	}
	if l.Title = l.Summary; l.Title == "" {
		l.Title = l.Rule + ": " + l.Account
	}
	if l.Severity == "critical" || l.Severity == "warning" {
		l.Class = l.Severity
	}
	since := a.StartsAt
	switch a.State {
	case billwatch.Pending:
		since = a.PendingFrom
	case billwatch.Resolved:
		since = a.EndsAt
	}
	l.Since = since.UTC().Format(minute)
	return l
}

func quietInWords(m billwatch.Mute) string {
	return map[string]string{
		billwatch.MutedSilenced: "silenced", billwatch.MutedInhibited: "not told: another alert says enough",
		billwatch.MutedGone: "not told: the account is gone", billwatch.MutedTime: "not told at this time",
	}[m.Why]
}

func (a API) alertsPage(w http.ResponseWriter, r *http.Request) {
	all, err := a.Alerts.List(r.Context())
	if err != nil {
		trouble(w, http.StatusServiceUnavailable, "Not at present", "The store cannot be asked at present.")
		return
	}
	var shown struct {
		Alerts []lines
		Rest   int
	}
	for _, alert := range all {
		if len(shown.Alerts) == mostListed {
			shown.Rest = len(all) - mostListed
			break
		}
		shown.Alerts = append(shown.Alerts, linesOf(alert))
	}
	page(w, http.StatusOK, "alerts", shown)
}

func (a API) alertPage(w http.ResponseWriter, r *http.Request, f filled) {
	alert, moves, found, err := a.Alerts.Find(r.Context(), r.PathValue("fingerprint"))
	var silences []billwatch.Silence
	if err == nil {
		silences, err = a.silences(r.Context())
	}
	switch {
	case err != nil:
		trouble(w, http.StatusServiceUnavailable, "Not at present", "The store cannot be asked at present.")
		return
	case !found:
		trouble(w, http.StatusNotFound, "No such alert", "It is not remembered: it may have ended long ago.")
		return
	}
	if f.Duration == "" {
		f.Duration = "4h"
	}
	shown := shownPage{
		filled: f, lines: linesOf(alert), Description: alert.Annotations["description"], Facts: factsOf(alert),
		Fires: alert.State == billwatch.Firing, Gone: alert.Key.Rule == billwatch.RuleAccountGone && alert.Key.Account.ID != "",
		Writes: a.Refused == "", Refused: a.Refused,
	}
	now := a.now()
	for _, s := range sortedSilences(silences, now) {
		if s.State(now) != billwatch.SilenceExpired && notify.SilenceMatches(s, alert.Labels) {
			shown.Silences = append(shown.Silences, pageSilenceOf(s, alert, now))
		}
	}
	for _, m := range moves {
		shown.Moves = append(shown.Moves, pageMove{At: m.At.UTC().Format(minute), Value: valueText(m.Alert.Value), Reason: m.Reason, To: stateName(m.To)})
	}
	page(w, max(f.status, http.StatusOK), "alert", shown)
}

func stateName(s billwatch.AlertState) billwatch.AlertState {
	if s == billwatch.Inactive {
		return "inactive"
	}
	return s
}

func valueText(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', 8, 64)
}

func factsOf(a Alert) []fact {
	var facts []fact
	add := func(name, text string) {
		if text != "" {
			facts = append(facts, fact{Name: name, Text: text})
		}
	}
	add("Account", a.Labels[billwatch.LabelAccountName])
	add("Id", strings.Trim(a.Key.Account.String(), "/"))
	add("Value", valueText(a.Value))
	if s := a.Snapshot; s != nil {
		if balance, ok := s.Balance.Get(); ok {
			add("Balance", balance.String()+" "+s.Unit)
		}
		add("Read", s.At.UTC().Format(minute))
	}
	add("Why", a.Reason)
	add("Action", a.Annotations["action"])
	if link, err := url.Parse(a.RunbookURL); err == nil && (link.Scheme == "https" || link.Scheme == "http") {
		facts = append(facts, fact{"Runbook", a.RunbookURL, a.RunbookURL})
	}
	add("Told to", strings.Join(a.Receivers, ", "))
	return facts
}

func pageSilenceOf(s billwatch.Silence, a Alert, now time.Time) pageSilence {
	shown := pageSilence{ID: s.ID, By: s.CreatedBy, Comment: s.Comment, Own: slices.Equal(s.Matchers, notify.SilenceOf(a.Alert))}
	switch {
	case s.State(now) == billwatch.SilencePending:
		shown.When = "from " + s.StartsAt.UTC().Format(minute)
	case s.UntilResolved:
		shown.When = "until it resolves, " + s.EndsAt.UTC().Format(minute) + " at the latest"
	default:
		shown.When = "until " + s.EndsAt.UTC().Format(minute)
	}
	var all []string
	for _, m := range s.Matchers {
		all = append(all, m.Name+map[[2]bool]string{{true, false}: "=", {false, false}: "!=", {true, true}: "=~", {false, true}: "!~"}[[2]bool{m.IsEqual, m.IsRegex}]+strconv.Quote(m.Value))
	}
	shown.Matchers = strings.Join(all, " ")
	return shown
}

// silenceForm makes a silence of the alert, and shows the alert's page again.
func (a API) silenceForm(w http.ResponseWriter, r *http.Request, wanted func(handled, time.Time) (billwatch.Silence, error)) {
	f := filled{Author: r.PostFormValue("author"), Comment: r.PostFormValue("comment"), Duration: r.PostFormValue("duration")}
	alert, _, found, err := a.Alerts.Find(r.Context(), r.PathValue("fingerprint"))
	if err != nil || !found {
		a.alertPage(w, r, f) // which says so
		return
	}
	_, err = a.silenceOf(r.Context(), alert, func() (billwatch.Silence, error) {
		return wanted(handled{strings.TrimSpace(f.Author), strings.TrimSpace(f.Comment), strings.TrimSpace(f.Duration)}, a.now())
	})
	a.done(w, r, f, err)
}

// done leads back to the alert's page, or shows it with what is wrong.
func (a API) done(w http.ResponseWriter, r *http.Request, f filled, err error) {
	if err != nil {
		f.status, f.Wrong = silenceProblem(err)
		a.alertPage(w, r, f)
		return
	}
	http.Redirect(w, r, "/alerts/"+url.PathEscape(r.PathValue("fingerprint")), http.StatusSeeOther)
}

func (a API) expireForm(w http.ResponseWriter, r *http.Request) {
	err := a.expireSilence(r.Context(), r.PostFormValue("id"))
	if errors.Is(err, billwatch.ErrNoSilence) {
		err = nil // it is over
	}
	a.done(w, r, filled{}, err)
}

func (a API) forgetForm(w http.ResponseWriter, r *http.Request) {
	alert, _, found, err := a.Alerts.Find(r.Context(), r.PathValue("fingerprint"))
	if err != nil || !found {
		a.alertPage(w, r, filled{}) // which says so
		return
	}
	_, err = a.Accounts.Forget(r.Context(), alert.Key.Account)
	if errors.Is(err, billwatch.ErrNotGone) || errors.Is(err, billwatch.ErrNoAccount) {
		err = &wrongSilenceError{err}
	}
	a.done(w, r, filled{}, err)
}
