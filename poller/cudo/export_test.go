package cudo

import (
	"bytes"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// MaxPages ends a list.
const MaxPages = maxPages

// DecodeDetail reads the answer about one account, without a network.
func DecodeDetail(body []byte, id string) (billwatch.Snapshot, error) {
	return decodeDetail(body, id, "USD")
}

// DecodePage reads one page of the list, and returns the next one's token.
func DecodePage(body []byte) (listing poller.Listing, next string, err error) {
	listing.Complete = true
	next, err = (&provider{currency: "USD"}).decodePage(bytes.NewReader(body), 1, &listing)
	return listing, next, err
}

// DecodeLedger reads one page of a ledger and works the balance backwards.
func DecodeLedger(body []byte, balance billwatch.Decimal, since, now time.Time) (records []billwatch.Record, more bool, err error) {
	l := newLedger(since, now, nil)
	if more, err = l.decode(bytes.NewReader(body)); err != nil {
		return nil, false, err
	}
	l.whole = !more
	records, err = l.records(exact(balance), 1)
	return records, more, err
}

// SetNow gives a provider that reads ledgers its clock.
func SetNow(p poller.Provider, now func() time.Time) { p.(*ledgerProvider).now = now }

// Routes returns the endpoints and the fields that are read from each, and
// Queries their parameters, for comparing with the vendor's description.
func Routes() map[string][]string {
	account := []string{
		fieldID, fieldName, fieldCreateBy, fieldState, fieldTerms, fieldBalance, fieldHourly, fieldHourlyLimit,
		fieldMonthly, fieldMonthlyLimit, fieldNextInvoice, fieldDeleteTime, fieldRecharge,
	}
	recharge := []string{fieldAuto, fieldLow, fieldHigh, fieldTransaction}
	transaction := []string{fieldStatus, fieldSucceeded, fieldPaymentError, fieldPaymentError + "." + fieldCode, fieldPaymentError + "." + fieldDeclineCode}
	for _, field := range recharge {
		account = append(account, fieldRecharge+"."+field)
	}
	for _, field := range transaction {
		account = append(account, fieldRecharge+"."+fieldTransaction+"."+field)
	}
	list := []string{fieldAccounts, fieldPageToken}
	for _, field := range account {
		list = append(list, fieldAccounts+"."+field)
	}
	return map[string][]string{
		listRoute:   list,
		detailRoute: account,
		ledgerRoute: {
			fieldTransactions, fieldHasMore,
			fieldTransactions + "." + fieldID, fieldTransactions + "." + fieldAmount, fieldTransactions + "." + fieldCreateTime,
		},
	}
}

// Queries returns the parameters of each endpoint that are sent.
func Queries() map[string][]string {
	return map[string][]string{
		listRoute:   {fieldPageToken, fieldPageSize},
		ledgerRoute: {fieldPageSize, fieldStartingAfter},
	}
}
