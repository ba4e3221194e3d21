package poller

import (
	"hash/fnv"
	"time"
)

// Timing is when a source is polled: every Interval, or by a Cron schedule
// where there is one.
type Timing struct {
	Interval time.Duration
	Cron     *Cron
}

// Slot returns the number of the source's time slot that now lies in, and when
// the next one begins. Numbers grow with time, whatever the timing was before:
// each is the slot's begin as a Unix second. Slots of an interval are spread by
// a hash of the source's name, always the same way, so that sources don't poll
// all at once and a restart changes nothing.
func (t Timing) Slot(source string, now time.Time) (slot int64, next time.Time) {
	if t.Cron != nil {
		begin, next := t.Cron.around(now)
		return begin.Unix(), next
	}
	interval := max(t.Interval, time.Second)
	offset := spread(source, interval)
	since := time.Duration(now.UnixNano()) - offset
	n := since / interval
	if since%interval < 0 {
		n--
	}
	begin := time.Unix(0, int64(n*interval+offset)).UTC()
	return begin.Unix(), begin.Add(interval)
}

// interval returns the length of the slot that now lies in.
func (t Timing) interval(now time.Time) time.Duration {
	if t.Cron == nil {
		return max(t.Interval, time.Second)
	}
	begin, next := t.Cron.around(now)
	return next.Sub(begin)
}

// spread returns the source's offset within an interval, in whole seconds so
// that slots begin on one.
func spread(source string, interval time.Duration) time.Duration {
	sum := fnv.New64a()
	sum.Write([]byte(source))
	seconds := max(uint64(interval/time.Second), 1)
	return time.Duration(mix(sum.Sum64())%seconds) * time.Second
}

// mix spreads similar names apart: FNV alone leaves "a1" and "a2" neighbours.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}
