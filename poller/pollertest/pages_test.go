package pollertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/pollertest"
)

// pages is a provider whose listing comes in pages and carries the snapshots,
// so that no account is read by itself.
type pages struct{ *poller.Client }

func (p pages) List(ctx context.Context) (poller.Listing, error) {
	listing := poller.Listing{Complete: true}
	next, seen := "", map[string]bool{}
	for {
		request := poller.Request{Route: "/v1/accounts", Path: []string{"v1", "accounts"}, Limit: poller.MaxList}
		if next != "" {
			request.Query = url.Values{"pageToken": {next}}
		}
		var rest map[string]json.RawMessage
		err := p.Stream(ctx, request, func(body io.Reader) (err error) {
			rest, err = poller.ReadList(body, "accounts", func(raw json.RawMessage) {
				row, err := decode(raw)
				if err != nil {
					listing.Complete, listing.Problems = false, append(listing.Problems, err)
					return
				}
				listing.Rows = append(listing.Rows, row)
			})
			return err
		})
		if err != nil {
			return poller.Listing{}, err
		}
		next = ""
		if raw, found := rest["pageToken"]; found && json.Unmarshal(raw, &next) != nil {
			return poller.Listing{}, &poller.Error{Kind: poller.Unreadable, Err: errors.New("pageToken: is not a string")}
		}
		if next == "" || seen[next] {
			return listing, nil
		}
		seen[next] = true
	}
}

func decode(raw json.RawMessage) (poller.Row, error) {
	o, err := poller.ParseObject(raw)
	if err != nil {
		return poller.Row{}, err
	}
	a := billwatch.Account{Source: "gpus", Provider: "pages", Kind: "billing_account", ID: o.ID("id")}
	s := billwatch.Snapshot{Account: a, Unit: "USD", State: o.Text("state"), Balance: o.Integer("balance")}
	return poller.Row{Account: a, Snapshot: &s}, o.Err()
}

func (pages) Fetch(context.Context, billwatch.Account) (billwatch.Snapshot, error) {
	return billwatch.Snapshot{}, errors.New("the listing carries the snapshots")
}

func TestAListThatCarriesTheSnapshots(t *testing.T) {
	pollertest.Run(t, pollertest.Case{
		New: func(url string, timeout time.Duration) (poller.Provider, error) {
			client, err := poller.NewClient(poller.ClientConfig{
				Common:     poller.Common{Source: "gpus", Timeout: timeout},
				Connection: poller.Connection{BaseURL: url},
				Token:      poller.Token{Field: "api_key", Value: pollertest.Secret},
				Header:     "X-Api-Key",
			})
			return pages{client}, err
		},
		Answers: map[string]string{
			"/v1/accounts":              `{"accounts":[{"id":"a","state":"STATE_ACTIVE","balance":5}],"pageToken":"p2"}`,
			"/v1/accounts?pageToken=p2": `{"accounts":[{"id":"b","state":"STATE_ACTIVE"}],"pageToken":""}`,
		},
	})
}

func TestARoundOverSuchAListAsksForNothingElse(t *testing.T) {
	a := billwatch.Account{ID: "a"}
	s := &poller.Source{
		Name: "gpus", Provider: listed{a}, Timing: poller.Timing{Interval: time.Minute}, Now: time.Now,
	}
	polls := 0
	r := s.Round(t.Context(), nil, func(p billwatch.Poll) {
		polls++
		if p.Err != nil || p.Snapshot == nil || p.Snapshot.At.IsZero() || p.HistoryAsked || p.Account.Source != "gpus" {
			t.Errorf("got %+v", p)
		}
	})
	if polls != 1 || r.Err != nil || !r.Complete {
		t.Errorf("got %d polls, %+v", polls, r)
	}
}

// listed lists one account with its snapshot.
type listed struct{ account billwatch.Account }

func (l listed) List(context.Context) (poller.Listing, error) {
	return poller.Listing{Complete: true, Rows: []poller.Row{{Account: l.account, Snapshot: &billwatch.Snapshot{Account: l.account}}}}, nil
}

func (listed) Fetch(context.Context, billwatch.Account) (billwatch.Snapshot, error) {
	return billwatch.Snapshot{}, errors.New("asked for what the listing carries")
}
