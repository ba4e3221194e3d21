package slack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/billwatch/billwatch"
)

const maxAnswer = 1 << 20 // bytes of an answer that are read; Slack repeats the message in it

// client returns the HTTP client of one integration. Redirects are answers:
// following one would carry the token along, in the form's body.
func (c Config) client() (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, &billwatch.FieldError{Field: "ca_file", Err: err}
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, wrong("ca_file", "holds no certificate", "PEM is expected")
		}
	}
	transport := &http.Transport{
		TLSClientConfig:        config,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true, // on a connection of its own an attempt that fails early was certainly not taken
	}
	if proxy, err := url.Parse(c.ProxyURL.Reveal()); err == nil && c.ProxyURL != "" {
		transport.Proxy = http.ProxyURL(proxy)
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: refuse}, nil
}

// An exchange is one request and what came back. As the HTTP client of
// slack-go it sees what that hides: whether the request began, the status, and
// the answer as it came.
type exchange struct {
	client *http.Client
	agent  string      // what we call ourselves
	began  atomic.Bool // the transport reads the request in a goroutine of its own
	status int         // 0 without an answer
	header http.Header
	body   []byte
	cut    error // why the answer ended early
}

// Do sends the request and reads the whole answer.
func (x *exchange) Do(request *http.Request) (*http.Response, error) {
	open := request.GetBody
	if open == nil {
		return nil, errors.New("request without a body")
	}
	request.GetBody = func() (io.ReadCloser, error) {
		body, err := open()
		return &watched{ReadCloser: body, exchange: x, ctx: request.Context()}, err
	}
	var err error
	if request.Body, err = request.GetBody(); err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", x.agent)
	response, err := x.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if !x.began.Load() {
		if err := mayBegin(request.Context()); err != nil {
			return nil, err // the headers went out, and the body never will
		}
	}
	x.status, x.header = response.StatusCode, response.Header
	x.body, x.cut = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	response.Body = io.NopCloser(bytes.NewReader(x.body))
	return response, nil
}

// watched notes when the request's body begins to be read: before, nothing can
// have been taken. It refuses to begin after the context's deadline, where the
// lease of the notification ends.
type watched struct {
	io.ReadCloser
	exchange *exchange
	ctx      context.Context //nolint:containedctx // net/http hands a body none
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	if err := mayBegin(w.ctx); err != nil {
		return 0, err
	}
	w.exchange.began.Store(true)
	return w.ReadCloser.Read(p)
}

// mayBegin says whether the lease still holds, by the monotonic clock: after a
// pause the context itself may not have noticed yet.
func mayBegin(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}
