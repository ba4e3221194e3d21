package billwatch

import (
	"errors"
	"time"
)

// Names of the built-in rules that say what cannot be seen or told.
const (
	RuleSourceDown   = "SourceDown"   // no successful poll of a source
	RuleAccountStale = "AccountStale" // none of one account
	RuleAccountGone  = "AccountGone"  // it is no longer listed, or was deleted
	RuleReceiverDown = "ReceiverDown" // a receiver does not get its messages
	RuleRuleBroken   = "RuleBroken"   // a rule fails on evaluation
)

// Failure is what went wrong with a poll, as it is stored and shown. It never
// holds a credential.
type Failure struct {
	Kind     string `json:"kind"`               // "credential", "rate_limited", …
	Endpoint string `json:"endpoint,omitempty"` // "GET /v1/organizations"
	Status   int    `json:"status,omitempty"`   // 0 where there was no answer
	Message  string `json:"message"`            // in words, bounded
}

// maxFailure bounds a failure's message, in bytes.
const maxFailure = 1 << 10

// FailureOf returns what an error is for the store: what the error says of
// itself by a method Failure, or its text alone. It is zero where err is nil.
func FailureOf(err error) Failure {
	if err == nil {
		return Failure{}
	}
	f := Failure{Kind: "failed"}
	if e, ok := errors.AsType[failing](err); ok {
		f = e.Failure()
	}
	f.Message = err.Error()
	if len(f.Message) > maxFailure {
		f.Message = f.Message[:maxFailure-len("…")] + "…"
	}
	return f
}

type failing interface {
	error
	Failure() Failure
}

// WatchClaim asks for the lease of a source without a time slot of it.
type WatchClaim struct {
	Source string
	Holder string
	Now    time.Time
	Gap    time.Duration // so long without a watcher, and it is watched anew
	Down   bool          // the source is found to be down
}

// Watch is the answer to a WatchClaim. A holder that lives keeps its epoch, so
// that its running round is not disturbed.
type Watch struct {
	Held  bool // the source is the claimer's, and Lease is valid
	Lease Lease
	Sight SourceSight
}

// SourceSight is how a source can be seen.
type SourceSight struct {
	Since    time.Time     // watched from then on without a gap
	Good     time.Time     // last successful poll of it or of one of its accounts; zero for never
	Failing  time.Time     // since when its polls fail; zero where they do not
	Back     time.Time     // when it last came back from being down; zero for never
	Down     bool          // it was found to be down, and did not come back yet
	Polling  time.Time     // when the running round began; zero where none runs
	Failure  Failure       // of the last round
	Took     time.Duration // by the last round that ended; zero while one runs
	Accounts int           // known ones that are not gone
	Alerts   []Alert       // that stand on the source itself
}

// SightClaim asks for the accounts that cannot be seen as they should.
type SightClaim struct {
	Source      string
	StaleBefore time.Time // not read since: stale; zero where that cannot be told
	Gone        bool      // accounts that are gone are asked for
	Standing    bool      // those, too, whose alert stands as it should
}

// AccountSight is how an account can be seen.
type AccountSight struct {
	Account Account
	Last    *Snapshot // the last good one; nil before the first
	Good    time.Time // when it was last read; zero for never
	Since   time.Time // since when it is known and selected
	Missing int       // complete listings in a row without it
	Gone    bool      // missing from three
	Deleted time.Time // as the provider says; zero where it does not
	Failure Failure   // of its last poll
	Alerts  []Alert   // AccountGone and AccountStale, where they stand
}
