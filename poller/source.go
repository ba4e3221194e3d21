package poller

import (
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
)

const defaultConcurrency = 4

// Source is one configured API with one credential. Its exported fields are
// set before the first round and left alone after it.
type Source struct {
	Name        string
	Provider    Provider
	Timing      Timing
	Concurrency int                                       // requests at a time; 4 where zero
	Select      func(billwatch.Account) billwatch.Outcome // which accounts are polled; all where nil
	Labels      billwatch.Labels                          // of each of its accounts

	// SelectRead says it of an account that was read, where Select could not of
	// its row in the listing.
	SelectRead func(billwatch.Snapshot) billwatch.Outcome

	Budget *Budget // the one whose Ask the provider was given
	Now    func() time.Time
	Log    *slog.Logger

	// MaxInterval is how old an account's reading may get where the budget does
	// not allow to read all of them each time; 6 intervals where zero.
	MaxInterval time.Duration

	// FirstHistory is how far back the first read of an account's history goes;
	// 90 days where zero.
	FirstHistory time.Duration

	// Held says whether the source is still this replica's to poll; with an
	// error it ends the round before its next request. Nil is always.
	Held func() error

	mu       sync.Mutex
	empty    int // empty listings in a row while there were accounts
	history  map[string]historyMemory
	attempts map[string]time.Time // when an account was last asked for
	strange  map[string]bool      // what was logged once
	pages    int                  // requests that the last whole listing took
	free     bool                 // its rows carried the snapshots
	begun    bool                 // a round was made
	said     string               // the shortage that was logged last
	rests    func(time.Time)      // is told of a pause; may be nil
}

// dress gives a listed account what the configuration and an earlier poll know
// of it.
func (s *Source) dress(a billwatch.Account, known billwatch.Remembered) billwatch.Account {
	a.Source = s.Name
	if a.Labels == nil && len(s.Labels) > 0 {
		a.Labels = maps.Clone(s.Labels)
	}
	if a.Owner == "" {
		a.Owner = known.Account.Owner
	}
	if a.Email == "" {
		a.Email = known.Account.Email
	}
	return a
}

// emptyListing counts an empty listing of a source that had accounts, and says
// whether it is believed: the third in a row is.
func (s *Source) emptyListing(empty bool) (believed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !empty {
		s.empty = 0
		return true
	}
	s.empty++
	return s.empty >= 3
}

// firstTime says whether a strange thing about the source was not yet logged.
func (s *Source) firstTime(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.strange[what] || len(s.strange) >= 1000 {
		return false
	}
	if s.strange == nil {
		s.strange = make(map[string]bool)
	}
	s.strange[what] = true
	return true
}

// tried notes that an account is asked for, whatever comes of it.
func (s *Source) tried(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attempts == nil {
		s.attempts = make(map[string]time.Time)
	}
	s.attempts[id] = now
}

// Resume takes over what the store knows of the source, from whichever replica
// polled it last. From now on rests is told until when the provider asks to be
// left alone, as soon as it does: a round that sits a pause out may be killed
// before it ends. It may be called by several goroutines, and may be nil.
func (s *Source) Resume(slot billwatch.Slot, rests func(until time.Time)) {
	if s.Budget != nil {
		s.Budget.Seed(slot.Requests)
		s.Budget.Assume(slot.BrokenOff)
		s.Budget.rest(slot.PausedUntil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty, s.rests = slot.EmptyListings, rests
}

// Paused returns until when the source rests; zero where it does not.
func (s *Source) Paused() time.Time {
	if s.Budget == nil {
		return time.Time{}
	}
	return s.Budget.Paused()
}

// Spent returns the times of the source's last requests, for the store; nil
// where nothing limits them.
func (s *Source) Spent() []time.Time {
	if s.Budget == nil {
		return nil
	}
	return s.Budget.Requests()
}

// listingCost returns how many requests a listing takes, as far as is known.
func (s *Source) listingCost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(1, s.pages)
}

// beginning says whether this is the process's first round of the source.
func (s *Source) beginning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun := s.begun
	s.begun = true
	return !begun
}

// say logs a shortage when it is not the one that was logged last.
func (s *Source) say(shortage string) {
	s.mu.Lock()
	before := s.said
	s.said = shortage
	s.mu.Unlock()
	switch {
	case shortage == before:
	case shortage == "":
		s.Log.Info("the request budget is enough again", "source", s.Name)
	default:
		s.Log.Warn("the request budget is short", "source", s.Name, "shortage", shortage)
	}
}

// forget drops what is remembered of accounts that are no longer listed.
func (s *Source) forget(listed []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.attempts) <= len(listed) && len(s.history) <= len(listed) {
		return
	}
	keep := make(map[string]bool, len(listed))
	for _, id := range listed {
		keep[id] = true
	}
	maps.DeleteFunc(s.attempts, func(id string, _ time.Time) bool { return !keep[id] })
	maps.DeleteFunc(s.history, func(id string, _ historyMemory) bool { return !keep[id] })
}
