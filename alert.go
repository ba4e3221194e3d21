package billwatch

import "time"

// AlertKey identifies an alert in the machine: one rule on one account.
type AlertKey struct {
	Rule    string     `json:"rule"`
	Account AccountKey `json:"account"`
}

// AlertState is where an alert stands. The zero value is inactive.
type AlertState string

// The four states. Resolved is told once and then is inactive.
const (
	Inactive AlertState = ""
	Pending  AlertState = "pending"
	Firing   AlertState = "firing"
	Resolved AlertState = "resolved"
)

// Alert is one rule on one account, as the machine remembers it.
type Alert struct {
	Key         AlertKey          `json:"key"`
	State       AlertState        `json:"state"`
	PendingFrom time.Time         `json:"pending_from,omitzero"` // start of the for clock
	StartsAt    time.Time         `json:"starts_at,omitzero"`    // when it began firing
	FalseFrom   time.Time         `json:"false_from,omitzero"`   // start of the keep_firing_for clock
	EndsAt      time.Time         `json:"ends_at,omitzero"`      // when it resolved
	Fingerprint string            `json:"fingerprint,omitempty"` // fixed when it begins to fire
	Inhibits    bool              `json:"inhibits,omitempty"`    // while it fires, others are not told
	Labels      Labels            `json:"labels,omitempty"`
	LabelsBy    string            `json:"labels_by,omitempty"` // what made them, as of the evaluation that began it
	Annotations map[string]string `json:"annotations,omitempty"`
	RunbookURL  string            `json:"runbook_url,omitempty"`
	Reason      string            `json:"reason,omitempty"` // of the last change, in words
	Value       *float64          `json:"value,omitempty"`
	Snapshot    *Snapshot         `json:"snapshot,omitempty"` // the last good one while the alert stands
	Forecast    *Forecast         `json:"forecast,omitempty"`
}

// Transition is an alert moving from one state to another.
type Transition struct {
	Alert  Alert      `json:"alert"` // after the move
	From   AlertState `json:"from"`
	To     AlertState `json:"to"`
	At     time.Time  `json:"at"`
	Reason string     `json:"reason"`
}
