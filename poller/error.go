package poller

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// Kind is what went wrong with a request, and so what to do about it.
type Kind string

// The kinds of error.
const (
	Credential   Kind = "credential"    // rejected: read the token file again
	NotPermitted Kind = "not_permitted" // the credential lacks a right
	Suspended    Kind = "suspended"     // which is news, not a failure
	Gone         Kind = "gone"          // 404
	RateLimited  Kind = "rate_limited"
	Failed       Kind = "failed"     // 5xx, transport, time-out
	Unreadable   Kind = "unreadable" // an answer that is not what it should be
)

// Error is a failed request. It never holds a credential.
type Error struct {
	Kind       Kind
	Endpoint   string // "GET /v1/organizations"
	Status     int    // 0 where there was no answer
	RetryAfter time.Duration
	Excerpt    string // of the answer, redacted, bounded
	Err        error
}

// Error names the endpoint, the status and what is wrong.
func (e *Error) Error() string {
	parts := make([]string, 0, 4)
	if e.Endpoint != "" {
		parts = append(parts, e.Endpoint)
	}
	if e.Status != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if e.Excerpt != "" {
		parts = append(parts, fmt.Sprintf("%q", e.Excerpt))
	}
	if len(parts) == 0 {
		return string(e.Kind)
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Failure is the error as it is stored and shown.
func (e *Error) Failure() billwatch.Failure {
	return billwatch.Failure{Kind: string(e.Kind), Endpoint: e.Endpoint, Status: e.Status}
}

// passing says whether the same request may well succeed a little later.
func (e *Error) passing() bool {
	return e.Kind == Failed && (e.Status == 0 || e.Status == http.StatusRequestTimeout || e.Status >= 500)
}

// KindOf returns the kind of err; Failed where it is not an *Error, and
// nothing where it is nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Failed
}

// ErrMissing is why the poll of a known account failed that a listing left out.
var ErrMissing = errors.New("missing from the listing")
