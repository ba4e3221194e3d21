// Package cudo reads the billing accounts of Cudo Compute.
//
// The list carries all that is known of an account, so that a round costs one
// request per page. The API has no balance history.
package cudo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

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
)

// BillingAccounts is the provider type.
func BillingAccounts() poller.Type {
	return poller.Type{Name: providerName, Settings: func() poller.Settings {
		return &Config{Connection: poller.Connection{BaseURL: DefaultBaseURL}, Currency: "USD"}
	}}
}

// Config is the settings of a source. The zero Config lacks a base URL and a
// currency.
type Config struct {
	poller.Connection `yaml:",inline"`

	APIKey     billwatch.Secret `yaml:"api_key"`
	APIKeyFile string           `yaml:"api_key_file"`
	Currency   string           `yaml:"currency"` // of all amounts: the API does not name it
}

// New checks the settings and makes the provider.
func (c *Config) New(common poller.Common) (poller.Provider, error) {
	client, err := poller.NewClient(poller.ClientConfig{
		Common:     common,
		Connection: c.Connection,
		Token:      poller.Token{Field: "api_key", Value: c.APIKey, File: c.APIKeyFile},
		Prefix:     "Bearer ",
	})
	if err := errors.Join(err, checkCurrency(c.Currency)); err != nil {
		return nil, err
	}
	return &provider{Client: client, source: common.Source, currency: c.Currency}, nil
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
	body, err := p.Get(ctx, poller.Request{
		Route: detailRoute,
		Path:  []string{"v1", "billing-accounts", account.ID},
		Limit: poller.MaxDetail,
	})
	if err != nil {
		return billwatch.Snapshot{}, err
	}
	snapshot, err := decodeDetail(body, account.ID, p.currency)
	if err != nil {
		return billwatch.Snapshot{}, unreadable(detailRoute, err)
	}
	snapshot.Account.Source = account.Source
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
