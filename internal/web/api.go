package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/billwatch/billwatch"
)

// API is what the machine-readable pages are made from.
type API struct {
	Sources func(ctx context.Context) ([]Source, error)
	Explain func(ctx context.Context, rule, account string) (Explanation, error)
	Hosts   func() []string // names under which it may be asked; addresses and localhost always are
	Outbox  Notifications
	// Receivers says how deliveries go, for the API and the metrics.
	Receivers func(ctx context.Context) ([]Receiver, error)
	// Test sends a test message by each integration of a receiver; none where
	// there is no such receiver.
	Test    func(ctx context.Context, receiver string) ([]TestMessage, error)
	Now     func() time.Time // the time that ages are counted by; the clock's where nil
	Reload  func() error     // reads the configuration again; an error says why the old one stays
	Refused string           // why nothing may be changed through it; empty where that is allowed

	Silences func() SilenceBook // nil while there is no store
	Alerts   Alerts
	Accounts AccountBook
}

// Source is how a source can be seen at present. It names no person and holds
// no secret.
type Source struct {
	Name        string     `json:"name"`
	Type        string     `json:"type"`
	LastRound   *time.Time `json:"last_round"`
	LastSuccess *time.Time `json:"last_success"`
	FailingFrom *time.Time `json:"failing_since"`
	PausedUntil *time.Time `json:"paused_until"`
	Requests    int        `json:"requests_last_minute"`
	Limit       int        `json:"requests_per_minute,omitempty"` // none where it is left out
	Shortage    string     `json:"shortage,omitempty"`
	Problems    []string   `json:"problems,omitempty"` // rows of the listing that cannot be read
	Accounts    Accounts   `json:"accounts"`

	Error    *billwatch.Failure `json:"error"`
	Failures []AccountFailure   `json:"failures,omitempty"` // of accounts, the first hundred
}

// Accounts counts a source's accounts by how they can be seen.
type Accounts struct {
	Known         int      `json:"known"` // those that are not gone
	Missing       int      `json:"missing"`
	Gone          int      `json:"gone"`
	Failing       int      `json:"failing"`
	Derived       int      `json:"history_derived"` // without a history of the provider's
	OldestReading *float64 `json:"oldest_reading_age_seconds"`
}

// AccountFailure is why an account cannot be read.
type AccountFailure struct {
	Account string            `json:"account"`
	Since   time.Time         `json:"since"`
	Error   billwatch.Failure `json:"error"`
}

// apiTimeout bounds one answer.
const apiTimeout = 10 * time.Second

func (a API) sources(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	sources, err := a.Sources(ctx)
	if err != nil { // its text may name the store
		problem(w, http.StatusServiceUnavailable, "the store cannot be asked at present")
		return
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version string   `json:"version"`
		Sources []Source `json:"sources"`
	}{"1", sources})
}

func problem(w http.ResponseWriter, status int, detail string) {
	answer(w, "application/problem+json", status, struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
}

func answer(w http.ResponseWriter, media string, status int, v any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // whoever asked is gone
}
