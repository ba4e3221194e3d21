package billwatch

import (
	"errors"
	"time"
)

// Why an account is not forgotten.
var (
	ErrNoAccount = errors.New("there is no such account")
	ErrNotGone   = errors.New("the account is not gone: its source lists it")
)

// AccountKey identifies an account.
type AccountKey struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

// String returns source/id.
func (k AccountKey) String() string { return k.Source + "/" + k.ID }

// Account is whatever holds a balance at a provider.
type Account struct {
	Source   string `json:"source"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	Provider string `json:"provider"` // "notehub", "cudo"
	Kind     string `json:"kind"`     // "organization", "billing_account"
	Role     string `json:"role,omitempty"`
	Owner    string `json:"owner,omitempty"` // personal: never in logs, metrics or labels
	Email    string `json:"email,omitempty"` // personal: never in logs, metrics or labels
	Labels   Labels `json:"labels,omitempty"`
}

// Key returns the account's identity.
func (a Account) Key() AccountKey { return AccountKey{a.Source, a.ID} }

// Title returns the name, or the id where the name is empty.
func (a Account) Title() string {
	if a.Name == "" {
		return a.ID
	}
	return a.Name
}

// Remembered is what the store knows of an account before a poll.
type Remembered struct {
	Account        Account
	Last           *Snapshot // the last good one; nil before the first
	Missing        int       // complete listings in a row without it
	Gone           bool      // missing from three
	Forgotten      bool      // it was deleted, and is forgotten although it is listed still
	Excluded       bool      // select left it out when it was last listed
	HistoryThrough time.Time // start of the newest stored balance record; zero without
	HistoryAsked   time.Time // when history was last asked for
	Urgent         bool      // near to trouble: read first where the request budget is short
	Changed        time.Time // when the last good snapshot began to look as it does
	Runway         float64   // days that the balance is expected to last, where that is few; else zero
}
