package web

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Receiver is how deliveries to one integration of a receiver go.
type Receiver struct {
	Receiver    string     `json:"receiver"`
	Integration string     `json:"integration"`
	Type        string     `json:"type"`
	Pending     int        `json:"pending"`           // messages that are owed
	OldestAt    *time.Time `json:"oldest_pending_at"` // of these
	DeliveredAt *time.Time `json:"last_delivered_at"`
	PausedUntil *time.Time `json:"paused_until"`
	DownSince   *time.Time `json:"down_since"`
	Error       string     `json:"error,omitempty"` // why it is down
}

func (a API) receivers(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	receivers, err := a.Receivers(ctx)
	if err != nil {
		problem(w, http.StatusServiceUnavailable, "the store cannot be asked at present")
		return
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version   string     `json:"version"`
		Receivers []Receiver `json:"receivers"`
	}{"1", orEmpty(receivers)})
}

// receiverMetrics show how deliveries go, as the store has it: every replica
// shows the same.
type receiverMetrics struct {
	down, pending, age *prometheus.GaugeVec
}

func newReceiverMetrics(registry *prometheus.Registry) *receiverMetrics {
	m := &receiverMetrics{
		down:    gauge("receiver_down", "Whether the receiver does not get its messages.", "integration"),
		pending: gauge("notifications_pending", "Messages that are owed.", "integration"),
		age:     gauge("notifications_oldest_pending_age_seconds", "Age of the oldest message that is owed; 0 where none is.", "integration"),
	}
	registry.MustRegister(m.down, m.pending, m.age)
	return m
}

// refresh asks how deliveries go. While nobody can say there are no series.
func (m *receiverMetrics) refresh(ctx context.Context, api API) {
	var receivers []Receiver
	if api.Receivers != nil {
		receivers, _ = api.Receivers(ctx) // the probes say that the store is away
	}
	for _, vec := range []*prometheus.GaugeVec{m.down, m.pending, m.age} {
		vec.Reset()
	}
	for _, r := range receivers {
		down, age := 0.0, 0.0
		if r.DownSince != nil {
			down = 1
		}
		if r.OldestAt != nil {
			age = max(api.now().Sub(*r.OldestAt).Seconds(), 0)
		}
		m.down.WithLabelValues(r.Integration).Set(down)
		m.pending.WithLabelValues(r.Integration).Set(float64(r.Pending))
		m.age.WithLabelValues(r.Integration).Set(age)
	}
}

func (a API) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}
