package slack

import (
	"bytes"
	"io"
	"net/http"

	"github.com/billwatch/billwatch/notify"
)

const maxAnswer = 1 << 20 // bytes of an answer that are read; Slack repeats the message in it

// client returns the HTTP client of one integration. Redirects are answers:
// following one would carry the token along, in the form's body.
func (c Config) client() (*http.Client, error) {
	transport, err := notify.NewTransport(c.CAFile, c.ProxyURL)
	if err != nil {
		return nil, err
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: refuse}, nil
}

// An exchange is one request and what came back. As the HTTP client of
// slack-go it sees what that hides: whether the request began, the status, and
// the answer as it came.
type exchange struct {
	client *http.Client
	agent  string // what we call ourselves
	sent   notify.LeaseWatch
	status int // 0 without an answer
	header http.Header
	body   []byte
	cut    error // why the answer ended early
}

// Do sends the request and reads the whole answer.
func (x *exchange) Do(request *http.Request) (*http.Response, error) {
	if err := x.sent.Over(request); err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", x.agent)
	response, err := x.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if err := x.sent.Unsent(); err != nil {
		return nil, err
	}
	x.status, x.header = response.StatusCode, response.Header
	x.body, x.cut = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	response.Body = io.NopCloser(bytes.NewReader(x.body))
	return response, nil
}
