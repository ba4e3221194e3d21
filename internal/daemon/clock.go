package daemon

import (
	"sync"
	"time"
)

// Clock tells the time that every part of the road goes by. It starts at a
// moment and is carried on by the monotonic clock, so that it never jumps
// unless it is Set.
type Clock struct {
	pace float64

	mu   sync.Mutex
	base time.Time
	read time.Time // when base was right, with its monotonic part
}

// NewClock returns a clock that shows start now and runs pace times as fast as
// real time.
func NewClock(start time.Time, pace float64) *Clock {
	return &Clock{pace: pace, base: start.Round(0).UTC(), read: time.Now()}
}

// RealClock returns a clock that shows the wall's time.
func RealClock() *Clock { return NewClock(time.Now(), 1) }

// Now returns the time, UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Add(time.Duration(float64(time.Since(c.read)) * c.pace)).UTC()
}

// Set corrects the clock, as when the database tells its own time.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.read = now.Round(0).UTC(), time.Now()
}
