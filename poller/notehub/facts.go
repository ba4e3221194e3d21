package notehub

import "github.com/billwatch/billwatch/poller"

// Facts is what organizations and billing accounts have.
func (c *Config) Facts() poller.Facts {
	f := c.family
	if f.kind == "" {
		f = organizations()
	}
	return poller.Facts{Provider: providerName, Kind: f.kind, Names: []string{
		"account.role", "account.owner", "account.email", "suspended", "state", "balance", "unit",
		"plan.type", "plan.start", "plan.end", "plan.capacity",
	}}
}
