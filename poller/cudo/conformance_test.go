package cudo_test

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/billwatch/billwatch/poller/pollertest"
)

func TestConformance(t *testing.T) {
	for _, history := range []string{"snapshots", "ledger"} {
		t.Run(history, func(t *testing.T) {
			pollertest.Run(t, pollertest.Case{
				New: func(url string, timeout time.Duration) (poller.Provider, error) {
					settings := cudo.BillingAccounts().Settings().(*cudo.Config)
					settings.BaseURL, settings.APIKey, settings.History = url, pollertest.Secret, history
					return settings.New(poller.Common{Source: "gpus", Timeout: timeout})
				},
				Answers: map[string]string{
					"/v1/billing-accounts?pageSize=100":                  `{"billingAccounts":[{"id":"a","creditBalance":{"value":"5"}}],"pageToken":"p2"}`,
					"/v1/billing-accounts?pageSize=100&pageToken=p2":     `{"billingAccounts":[{"id":"b"}],"pageToken":""}`,
					"/v1/billing-accounts/a":                             `{"id":"a","creditBalance":"5"}`,
					"/v1/billing-accounts/a/credit-balance-transactions": `{"creditBalanceTransactions":[{"id":"t1","amount":"5","createTime":"2026-01-01T10:00:00Z"}]}`,
				},
			})
		})
	}
}

func TestOnlyALedgerIsHistory(t *testing.T) {
	if got := cudo.BillingAccounts().Name; got != "cudo" {
		t.Errorf("got type %s", got)
	}
	for history, want := range map[string]bool{"snapshots": false, "ledger": true} {
		if _, got := provider(t, "http://localhost:1", history).(poller.Historian); got != want {
			t.Errorf("%s: is a historian: %v", history, got)
		}
	}
}
