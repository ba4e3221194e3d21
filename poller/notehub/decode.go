package notehub

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// The fields that are read. All others are ignored.
const (
	fieldUID       = "uid"
	fieldName      = "name"
	fieldRole      = "role"
	fieldOwner     = "owner"
	fieldEmail     = "email"
	fieldSuspended = "suspended"
	fieldPlan      = "plan"
	fieldType      = "type"
	fieldBalance   = "current_balance"
	fieldStart     = "start_date"
	fieldEnd       = "end_date"
	fieldCapacity  = "event_capacity"
	fieldData      = "data"
	fieldPeriod    = "period"
	fieldRemaining = "remaining_event_capacity"
	fieldUsed      = "total_event_capacity_used"
	fieldError     = "err"
)

// decodeRow reads one element of the list.
func (f family) decodeRow(raw json.RawMessage) (billwatch.Account, error) {
	o, err := poller.ParseObject(raw)
	if err != nil {
		return billwatch.Account{}, err
	}
	name, _ := o.Text(fieldName).Get()
	role, _ := o.Text(fieldRole).Get()
	account := billwatch.Account{ID: o.ID(fieldUID), Name: name, Role: role, Provider: providerName, Kind: f.kind}
	return account, o.Err()
}

// decodeDetail reads the answer about one account.
func decodeDetail(body []byte, account billwatch.Account) (billwatch.Snapshot, error) {
	o, err := poller.ParseObject(body)
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	if id := o.ID(fieldUID); o.Err() == nil && id != account.ID {
		return billwatch.Snapshot{}, fmt.Errorf("%s: is another account's than the one asked for", fieldUID)
	}
	take(&account.Name, o.Text(fieldName))
	take(&account.Owner, o.Text(fieldOwner))
	take(&account.Email, o.Text(fieldEmail))
	plan := o.Object(fieldPlan)
	s := billwatch.Snapshot{
		Account:   account,
		Suspended: o.Bool(fieldSuspended),
		State:     billwatch.NotSent[string](),
		Balance:   plan.Integer(fieldBalance),
		Unit:      unit,
		Plan: billwatch.Plan{
			Type:     plan.Text(fieldType),
			Start:    plan.Time(fieldStart),
			End:      plan.Time(fieldEnd),
			Capacity: plan.Integer(fieldCapacity),
		},
	}
	if suspended, known := s.Suspended.Get(); known {
		s.State = billwatch.Known("active")
		if suspended {
			s.State = billwatch.Known("suspended")
		}
	}
	if kind, _ := s.Plan.Type.Get(); strings.EqualFold(kind, "essentials") {
		s.Plan = withoutTerm(s.Plan)
	}
	return s, o.Err()
}

// take keeps what the list said where the detail says nothing.
func take(into *string, text billwatch.Value[string]) {
	if text, known := text.Get(); known {
		*into = text
	}
}

// withoutTerm marks what an Essentials plan does not have, unless it was sent.
func withoutTerm(p billwatch.Plan) billwatch.Plan {
	if !p.End.IsKnown() {
		p.End = billwatch.Value[time.Time]{}
	}
	if !p.Capacity.IsKnown() {
		p.Capacity = billwatch.Value[billwatch.Decimal]{}
	}
	return p
}

// suspendedSnapshot is all that a refusal for suspension says.
func suspendedSnapshot(account billwatch.Account) billwatch.Snapshot {
	return billwatch.Snapshot{
		Account:   account,
		Suspended: billwatch.Known(true),
		State:     billwatch.NotSent[string](),
		Balance:   billwatch.NotSent[billwatch.Decimal](),
		Unit:      unit,
		Plan: billwatch.Plan{
			Type:     billwatch.NotSent[string](),
			Start:    billwatch.NotSent[time.Time](),
			End:      billwatch.NotSent[time.Time](),
			Capacity: billwatch.NotSent[billwatch.Decimal](),
		},
	}
}

// saysSuspended says whether an error's JSON text is about a suspended account
// or organization, rather than a suspended token.
func saysSuspended(body []byte) bool {
	o, err := poller.ParseObject(body)
	if err != nil {
		return false
	}
	text, _ := o.Text(fieldError).Get()
	says := func(what string) bool { return strings.Contains(strings.ToLower(text), what) }
	return says("is suspended") && (says("account") || says("organization")) && !says("token") && !says("key")
}

// decodeHistory reads balance records: sorted, the last of each period.
func decodeHistory(body []byte, since time.Time) ([]billwatch.Record, error) {
	o, err := poller.ParseObject(body)
	if err != nil {
		return nil, err
	}
	rows := o.Array(fieldData)
	if err := o.Err(); err != nil {
		return nil, err
	}
	records := make([]billwatch.Record, 0, len(rows))
	for i, raw := range rows {
		record, err := decodeRecord(raw)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", fieldData, i, err)
		}
		if !record.Period.Before(since.UTC().Truncate(24 * time.Hour)) {
			records = append(records, record)
		}
	}
	slices.SortStableFunc(records, func(a, b billwatch.Record) int { return a.Period.Compare(b.Period) })
	last := records[:0]
	for _, record := range records {
		if n := len(last); n > 0 && last[n-1].Period.Equal(record.Period) {
			last[n-1] = record
			continue
		}
		last = append(last, record)
	}
	return last, nil
}

func decodeRecord(raw json.RawMessage) (billwatch.Record, error) {
	o, err := poller.ParseObject(raw)
	if err != nil {
		return billwatch.Record{}, err
	}
	period, hasPeriod := o.Time(fieldPeriod).Get()
	remaining, hasRemaining := o.Integer(fieldRemaining).Get()
	used, hasUsed := o.Integer(fieldUsed).Get()
	if err := o.Err(); err != nil {
		return billwatch.Record{}, err
	}
	switch {
	case !hasPeriod:
		return billwatch.Record{}, fmt.Errorf("%s: is missing", fieldPeriod)
	case !hasRemaining:
		return billwatch.Record{}, fmt.Errorf("%s: is missing", fieldRemaining)
	case !hasUsed:
		return billwatch.Record{}, fmt.Errorf("%s: is missing", fieldUsed)
	}
	return billwatch.Record{Period: period, Remaining: remaining, Used: used}, nil
}
