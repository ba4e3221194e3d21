package notify

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// Characters that are kept of texts which come from providers and rules.
const (
	maxName       = 120
	maxLabel      = 200
	maxAnnotation = 2000
)

// Data is what message templates see. All texts in it are harmless: without
// control and direction characters, and shortened.
type Data struct {
	Status            string     // "firing" while one alert fires, else "resolved"
	Reason            string     // why it is told: first, new_alerts, some_resolved, all_resolved, unmuted, repeat, storm, test
	Receiver          string     // the receiver's name
	Integration       string     // "ops/slack/0"
	GroupLabels       Fields     // the labels that name the group
	CommonLabels      Fields     // the labels that all alerts share
	CommonAnnotations Fields     // the annotations that all alerts share
	Alerts            Alerts     // firing first, then resolved; oldest first
	Truncated         int        // how many more alerts there are
	TruncatedResolved int        // how many of these have ended
	Storm             *StormData // of a digest, which stands for many messages; else nil
	ExternalURL       string     // of the pages; empty where there are none
	Now               Moment     // when the message was written
}

// Why returns a sentence for those who wonder why they are told now; "" where
// the alerts say it.
func (d Data) Why() string {
	switch d.Reason {
	case billwatch.WhyTest:
		return "This is a test: billwatch can reach you here, and nothing is wrong."
	case billwatch.WhyRepeat:
		return "A reminder: this fires still."
	case billwatch.WhyUnmuted:
		return "This was silenced or muted, and fires still."
	}
	return ""
}

// Firing returns how many alerts fire, listed or not.
func (d Data) Firing() int { return len(d.Alerts.Firing()) + d.Truncated - d.TruncatedResolved }

// Resolved returns how many alerts have ended, listed or not.
func (d Data) Resolved() int { return len(d.Alerts.Resolved()) + d.TruncatedResolved }

// Accounts returns the titles of the accounts, as .Alerts.Accounts; "Acme, Beta,
// Gamma and others" where not all alerts are listed.
func (d Data) Accounts() string {
	if d.Truncated == 0 {
		return d.Alerts.Accounts()
	}
	titles := d.Alerts.titles()
	return strings.Join(titles[:min(3, len(titles))], ", ") + " and others"
}

// Fields are labels or annotations by name.
type Fields map[string]string

