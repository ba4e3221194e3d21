package notehub_test

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/notehub"
	"github.com/billwatch/billwatch/poller/pollertest"
)

func TestConformance(t *testing.T) {
	for typ, c := range map[string]struct {
		make func() poller.Type
		path string
		list string
	}{
		"notehub":                  {notehub.Organizations, "/v1/organizations", "organizations"},
		"notehub-billing-accounts": {notehub.BillingAccounts, "/v1/billing-accounts", "billing_accounts"},
	} {
		t.Run(typ, func(t *testing.T) {
			if got := c.make().Name; got != typ {
				t.Errorf("got type %s", got)
			}
			pollertest.Run(t, pollertest.Case{
				New: func(url string, timeout time.Duration) (poller.Provider, error) {
					settings := c.make().Settings().(*notehub.Config)
					settings.BaseURL, settings.Token = url, pollertest.Secret
					return settings.New(poller.Common{Source: "blues", Timeout: timeout})
				},
				Answers: map[string]string{
					c.path:                        `{"` + c.list + `":[{"uid":"a","name":"A","role":"org_admin"},{"uid":"b","name":"B","role":"x"}]}`,
					c.path + "/a":                 `{"uid":"a","name":"A","suspended":false,"plan":{"type":"Essentials","current_balance":5}}`,
					c.path + "/b":                 `{"uid":"b","plan":{"type":"Enterprise","event_capacity":7}}`,
					c.path + "/a/balance-history": `{"data":[{"period":"2026-01-01","remaining_event_capacity":5,"total_event_capacity_used":1}]}`,
				},
			})
		})
	}
}
