package rules

import (
	"time"

	"github.com/billwatch/billwatch"
)

// variable is one field of a snapshot that conditions can name.
type variable struct {
	name   string
	kind   kind
	doc    string
	amount bool // in the account's unit
	listed bool // every list row has it
	get    func(*billwatch.Snapshot) value

	missing, unsent string // what to say of one that is not there
}

// snapshotVariables is every field of a snapshot, in the reference's order.
var snapshotVariables = []*variable{
	{name: "account.id", kind: text, listed: true, doc: "the provider's id of the account",
		get: func(s *billwatch.Snapshot) value { return textual(s.Account.ID) }},
	{name: "account.name", kind: text, listed: true, doc: "its name",
		get: func(s *billwatch.Snapshot) value { return textual(s.Account.Name) }},
	{name: "account.kind", kind: text, listed: true, doc: `"organization" or "billing_account"`,
		get: func(s *billwatch.Snapshot) value { return textual(s.Account.Kind) }},
	{name: "account.role", kind: text, listed: true, doc: "our role in it",
		get: func(s *billwatch.Snapshot) value { return filled(s.Account.Role) }},
	{name: "account.owner", kind: text, doc: "who owns it",
		get: func(s *billwatch.Snapshot) value { return filled(s.Account.Owner) }},
	{name: "account.email", kind: text, doc: "its e-mail address",
		get: func(s *billwatch.Snapshot) value { return filled(s.Account.Email) }},
	{name: "account.source", kind: text, listed: true, doc: "the name of the source that lists it",
		get: func(s *billwatch.Snapshot) value { return textual(s.Account.Source) }},
	{name: "account.provider", kind: text, listed: true, doc: `"notehub"`,
		get: func(s *billwatch.Snapshot) value { return textual(s.Account.Provider) }},

	{name: "suspended", kind: boolean, doc: "whether the provider has suspended it",
		get: func(s *billwatch.Snapshot) value { return known(s.Suspended, truth) }},
	{name: "state", kind: text, doc: "the provider's word for its state, in lower case",
		get: func(s *billwatch.Snapshot) value { return known(s.State, textual) }},
	{name: "balance", kind: number, amount: true, doc: "what is left, in the account's unit",
		get: func(s *billwatch.Snapshot) value { return known(s.Balance, decimal) }},
	{name: "unit", kind: text, doc: `what the balance counts: "events"`,
		get: func(s *billwatch.Snapshot) value { return filled(s.Unit) }},
	{name: "payment_terms", kind: text, doc: `"prepaid" or "invoice"`,
		get: func(s *billwatch.Snapshot) value { return known(s.PaymentTerms, textual) }},

	{name: "plan.type", kind: text, doc: "the plan's name",
		get: func(s *billwatch.Snapshot) value { return known(s.Plan.Type, textual) }},
	{name: "plan.start", kind: moment, doc: "when the plan began",
		get: func(s *billwatch.Snapshot) value { return known(s.Plan.Start, momentary) }},
	{name: "plan.end", kind: moment, doc: "when the plan ends",
		get: func(s *billwatch.Snapshot) value { return known(s.Plan.End, momentary) }},
	{name: "plan.capacity", kind: number, amount: true, doc: "what the plan holds when it is full",
		get: func(s *billwatch.Snapshot) value { return known(s.Plan.Capacity, decimal) }},

	{name: "spend.hourly", kind: number, amount: true, doc: "what the provider says is spent in an hour",
		get: func(s *billwatch.Snapshot) value { return known(s.Spend.Hourly, decimal) }},
	{name: "spend.hourly_limit", kind: number, amount: true, doc: "what may be spent in an hour",
		get: func(s *billwatch.Snapshot) value { return known(s.Spend.HourlyLimit, decimal) }},
	{name: "spend.monthly", kind: number, amount: true, doc: "what was spent this month",
		get: func(s *billwatch.Snapshot) value { return known(s.Spend.Monthly, decimal) }},
	{name: "spend.monthly_limit", kind: number, amount: true, doc: "what may be spent in a month",
		get: func(s *billwatch.Snapshot) value { return known(s.Spend.MonthlyLimit, decimal) }},
	{name: "spend.next_invoice", kind: number, amount: true, doc: "what the next invoice will come to",
		get: func(s *billwatch.Snapshot) value { return known(s.Spend.NextInvoice, decimal) }},

	{name: "recharge.auto", kind: boolean, doc: "whether the account refills itself",
		get: func(s *billwatch.Snapshot) value { return known(s.Recharge.Auto, truth) }},
	{name: "recharge.low", kind: number, amount: true, doc: "the balance at which it does",
		get: func(s *billwatch.Snapshot) value { return known(s.Recharge.Low, decimal) }},
	{name: "recharge.high", kind: number, amount: true, doc: "the balance to which it does",
		get: func(s *billwatch.Snapshot) value { return known(s.Recharge.High, decimal) }},
	{name: "recharge.last_status", kind: text, doc: "how the last recharge went, in the provider's words",
		get: func(s *billwatch.Snapshot) value { return known(s.Recharge.LastStatus, textual) }},
	{name: "recharge.last_failure", kind: text, doc: "why the last recharge failed",
		get: func(s *billwatch.Snapshot) value { return known(s.Recharge.LastFailure, textual) }},
	{name: "recharge.last_succeeded", kind: boolean, doc: "whether the last recharge went well",
		get: func(s *billwatch.Snapshot) value { return known(s.Recharge.LastSucceeded, truth) }},
}

// variables finds them by name.
var variables = byName(snapshotVariables)

func byName(all []*variable) map[string]*variable {
	m := make(map[string]*variable, len(all))
	for _, v := range all {
		v.missing = v.name + " does not apply to this account"
		v.unsent = v.name + " was not sent"
		m[v.name] = v
	}
	return m
}

// known turns a field of a snapshot into a value.
func known[T any](v billwatch.Value[T], as func(T) value) value {
	got, ok := v.Get()
	switch {
	case ok:
		return as(got)
	case v.IsZero():
		return value{why: notApplicable}
	}
	return value{why: notSent}
}

// filled is a text that is not there when it is empty.
func filled(s string) value {
	if s == "" {
		return value{why: notApplicable}
	}
	return textual(s)
}

func decimal(d billwatch.Decimal) value { return numeric(d.Float64()) }

// ownVariable turns one of the account's own variables into a value.
func ownVariable(name string, v any) value {
	switch v := v.(type) {
	case nil:
		return without(notApplicable, "vars."+name+" is not set for this account")
	case Undecided:
		return without(notSent, "vars."+name+" hangs on what was not sent")
	case bool:
		return truth(v)
	case string:
		return textual(v)
	case float64:
		return numeric(v)
	case int:
		return numeric(float64(v))
	case int64:
		return numeric(float64(v))
	case uint64:
		return numeric(float64(v))
	case time.Time:
		return momentary(v)
	}
	return without(failed, "vars."+name+" is no number, text, time, true or false")
}

// Undecided is one of the account's own variables of which it cannot be told
// whether it is set: what decides that was not sent.
type Undecided struct{}

// String is what templates show of it.
func (Undecided) String() string { return "" }
