package notifytest

import (
	"context"
	"sync/atomic"
	"time"
)

// Stopped is the context of a process that is stopped in the middle of an
// attempt and goes on after its lease has ended: the deadline has passed, and no
// timer has noticed yet. Another replica may have sent the notification.
type Stopped struct {
	context.Context
	passed atomic.Bool
}

// NewStopped returns a context that is not stopped yet.
func NewStopped(parent context.Context) *Stopped { return &Stopped{Context: parent} }

// Stop lets the deadline pass.
func (s *Stopped) Stop() { s.passed.Store(true) }

// Deadline implements context.Context.
func (s *Stopped) Deadline() (time.Time, bool) {
	if s.passed.Load() {
		return time.Now().Add(-time.Second), true
	}
	return time.Now().Add(5 * time.Second), true
}
