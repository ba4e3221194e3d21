package poller

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Bounds of a body, counted after decompression.
const (
	MaxDetail  = 1 << 20
	MaxHistory = 4 << 20
	MaxList    = 256 << 20
)

// ClientConfig is what a Client is made from. Its errors name the settings'
// fields.
type ClientConfig struct {
	Common     Common
	Connection Connection
	Token      Token
	Header     string      // that carries the credential; Authorization where empty
	Prefix     string      // of its value, "Bearer "
	Headers    http.Header // sent with each request, beside ours or in their place
	Version    string      // with which each path begins, "v1": a base URL must not end in it
}

// Client makes the GET requests of one source: each has a deadline over all of
// it, a bounded body that is read to its clean end, and a place in the budget;
// the credential never leaves the API's own origin. It retries nothing.
type Client struct {
	base       *url.URL
	http       *http.Client
	credential *credential
	timeout    time.Duration
	userAgent  string
	ask        func(context.Context) error
	askHistory func(context.Context) error
	watcher    func(Exchange) // nil for nobody
	headers    http.Header
}

// Request is one GET.
type Request struct {
	Route   string   // how errors name it, "/v1/organizations/{uid}"
	Path    []string // segments below the base URL, not yet escaped
	Query   url.Values
	Link    string // in place of Path and Query: an address of the same origin, which an answer may have given
	Limit   int64  // of the body, in bytes
	History bool   // takes its place in the history half of the budget

	// Suspended says whether the JSON body of a 403 says that the account is
	// suspended; nil where that would be no news.
	Suspended func(body []byte) bool

	// Answered is told the headers of a 200, before its body; nil for nobody.
	Answered func(http.Header)
}

// NewClient checks the configuration without touching the network.
func NewClient(c ClientConfig) (*Client, error) {
	none := func(context.Context) error { return nil }
	client := &Client{timeout: c.Common.Timeout, userAgent: c.Common.UserAgent, ask: c.Common.Ask, askHistory: c.Common.AskHistory, watcher: c.Common.Watch, headers: c.Headers}
	if client.timeout <= 0 {
		client.timeout = DefaultTimeout
	}
	if client.ask == nil {
		client.ask = none
	}
	if client.askHistory == nil {
		client.askHistory = client.ask
	}
	if c.Header == "" {
		c.Header = "Authorization"
	}
	var errs [3]error
	client.base, errs[0] = c.Connection.base(c.Version)
	client.http, errs[1] = c.Connection.httpClient(c.Common.Dir, client.ask)
	client.credential, errs[2] = newCredential(c.Token, c.Common.Dir, c.Header, c.Prefix)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return client, nil
}

// Refresh reads the credential's file again and says whether it changed.
func (c *Client) Refresh() (changed bool, err error) { return c.credential.refresh() }

// Close drops idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// tellingHeader is how long the value of a header is at least that may be a
// secret; shorter ones are versions and numbers, which texts are full of.
const tellingHeader = 8

// secrets returns what must never be shown, in every spelling: the credential,
// and what the configured headers hold.
func (c *Client) secrets(credential string) []string {
	all := spellings(credential)
	for _, values := range c.headers {
		for _, value := range values {
			for _, word := range append([]string{value}, strings.Fields(value)...) {
				if len(word) >= tellingHeader {
					all = append(all, spellings(word)...)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// Get returns the whole body of a 200, read to its end.
func (c *Client) Get(ctx context.Context, r Request) ([]byte, error) {
	var body bytes.Buffer
	err := c.Stream(ctx, r, func(from io.Reader) error {
		_, err := body.ReadFrom(from)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// Stream hands the body of a 200 to read, which reads it to its end. Nothing
// of what read learned counts unless Stream returns nil.
func (c *Client) Stream(ctx context.Context, r Request, read func(io.Reader) error) error {
	ask := c.ask
	if r.History {
		ask = c.askHistory
	}
	if err := ask(ctx); err != nil {
		return err
	}
	credential := c.credential.current()
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no whole answer within %s", c.timeout))
	defer cancel()
	watched := c.watch(r, credential.secret)
	failed := c.exchange(ctx, r, credential, watched, read)
	if failed == nil {
		watched.ends(nil)
		return nil
	}
	failed.Endpoint = http.MethodGet + " " + r.Route
	if errors.Is(failed.Err, context.DeadlineExceeded) {
		failed.Err = context.Cause(ctx)
	}
	err := redacted(failed, c.secrets(credential.secret))
	watched.ends(err)
	return err
}

func (c *Client) exchange(ctx context.Context, r Request, credential reading, w *watched, read func(io.Reader) error) *Error {
	address, err := c.address(r)
	if err != nil {
		return &Error{Kind: Unreadable, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return &Error{Kind: Unreadable, Err: errors.New("address is not valid")}
	}
	req.Header.Set(c.credential.header, credential.value)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	maps.Copy(req.Header, c.headers)
	w.asks(req.URL)
	resp, err := c.http.Do(req)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return &Error{Kind: Failed, Err: withoutURL(err)}
	}
	defer resp.Body.Close()
	w.answers(resp)
	if resp.StatusCode != http.StatusOK {
		return refused(resp, r, c.secrets(credential.secret))
	}
	if isHTML(resp.Header) {
		return &Error{Kind: Unreadable, Status: resp.StatusCode, Err: errors.New("the answer is an HTML page")}
	}
	if r.Answered != nil {
		r.Answered(resp.Header)
	}
	body := &bounded{from: resp.Body, left: r.Limit}
	err = read(body)
	if err == nil {
		err = body.rest()
	}
	if err == nil {
		return nil
	}
	if body.failed != nil {
		return &Error{Kind: Failed, Status: resp.StatusCode, Err: fmt.Errorf("read the body: %w", body.failed)}
	}
	return &Error{Kind: Unreadable, Status: resp.StatusCode, Err: err}
}

// address joins base and path. An id is one segment, whatever it holds.
func (c *Client) address(r Request) (string, error) {
	if r.Link != "" {
		return c.follow(r.Link)
	}
	path := strings.TrimRight(c.base.EscapedPath(), "/")
	for _, segment := range r.Path {
		if segment == "" || segment == "." || segment == ".." {
			return "", fmt.Errorf("%q cannot stand in a path", segment)
		}
		path += "/" + url.PathEscape(segment)
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		return "", errors.New("address is not valid")
	}
	u := *c.base
	u.Path, u.RawPath, u.RawQuery = plain, path, r.Query.Encode()
	return u.String(), nil
}

func isHTML(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (media == "text/html" || media == "application/xhtml+xml")
}

// withoutURL takes off the layer that spells the address out, and says in plain
// words what has a mend.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return errors.New("nobody who is trusted has signed the server's certificate: see ca_file")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("what answers does not speak TLS: is it https, and the port right?")
	}
	return err
}
