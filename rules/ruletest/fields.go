package ruletest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// setter puts a written value into a snapshot; an absent one is not sent.
type setter func(s *billwatch.Snapshot, t token) error

// fields is every field of a snapshot that a test can give.
var fields = map[string]setter{
	"suspended":             into(func(s *billwatch.Snapshot) *billwatch.Value[bool] { return &s.Suspended }, parseBool),
	"state":                 into(func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.State }, parseText),
	"balance":               into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Balance }, billwatch.ParseDecimal),
	"payment_terms":         into(func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.PaymentTerms }, parseText),
	"plan.type":             into(func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.Plan.Type }, parseText),
	"plan.start":            into(func(s *billwatch.Snapshot) *billwatch.Value[time.Time] { return &s.Plan.Start }, parseTime),
	"plan.end":              into(func(s *billwatch.Snapshot) *billwatch.Value[time.Time] { return &s.Plan.End }, parseTime),
	"plan.capacity":         into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Plan.Capacity }, billwatch.ParseDecimal),
	"spend.hourly":          into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Spend.Hourly }, billwatch.ParseDecimal),
	"spend.hourly_limit":    into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Spend.HourlyLimit }, billwatch.ParseDecimal),
	"spend.monthly":         into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Spend.Monthly }, billwatch.ParseDecimal),
	"spend.monthly_limit":   into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Spend.MonthlyLimit }, billwatch.ParseDecimal),
	"spend.next_invoice":    into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Spend.NextInvoice }, billwatch.ParseDecimal),
	"recharge.auto":         into(func(s *billwatch.Snapshot) *billwatch.Value[bool] { return &s.Recharge.Auto }, parseBool),
	"recharge.low":          into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Recharge.Low }, billwatch.ParseDecimal),
	"recharge.high":         into(func(s *billwatch.Snapshot) *billwatch.Value[billwatch.Decimal] { return &s.Recharge.High }, billwatch.ParseDecimal),
	"recharge.last_status":  into(func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.Recharge.LastStatus }, parseText),
	"recharge.last_failure": into(func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.Recharge.LastFailure }, parseText),
	"recharge.last_succeeded": into(func(s *billwatch.Snapshot) *billwatch.Value[bool] { return &s.Recharge.LastSucceeded },
		parseBool),
	"deleted_at": into(func(s *billwatch.Snapshot) *billwatch.Value[time.Time] { return &s.DeletedAt }, parseTime),
	"unit":       text(func(s *billwatch.Snapshot) *string { return &s.Unit }),

	"account.id":       text(func(s *billwatch.Snapshot) *string { return &s.Account.ID }),
	"account.name":     text(func(s *billwatch.Snapshot) *string { return &s.Account.Name }),
	"account.kind":     text(func(s *billwatch.Snapshot) *string { return &s.Account.Kind }),
	"account.role":     text(func(s *billwatch.Snapshot) *string { return &s.Account.Role }),
	"account.owner":    text(func(s *billwatch.Snapshot) *string { return &s.Account.Owner }),
	"account.email":    text(func(s *billwatch.Snapshot) *string { return &s.Account.Email }),
	"account.source":   text(func(s *billwatch.Snapshot) *string { return &s.Account.Source }),
	"account.provider": text(func(s *billwatch.Snapshot) *string { return &s.Account.Provider }),
}

func fieldNames() []string { return slices.Sorted(maps.Keys(fields)) }

func into[T any](at func(*billwatch.Snapshot) *billwatch.Value[T], parse func(string) (T, error)) setter {
	return func(s *billwatch.Snapshot, t token) error {
		if t.absent {
			*at(s) = billwatch.NotSent[T]()
			return nil
		}
		v, err := parse(t.text)
		if err == nil {
			*at(s) = billwatch.Known(v)
		}
		return err
	}
}

func text(at func(*billwatch.Snapshot) *string) setter {
	return func(s *billwatch.Snapshot, t token) error {
		*at(s) = t.text
		if t.absent {
			*at(s) = ""
		}
		return nil
	}
}

func parseText(s string) (string, error) { return s, nil }

func parseBool(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is not true or false", shortened(s))
}
