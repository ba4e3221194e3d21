package billwatch

import "errors"

// What can have become of a notification.
const (
	OutboxPending    = "pending"
	OutboxDelivered  = Delivered
	OutboxFailed     = Failed
	OutboxSuperseded = "superseded" // a newer one said it all
	OutboxDropped    = "dropped"    // its receiver is no longer there
)

// OutboxStates returns what can have become of a notification.
func OutboxStates() []string {
	return []string{OutboxPending, OutboxDelivered, OutboxFailed, OutboxSuperseded, OutboxDropped}
}

// OutboxQuery asks for notifications, newest first.
type OutboxQuery struct {
	State    string // one of the Outbox constants; empty for all
	Receiver string // empty for all
	Cursor   string // what an earlier answer ended with; empty for the newest
	Limit    int
}

// ErrCursor says that a cursor is none.
var ErrCursor = errors.New("not a cursor")

// RetryError says why a notification is not tried again.
type RetryError struct {
	Unknown bool // there is no such notification
	Why     string
}

// Error returns why.
func (e *RetryError) Error() string { return e.Why }
