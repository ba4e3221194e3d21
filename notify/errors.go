package notify

import (
	"errors"
	"time"
)

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks an error that another attempt would only repeat: a channel
// that is not there, a revoked token. The message was certainly not taken.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent says whether another attempt is pointless.
func IsPermanent(err error) bool {
	var e *permanentError
	return errors.As(err, &e)
}

type throttledError struct {
	err         error
	after       time.Duration
	destination string
}

func (e *throttledError) Error() string { return e.err.Error() }
func (e *throttledError) Unwrap() error { return e.err }

// Throttled marks an error by which the other side asked to be left alone for a
// while; nothing goes to the destination (a Slack channel, a host) before. The
// message was certainly not taken. A duration of zero or less leaves the time
// to the dispatcher; an empty destination holds up the integration alone.
func Throttled(err error, after time.Duration, destination string) error {
	if err == nil {
		return nil
	}
	return &throttledError{err, after, destination}
}

// Throttle returns how long the other side asked to be left alone, and which
// destination that holds up.
func Throttle(err error) (after time.Duration, destination string, ok bool) {
	var e *throttledError
	if !errors.As(err, &e) {
		return 0, "", false
	}
	return e.after, e.destination, true
}

type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// Refused marks an error after which the message was certainly not taken (no
// connection, an answer that says so), so that a newer one may replace it.
func Refused(err error) error {
	if err == nil {
		return nil
	}
	return &refusedError{err}
}

// IsRefused says whether the message was certainly not taken; permanent and
// throttled errors say so too.
func IsRefused(err error) bool {
	var refused *refusedError
	var throttled *throttledError
	return errors.As(err, &refused) || errors.As(err, &throttled) || IsPermanent(err)
}
