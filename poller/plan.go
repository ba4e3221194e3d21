package poller

import (
	"fmt"
	"math/bits"
	"time"
)

const (
	// defaultStretch times the interval is how old a reading may get where the
	// budget is short and MaxInterval is not given.
	defaultStretch = 6
	// catchUp is within what time every account's new history is read where the
	// budget is short.
	catchUp = 6 * time.Hour
)

// plan is how a short budget is spent: every round lists, then reads so many
// accounts and at most so much history.
type plan struct {
	every     time.Duration // from one round to the next
	longest   time.Duration // how old a reading may get
	details   int           // accounts read in a round
	histories int           // history requests kept free for in a round
	needs     int           // requests a minute that would be enough
	enough    bool          // every account is read in every round
}

// plan says how to spend the budget on so many accounts, of which all cost a
// request or, where free, none.
func (s *Source) plan(all int, free bool, now time.Time) plan {
	accounts := all
	if free {
		accounts = 0
	}
	p := plan{every: s.Timing.interval(now), details: accounts, enough: true}
	p.longest = s.MaxInterval
	if p.longest == 0 {
		p.longest = defaultStretch * p.every
	}
	if s.Budget == nil || s.Budget.limit == 0 {
		return p
	}
	limit, listing := s.Budget.limit, s.listingCost()
	_, historian := s.Provider.(Historian)
	interval := p.every
	room := affordable(limit, interval)
	least := listing + min(accounts, 1)
	if historian {
		least++
	}
	for room < least { // one round takes several intervals
		p.every += interval
		room = affordable(limit, p.every)
	}
	if historian {
		share := int((int64(all)*int64(p.every) + int64(catchUp) - 1) / int64(catchUp))
		p.histories = max(1, min(share, (room-listing)/2))
	}
	p.enough = p.every == interval && accounts <= room-listing-p.histories
	if p.enough {
		p.histories = room - listing - accounts
		return p
	}
	p.details = min(accounts, room-listing-p.histories)
	need := int64(listing + accounts + p.histories)
	p.needs = int((need*int64(minute+slack) + int64(interval) - 1) / int64(interval))
	return p
}

// affordable returns how many requests fit into a span of time, at perMinute
// in any 60 seconds, again and again.
func affordable(perMinute int, span time.Duration) int {
	return int(int64(perMinute) * int64(span) / int64(minute+slack))
}

// age returns how old the reading of an account gets that is not among the
// preferred ones.
func (p plan) age(accounts, preferred int) time.Duration {
	if p.enough {
		return p.every
	}
	if p.details == 0 { // all come with the listing
		return p.every
	}
	even := p.every * time.Duration(ceil(accounts, p.details))
	rounds := int(p.longest / p.every)
	if accounts > p.details*rounds { // the longest age cannot be kept: an even stretch
		return even
	}
	if preferred >= p.details {
		return p.longest
	}
	return min(p.longest, p.every*time.Duration(ceil(accounts-preferred, p.details-preferred)))
}

func ceil(a, b int) int { return (a + b - 1) / b }

// Planned returns how old the reading of an account may get by plan: an
// interval, or as long as the budget stretches it. For cron it is the time
// between two due times.
func (s *Source) Planned(accounts int) time.Duration {
	now := s.Now()
	s.mu.Lock()
	free := s.free
	s.mu.Unlock()
	p := s.plan(accounts, free, now)
	return p.age(accounts, p.details)
}

// shortage says in words that the budget does not allow to read every account
// each time, and how often each is read instead. The count of the preferred
// ones is rounded up, so that it does not say something else every time.
func (s *Source) shortage(p plan, accounts, preferred int) string {
	if p.enough {
		return ""
	}
	if preferred > 0 {
		preferred = 1 << bits.Len(uint(preferred-1))
	}
	return fmt.Sprintf("needs %d requests a minute, has %d: every account once in %s",
		p.needs, s.Budget.limit, short(p.age(accounts, preferred)))
}

// short prints a duration without its zero seconds.
func short(d time.Duration) string {
	d = d.Round(time.Second)
	switch h, m, s := d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second; {
	case s != 0:
		return d.String()
	case h == 0:
		return fmt.Sprintf("%dm", m)
	case m == 0:
		return fmt.Sprintf("%dh", h)
	default:
		return fmt.Sprintf("%dh%dm", h, m)
	}
}
