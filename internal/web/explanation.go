package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/billwatch/billwatch"
)

// Explanation is why a rule says of an account what it says, and the rest of the
// way to whoever would be told. The command explain prints the same.
type Explanation struct {
	Version  string            `json:"version"`
	Rule     string            `json:"rule"`
	Source   string            `json:"source"`
	Account  string            `json:"account"`
	Name     string            `json:"name"`
	At       time.Time         `json:"at"`
	Applies  bool              `json:"applies"`
	Where    string            `json:"where,omitempty"` // why it does not apply
	Outcome  billwatch.Outcome `json:"outcome"`
	Reason   string            `json:"reason,omitempty"`
	Detail   string            `json:"detail,omitempty"`
	Expr     string            `json:"expr"`
	Parts    []ExplainedPart   `json:"parts"` // the whole condition first
	Decides  string            `json:"decides"`
	Distance string            `json:"distance,omitempty"`
	Reached  string            `json:"reached,omitempty"`
	Until    string            `json:"until,omitempty"`
	State    string            `json:"state"`
	Since    *time.Time        `json:"since"` // of the state; null while inactive
	For      ExplainedFor      `json:"for"`
	Blocked  []ExplainedBlock  `json:"blocked_by"` // null where nothing keeps it from being told
	Route    []ExplainedRoute  `json:"route"`
	NextSend *time.Time        `json:"next_send"`
	Why      string            `json:"next_reason,omitempty"`
}

// ExplainedPart is a sub-expression with its value.
type ExplainedPart struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// ExplainedFor is how long the condition must hold.
type ExplainedFor struct {
	Seconds float64    `json:"seconds"`
	FiresAt *time.Time `json:"fires_at"` // of a pending alert
}

// ExplainedBlock is one thing because of which the alert is not told.
type ExplainedBlock struct {
	Why          string     `json:"why"`                    // silenced, inhibited, gone or time
	By           string     `json:"by"`                     // the silence's id, the other alert's fingerprint, the name of the time interval
	Until        *time.Time `json:"until"`                  // null where nobody knows
	Author       string     `json:"author,omitempty"`       // of the silence
	Comment      string     `json:"comment,omitempty"`      // of the silence
	Integrations []string   `json:"integrations,omitempty"` // where; everywhere where they are left out
	Text         string     `json:"text"`                   // all this in words
}

// ExplainedRoute is where the alert would go.
type ExplainedRoute struct {
	Receiver    string           `json:"receiver"`
	Integration string           `json:"integration"`
	Group       billwatch.Labels `json:"group"`
	Pushed      bool             `json:"pushed,omitempty"` // to an Alertmanager, for as long as it fires, which decides whom it tells
}

// AskedWronglyError says that what was asked for is not there.
type AskedWronglyError struct{ Err error }

// Error says what is not there, and what is near.
func (e *AskedWronglyError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *AskedWronglyError) Unwrap() error { return e.Err }

// mostExplaining is how many explanations are made at once: each takes a state
// of its own, and the service has other work.
const mostExplaining = 2

// fewAtOnce turns away whoever comes while most are being answered.
func fewAtOnce(most int, next http.HandlerFunc) http.HandlerFunc {
	seats := make(chan struct{}, most)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case seats <- struct{}{}:
		default:
			w.Header().Set("Retry-After", "1")
			problem(w, http.StatusServiceUnavailable, "others are being answered: ask again in a second")
			return
		}
		defer func() { <-seats }()
		next(w, r)
	}
}

func (a API) explain(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	rule, account := query.Get("rule"), query.Get("account")
	if rule == "" || account == "" {
		problem(w, http.StatusBadRequest, "rule and account must be given: ?rule=NAME&account=ID")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	x, err := a.Explain(ctx, rule, account)
	if wrong, ok := errors.AsType[*AskedWronglyError](err); ok {
		problem(w, http.StatusNotFound, wrong.Error())
		return
	}
	if err != nil { // its text may name the store
		problem(w, http.StatusServiceUnavailable, "the store cannot be asked at present")
		return
	}
	answer(w, "application/json", http.StatusOK, x)
}
