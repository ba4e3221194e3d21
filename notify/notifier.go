// Package notify decides who is told what, when, and gets it there.
//
// A notifier is one folder below this package and one line in notify/builtin;
// notifytest is the conformance suite that each passes.
package notify

import (
	"context"
	"time"

	"github.com/billwatch/billwatch"
)

// Type is a notifier's name in the configuration and its settings.
type Type struct {
	Name     string          // "slack"
	Digests  bool            // it is read by people: too many messages at once become one
	Settings func() Settings // a new pointer with the defaults set, ready to be decoded into
}

// Settings is a notifier's decoded configuration. New checks it, without
// touching the network, and reports wrong fields as *billwatch.FieldError,
// several joined.
type Settings interface {
	New(c Common) (Notifier, error)
}

// Common is what every notifier is given beside its own settings.
type Common struct {
	Integration string // "ops/slack/0"
	UserAgent   string
	Timezone    *time.Location
}

// Notifier tells through one integration. It is safe for concurrent use.
//
// Notify makes one attempt and retries nothing. A nil error means accepted. An
// error wrapped by Permanent must not be tried again; one wrapped by Throttled
// says when to come back; one wrapped by Refused was certainly not taken. Any
// other error leaves open whether the message arrived.
type Notifier interface {
	Notify(ctx context.Context, n billwatch.Notification, prior billwatch.Receipt) (billwatch.Receipt, error)
}

// Addressed is a Notifier that knows before its first attempt where its messages
// go: to the destination that its Throttled errors name. Integrations that go to
// the same one are paused together, whichever of them was told to wait. It holds
// no secret, and may change when a secret is renewed.
type Addressed interface {
	Destination() string
}

// Store is what the dispatcher keeps its groups and notifications in.
type Store interface {
	// ClaimGroups leases due groups of the named integrations.
	ClaimGroups(ctx context.Context, c billwatch.Claim) ([]billwatch.Group, error)
	// Freeze stores what the flushes of claimed groups came to: all of it, or
	// nothing and an error. What it has stored already it accepts again.
	Freeze(ctx context.Context, flushes []billwatch.Flush) error
	// ClaimDeliveries leases due notifications of the named integrations.
	ClaimDeliveries(ctx context.Context, c billwatch.Claim) ([]billwatch.Delivery, error)
	// Settle stores how an attempt ended. An error that wraps
	// billwatch.ErrLeaseLost says that another replica has the notification now;
	// any other is tried again.
	Settle(ctx context.Context, s billwatch.Settlement) error
}

// Waker tells the dispatcher when there is something to do.
type Waker interface {
	// Wake receives whenever something may have become due.
	Wake() <-chan struct{}
	// NextDue returns when the next group or notification of these integrations
	// is due; the zero time where there is none.
	NextDue(ctx context.Context, integrations []string) (time.Time, error)
}
