package web

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/billwatch/billwatch/notify"
)

// feedMetrics show how the Alertmanagers are kept up to date by this process.
// That is all that is kept of it.
type feedMetrics struct {
	rounds *prometheus.CounterVec
	alerts *prometheus.GaugeVec
	good   *prometheus.GaugeVec
}

func newFeedMetrics(registry *prometheus.Registry) *feedMetrics {
	feed := []string{"integration", "feed"}
	m := &feedMetrics{
		rounds: counter("pushes_total", "Rounds of pushing alerts to an Alertmanager, by outcome.", append(feed, "outcome")...),
		alerts: gauge("pushed_alerts", "Alerts that an Alertmanager took in the last round.", feed...),
		good:   gauge("push_last_success_timestamp_seconds", "When an Alertmanager last took all alerts, Unix time.", feed...),
	}
	registry.MustRegister(m.rounds, m.alerts, m.good)
	return m
}

// Pushed counts a round of pushing alerts.
func (m *Metrics) Pushed(p notify.Pushed) {
	outcome := "ok"
	if p.Err != nil {
		outcome = "failed"
	}
	m.feeds.rounds.WithLabelValues(p.Integration, p.Feed, outcome).Inc()
	m.feeds.alerts.WithLabelValues(p.Integration, p.Feed).Set(float64(p.Alerts))
	if p.Err == nil {
		m.feeds.good.WithLabelValues(p.Integration, p.Feed).Set(float64(p.At.Unix()))
	}
}
