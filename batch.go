package billwatch

import (
	"errors"
	"time"
)

// ErrLeaseLost says that another replica has taken over what this one had
// claimed: nothing was stored, and trying again is pointless.
var ErrLeaseLost = errors.New("lease lost")

// Lease is the right of one replica to poll one source until a moment.
type Lease struct {
	Source string
	Holder string
	Epoch  int64
	Until  time.Time
	Slot   int64 // the time slot that was claimed
}

// Carry says which configuration a replica has.
type Carry struct {
	Holder string
	Hash   string // of the configuration
	Now    time.Time
	Take   bool // it is to be the current one, whatever that was

	// Integrations are those that it has, each with a text that changes with its
	// settings. What is owed to one that has another name now follows it.
	Integrations map[string]string
}

// SlotClaim asks for a source's time slot.
type SlotClaim struct {
	Source string
	Holder string // the replica's name, unique per process
	Slot   int64  // (now - spread) / interval; the last due Unix second for cron
	Now    time.Time
}

// Slot is the answer to a SlotClaim.
type Slot struct {
	Taken    bool // the claim succeeded and Lease is valid
	Lease    Lease
	Requests []time.Time // the source's last requests, of whichever replica

	PausedUntil   time.Time // the source rests until then; zero where it does not
	EmptyListings int       // empty listings in a row while there were accounts

	// BrokenOff is when the replica that polled the source before may last have
	// asked for something, where it did not live to end its round and to say
	// what that cost; zero where it did.
	BrokenOff time.Time
}

// Batch is what one round learned of some accounts, committed in one
// transaction: all of it or nothing.
type Batch struct {
	Lease       Lease // its epoch is checked; a paused ex-holder's writes are refused
	Now         time.Time
	Polls       []Poll
	Alerts      []Alert // changed ones; an inactive or resolved one is removed
	Transitions []Transition
	Due         []GroupDue
	Failing     []RuleFailure // rules that fail on evaluation, as far as that is news
	Mended      []AlertKey    // those that no longer do
	Requests    []time.Time   // the source's last requests, for its budget
	PausedUntil time.Time     // the source rests at least until then; zero where nobody asked for it
	Forget      []string      // accounts that are gone, and are no longer known
}

// Round is how a poll of a whole source ended.
type Round struct {
	Lease    Lease
	Now      time.Time
	Err      error    // the listing failed; nothing is missing by it
	Complete bool     // the listing was complete
	Seen     []string // ids in the listing; complete and empty: all are gone at once
	Excluded []string // of these, the ones that the source's select leaves out
	Problems []string // bad rows, in words
	Requests []time.Time

	PausedUntil   time.Time // the source rests until then; zero where it does not
	EmptyListings int       // empty listings in a row while there were accounts
	Shortage      string    // why accounts are read less often than each interval; empty where they are not
}

// Knowledge is what the store knows of an account for judging it.
type Knowledge struct {
	Previous *Snapshot         // the last good one before this poll
	Records  []Record          // 90 days, sorted by period
	Alerts   []Alert           // pending and firing ones
	Failing  map[string]string // rules that fail on evaluation, each with its sum; nil for none

	Forgotten bool // it was deleted, and is forgotten although it is listed still
}