// Names returns the names, sorted.
func (f Fields) Names() []string {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Alerts are the alerts of a message.
type Alerts []AlertData

// Firing returns those that fire.
func (as Alerts) Firing() Alerts { return as.in("firing") }

// Resolved returns those that have ended.
func (as Alerts) Resolved() Alerts { return as.in("resolved") }

func (as Alerts) in(status string) Alerts {
	var found Alerts
	for _, a := range as {
		if a.Status == status {
			found = append(found, a)
		}
	}
	return found
}

// Ended returns what .Ended of each is; "RESOLVED" where they differ, "" while one
// fires.
func (as Alerts) Ended() string {
	ended := ""
	for _, a := range as {
		switch e := a.Ended(); {
		case e == "":
			return ""
		case ended != "" && ended != e:
			ended = "RESOLVED"
		default:
			ended = e
		}
	}
	return ended
}

// First returns at most n of them.
func (as Alerts) First(n int) Alerts { return as[:max(0, min(n, len(as)))] }

// Accounts returns the titles of the accounts, each once: "Acme, Beta, Gamma and
// 4 more".
func (as Alerts) Accounts() string {
	const shown = 3
	titles := as.titles()
	if len(titles) <= shown {
		return strings.Join(titles, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(titles[:shown], ", "), len(titles)-shown)
}

func (as Alerts) titles() []string {
	var titles []string
	seen := map[string]bool{}
	for _, a := range as {
		title := cmp.Or(a.Account.Title(), a.Account.Source, "billwatch")
		if !seen[title] {
			seen[title] = true
			titles = append(titles, title)
		}
	}
	return titles
}

// AlertData is one alert as templates see it.
type AlertData struct {
	Status      string        // "firing" or "resolved"
	Rule        string        // the rule's name
	Severity    string        // the label; may be empty
	Fingerprint string        // 16 hex digits
	Account     AccountData   // empty where the alert is about no account
	Value       *Quantity     // the rule's number; nil without
	BurnRate    *Quantity     // per day; nil while unknown
	Runway      *Runway       // how long the balance lasts; nil while unknown
	Snapshot    *SnapshotData // what the account looked like; nil before the first good poll
	StartsAt    Moment        // when it began firing
	EndsAt      Moment        // when it ended; empty while it fires
	Reason      string        // of the last change, in words
	Labels      Fields        // its labels
	Annotations Fields        // the rule's texts
	RunbookURL  string        // http or https; may be empty
	URL         string        // the alert's page; empty without external_url
	SilenceURL  string        // where it can be silenced; empty without external_url
}

// Summary returns the annotation summary on one line, or the rule's name.
func (a AlertData) Summary() string {
	return cmp.Or(cleanLine(a.Annotations["summary"], maxAnnotation), a.Rule)
}

// Lasted returns how long the alert fired, in words.
func (a AlertData) Lasted() string {
	return humanizeDays(a.EndsAt.Sub(a.StartsAt.Time).Hours() / 24)
}

// Unwatched says whether the alert ended without being well: its rule or source
// was removed, its account is forgotten, or somebody else is told of it.
func (a AlertData) Unwatched() bool {
	return a.Status == "resolved" && slices.Contains([]string{
		"rule removed", "rule changed", "source removed", "no longer applies", "no longer routed", "forgotten",
	}, a.Reason)
}

// Ended returns "RESOLVED", or "NO LONGER WATCHED" or "NO LONGER TOLD HERE"
// where the alert ended without being well; "" while it fires.
func (a AlertData) Ended() string {
	switch {
	case a.Status != "resolved":
		return ""
	case a.Reason == "no longer routed":
		return "NO LONGER TOLD HERE"
	case a.Unwatched():
		return "NO LONGER WATCHED"
	}
	return "RESOLVED"
}

// ShowValue says whether the rule's number tells more than the balance and the
// runway do.
func (a AlertData) ShowValue() bool {
	if a.Value == nil || a.Runway != nil && slices.Contains([]float64{a.Runway.Days.P10, a.Runway.Days.P50, a.Runway.Days.P90}, a.Value.number) {
		return false
	}
	return a.Snapshot == nil || a.Snapshot.Balance == nil || a.Snapshot.Balance.number != a.Value.number
}

// ToDo returns the annotation action, or what helps most accounts.
func (a AlertData) ToDo() string {
	switch action := a.Annotations["action"]; {
	case action != "":
		return action
	case a.Snapshot == nil || a.RunbookURL != "":
		return ""
	case a.Snapshot.Suspended:
		return "ask the provider why the account is suspended, and settle what is open"
	case a.Snapshot.Balance != nil:
		return "top up the account, or find out what uses more than planned"
	}
	return ""
}

// Details returns the annotations that have no place of their own in the
// default templates, "name: text".
func (a AlertData) Details() []string {
	var details []string
	for _, name := range a.Annotations.Names() {
		switch name {
		case "summary", "description", "action":
			continue
		}
		details = append(details, name+": "+cleanLine(a.Annotations[name], maxAnnotation))
	}
	return details
}

// AccountData is an account as templates see it.
type AccountData struct {
	Source   string // the source's name
	ID       string // as the provider knows it
	Name     string // may be empty; .Title never is where there is an account
	Provider string // "notehub"
	Kind     string // "organization", "billing_account"
	Role     string // the credential's, on the account
	Owner    string // who owns it; personal
	Email    string // of the owner; personal
}

// Title returns the name, or the id where there is none.
func (a AccountData) Title() string { return cmp.Or(a.Name, a.ID) }

// SnapshotData is what an account looked like, as templates see it: unknown
// quantities are nil, unknown texts are empty.
type SnapshotData struct {
	At           Moment    // when it was read
	Suspended    bool      // false where it is not known, too
	State        string    // in the provider's words
	Balance      *Quantity // nil while unknown
	Unit         string    // of the balance: "events", "USD"
	PlanType     string    // "Essentials"
	PlanEnd      Moment    // empty where it has none
	Capacity     *Quantity // of the plan; nil where it has none
	PaymentTerms string    // in the provider's words
}

// Trouble returns the state where it is not the ordinary one.
func (s SnapshotData) Trouble() string {
	switch {
	case s.Suspended:
		return "suspended"
	case s.State == "active":
		return ""
	}
	return s.State
}

// BalanceText returns "4,200 of 50,000 events", with its age where that is over
// an hour; "" while the balance is unknown.
func (s SnapshotData) BalanceText() string {
	if s.Balance == nil {
		return ""
	}
	text := s.Balance.String()
	if s.Capacity != nil {
		text = s.Balance.Number() + " of " + s.Capacity.String()
	}
	if s.At.now.Sub(s.At.Time) > time.Hour {
		text += ", as read " + s.At.Relative()
	}
	return text
}

// writer turns the words into data for templates.
type writer struct {
	now      time.Time
	zone     *time.Location
	external string
}

func (w writer) data(n billwatch.Notification) Data {
	d := Data{
		Status: cleanLine(string(n.Status), maxLabel), Reason: n.Reason,
		Receiver: cleanLine(n.Receiver, maxName), Integration: cleanLine(n.Integration, maxName),
		GroupLabels: fields(n.GroupLabels, cleanLine, maxLabel), Truncated: n.Truncated, TruncatedResolved: n.Ends,
		ExternalURL: w.external, Now: w.moment(w.now),
	}
	for _, a := range n.Alerts {
		d.Alerts = append(d.Alerts, w.alert(a))
	}
	d.Storm = storm(n.Storm)
	d.CommonLabels = common(d.Alerts, func(a AlertData) Fields { return a.Labels })
	d.CommonAnnotations = common(d.Alerts, func(a AlertData) Fields { return a.Annotations })
	return d
}

func (w writer) moment(t time.Time) Moment { return Moment{t.In(w.zone), w.now} }

func (w writer) alert(a billwatch.Alert) AlertData {
	d := AlertData{
		Status: "firing", Rule: cleanLine(a.Key.Rule, maxName), Fingerprint: a.Fingerprint,
		Severity: cleanLine(a.Labels[billwatch.LabelSeverity], maxLabel),
		Account:  account(a), StartsAt: w.moment(a.StartsAt), Reason: cleanLine(a.Reason, maxAnnotation),
		Labels:      fields(a.Labels, cleanLine, maxLabel),
		Annotations: fields(a.Annotations, cleanText, maxAnnotation),
		RunbookURL:  webAddress(a.RunbookURL),
	}
	if a.State != billwatch.Firing {
		d.Status, d.EndsAt = "resolved", w.moment(a.EndsAt)
	}
	if w.external != "" && a.Fingerprint != "" {
		d.URL = w.external + "/alerts/" + url.PathEscape(a.Fingerprint)
		d.SilenceURL = d.URL + "?silence=4h"
	}
	unit := ""
	if a.Snapshot != nil {
		d.Snapshot, unit = w.snapshot(*a.Snapshot), cleanLine(a.Snapshot.Unit, maxLabel)
	}
	d.Value = value(a, unit)
	if a.Forecast != nil {
		d.BurnRate = &Quantity{number: a.Forecast.BurnRate, Unit: unit}
		d.Runway = &Runway{a.Forecast.Runway, w.moment(a.Forecast.ExhaustAt), cleanLine(a.Forecast.Note, maxAnnotation)}
	}
	return d
}

// value returns the rule's number. It has the balance's unit only where it is
// the balance: what else a rule computes may be days or a share.
func value(a billwatch.Alert, unit string) *Quantity {
	if a.Value == nil {
		return nil
	}
	if a.Snapshot != nil {
		if balance, ok := a.Snapshot.Balance.Get(); ok && balance.Float64() == *a.Value {
			return exactly(balance, unit)
		}
	}
	return &Quantity{number: *a.Value}
}

func account(a billwatch.Alert) AccountData {
	d := AccountData{
		Source: a.Key.Account.Source, ID: a.Key.Account.ID,
		Name: a.Labels[billwatch.LabelAccountName], Provider: a.Labels[billwatch.LabelProvider],
	}
	if d.Source == "" { // about billwatch itself
		d.ID = ""
	}
	if s := a.Snapshot; s != nil && s.Account.ID == d.ID {
		d.Name, d.Kind, d.Role = cmp.Or(s.Account.Name, d.Name), s.Account.Kind, s.Account.Role
		d.Provider, d.Owner, d.Email = cmp.Or(s.Account.Provider, d.Provider), s.Account.Owner, s.Account.Email
	}
	for _, text := range []*string{&d.Source, &d.ID, &d.Name, &d.Provider, &d.Kind, &d.Role, &d.Owner, &d.Email} {
		*text = cleanLine(*text, maxName)
	}
	return d
}

func (w writer) snapshot(s billwatch.Snapshot) *SnapshotData {
	unit := cleanLine(s.Unit, maxLabel)
	d := &SnapshotData{At: w.moment(s.At), Unit: unit}
	d.Suspended, _ = s.Suspended.Get()
	d.State = known(s.State)
	d.PlanType = known(s.Plan.Type)
	d.PaymentTerms = known(s.PaymentTerms)
	if balance, ok := s.Balance.Get(); ok {
		d.Balance = exactly(balance, unit)
	}
	if capacity, ok := s.Plan.Capacity.Get(); ok {
		d.Capacity = exactly(capacity, unit)
	}
	if end, ok := s.Plan.End.Get(); ok {
		d.PlanEnd = w.moment(end)
	}
	return d
}

func known(v billwatch.Value[string]) string {
	text, _ := v.Get()
	return cleanLine(text, maxLabel)
}

func fields(from map[string]string, clean func(string, int) string, n int) Fields {
	f := make(Fields, len(from))
	for name, text := range from {
		f[cleanLine(name, maxLabel)] = clean(text, n)
	}
	return f
}

// common returns what all alerts share.
func common(alerts Alerts, of func(AlertData) Fields) Fields {
	shared := Fields{}
	if len(alerts) == 0 {
		return shared
	}
	for name, text := range of(alerts[0]) {
		if !slices.ContainsFunc(alerts, func(a AlertData) bool { return of(a)[name] != text }) {
			shared[name] = text
		}
	}
	return shared
}

// webAddress returns an address that may become a link, or nothing.
func webAddress(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return cleanLine(u.String(), maxAnnotation)
}
