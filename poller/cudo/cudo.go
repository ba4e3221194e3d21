// Package cudo reads the billing accounts of Cudo Compute.
//
// The list carries all that is known of an account, so that a round costs one
// request per page. The API has no balance history; what it has is a ledger of
// each account's credit, from which one can be worked out.
package cudo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// DefaultBaseURL is the vendor's own API.
const DefaultBaseURL = "https://rest.compute.cudo.org"

const (
	providerName = "cudo"
	kind         = "billing_account"
	listRoute    = "/v1/billing-accounts"
	detailRoute  = "/v1/billing-accounts/{id}"
	ledgerRoute  = "/v1/billing-accounts/{id}/credit-balance-transactions"
)

// Where history comes from.
const (
	historySnapshots = "snapshots" // our own, which are the caller's business
	historyLedger    = "ledger"
)

// BillingAccounts is the provider type.
func BillingAccounts() poller.Type {
	return poller.Type{Name: providerName, Settings: func() poller.Settings {
		return &Config{Connection: poller.Connection{BaseURL: DefaultBaseURL}, Currency: "USD", History: historySnapshots}
	}}
}

// Config is the settings of a source. The zero Config lacks a base URL, a
// currency and where history comes from.
type Config struct {
	poller.Connection `yaml:",inline"`

	APIKey     billwatch.Secret `yaml:"api_key"`
	APIKeyFile string           `yaml:"api_key_file"`
	Currency   string           `yaml:"currency"` // of all amounts: the API does not name it
	History    string           `yaml:"history"`  // "snapshots" or "ledger"
}

// New checks the settings and makes the provider.
func (c *Config) New(common poller.Common) (poller.Provider, error) {
	client, err := poller.NewClient(poller.ClientConfig{
		Common:     common,
		Connection: c.Connection,
		Token:      poller.Token{Field: "api_key", Value: c.APIKey, File: c.APIKeyFile},
		Prefix:     "Bearer ",
		Version:    "v1",
	})
	if err := errors.Join(err, checkCurrency(c.Currency), checkHistory(c.History)); err != nil {
		return nil, err
	}
	p := &provider{Client: client, source: common.Source, currency: c.Currency}
	if c.History == historyLedger {
		return &ledgerProvider{provider: p, now: time.Now, books: map[string]book{}}, nil
	}
	return p, nil
}

func checkHistory(from string) error {
	if from == historySnapshots || from == historyLedger {
		return nil
	}
	return &billwatch.FieldError{Field: "history", Err: fmt.Errorf("%q is not a source of history", from), Hint: "snapshots or ledger"}
}

func checkCurrency(code string) error {
	if len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		return nil
	}
	return &billwatch.FieldError{Field: "currency", Err: fmt.Errorf("%q is not a currency's code", code), Hint: "three capital letters, such as USD"}
}

type provider struct {
	*poller.Client // Refresh and Close
	source         string
	currency       string
}

// Fetch reads one account.
func (p *provider) Fetch(ctx context.Context, account billwatch.Account) (billwatch.Snapshot, error) {
	snapshot, err := p.detail(ctx, account.ID, false)
	snapshot.Account.Source = account.Source
	return snapshot, err
}

// detail reads one account, for its own sake or for its history.
func (p *provider) detail(ctx context.Context, id string, history bool) (billwatch.Snapshot, error) {
	body, err := p.Get(ctx, poller.Request{
		Route:   detailRoute,
		Path:    []string{"v1", "billing-accounts", id},
		Limit:   poller.MaxDetail,
		History: history,
	})
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	snapshot, err := decodeDetail(body, id, p.currency)
	if err != nil {
		return billwatch.Snapshot{}, unreadable(detailRoute, err)
	}
	return snapshot, nil
}

// Decode reads a saved answer about one account.
func (p *provider) Decode(body []byte) (billwatch.Snapshot, error) {
	snapshot, err := decode(json.RawMessage(body), p.currency)
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	return snapshot, nil
}

func unreadable(route string, err error) error {
	return &poller.Error{Kind: poller.Unreadable, Endpoint: http.MethodGet + " " + route, Status: http.StatusOK, Err: err}
}
