package notehub

import "github.com/billwatch/billwatch/poller"

// Fields is what organizations and billing accounts have.
func (c *Config) Fields() poller.Fields {
	f := c.family
	if f.kind == "" {
		f = organizations()
	}
	return poller.Fields{Provider: providerName, Kind: f.kind, Names: []string{
		"account.role", "account.owner", "account.email", "suspended", "state", "balance", "unit",
		"plan.type", "plan.start", "plan.end", "plan.capacity",
	}}
}
