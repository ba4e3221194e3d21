// Package notehub reads organizations, and billing accounts as they were called
// before, from the Notehub API of Blues.
//
// Both are the same three endpoints below another path: a family. The answers
// are decoded by hand, because the published client gives up a whole list for
// one role that it does not know.
package notehub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// DefaultBaseURL is the vendor's own API.
const DefaultBaseURL = "https://api.notefile.net"

const (
	providerName = "notehub"
	unit         = "events"
)

// family is one of the two groups of endpoints.
type family struct {
	typeName string
	path     string // below /v1; its id parameter is the route's braces
	param    string
	list     string // the list's field
	kind     string // of the accounts
}

func organizations() family {
	return family{"notehub", "organizations", "organizationUID", "organizations", "organization"}
}

func billingAccounts() family {
	return family{"notehub-billing-accounts", "billing-accounts", "billingAccountUID", "billing_accounts", "billing_account"}
}

// Organizations is the provider type of organizations.
func Organizations() poller.Type { return organizations().providerType() }

// BillingAccounts is the provider type of the older endpoints, which the
// vendor discourages.
func BillingAccounts() poller.Type { return billingAccounts().providerType() }

func (f family) providerType() poller.Type {
	return poller.Type{Name: f.typeName, Settings: func() poller.Settings {
		return &Config{Connection: poller.Connection{BaseURL: DefaultBaseURL}, family: f}
	}}
}

// Config is the settings of a source. The zero Config is of organizations and
// lacks a base URL.
type Config struct {
	poller.Connection `yaml:",inline"`

	Token     billwatch.Secret `yaml:"token"` // a personal access token
	TokenFile string           `yaml:"token_file"`

	family family
}

// New checks the settings and makes the provider.
func (c *Config) New(common poller.Common) (poller.Provider, error) {
	f := c.family
	if f == (family{}) {
		f = organizations()
	}
	client, err := poller.NewClient(poller.ClientConfig{
		Common:     common,
		Connection: c.Connection,
		Token:      poller.Token{Field: "token", Value: c.Token, File: c.TokenFile},
		Prefix:     "Bearer ",
		Version:    "v1",
	})
	if err != nil {
		return nil, err
	}
	return &provider{Client: client, family: f, source: common.Source}, nil
}

type provider struct {
	*poller.Client // Refresh and Close
	family         family
	source         string

	// dateText is whether this API wants dates as RFC 3339 rather than as Unix
	// seconds; its documents say both.
	dateText atomic.Bool
}

// List asks for all accounts; the endpoint knows no pages.
func (p *provider) List(ctx context.Context) (poller.Listing, error) {
	listing := poller.Listing{Complete: true}
	request := poller.Request{Route: "/v1/" + p.family.path, Path: []string{"v1", p.family.path}, Limit: poller.MaxList}
	err := p.Stream(ctx, request, func(body io.Reader) error { return p.decodeList(body, &listing) })
	if err != nil {
		return poller.Listing{}, p.family.explain(err)
	}
	return listing, nil
}

func (p *provider) decodeList(body io.Reader, into *poller.Listing) error {
	row := 0
	_, err := poller.ReadList(body, p.family.list, func(raw json.RawMessage) {
		row++
		account, err := p.family.decodeRow(raw)
		if err != nil {
			into.Fail(fmt.Errorf("row %d of %s: %w", row, p.family.list, err))
			return
		}
		account.Source = p.source
		into.Add(poller.Row{Account: account})
	})
	return err
}

// explain names the other family where this one is not served: which one is
// meant is for a person to say.
func (f family) explain(err error) error {
	e, ok := errors.AsType[*poller.Error](err)
	if !ok || e.Status != http.StatusNotFound || f.kind != organizations().kind {
		return err
	}
	e.Err = fmt.Errorf("this API serves no organizations; a source of type %s may be what it has", billingAccounts().typeName)
	return e
}

// Fetch reads one account.
func (p *provider) Fetch(ctx context.Context, account billwatch.Account) (billwatch.Snapshot, error) {
	body, err := p.Get(ctx, poller.Request{
		Route:     p.route(""),
		Path:      []string{"v1", p.family.path, account.ID},
		Limit:     poller.MaxDetail,
		Suspended: saysSuspended,
	})
	if poller.KindOf(err) == poller.Suspended {
		return suspendedSnapshot(account), err
	}
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	snapshot, err := decodeDetail(body, account)
	if err != nil {
		return billwatch.Snapshot{}, p.unreadable(p.route(""), err)
	}
	return snapshot, nil
}

// Decode reads a saved answer of the detail endpoint.
func (p *provider) Decode(body []byte) (billwatch.Snapshot, error) {
	account, err := p.family.decodeRow(body)
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	return decodeDetail(body, account)
}

// History reads the balance records from since on.
func (p *provider) History(ctx context.Context, id string, since time.Time) ([]billwatch.Record, error) {
	body, err := p.history(ctx, id, since)
	if e, ok := errors.AsType[*poller.Error](err); ok && e.Status == http.StatusBadRequest && p.dateText.CompareAndSwap(false, true) {
		if body, err = p.history(ctx, id, since); err != nil {
			p.dateText.Store(false) // that was not it
		}
	}
	if err != nil {
		return nil, err
	}
	records, err := decodeHistory(body, since)
	if err != nil {
		return nil, p.unreadable(p.route("/balance-history"), err)
	}
	return records, nil
}

func (p *provider) history(ctx context.Context, id string, since time.Time) ([]byte, error) {
	start := strconv.FormatInt(since.Unix(), 10)
	if p.dateText.Load() {
		start = since.UTC().Format(time.RFC3339)
	}
	return p.Get(ctx, poller.Request{
		Route:   p.route("/balance-history"),
		Path:    []string{"v1", p.family.path, id, "balance-history"},
		Query:   url.Values{"startDate": {start}},
		Limit:   poller.MaxHistory,
		History: true,
	})
}

// route returns how errors name a request about one account.
func (p *provider) route(rest string) string {
	return "/v1/" + p.family.path + "/{" + p.family.param + "}" + rest
}

func (p *provider) unreadable(route string, err error) error {
	return &poller.Error{Kind: poller.Unreadable, Endpoint: http.MethodGet + " " + route, Status: http.StatusOK, Err: err}
}
