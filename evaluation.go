package billwatch

import (
	"fmt"
	"time"
)

// Outcome is what a condition said. The zero value says nothing.
type Outcome uint8

// The three outcomes.
const (
	Unknown Outcome = iota // a failed poll says nothing about the bill
	False
	True
)

var outcomeNames = [...]string{"unknown", "false", "true"}

// String returns "unknown", "false" or "true".
func (o Outcome) String() string {
	if int(o) >= len(outcomeNames) {
		return fmt.Sprintf("outcome(%d)", uint8(o))
	}
	return outcomeNames[o]
}

// MarshalText writes the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads an outcome's name.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not an outcome", text)
}

// Reasons of an Unknown outcome.
const (
	ReasonFailedPoll      = "failed_poll"
	ReasonNotSent         = "not_sent"
	ReasonNotApplicable   = "not_applicable"
	ReasonEvaluationError = "evaluation_error"
)

// Evaluation is what one rule said of one account at one moment.
type Evaluation struct {
	Rule    string
	Account AccountKey
	At      time.Time
	Outcome Outcome
	Reason  string // of an Unknown outcome, one of the Reason constants
	Detail  string // in words: the error, or the missing field

	// Until is whether a firing alert may resolve: True where the rule has no
	// until condition.
	Until Outcome
	// Fails says which of the rule's expressions beside expr cannot be evaluated,
	// and why; empty where all can.
	Fails string
	// Ends is why the alert ends whatever the outcome ("no longer applies",
	// "rule removed"); empty where it does not.
	Ends string

	For           time.Duration // how long True must hold before firing
	KeepFiringFor time.Duration // how long firing goes on after the first False

	// The rest is filled where the outcome is True or an alert stands.
	Value       *float64
	Labels      Labels
	LabelsBy    string // what makes them: another text once the rule or the configuration makes others
	Annotations map[string]string
	Miswritten  int // annotations whose template failed
	RunbookURL  string
	Snapshot    *Snapshot
	Forecast    *Forecast
}

// Forecast is when an account's balance is expected to be gone.
type Forecast struct {
	BurnRate  float64   `json:"burn_rate_per_day"` // in the balance's unit
	Runway    Quantiles `json:"runway_days"`
	ExhaustAt time.Time `json:"exhausts_at,omitzero"` // at the median; zero for never
	Note      string    `json:"note,omitempty"`       // "use went from 120 to 310 a day around 12 May"
}

// Quantiles are three quantiles of an estimate; +Inf is never, in JSON null.
type Quantiles struct {
	P10, P50, P90 float64
}
