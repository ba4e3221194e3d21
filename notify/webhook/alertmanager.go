package webhook

import (
	"time"

	"github.com/billwatch/billwatch"
)

// amBody is version 4 of Alertmanager's webhook.
type amBody struct {
	Receiver          string            `json:"receiver"`
	Status            string            `json:"status"`
	Alerts            []amAlert         `json:"alerts"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
}

type amAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"` // year 1 while firing, as Alertmanager sends it
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

func alertmanagerBody(told billwatch.Notification, alerts []billwatch.Alert, truncated int) amBody {
	b := amBody{
		Receiver: told.Receiver, Status: string(told.Status), Alerts: make([]amAlert, len(alerts)),
		GroupLabels: labels(told.GroupLabels), ExternalURL: told.ExternalURL,
		Version: "4", GroupKey: told.GroupKey, TruncatedAlerts: truncated,
	}
	allLabels := make([]map[string]string, len(alerts))
	allAnnotations := make([]map[string]string, len(alerts))
	for i, a := range alerts {
		out := amAlert{
			Status: statusOf(a), Labels: labels(a.Labels), Annotations: annotations(a),
			StartsAt: a.StartsAt.UTC(), GeneratorURL: page(told.ExternalURL, a), Fingerprint: a.Fingerprint,
		}
		if a.State == billwatch.Resolved {
			out.EndsAt = a.EndsAt.UTC()
		}
		b.Alerts[i], allLabels[i], allAnnotations[i] = out, out.Labels, out.Annotations
	}
	b.CommonLabels, b.CommonAnnotations = common(allLabels), common(allAnnotations)
	return b
}

// common returns the pairs that all sets have.
func common(sets []map[string]string) map[string]string {
	out := map[string]string{}
	if len(sets) == 0 {
		return out
	}
	for name, value := range sets[0] {
		everywhere := true
		for _, set := range sets[1:] {
			other, found := set[name]
			everywhere = everywhere && found && other == value
		}
		if everywhere {
			out[name] = value
		}
	}
	return out
}
