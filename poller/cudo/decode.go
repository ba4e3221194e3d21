package cudo

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// The fields that are read. All others are ignored: among them are addresses,
// tax ids and references to payments.
const (
	fieldAccounts     = "billingAccounts"
	fieldPageToken    = "pageToken"
	fieldPageSize     = "pageSize" // of a request
	fieldID           = "id"
	fieldName         = "displayName"
	fieldCreateBy     = "createBy"
	fieldState        = "state"
	fieldTerms        = "paymentTerms"
	fieldBalance      = "creditBalance"
	fieldHourly       = "hourlySpendRate"
	fieldHourlyLimit  = "hourlySpendLimit"
	fieldMonthly      = "monthlySpend"
	fieldMonthlyLimit = "monthlySpendLimit"
	fieldNextInvoice  = "nextInvoiceTotal"
	fieldRecharge     = "creditBalanceRecharge"
	fieldAuto         = "autoRecharge"
	fieldLow          = "low"
	fieldHigh         = "high"
	fieldTransaction  = "transaction"
	fieldStatus       = "status"
	fieldSucceeded    = "succeeded"
	fieldPaymentError = "lastPaymentError"
	fieldCode         = "code"
	fieldDeclineCode  = "declineCode"
	fieldDeleteTime   = "deleteTime"

	fieldTransactions  = "creditBalanceTransactions"
	fieldHasMore       = "hasMore"
	fieldStartingAfter = "startingAfter" // of a request
	fieldAmount        = "amount"
	fieldCreateTime    = "createTime"
)

// decode reads one billing account; amounts are in the currency.
func decode(raw json.RawMessage, currency string) (billwatch.Snapshot, error) {
	o, err := poller.ParseObject(raw)
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	name, _ := o.Text(fieldName).Get()
	owner, _ := o.Text(fieldCreateBy).Get()
	s := billwatch.Snapshot{
		Account:      billwatch.Account{ID: o.ID(fieldID), Name: name, Owner: owner, Provider: providerName, Kind: kind},
		State:        enum(o, fieldState, "state_"),
		Balance:      o.Decimal(fieldBalance),
		Unit:         currency,
		PaymentTerms: enum(o, fieldTerms, "payment_terms_"),
		Spend: billwatch.Spend{
			Hourly:       o.Decimal(fieldHourly),
			HourlyLimit:  o.Decimal(fieldHourlyLimit),
			Monthly:      o.TryDecimal(fieldMonthly),
			MonthlyLimit: o.Decimal(fieldMonthlyLimit),
			NextInvoice:  o.Decimal(fieldNextInvoice),
		},
		Recharge:  recharge(o.Object(fieldRecharge)),
		DeletedAt: o.Time(fieldDeleteTime),
	}
	s.Suspended = suspended(s.State)
	if terms, _ := s.PaymentTerms.Get(); terms == "invoice" {
		s.Balance = unlessZero(s.Balance)
	}
	return s, o.Err()
}

// decodeDetail reads the account with this id, which no other may stand for.
func decodeDetail(body []byte, id, currency string) (billwatch.Snapshot, error) {
	s, err := decode(body, currency)
	if err == nil && s.Account.ID != id {
		err = fmt.Errorf("%s: is another account's than the one asked for", fieldID)
	}
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	return s, nil
}

// enum returns a name in lower case without its prefix; unspecified is not
// sent.
func enum(o *poller.Object, field, prefix string) billwatch.Value[string] {
	text, _ := o.Text(field).Get()
	name := strings.TrimPrefix(strings.ToLower(text), prefix)
	if name == "" || name == "unspecified" {
		return billwatch.NotSent[string]()
	}
	return billwatch.Known(name)
}

// suspended is what a state says of it: one that is new says nothing, but a
// new reason of a suspension is still one.
func suspended(state billwatch.Value[string]) billwatch.Value[bool] {
	name, _ := state.Get()
	switch {
	case name == "active":
		return billwatch.Known(false)
	case strings.HasPrefix(name, "suspended"):
		return billwatch.Known(true)
	}
	return billwatch.NotSent[bool]()
}

// unlessZero returns the balance of an account that pays by invoice: at 0
// there is none that could run out.
func unlessZero(balance billwatch.Value[billwatch.Decimal]) billwatch.Value[billwatch.Decimal] {
	if amount, known := balance.Get(); known && amount.Float64() == 0 {
		return billwatch.Value[billwatch.Decimal]{}
	}
	return balance
}

func recharge(o *poller.Object) billwatch.Recharge {
	last := o.Object(fieldTransaction)
	return billwatch.Recharge{
		Auto:          o.Bool(fieldAuto),
		Low:           o.Decimal(fieldLow),
		High:          o.Decimal(fieldHigh),
		LastStatus:    enum(last, fieldStatus, ""),
		LastFailure:   failure(last.Object(fieldPaymentError)),
		LastSucceeded: last.Bool(fieldSucceeded),
	}
}

// failure joins what went wrong with what the bank says of it.
func failure(o *poller.Object) billwatch.Value[string] {
	code, _ := o.Text(fieldCode).Get()
	decline, _ := o.Text(fieldDeclineCode).Get()
	switch {
	case code == "" && decline == "":
		return billwatch.NotSent[string]()
	case code == "" || decline == "":
		return billwatch.Known(code + decline)
	}
	return billwatch.Known(code + ": " + decline)
}
