package billwatch

import "time"

// Snapshot is what one account looked like at one moment.
type Snapshot struct {
	Account      Account          `json:"account"`
	At           time.Time        `json:"at"` // when it was read, UTC
	Suspended    Value[bool]      `json:"suspended,omitzero"`
	State        Value[string]    `json:"state,omitzero"`
	Balance      Value[Decimal]   `json:"balance,omitzero"`
	Unit         string           `json:"unit,omitempty"` // "events", "USD"
	Plan         Plan             `json:"plan,omitzero"`
	PaymentTerms Value[string]    `json:"payment_terms,omitzero"` // "prepaid", "invoice"
	Spend        Spend            `json:"spend,omitzero"`
	Recharge     Recharge         `json:"recharge,omitzero"`
	DeletedAt    Value[time.Time] `json:"deleted_at,omitzero"`
}

// Plan is what was bought, in the snapshot's unit.
type Plan struct {
	Type     Value[string]    `json:"type,omitzero"`
	Start    Value[time.Time] `json:"start,omitzero"`
	End      Value[time.Time] `json:"end,omitzero"`
	Capacity Value[Decimal]   `json:"capacity,omitzero"`
}

// Spend is what the provider itself says of the rate of spending, in the
// snapshot's unit.
type Spend struct {
	Hourly       Value[Decimal] `json:"hourly,omitzero"`
	HourlyLimit  Value[Decimal] `json:"hourly_limit,omitzero"`
	Monthly      Value[Decimal] `json:"monthly,omitzero"`
	MonthlyLimit Value[Decimal] `json:"monthly_limit,omitzero"`
	NextInvoice  Value[Decimal] `json:"next_invoice,omitzero"`
}

// Recharge is how the account refills itself, and how that last went.
type Recharge struct {
	Auto          Value[bool]    `json:"auto,omitzero"`
	Low           Value[Decimal] `json:"low,omitzero"`
	High          Value[Decimal] `json:"high,omitzero"`
	LastStatus    Value[string]  `json:"last_status,omitzero"`
	LastFailure   Value[string]  `json:"last_failure,omitzero"`
	LastSucceeded Value[bool]    `json:"last_succeeded,omitzero"`
}

// Record is one period of an account's history. The period lasts until the
// next record's start.
type Record struct {
	Period    time.Time `json:"period"`    // its start, UTC
	Remaining Decimal   `json:"remaining"` // at its end
	Used      Decimal   `json:"used"`      // during it
}

// Poll is what one attempt to read one account gave: a snapshot or an error,
// and the new balance records where history was asked for.
type Poll struct {
	Account       Account
	At            time.Time
	Snapshot      *Snapshot // nil when the poll failed
	Err           error     // why; nothing about the bill follows from it
	Records       []Record  // new or corrected ones, sorted by period
	HistoryAsked  bool
	HistoryFailed error
	Derive        bool // the provider has no history of this account: it follows from our own snapshots

	// RecordsFrom says that Records replace all stored ones from then on; where
	// it is zero, only those of the same periods.
	RecordsFrom time.Time
}
