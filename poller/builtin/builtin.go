// Package builtin lists the providers that billwatch comes with. A new one is
// one folder below poller and one line here.
package builtin

import (
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/billwatch/billwatch/poller/httpjson"
	"github.com/billwatch/billwatch/poller/notehub"
)

// Types returns the providers, in the order in which they are shown.
func Types() []poller.Type {
	return []poller.Type{
		notehub.Organizations(),
		notehub.BillingAccounts(),
		cudo.BillingAccounts(),
		httpjson.HTTPJSON(),
	}
}
