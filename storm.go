package billwatch

import (
	"errors"
	"time"
)

// StormKey is the group key of every digest.
const StormKey = "storm"

// Storm is what a digest says instead of listing everything.
type Storm struct {
	Groups int         `json:"groups"` // so many messages it stands for
	Rules  []StormRule `json:"rules"`  // most alerts first
}

// StormRule counts a rule's alerts in a digest.
type StormRule struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity,omitempty"`
	Firing   int    `json:"firing"`
	Resolved int    `json:"resolved"`
}

// ErrStormMoved says that a digest changed while another one was made from it:
// it was sent, or another replica added to it.
var ErrStormMoved = errors.New("the digest has changed")

// StormQuery asks how an integration's digests stand.
type StormQuery struct {
	Integration string
	Since       time.Time // from when on messages count as recent
	LastSince   time.Time // from when on a digest counts as the last
}

// Storms is how an integration's digests stand.
type Storms struct {
	Waiting  *Notification  // a digest that was not sent, for certain; nil for none
	Attempts int            // of the waiting one
	Revision int            // of the waiting one
	Recent   int            // messages that were frozen lately
	Last     time.Time      // when the last digest was frozen; zero for not lately
	Tally    map[string]int // alerts that ended and that no digest listed, by rule
}

// StormFlush is a digest with the groups that it speaks for, stored in one
// transaction.
type StormFlush struct {
	Flushes  []Flush // their notifications are in the digest, and are not stored
	Digest   Notification
	Replaces string         // id of the waiting digest that it goes on from; its own id where it only grows
	Revision int            // of that one
	Due      time.Time      // it waits for company until then
	Tally    map[string]int // what it counts of the tally
	Unlisted []string       // fingerprints that the digest before listed and this one does not
}
