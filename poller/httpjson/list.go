package httpjson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/billwatch/billwatch/poller"
)

const (
	maxPages = 1_000    // ends a list whose pages do not
	maxWhole = 32 << 20 // of an answer that is not read as a stream
	maxKept  = 32 << 20 // of rows that are kept for the details
)

var errNoAddress = errors.New("link is not a valid address")

// pages is a listing on its way.
type pages struct {
	poller.Listing
	kept map[string]json.RawMessage
	size int // of what is kept
}

// List reads the pages one after another. A failing later page leaves the
// listing incomplete, with the rows before it: those accounts were seen.
func (p *provider) List(ctx context.Context) (poller.Listing, error) {
	got := pages{Listing: poller.Listing{Complete: true}, kept: map[string]json.RawMessage{}}
	first, err := p.list.path.fill(p.base, "", "")
	if err != nil {
		return poller.Listing{}, unreadable(p.list.path.route, err)
	}
	seen := map[string]bool{first: true}
	if whole, err := p.base.Parse(first); err == nil {
		seen[whole.String()] = true // as a link spells it
	}
	for number, link := 1, first; link != ""; number++ {
		next, err := p.page(ctx, link, number, &got)
		if err != nil && (number == 1 || ctx.Err() != nil) {
			return poller.Listing{}, err
		}
		switch {
		case err != nil:
		case seen[next]:
			err = unreadable(p.list.path.route, p.badNext(errors.New("was there before; the list has no end")))
		case number == maxPages && next != "":
			err = unreadable(p.list.path.route, p.badNext(fmt.Errorf("there are more than %d pages", maxPages)))
		}
		if err != nil {
			got.Fail(fmt.Errorf("page %d: %w", number, err))
			break
		}
		seen[next], link = next != "", next
	}
	p.mu.Lock()
	p.rows = got.kept
	p.mu.Unlock()
	return got.Listing, nil
}

// page adds one page's rows to the listing, all or none of them, and returns
// the next page's address.
func (p *provider) page(ctx context.Context, link string, number int, into *pages) (next string, err error) {
	read := *into
	added := map[string]json.RawMessage{}
	row := 0
	each := func(e env) {
		row++
		if err := p.row(e, &read, added); err != nil {
			read.Fail(fmt.Errorf("row %d on page %d: %w", row, number, err))
		}
	}
	response, header, err := p.read(ctx, link, each)
	if err != nil {
		return "", err
	}
	if next, err = p.next(link, response, header); err != nil {
		return "", unreadable(p.list.path.route, err)
	}
	for id, raw := range added {
		read.kept[id] = raw
	}
	*into = read
	return next, nil
}

// row adds one account.
func (p *provider) row(e env, into *pages, added map[string]json.RawMessage) error {
	account, err := p.account(e)
	if err != nil {
		return err
	}
	row := poller.Row{Account: account}
	if p.detail == nil {
		snapshot, err := p.snapshot(e, account)
		if err != nil {
			return fmt.Errorf("account %s: %w", short(account.ID), err)
		}
		row.Account, row.Snapshot = snapshot.Account, &snapshot
	}
	if p.detail != nil && p.detail.keep && into.kept[account.ID] == nil && added[account.ID] == nil {
		raw, err := json.Marshal(e.item)
		if err != nil {
			return err
		}
		if into.size += len(raw); into.size > maxKept {
			return fmt.Errorf("account %s: the rows are longer than %d bytes", short(account.ID), maxKept)
		}
		added[account.ID] = raw
	}
	into.Add(row)
	return nil
}

// read asks for one page and calls each for its accounts. It returns the
// answer, without the accounts where they were read as a stream, and its
// headers.
func (p *provider) read(ctx context.Context, link string, each func(env)) (response any, header http.Header, err error) {
	request := poller.Request{Route: p.list.path.route, Link: link, Limit: maxWhole, Answered: func(h http.Header) { header = h }}
	if p.list.stream != "" {
		request.Limit = poller.MaxList
		err = p.Stream(ctx, request, func(body io.Reader) error {
			response, err = p.stream(body, each)
			return err
		})
		return response, header, err
	}
	body, err := p.Get(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	if response, err = decode(body); err == nil {
		err = p.whole(response, each)
	}
	if err != nil {
		return nil, nil, unreadable(p.list.path.route, err)
	}
	return response, header, nil
}

func (p *provider) stream(body io.Reader, each func(env)) (any, error) {
	var wrong error
	rest, err := poller.ReadList(body, p.list.stream, func(raw json.RawMessage) {
		item, err := decode(raw)
		if err != nil && wrong == nil {
			wrong = err
		}
		each(env{item: item})
	})
	if err = errors.Join(err, wrong); err != nil {
		return nil, err
	}
	response := make(map[string]any, len(rest))
	for name, raw := range rest {
		if response[name], err = decode(raw); err != nil {
			return nil, err
		}
	}
	return response, nil
}

func (p *provider) whole(response any, each func(env)) error {
	if response == nil {
		return errors.New("the answer is null")
	}
	if p.list.items == nil {
		each(env{item: response, response: response})
		return nil
	}
	v, err := p.list.items.eval(env{response: response})
	if err != nil {
		return err
	}
	items, ok := v.([]any)
	if !ok {
		return wrongItems(p.list.items, v)
	}
	for _, item := range items {
		each(env{item: item, response: response})
	}
	return nil
}

// next returns the address of the page after this one; nothing after the last.
func (p *provider) next(link string, response any, header http.Header) (string, error) {
	if p.list.next == nil {
		return p.linked(link, header)
	}
	v, err := p.list.next.eval(env{response: response})
	if err != nil || isNil(v) {
		return "", err
	}
	text, ok := v.(string)
	if n, isNumber := v.(json.Number); isNumber && p.list.parameter != "" {
		text, ok = n.String(), true
	}
	if !ok {
		return "", p.list.next.fails(fmt.Errorf("is %s, not a text", kindOf(v)))
	}
	if text == "" {
		return "", nil
	}
	u, err := p.base.Parse(link)
	if err != nil {
		return "", errNoAddress
	}
	if p.list.parameter == "" {
		if u, err = u.Parse(text); err != nil {
			return "", p.list.next.fails(errors.New("is not a valid address"))
		}
		return u.String(), nil
	}
	query := u.Query()
	query.Set(p.list.parameter, text)
	u.RawQuery = query.Encode()
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String(), nil
}
