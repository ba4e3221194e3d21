package web

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/billwatch/billwatch"
)

// Metrics are what billwatch counts about itself and shows about accounts. No
// label holds a name that a customer types; accounts are known by their id.
type Metrics struct {
	registry  *prometheus.Registry
	sources   *sourceMetrics
	receivers *receiverMetrics
	feeds     *feedMetrics

	balance   *prometheus.GaugeVec
	suspended *prometheus.GaugeVec
	burn      *prometheus.GaugeVec
	runway    *prometheus.GaugeVec
	seen      *prometheus.GaugeVec

	polls         *prometheus.CounterVec
	rounds        *prometheus.CounterVec
	evaluations   *prometheus.CounterVec
	transitions   *prometheus.CounterVec
	notifications *prometheus.CounterVec
	errors        *prometheus.CounterVec
	untold        prometheus.Counter
	miswrote      *prometheus.CounterVec
	misannotated  *prometheus.CounterVec
	attempts      *prometheus.HistogramVec
	dropped       *prometheus.CounterVec
	reloaded      prometheus.Gauge
	reloadedAt    prometheus.Gauge
}

// NewMetrics returns the metrics of one process in a registry of their own.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	account := []string{"source", "account"}
	m.balance = gauge("balance", "What the account holds, in its own unit.", account...)
	m.suspended = gauge("suspended", "Whether the provider says the account is suspended.", account...)
	m.burn = gauge("burn_rate", "Expected use per day, in the account's own unit.", account...)
	m.runway = gauge("runway_seconds", "Time until the balance is expected to be gone, as quantile q of the forecast.", append(account, "q")...)
	m.seen = gauge("account_read_timestamp_seconds", "When the account was last read, Unix time.", account...)
	m.polls = counter("polls_total", "Accounts read, by outcome.", "source", "outcome")
	m.rounds = counter("rounds_total", "Polls of a whole source, by outcome.", "source", "outcome")
	m.errors = counter("poll_errors_total", "Polls that failed, of accounts and of whole sources, by kind of error.", "source", "kind")
	m.evaluations = counter("evaluations_total", "Rules judged on accounts, by outcome.", "rule", "outcome")
	m.transitions = counter("transitions_total", "Alerts that moved, by the state they moved to.", "rule", "to")
	m.notifications = counter("notifications_total", "Attempts to deliver, by outcome.", "integration", "outcome")
	m.untold = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "billwatch_alerts_untold_total",
		Help: "Alerts that fired and resolved before an integration was told of them.",
	})
	m.miswrote = counter("template_errors_total", "Messages of which a template failed, so that the default one was used.", "integration")
	m.misannotated = counter("annotation_errors_total", "Annotations of rules whose template failed.", "rule")
	m.configMetrics()
	m.attempts = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "billwatch_notification_duration_seconds",
		Help:    "How long attempts to deliver took.",
		Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30},
	}, []string{"integration"})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "billwatch_build_info", Help: "The program's version; always 1.",
	}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.balance, m.suspended, m.burn, m.runway, m.seen, m.polls, m.rounds, m.errors,
		m.evaluations, m.transitions, m.notifications, m.untold, m.miswrote, m.misannotated, m.attempts, m.dropped, m.reloaded, m.reloadedAt, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.receivers = newReceiverMetrics(m.registry)
	m.sources, m.feeds = newSourceMetrics(m.registry), newFeedMetrics(m.registry)
	return m
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "billwatch_" + name, Help: help}, labels)
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "billwatch_" + name, Help: help}, labels)
}

// Polled counts one attempt to read an account, and shows what it read.
func (m *Metrics) Polled(p billwatch.Poll) {
	source, id := p.Account.Source, p.Account.ID
	if p.Snapshot == nil {
		m.polls.WithLabelValues(source, "failed").Inc()
		m.errors.WithLabelValues(source, billwatch.FailureOf(p.Err).Kind).Inc()
		return
	}
	m.polls.WithLabelValues(source, "ok").Inc()
	m.seen.WithLabelValues(source, id).Set(float64(p.At.Unix()))
	show(m.balance, decimalOf(p.Snapshot.Balance), source, id)
	suspended, known := p.Snapshot.Suspended.Get()
	value := billwatch.NotSent[float64]()
	if known {
		value = billwatch.Known(0.0)
		if suspended {
			value = billwatch.Known(1.0)
		}
	}
	show(m.suspended, value, source, id)
}

