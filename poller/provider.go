// Package poller asks billing APIs at a steady rate, frugally.
//
// A provider is one folder below this package and one line in poller/builtin;
// pollertest is the conformance suite that each passes. What is common to all
// (carrying over the last good snapshot, counting missing accounts, the request
// budget, back-off) is done here once.
package poller

import (
	"context"
	"time"

	"github.com/billwatch/billwatch"
)

// Type is a provider's name in the configuration and its settings.
type Type struct {
	Name     string          // "notehub"
	Settings func() Settings // a new pointer with the defaults set, ready to be decoded into
}

// Settings is a provider's decoded configuration. New checks it, without
// touching the network, and reports wrong fields as *billwatch.FieldError,
// several joined.
type Settings interface {
	New(c Common) (Provider, error)
}

// Common is what every provider is given beside its own settings.
type Common struct {
	Source    string
	Timeout   time.Duration                   // of one request, its body included
	Ask       func(ctx context.Context) error // waits for a place in the request budget; nil for none
	UserAgent string
}

// Provider reads one API with one credential. It is safe for concurrent use.
type Provider interface {
	// List returns the accounts that the credential sees.
	List(ctx context.Context) (Listing, error)
	// Fetch reads one listed account. Providers whose list rows carry the
	// snapshot are never asked.
	Fetch(ctx context.Context, account billwatch.Account) (billwatch.Snapshot, error)
}

// Historian is a Provider with a history endpoint.
type Historian interface {
	// History returns the account's balance records from since on, sorted by
	// period, the last of each period winning. The record of the running
	// period may be among them.
	History(ctx context.Context, id string, since time.Time) ([]billwatch.Record, error)
}

// Listing is a provider's accounts, in its order.
type Listing struct {
	Rows     []Row
	Complete bool    // false where a row or page could not be read: nothing is missing by it
	Problems []error // the rows that could not be read
}

// Row is one listed account; Snapshot is set where the list carries it.
type Row struct {
	Account  billwatch.Account
	Snapshot *billwatch.Snapshot
}

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
