package webhook

import (
	"encoding/json"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// encode returns the body. It depends on the notification alone, so that each
// attempt sends the same bytes.
func (n *Notifier) encode(told billwatch.Notification) ([]byte, error) {
	alerts, truncated := told.Alerts, told.Truncated
	if most := n.MaxAlerts(); len(alerts) > most { // it was frozen when more were wanted
		truncated += len(alerts) - most
		alerts = alerts[:most]
	}
	if n.config.Format == FormatAlertmanager {
		return json.Marshal(alertmanagerBody(told, alerts, truncated))
	}
	return json.Marshal(billwatchBody(told, alerts, truncated))
}

type body struct {
	Version     string           `json:"version"`
	ID          string           `json:"id"`
	Reason      string           `json:"reason"`
	Status      string           `json:"status"`
	Receiver    string           `json:"receiver"`
	GroupKey    string           `json:"group_key"`
	GroupLabels billwatch.Labels `json:"group_labels"`
	SentAt      time.Time        `json:"sent_at"`
	ExternalURL string           `json:"external_url"`
	Truncated   int              `json:"truncated"`
	Alerts      []alert          `json:"alerts"`
}

type alert struct {
	Fingerprint string            `json:"fingerprint"`
	Status      string            `json:"status"`
	StartsAt    *time.Time        `json:"starts_at"`
	EndsAt      *time.Time        `json:"ends_at"`
	Labels      billwatch.Labels  `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Value       any               `json:"value"` // a number or null
	Unit        string            `json:"unit"`
	Account     *account          `json:"account"`
	Snapshot    *snapshot         `json:"snapshot"`
	Forecast    *forecast         `json:"forecast"`
}

// account leaves out owner and e-mail address, which are personal.
type account struct {
	Source   string `json:"source"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	Provider string `json:"provider"`
	Kind     string `json:"kind"`
}

type snapshot struct {
	At           time.Time                          `json:"at"`
	Suspended    billwatch.Value[bool]              `json:"suspended"`
	State        billwatch.Value[string]            `json:"state"`
	Balance      billwatch.Value[billwatch.Decimal] `json:"balance"`
	Plan         billwatch.Plan                     `json:"plan"`
	PaymentTerms billwatch.Value[string]            `json:"payment_terms,omitzero"`
	Spend        billwatch.Spend                    `json:"spend,omitzero"`
	Recharge     billwatch.Recharge                 `json:"recharge,omitzero"`
	DeletedAt    billwatch.Value[time.Time]         `json:"deleted_at,omitzero"`
}

type forecast struct {
	BurnRate  any                 `json:"burn_rate_per_day"` // a number or null
	Runway    billwatch.Quantiles `json:"runway_days"`
	ExhaustAt *time.Time          `json:"exhausts_at"`
}

func billwatchBody(told billwatch.Notification, alerts []billwatch.Alert, truncated int) body {
	b := body{
		Version: "1", ID: told.ID, Reason: told.Reason, Status: string(told.Status),
		Receiver: told.Receiver, GroupKey: told.GroupKey, GroupLabels: labels(told.GroupLabels),
		SentAt: told.FrozenAt.UTC(), ExternalURL: told.ExternalURL, Truncated: truncated,
		Alerts: make([]alert, len(alerts)),
	}
	for i, a := range alerts {
		b.Alerts[i] = alertOf(a)
	}
	return b
}

func alertOf(a billwatch.Alert) alert {
	out := alert{
		Fingerprint: a.Fingerprint, Status: statusOf(a),
		StartsAt: moment(a.StartsAt), EndsAt: moment(a.EndsAt),
		Labels: labels(a.Labels), Annotations: annotations(a),
		Account: accountOf(a),
	}
	out.Value, out.Unit = value(a)
	if a.State != billwatch.Resolved {
		out.EndsAt = nil
	}
	if s := a.Snapshot; s != nil {
		out.Snapshot = &snapshot{
			At: s.At.UTC(), Suspended: s.Suspended, State: s.State, Balance: s.Balance, Plan: s.Plan,
			PaymentTerms: s.PaymentTerms, Spend: s.Spend, Recharge: s.Recharge, DeletedAt: s.DeletedAt,
		}
	}
	if f := a.Forecast; f != nil {
		out.Forecast = &forecast{BurnRate: finite(f.BurnRate), Runway: f.Runway, ExhaustAt: moment(f.ExhaustAt)}
	}
	return out
}

// accountOf returns whom the alert is about; nil for alerts about a source, or
// about billwatch itself.
func accountOf(a billwatch.Alert) *account {
	if a.Key.Account.ID == "" || a.Key.Account.Source == "" {
		return nil
	}
	out := &account{
		Source: a.Key.Account.Source, ID: a.Key.Account.ID,
		Name: a.Labels[billwatch.LabelAccountName], Provider: a.Labels[billwatch.LabelProvider],
	}
	if s := a.Snapshot; s != nil {
		out.Name, out.Provider, out.Kind = s.Account.Name, s.Account.Provider, s.Account.Kind
	}
	return out
}

// value returns the alert's value and its unit. Rules see floats; where the
// value is the balance, the balance's own digits are exact and are sent instead.
// What else a rule computes may be days or a share, and has no unit that is
// known.
func value(a billwatch.Alert) (number any, unit string) {
	if a.Value == nil {
		return nil, ""
	}
	if a.Snapshot != nil {
		balance, known := a.Snapshot.Balance.Get()
		if known && balance.Float64() == *a.Value && isNumber(balance) {
			return balance, a.Snapshot.Unit
		}
	}
	return finite(*a.Value), ""
}

// isNumber says whether a decimal's text is a JSON number; "+2.5" is none.
func isNumber(d billwatch.Decimal) bool {
	text, err := d.MarshalJSON()
	return err == nil && text[0] != '"'
}

// finite returns f, or nil where JSON has no number for it.
func finite(f float64) any {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	return f
}

func statusOf(a billwatch.Alert) string {
	if a.State == billwatch.Resolved {
		return string(billwatch.Resolved)
	}
	return string(billwatch.Firing)
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func labels(l billwatch.Labels) billwatch.Labels {
	if l == nil {
		return billwatch.Labels{}
	}
	return l
}

// annotations returns the alert's annotations and, beside them, its runbook.
func annotations(a billwatch.Alert) map[string]string {
	out := maps.Clone(a.Annotations)
	if out == nil {
		out = map[string]string{}
	}
	if a.RunbookURL != "" && out["runbook_url"] == "" {
		out["runbook_url"] = a.RunbookURL
	}
	return out
}

// page returns the address of the alert's page, "" where there are no pages.
func page(externalURL string, a billwatch.Alert) string {
	if externalURL == "" {
		return ""
	}
	return strings.TrimSuffix(externalURL, "/") + "/alerts/" + a.Fingerprint
}
