package billwatch

import (
	"errors"
	"time"
)

// ErrNoSilence says that there is no silence of that id.
var ErrNoSilence = errors.New("there is no such silence")

// Silence keeps firing alerts that all its matchers match from being told, from
// its start to its end.
type Silence struct {
	ID        string    `json:"id"` // a UUID
	Matchers  []Matcher `json:"matchers"`
	StartsAt  time.Time `json:"starts_at"`
	EndsAt    time.Time `json:"ends_at"`
	UpdatedAt time.Time `json:"updated_at"`
	CreatedBy string    `json:"created_by"`
	Comment   string    `json:"comment"`

	// UntilResolved ends it sooner: once it has matched a firing alert and then
	// none for a while.
	UntilResolved bool `json:"until_resolved,omitempty"`

	// Annotations are kept for those who made it, and mean nothing here.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Matcher asks something of one label. A label that an alert lacks is empty.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"is_regex"` // the value is a regular expression for the whole label
	IsEqual bool   `json:"is_equal"` // false turns it round
}

// SilenceState is where a silence stands.
type SilenceState string

// The three states, with Alertmanager's words.
const (
	SilencePending SilenceState = "pending"
	SilenceActive  SilenceState = "active"
	SilenceExpired SilenceState = "expired"
)

// State returns where the silence stands at a moment. Its end is the first
// moment at which it is over.
func (s Silence) State(now time.Time) SilenceState {
	switch {
	case !now.Before(s.EndsAt):
		return SilenceExpired
	case now.Before(s.StartsAt):
		return SilencePending
	}
	return SilenceActive
}

// Why a firing alert is not told at present.
const (
	MutedGone      = "gone"      // its account is gone
	MutedSilenced  = "silenced"  // a silence matches it
	MutedInhibited = "inhibited" // another alert says enough
	MutedTime      = "time"      // its route does not tell at this time
)

// Mute is why a firing alert is not told at present; zero where it is.
type Mute struct {
	Why   string    `json:"why,omitempty"`  // one of the Muted constants
	By    string    `json:"by,omitempty"`   // the silence's id, the other alert's fingerprint, the name of the time interval
	Until time.Time `json:"until,omitzero"` // when that ends by itself; zero where nobody knows
}

// Quiet is what keeps alerts from being told, as the store has it.
type Quiet struct {
	Version    int64     // grows whenever a silence changes, or an alert that inhibits begins or ends
	Rules      string    // by which rules of inhibition the alerts were looked through
	Silences   []Silence // those that are not over
	Inhibitors []Alert   // the firing alerts that inhibit others by these rules
}
