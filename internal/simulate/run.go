package simulate

import (
	"fmt"
	"time"
)

// simulation is an account on its clock. It holds no state: each answer is
// worked out from 90 days before the start.
type simulation struct {
	account
	start time.Time // of the story
	epoch time.Time // midnight, 90 days before it
	seed  uint64
	first int64 // balance at the epoch
}

func newSimulation(a account, c Config) *simulation {
	start := c.Start.UTC()
	s := &simulation{account: a, start: start, epoch: start.Truncate(day).Add(-historyDays * day), seed: mix(c.Seed ^ mix(a.index+1))}
	if a.recharge > 0 {
		s.first = a.balance // what it is at the start follows
		return s
	}
	s.first = a.balance
	for at := s.epoch; at.Before(start); at = at.Add(time.Hour) {
		s.first += s.use(at, start)
	}
	if a.refresh { // or the first of the month would find it above 5,000
		s.first = freeEvents
	}
	return s
}

// course is what an account has been through until a moment.
type course struct {
	balance int64
	days    []recordJSON // the last one is of the running day
}

// run lives through the hours from the epoch to now. In every hour and so in
// every day: balance = balance before − used + topped up.
func (s *simulation) run(now time.Time) course {
	c := course{balance: s.first}
	for hour := s.epoch; !hour.After(now); hour = hour.Add(time.Hour) {
		if n := len(c.days); n == 0 || hour.Sub(c.days[n-1].Period) >= day {
			c.days = append(c.days, recordJSON{Period: hour})
		}
		end := hour.Add(time.Hour)
		if end.After(now) {
			end = now
		}
		c.balance += s.topUp(hour, end, c.balance)
		used := max(0, min(s.use(hour, end), c.balance)) // what is not there cannot be used
		c.balance -= used
		today := &c.days[len(c.days)-1]
		today.Used += used
		today.Remaining = c.balance
	}
	return c
}

// use returns the events that the account would use in the hour that begins at
// hour, as far as it lies before end.
func (s *simulation) use(hour, end time.Time) int64 {
	lasts := min(end.Sub(hour), time.Hour)
	whole := s.perHour * weekday(hour) * daytime(hour) * s.noise(hour) / 1_000_000
	used := whole * int64(lasts/time.Second) / 3600
	for _, b := range s.bursts {
		from := max(hour.Sub(s.start), b.from)
		to := min(hour.Add(lasts).Sub(s.start), b.to)
		if to > from {
			used += b.perHour * int64((to-from)/time.Second) / 3600
		}
	}
	return used
}

// topUp returns what is added from hour on, before end.
func (s *simulation) topUp(hour, end time.Time, balance int64) int64 {
	var added int64
	if s.refresh && hour.Day() == 1 && hour.Hour() == 0 && balance < freeEvents {
		added += freeEvents - balance
	}
	if s.recharge > 0 && balance < s.recharge/10 {
		added += s.recharge
	}
	for _, t := range s.topUps {
		if at := s.start.Add(t.at); !at.Before(hour) && at.Before(hour.Add(time.Hour)) && !at.After(end) {
			added += t.amount
		}
	}
	if s.plan == enterprise {
		if at := s.start.Add(s.ends); !at.Before(hour) && at.Before(hour.Add(time.Hour)) && !at.After(end) {
			added += s.capacity - balance // the new term begins full
		}
	}
	return added
}

// planAt returns the plan as it is now.
func (s *simulation) planAt(now time.Time) planJSON {
	p := planJSON{Type: s.plan, Balance: s.run(now).balance}
	if s.plan != enterprise {
		utc := now.UTC()
		p.Start = time.Date(utc.Year(), utc.Month(), 1, 0, 0, 0, 0, time.UTC)
		return p
	}
	const term = 365 * day
	end := s.start.Add(s.ends)
	for !end.After(now) {
		end = end.Add(term)
	}
	p.Start, p.End, p.Capacity = end.Add(-term), &end, s.capacity
	return p
}

// weekday returns the share of an average day's use, in percent.
func weekday(t time.Time) int64 {
	switch t.Weekday() {
	case time.Saturday:
		return 60
	case time.Sunday:
		return 45
	}
	return 119
}

// daytime returns the share of an average hour's use, in percent.
func daytime(t time.Time) int64 {
	switch hour := t.Hour(); {
	case hour < 6:
		return 50
	case hour < 8 || hour >= 20:
		return 90
	case hour < 18:
		return 135
	}
	return 108
}

// noise returns between 70 and 130 percent, the same for the same hour.
func (s *simulation) noise(hour time.Time) int64 {
	return 70 + int64(mix(s.seed^uint64(hour.Unix()))%61)
}

// mix turns a number into one that looks nothing like it (SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9
	x = (x ^ (x >> 27)) * 0x94D049BB133111EB
	return x ^ (x >> 31)
}

// identity returns an account's id in the usual form.
func identity(seed, index uint64) string {
	a, b := mix(seed^mix(index)), mix(seed+index+0x1000)
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", uint32(a), uint16(a>>32), uint16(a>>48), uint16(b), b>>16)
}
