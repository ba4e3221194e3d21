package cudo

import (
	"slices"

	"github.com/billwatch/billwatch/poller"
)

// Fields returns what is read of each answer.
func (p *provider) Fields() []poller.Field {
	const (
		last    = fieldRecharge + "." + fieldTransaction + "."
		failure = last + fieldPaymentError + "."
	)
	words := []string{fieldState, fieldTerms, last + fieldStatus, failure + fieldCode, failure + fieldDeclineCode}
	fields := []poller.Field{{Route: listRoute, Path: fieldPageToken}}
	for _, path := range []string{
		fieldID, fieldName, fieldCreateBy, fieldState, fieldTerms, fieldBalance,
		fieldHourly, fieldHourlyLimit, fieldMonthly, fieldMonthlyLimit, fieldNextInvoice,
		fieldRecharge + "." + fieldAuto, fieldRecharge + "." + fieldLow, fieldRecharge + "." + fieldHigh,
		last + fieldStatus, last + fieldSucceeded, failure + fieldCode, failure + fieldDeclineCode, fieldDeleteTime,
	} {
		word := slices.Contains(words, path)
		fields = append(fields,
			poller.Field{Route: listRoute, Path: fieldAccounts + "[]." + path, Word: word},
			poller.Field{Route: detailRoute, Path: path, Word: word})
	}
	return fields
}
