package web

import (
	"context"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// sourceMetrics show how sources can be seen, as the store has it: every
// replica shows the same, and what is no longer known has no series.
type sourceMetrics struct {
	mu    sync.Mutex
	shown []sourceGauge
}

type sourceGauge struct {
	*prometheus.GaugeVec
	value func(Source) (float64, bool)
}

func newSourceMetrics(registry *prometheus.Registry) *sourceMetrics {
	s := &sourceMetrics{}
	for _, g := range []struct {
		name, help string
		value      func(Source) (float64, bool)
	}{
		{"source_up", "Whether the last poll of the source succeeded.", func(s Source) (float64, bool) {
			if s.Error != nil {
				return 0, true
			}
			return 1, s.LastRound != nil
		}},
		{"source_requests", "Requests to the source within the last minute.", func(s Source) (float64, bool) { return float64(s.Requests), true }},
		{"source_requests_limit", "Requests to the source that are allowed within a minute.", func(s Source) (float64, bool) {
			return float64(s.Limit), s.Limit > 0
		}},
		{"source_paused_until_timestamp_seconds", "Until when the source rests, Unix time.", func(s Source) (float64, bool) {
			if s.PausedUntil == nil {
				return 0, false
			}
			return float64(s.PausedUntil.Unix()), true
		}},
		{"source_oldest_reading_age_seconds", "Age of the oldest reading of the source's accounts.", func(s Source) (float64, bool) {
			if s.Accounts.OldestReading == nil {
				return 0, false
			}
			return *s.Accounts.OldestReading, true
		}},
		{"account_missing", "Accounts that the last listings left out.", func(s Source) (float64, bool) { return float64(s.Accounts.Missing), true }},
		{"account_gone", "Accounts that are gone.", func(s Source) (float64, bool) { return float64(s.Accounts.Gone), true }},
		{"account_failing", "Accounts that could not be read.", func(s Source) (float64, bool) { return float64(s.Accounts.Failing), true }},
	} {
		vec := gauge(g.name, g.help, "source")
		registry.MustRegister(vec)
		s.shown = append(s.shown, sourceGauge{vec, g.value})
	}
	return s
}

// refresh asks how the sources can be seen. While nobody can say there are no
// series.
func (s *sourceMetrics) refresh(ctx context.Context, api API) {
	var sources []Source
	if api.Sources != nil {
		sources, _ = api.Sources(ctx) // the probes say that the store is away
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.shown {
		g.Reset()
		for _, source := range sources {
			if v, ok := g.value(source); ok {
				g.WithLabelValues(source.Name).Set(v)
			}
		}
	}
}

// handler serves the metrics.
func (m *Metrics) handler(api API) http.Handler {
	serve := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
		defer cancel()
		m.sources.refresh(ctx, api)
		m.receivers.refresh(ctx, api)
		serve.ServeHTTP(w, r)
	})
}
