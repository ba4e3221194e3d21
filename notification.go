package billwatch

import "time"

// Why a notification was sent; the first that applies.
const (
	WhyFirst        = "first"
	WhyNewAlerts    = "new_alerts"
	WhyAllResolved  = "all_resolved"
	WhySomeResolved = "some_resolved"
	WhyUnmuted      = "unmuted"
	WhyRepeat       = "repeat"
	WhyStorm        = "storm"
	WhyTest         = "test"
)

// Notification is one frozen message through one integration about one group.
// Its content never changes; its id is the same on every attempt.
type Notification struct {
	ID          string     `json:"id"` // ntf_ and 26 characters
	Receiver    string     `json:"receiver"`
	Integration string     `json:"integration"` // "ops/slack/0"
	GroupKey    string     `json:"group_key"`
	GroupLabels Labels     `json:"group_labels"`
	Reason      string     `json:"reason"`                   // one of the Why constants
	Status      AlertState `json:"status"`                   // Firing while one alert fires, else Resolved
	Alerts      []Alert    `json:"alerts"`                   // firing first, then resolved; oldest first
	Truncated   int        `json:"truncated,omitempty"`      // how many more there are
	Ends        int        `json:"truncated_ends,omitempty"` // how many of these have resolved
	ExternalURL string     `json:"external_url,omitempty"`
	FrozenAt    time.Time  `json:"frozen_at"`
	Message     Message    `json:"message"`
	Storm       *Storm     `json:"storm,omitempty"` // of a digest

	// Incident is the id of the notification that told first of what this one
	// goes on about: its own where it is the first.
	Incident string `json:"incident,omitempty"`
	// IncidentRef is how the other side names the message that told last of the
	// incident; empty where none arrived or the other side has no names. It is
	// known once the notification is due.
	IncidentRef string `json:"-"`
	// Chart is a PNG of at most MaxChart bytes, drawn when the notification was
	// frozen and kept until it is delivered; nil for none.
	Chart []byte `json:"-"`
}

// MaxChart bounds a notification's chart, in bytes.
const MaxChart = 64 << 10

// Message is the text of a notification, rendered once from templates.
type Message struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	HTML  string `json:"html,omitempty"`
}

// Receipt is what the other side said to an attempt, and what a later attempt
// about the same notification must know.
type Receipt struct {
	Answer string   `json:"answer,omitempty"` // at most 1 KiB, secrets redacted
	Ref    string   `json:"ref,omitempty"`    // how the other side names the message
	Done   []string `json:"done,omitempty"`   // recipients that need no further attempt
}

// Group is the alerts that one integration is told about together: a timer and
// a list.
type Group struct {
	Key         string // of the group, the same in each of a receiver's integrations
	Receiver    string
	Integration string
	Labels      Labels
	DueAt       time.Time // when it must be looked at next
	ToldAt      time.Time // when its last notification was frozen; zero before the first
	Members     []Member
	Waiting     []Notification // not yet sent, and no attempt has an unknown outcome
	Claim       string         // names the claim, so that the flush of a lost one changes nothing
	Storm       string         // id of the last digest that spoke for it; empty where none did
	Incident    string         // id of the notification that told first of what still goes on; empty before it
}

// Member is an alert in a group, with what the integration was told of it.
type Member struct {
	Alert   Alert
	Told    AlertState // Inactive (nothing) or Firing; a told resolve ends the membership
	Counted bool       // it was told by a digest that did not list it
	Version int64      // grows with each transition, so that a flush drops what it saw and no more
	Muted   Mute       // why a firing one was not told when it was last looked at; zero where it was
	Unmuted bool       // it was muted after it was told, and is owed to be told again
}

// GroupDue says that an alert's transition makes a group due at one integration.
type GroupDue struct {
	Key         string
	Receiver    string
	Integration string
	Labels      Labels
	Alert       Alert
	DueAt       time.Time     // now + group_wait: for a group that has told nothing yet
	Interval    time.Duration // group_interval: else no sooner than this after its last notification
	Standing    bool          // the alert has not moved: owed only where the integration never heard of it
}

// Flush is what looking at a due group came to; it is stored in one transaction.
type Flush struct {
	Group        Group // as it was claimed
	Notification *Notification
	Unlisted     []Alert   // that the notification tells of by their number alone
	Drop         []Member  // told as resolved, or never to be told
	Untold       int       // of these, how many fired and resolved before anybody was told
	Tally        []Member  // of these, those whose end only the next digest counts
	Inside       bool      // its news is in a digest, and not a message of its own
	Marks        []Member  // of which Muted or Unmuted have changed
	Quiet        int64     // version of the Quiet that it went by
	NextDue      time.Time // zero ends the group
}

// Delivery is a claimed notification on its way.
type Delivery struct {
	Notification Notification
	Attempt      int     // this one, from 1
	Unended      int     // attempts before it that nobody lived to see the end of
	Prior        Receipt // of the attempt before
	Until        time.Time
	FirstTry     time.Time // when the notification was frozen; retry_for counts from here
}

// Outcomes of an attempt to deliver.
const (
	Delivered = "delivered"
	Retry     = "retry"
	Failed    = "failed"
)

// Settlement is how an attempt ended.
type Settlement struct {
	Delivery    Delivery
	Outcome     string // Delivered, Retry or Failed
	Receipt     Receipt
	Error       string        // redacted, in words
	NextAt      time.Time     // of a retry
	PauseUntil  time.Time     // nothing goes to this destination before; zero for no pause
	Destination string        // what a pause holds up: a Slack channel, a host
	Ambiguous   bool          // the other side may have taken it
	Forget      bool          // its alerts count as not told (retry_for ran out)
	Took        time.Duration // of the attempt
	At          time.Time     // when it ended

	Down *Alert     // that the integration is down, where it failed for good; nil where nobody wants to know
	Due  []GroupDue // who is told of that, unless it was down already
}

// Claim asks for what is due at some integrations.
type Claim struct {
	Holder       string // the replica's name
	Integrations []string
	Limit        int
	Now          time.Time
	Until        time.Time // how long the lease lasts

	// Destinations are where integrations send that know it beforehand, by their
	// names: a pause of one holds up all that go there.
	Destinations map[string]string
}
