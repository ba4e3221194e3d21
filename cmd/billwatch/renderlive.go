package main

import (
	"context"
	"net/url"
	"time"

	"github.com/billwatch/billwatch"
)

// live is what would be told first of an alert of a running billwatch, or of
// its end.
func live(ctx context.Context, address, fingerprint string) (billwatch.Notification, error) {
	c, err := newClient(address)
	if err != nil {
		return billwatch.Notification{}, err
	}
	var seen struct {
		alert
		Reason     string              `json:"reason"`
		RunbookURL string              `json:"runbook_url"`
		Snapshot   *billwatch.Snapshot `json:"snapshot"`
		Forecast   *billwatch.Forecast `json:"forecast"`
	}
	if err := c.get(ctx, "api/v1/alerts/"+url.PathEscape(fingerprint), nil, &seen); err != nil {
		return billwatch.Notification{}, err
	}
	a := billwatch.Alert{
		Key: billwatch.AlertKey{
			Rule:    seen.Rule,
			Account: billwatch.AccountKey{Source: seen.Source, ID: seen.Account},
		},
		State: seen.State, PendingFrom: seen.PendingFrom, StartsAt: seen.StartsAt, EndsAt: seen.EndsAt,
		Fingerprint: seen.Fingerprint, Labels: seen.Labels, Annotations: seen.Annotations, RunbookURL: seen.RunbookURL,
		Reason: seen.Reason, Value: seen.Value, Snapshot: seen.Snapshot, Forecast: seen.Forecast,
	}
	now := time.Now().UTC()
	for _, at := range []time.Time{a.StartsAt, a.EndsAt} { // the clock over there may be ahead
		if at.After(now) {
			now = at
		}
	}
	n := billwatch.Notification{
		Reason: billwatch.WhyFirst, Status: billwatch.Firing, Alerts: []billwatch.Alert{a},
		GroupLabels: billwatch.Labels{}, FrozenAt: now,
	}
	switch a.State {
	case billwatch.Pending: // as it will be told if it comes to that
		n.Alerts[0].State, n.Alerts[0].StartsAt = billwatch.Firing, n.FrozenAt
	case billwatch.Resolved:
		n.Reason, n.Status = billwatch.WhyAllResolved, billwatch.Resolved
	}
	for _, name := range []string{billwatch.LabelAlert, billwatch.LabelSource} {
		if text := a.Labels[name]; text != "" {
			n.GroupLabels[name] = text
		}
	}
	return n, nil
}
