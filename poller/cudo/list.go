package cudo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/billwatch/billwatch/poller"
)

// maxPages ends a list whose pages do not.
const maxPages = 100

// List reads the pages one after another. A failing later page leaves the
// listing incomplete, with the rows before it: those accounts were seen. An
// account that stands on two pages, because one came in between, is for the
// caller to tell.
func (p *provider) List(ctx context.Context) (poller.Listing, error) {
	listing := poller.Listing{Complete: true}
	seen := map[string]bool{"": true}
	for number, token := 1, ""; ; number++ {
		next, err := p.page(ctx, token, number, &listing)
		if err != nil && (number == 1 || ctx.Err() != nil) {
			return poller.Listing{}, err
		}
		if err == nil {
			switch {
			case next == "":
				return listing, nil
			case seen[next]:
				err = unreadable(listRoute, errors.New("pageToken: was there before; the list has no end"))
			case number == maxPages:
				err = unreadable(listRoute, fmt.Errorf("pageToken: there are more than %d pages", maxPages))
			}
		}
		if err != nil {
			listing.Complete = false
			listing.Problems = append(listing.Problems, fmt.Errorf("page %d of %s: %w", number, fieldAccounts, err))
			return listing, nil
		}
		seen[next], token = true, next
	}
}

// page adds one page's rows to the listing, all or none of them, and returns
// the next page's token.
func (p *provider) page(ctx context.Context, token string, number int, into *poller.Listing) (next string, err error) {
	request := poller.Request{Route: listRoute, Path: []string{"v1", "billing-accounts"}, Limit: poller.MaxList}
	if token != "" {
		request.Query = url.Values{fieldPageToken: {token}}
	}
	read := *into
	row := 0
	each := func(raw json.RawMessage) {
		row++
		snapshot, err := decode(raw, p.currency)
		if err != nil {
			read.Complete = false
			read.Problems = append(read.Problems, fmt.Errorf("row %d on page %d of %s: %w", row, number, fieldAccounts, err))
			return
		}
		snapshot.Account.Source = p.source
		read.Rows = append(read.Rows, poller.Row{Account: snapshot.Account, Snapshot: &snapshot})
	}
	err = p.Stream(ctx, request, func(body io.Reader) error {
		rest, err := poller.ReadList(body, fieldAccounts, each)
		if err != nil {
			return err
		}
		next, err = pageToken(rest[fieldPageToken])
		return err
	})
	if err != nil {
		return "", err
	}
	*into = read
	return next, nil
}

func pageToken(raw json.RawMessage) (token string, err error) {
	if raw == nil {
		return "", nil
	}
	if err := json.Unmarshal(raw, &token); err != nil { // null leaves it empty
		return "", fmt.Errorf("%s: is not a string", fieldPageToken)
	}
	return token, nil
}
