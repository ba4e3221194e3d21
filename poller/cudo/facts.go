package cudo

import "github.com/billwatch/billwatch/poller"

// Facts is what billing accounts have.
func (c *Config) Facts() poller.Facts {
	return poller.Facts{Provider: providerName, Kind: kind, Names: []string{
		"account.owner", "suspended", "state", "balance", "unit", "payment_terms",
		"spend.hourly", "spend.hourly_limit", "spend.monthly", "spend.monthly_limit", "spend.next_invoice",
		"recharge.auto", "recharge.low", "recharge.high",
		"recharge.last_status", "recharge.last_failure", "recharge.last_succeeded",
	}}
}
