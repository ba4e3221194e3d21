package httpjson

import (
	"cmp"
	"maps"
	"slices"

	"github.com/billwatch/billwatch/poller"
)

// Facts is what accounts have by the mappings.
func (c *Config) Facts() poller.Facts {
	given := map[string]bool{
		"account.role": c.List.Role != "",
		"unit":         c.Unit != "",
		"suspended":    c.Detail != nil && c.Detail.Suspended403 != "",
	}
	ofAccount := map[string]string{"role": "account.role", "owner": "account.owner", "email": "account.email"}
	for _, t := range c.Fields.targets() {
		name := cmp.Or(ofAccount[t.name], t.name)
		given[name] = given[name] || t.expr != ""
	}
	for _, everywhere := range []string{"name", "kind", "deleted_at"} { // no rule can miss them
		delete(given, everywhere)
	}
	maps.DeleteFunc(given, func(_ string, is bool) bool { return !is })
	f := poller.Facts{Provider: typeName, Kind: cmp.Or(c.Kind, defaultKind), Names: slices.Sorted(maps.Keys(given))}
	if c.Fields.Kind != "" { // it differs from account to account
		f.Kind = ""
	}
	return f
}
