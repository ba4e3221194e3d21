package httpjson

import (
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// Fields are the mappings of an account's snapshot.
type Fields struct {
	Name         Expr     `yaml:"name"`
	Role         Expr     `yaml:"role"`
	Owner        Expr     `yaml:"owner"`
	Email        Expr     `yaml:"email"`
	Kind         Expr     `yaml:"kind"`
	Suspended    Expr     `yaml:"suspended"`
	State        Expr     `yaml:"state"`
	Balance      Expr     `yaml:"balance"`
	Unit         Expr     `yaml:"unit"`
	Plan         Plan     `yaml:"plan"`
	PaymentTerms Expr     `yaml:"payment_terms"`
	Spend        Spend    `yaml:"spend"`
	Recharge     Recharge `yaml:"recharge"`
	DeletedAt    Expr     `yaml:"deleted_at"`
}

// Plan is the mappings of what was bought.
type Plan struct {
	Type     Expr `yaml:"type"`
	Start    Expr `yaml:"start"`
	End      Expr `yaml:"end"`
	Capacity Expr `yaml:"capacity"`
}

// Spend is the mappings of what the API says of the rate of spending.
type Spend struct {
	Hourly       Expr `yaml:"hourly"`
	HourlyLimit  Expr `yaml:"hourly_limit"`
	Monthly      Expr `yaml:"monthly"`
	MonthlyLimit Expr `yaml:"monthly_limit"`
	NextInvoice  Expr `yaml:"next_invoice"`
}

// Recharge is the mappings of how the account refills itself.
type Recharge struct {
	Auto          Expr `yaml:"auto"`
	Low           Expr `yaml:"low"`
	High          Expr `yaml:"high"`
	LastStatus    Expr `yaml:"last_status"`
	LastFailure   Expr `yaml:"last_failure"`
	LastSucceeded Expr `yaml:"last_succeeded"`
}

// target is one field of a snapshot: which mapping fills it, and how.
type target struct {
	name  string // "plan.type"
	expr  Expr
	wants []kind
	set   func(m *mapping, e env, s *billwatch.Snapshot) (any, error)
}

// targets are all fields, in the order in which they are read.
func (f Fields) targets() []target {
	return []target{
		label("name", f.Name, func(s *billwatch.Snapshot) *string { return &s.Account.Name }),
		label("role", f.Role, func(s *billwatch.Snapshot) *string { return &s.Account.Role }),
		label("owner", f.Owner, func(s *billwatch.Snapshot) *string { return &s.Account.Owner }),
		label("email", f.Email, func(s *billwatch.Snapshot) *string { return &s.Account.Email }),
		label("kind", f.Kind, func(s *billwatch.Snapshot) *string { return &s.Account.Kind }),
		label("unit", f.Unit, func(s *billwatch.Snapshot) *string { return &s.Unit }),
		flag("suspended", f.Suspended, func(s *billwatch.Snapshot) *billwatch.Value[bool] { return &s.Suspended }),
		words("state", f.State, func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.State }),
		amount("balance", f.Balance, func(s *billwatch.Snapshot) *decimal { return &s.Balance }),
		words("plan.type", f.Plan.Type, func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.Plan.Type }),
		date("plan.start", f.Plan.Start, func(s *billwatch.Snapshot) *billwatch.Value[time.Time] { return &s.Plan.Start }),
		date("plan.end", f.Plan.End, func(s *billwatch.Snapshot) *billwatch.Value[time.Time] { return &s.Plan.End }),
		amount("plan.capacity", f.Plan.Capacity, func(s *billwatch.Snapshot) *decimal { return &s.Plan.Capacity }),
		words("payment_terms", f.PaymentTerms, func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.PaymentTerms }),
		amount("spend.hourly", f.Spend.Hourly, func(s *billwatch.Snapshot) *decimal { return &s.Spend.Hourly }),
		amount("spend.hourly_limit", f.Spend.HourlyLimit, func(s *billwatch.Snapshot) *decimal { return &s.Spend.HourlyLimit }),
		amount("spend.monthly", f.Spend.Monthly, func(s *billwatch.Snapshot) *decimal { return &s.Spend.Monthly }),
		amount("spend.monthly_limit", f.Spend.MonthlyLimit, func(s *billwatch.Snapshot) *decimal { return &s.Spend.MonthlyLimit }),
		amount("spend.next_invoice", f.Spend.NextInvoice, func(s *billwatch.Snapshot) *decimal { return &s.Spend.NextInvoice }),
		flag("recharge.auto", f.Recharge.Auto, func(s *billwatch.Snapshot) *billwatch.Value[bool] { return &s.Recharge.Auto }),
		amount("recharge.low", f.Recharge.Low, func(s *billwatch.Snapshot) *decimal { return &s.Recharge.Low }),
		amount("recharge.high", f.Recharge.High, func(s *billwatch.Snapshot) *decimal { return &s.Recharge.High }),
		words("recharge.last_status", f.Recharge.LastStatus, func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.Recharge.LastStatus }),
		words("recharge.last_failure", f.Recharge.LastFailure, func(s *billwatch.Snapshot) *billwatch.Value[string] { return &s.Recharge.LastFailure }),
		flag("recharge.last_succeeded", f.Recharge.LastSucceeded, func(s *billwatch.Snapshot) *billwatch.Value[bool] { return &s.Recharge.LastSucceeded }),
		date("deleted_at", f.DeletedAt, func(s *billwatch.Snapshot) *billwatch.Value[time.Time] { return &s.DeletedAt }),
	}
}

type decimal = billwatch.Value[billwatch.Decimal]

func amount(name string, e Expr, in func(*billwatch.Snapshot) *decimal) target {
	return field(name, e, (*poller.Object).Decimal, in, number, text, object)
}

func words(name string, e Expr, in func(*billwatch.Snapshot) *billwatch.Value[string]) target {
	return field(name, e, (*poller.Object).Text, in, text)
}

func flag(name string, e Expr, in func(*billwatch.Snapshot) *billwatch.Value[bool]) target {
	return field(name, e, (*poller.Object).Bool, in, boolean)
}

func date(name string, e Expr, in func(*billwatch.Snapshot) *billwatch.Value[time.Time]) target {
	return field(name, e, (*poller.Object).Time, in, text)
}

func field[T any](name string, e Expr, get getter[T], in func(*billwatch.Snapshot) *billwatch.Value[T], wants ...kind) target {
	return target{name, e, wants, func(m *mapping, e env, s *billwatch.Snapshot) (any, error) {
		v, err := read(m, e, get)
		if err != nil {
			return nil, err
		}
		*in(s) = v
		return plain(v), nil
	}}
}

// label is a field that keeps what it was where nothing is sent.
func label(name string, e Expr, in func(*billwatch.Snapshot) *string) target {
	return target{name, e, []kind{text}, func(m *mapping, e env, s *billwatch.Snapshot) (any, error) {
		v, err := read(m, e, (*poller.Object).Text)
		if err != nil {
			return nil, err
		}
		if words, known := v.Get(); known {
			*in(s) = words
		}
		return plain(v), nil
	}}
}

// plain returns a value as itself, and nil where there is none.
func plain[T any](v billwatch.Value[T]) any {
	if known, ok := v.Get(); ok {
		return known
	}
	return nil
}