// Forecast shows when an account's balance is expected to be gone; nil where
// there is no telling.
func (m *Metrics) Forecast(account billwatch.AccountKey, f *billwatch.Forecast) {
	quantiles := map[string]float64{"0.1": math.NaN(), "0.5": math.NaN(), "0.9": math.NaN()}
	burn := billwatch.NotSent[float64]()
	if f != nil {
		quantiles = map[string]float64{"0.1": f.Runway.P10, "0.5": f.Runway.P50, "0.9": f.Runway.P90}
		burn = billwatch.Known(f.BurnRate)
	}
	show(m.burn, burn, account.Source, account.ID)
	const day = float64(24 * time.Hour / time.Second)
	for q, days := range quantiles {
		value := billwatch.NotSent[float64]()
		if !math.IsNaN(days) {
			value = billwatch.Known(days * day)
		}
		show(m.runway, value, account.Source, account.ID, q)
	}
}

// Forgotten drops the series of an account that is no longer watched.
func (m *Metrics) Forgotten(account billwatch.AccountKey) {
	labels := prometheus.Labels{"source": account.Source, "account": account.ID}
	for _, vec := range []*prometheus.GaugeVec{m.balance, m.suspended, m.burn, m.runway, m.seen} {
		vec.DeletePartialMatch(labels)
	}
}

// RoundEnded counts a poll of a whole source.
func (m *Metrics) RoundEnded(r billwatch.Round) {
	outcome := "ok"
	if r.Err != nil {
		outcome = "failed"
		m.errors.WithLabelValues(r.Lease.Source, billwatch.FailureOf(r.Err).Kind).Inc()
	}
	m.rounds.WithLabelValues(r.Lease.Source, outcome).Inc()
}

// Evaluated counts what a rule said.
func (m *Metrics) Evaluated(e billwatch.Evaluation) {
	m.evaluations.WithLabelValues(e.Rule, e.Outcome.String()).Inc()
	if e.Miswritten > 0 {
		m.misannotated.WithLabelValues(e.Rule).Add(float64(e.Miswritten))
	}
}

// Miswrote counts a message of which a template failed.
func (m *Metrics) Miswrote(integration string) { m.miswrote.WithLabelValues(integration).Inc() }

// Moved counts a transition.
func (m *Metrics) Moved(t billwatch.Transition) {
	to := string(t.To)
	if t.To == billwatch.Inactive {
		to = "inactive"
	}
	m.transitions.WithLabelValues(t.Alert.Key.Rule, to).Inc()
}

// Settled counts an attempt to deliver.
func (m *Metrics) Settled(s billwatch.Settlement) {
	integration := s.Delivery.Notification.Integration
	m.notifications.WithLabelValues(integration, s.Outcome).Inc()
	m.attempts.WithLabelValues(integration).Observe(s.Took.Seconds())
}

// Untold counts alerts that came and went before an integration was told.
func (m *Metrics) Untold(n int) { m.untold.Add(float64(n)) }

func decimalOf(v billwatch.Value[billwatch.Decimal]) billwatch.Value[float64] {
	d, known := v.Get()
	if !known {
		return billwatch.NotSent[float64]()
	}
	return billwatch.Known(d.Float64())
}

// show sets the series, or drops it: a value that is not known has no series.
func show(vec *prometheus.GaugeVec, v billwatch.Value[float64], labels ...string) {
	f, known := v.Get()
	if !known {
		vec.DeleteLabelValues(labels...)
		return
	}
	vec.WithLabelValues(labels...).Set(f)
}
