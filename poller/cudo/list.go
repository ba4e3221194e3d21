package cudo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/billwatch/billwatch/poller"
)

const (
	// pageSize is how many rows are asked for at a time; neither a default nor a
	// maximum is documented.
	pageSize = 100
	// maxPages ends a list whose pages do not.
	maxPages = 1000
	// maxToken is what still fits into an address.
	maxToken = 4096
)

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
			listing.Fail(fmt.Errorf("page %d of %s: %w", number, fieldAccounts, err))
			return listing, nil
		}
		seen[next], token = true, next
	}
}

// page adds one page's rows to the listing, all or none of them, and returns
// the next page's token.
func (p *provider) page(ctx context.Context, token string, number int, into *poller.Listing) (next string, err error) {
	request := poller.Request{
		Route: listRoute,
		Path:  []string{"v1", "billing-accounts"},
		Query: url.Values{fieldPageSize: {strconv.Itoa(pageSize)}},
		Limit: poller.MaxList,
	}
	if token != "" {
		request.Query.Set(fieldPageToken, token)
	}
	read := *into
	err = p.Stream(ctx, request, func(body io.Reader) (err error) {
		next, err = p.decodePage(body, number, &read)
		return err
	})
	if err != nil {
		return "", err
	}
	*into = read
	return next, nil
}

func (p *provider) decodePage(body io.Reader, number int, into *poller.Listing) (next string, err error) {
	row := 0
	rest, err := poller.ReadList(body, fieldAccounts, func(raw json.RawMessage) {
		row++
		snapshot, err := decode(raw, p.currency)
		if err != nil {
			into.Fail(fmt.Errorf("row %d on page %d of %s: %w", row, number, fieldAccounts, err))
			return
		}
		snapshot.Account.Source = p.source
		into.Add(poller.Row{Account: snapshot.Account, Snapshot: &snapshot})
	})
	if err != nil {
		return "", err
	}
	return pageToken(rest[fieldPageToken])
}

func pageToken(raw json.RawMessage) (token string, err error) {
	if raw == nil {
		return "", nil
	}
	if err := json.Unmarshal(raw, &token); err != nil { // null leaves it empty
		return "", fmt.Errorf("%s: is not a string", fieldPageToken)
	}
	if len(token) > maxToken {
		return "", fmt.Errorf("%s: is longer than %d bytes", fieldPageToken, maxToken)
	}
	return token, nil
}
