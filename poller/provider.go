// Package poller asks billing APIs at a steady rate, frugally.
//
// A provider is one folder below this package and one line in poller/builtin;
// pollertest is the conformance suite that each passes. What is common to all
// (carrying over the last good snapshot, counting missing accounts, the request
// budget, back-off) is done here once, by Source.Round.
package poller

import (
	"context"
	"net/http"
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
	Source     string
	Timeout    time.Duration                   // of one request, its body included; zero for DefaultTimeout
	Ask        func(ctx context.Context) error // waits for a place in the request budget; nil for none
	AskHistory func(ctx context.Context) error // the same for a history request; nil for Ask
	UserAgent  string
	Watch      func(Exchange) // is told of each request, answered or not, at any time; nil for nobody
	Dir        string         // what relative paths in the settings are relative to
}

// DefaultTimeout is how long one request may take where nothing else is said.
const DefaultTimeout = 15 * time.Second

// Provider reads one API with one credential. It is safe for concurrent use.
//
// What it returns of a request that failed is an *Error. A Fetch refused
// because the account is suspended returns Kind Suspended and, beside it, the
// snapshot of an account of which only that is known.
type Provider interface {
	// List returns the accounts that the credential sees.
	List(ctx context.Context) (Listing, error)
	// Fetch reads one listed account. Providers whose list rows carry the
	// snapshot are never asked. The caller fills in the snapshot's At.
	Fetch(ctx context.Context, account billwatch.Account) (billwatch.Snapshot, error)
}

// Historian is a Provider with a history endpoint.
type Historian interface {
	// History returns the account's balance records from since on, sorted by
	// period, the last of each period winning. The record of the running
	// period may be among them.
	History(ctx context.Context, id string, since time.Time) ([]billwatch.Record, error)
}

// Refresher is a Provider whose credential may lie in a file.
type Refresher interface {
	// Refresh reads the credential again and says whether it is another one.
	Refresh() (changed bool, err error)
}

// Decoder is a Provider that can read a saved answer about one account.
type Decoder interface {
	// Decode returns what the answer says; the caller fills in the source and
	// the time.
	Decode(body []byte) (billwatch.Snapshot, error)
}

// Describer is a Provider that says which fields of its answers it reads.
type Describer interface {
	Fields() []Field
}

// Field is one that a provider reads. Words are shown and kept where all else
// of an answer is hidden.
type Field struct {
	Route string // of the answer, as in Exchange
	Path  string // "organizations[].uid"
	Word  bool   // holds one of few words, never what somebody typed
}

// Listing is a provider's accounts, in its order.
type Listing struct {
	Rows     []Row
	Complete bool    // false where a row or page could not be read: nothing is missing by it
	Problems []error // the rows and pages that could not be read; a page's is an *Error

	full bool // rows were dropped
}

// Row is one listed account; Snapshot is set where the list carries it.
type Row struct {
	Account  billwatch.Account
	Snapshot *billwatch.Snapshot
}

// Exchange is one request and what came back, as a Watch sees it. Its body is
// what the provider sent, personal data included.
type Exchange struct {
	Route  string // "/v1/organizations/{uid}"
	Path   string // as it was asked for, with its query
	Status int    // 0 where no answer came
	Header http.Header
	Body   []byte // as far as it was read, at most MaxDetail
	Bytes  int64  // of the body, as far as it was read
	Cut    bool   // more of the body came than is kept
	Took   time.Duration
	Err    error // why the answer does not count; nil where it does
}

// Mapper is a Provider that reads answers as its settings say.
type Mapper interface {
	// Mappings asks for the listing and its first account, and returns what
	// each mapping gave for it.
	Mappings(ctx context.Context) ([]Mapping, error)
}

// Mapping is what one expression made of an answer.
type Mapping struct {
	Field string // "balance", as in the settings
	Expr  string
	Value any   // as the field takes it; nil for not sent
	Err   error // why it gave nothing
}
