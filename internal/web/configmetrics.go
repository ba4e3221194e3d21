package web

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// configMetrics make the metrics about the configuration.
func (m *Metrics) configMetrics() {
	m.dropped = counter("notifications_dropped_total", "Notifications that were owed to a receiver when it was removed.", "integration")
	m.reloaded = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "billwatch_config_last_reload_successful", Help: "Whether the configuration that was read last checked out.",
	})
	m.reloadedAt = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "billwatch_config_last_reload_success_timestamp_seconds", Help: "When a configuration that checked out was last read, Unix time.",
	})
}

// Reloaded shows how reading the configuration went.
func (m *Metrics) Reloaded(err error, now time.Time) {
	if err != nil {
		m.reloaded.Set(0)
		return
	}
	m.reloaded.Set(1)
	m.reloadedAt.Set(float64(now.Unix()))
}

// Dropped counts what was owed to a receiver that was removed.
func (m *Metrics) Dropped(integration string, notifications int) {
	m.dropped.WithLabelValues(integration).Add(float64(notifications))
}

// SourceRemoved drops the series of all accounts of a source.
func (m *Metrics) SourceRemoved(source string) {
	for _, vec := range []*prometheus.GaugeVec{m.balance, m.suspended, m.burn, m.runway, m.seen} {
		vec.DeletePartialMatch(prometheus.Labels{"source": source})
	}
}
