package alertmanager

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/billwatch/billwatch"
)

// standsFor is how long an alert fires there without being spoken of.
const standsFor = 4 * time.Minute

// alert is one alert as an Alertmanager takes it.
type alert struct {
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	Labels       billwatch.Labels  `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// encode writes alerts as they stand at a moment.
func encode(alerts []billwatch.Alert, now time.Time, page func(billwatch.Alert) string) ([]byte, error) {
	all := make([]alert, len(alerts))
	for i, a := range alerts {
		all[i] = alert{
			StartsAt: a.StartsAt.UTC(), EndsAt: endOf(a, now), Labels: identity(a.Labels),
			Annotations: annotations(a), GeneratorURL: page(a),
		}
	}
	return json.Marshal(all)
}

// endOf is when an alert ends or ended. An end before the start, as a clock that
// went back leaves it, would be refused.
func endOf(a billwatch.Alert, now time.Time) time.Time {
	end := now.Add(standsFor)
	if a.State == billwatch.Resolved {
		end = a.EndsAt
	}
	if end.Before(a.StartsAt) {
		end = a.StartsAt
	}
	return end.UTC()
}

// identity returns the labels by which both sides know the alert.
func identity(l billwatch.Labels) billwatch.Labels {
	out := billwatch.Labels{}
	for name, value := range l {
		if name != billwatch.LabelAccountName && value != "" {
			out[name] = value
		}
	}
	return out
}

func annotations(a billwatch.Alert) map[string]string {
	out := maps.Clone(a.Annotations)
	if out == nil {
		out = map[string]string{}
	}
	for name, text := range map[string]string{
		billwatch.LabelAccountName: a.Labels[billwatch.LabelAccountName],
		"runbook_url":              a.RunbookURL,
	} {
		if out[name] == "" && text != "" {
			out[name] = text
		}
	}
	return out
}
