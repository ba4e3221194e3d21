package webhook

import (
	"net"
	"net/http"

	"github.com/billwatch/billwatch/notify"
)

const maxRedirects = 5

// client returns the HTTP client of one webhook. The guard sees each connection;
// with a proxy it sees those to the proxy, which is the operator's own choice
// and may be private: what it is asked for is checked as it is written.
func (c Config) client(g *guard) (*http.Client, error) {
	transport, err := notify.NewTransport(c.CAFile, c.ProxyURL)
	if err != nil {
		return nil, err
	}
	if c.ProxyURL != "" {
		g = newGuard(true)
	}
	dialer := &net.Dialer{Timeout: c.Timeout, Control: g.control}
	transport.DialContext = dialer.DialContext
	transport.DisableCompression = true
	return &http.Client{Transport: transport, CheckRedirect: follow}, nil
}

// follow follows redirects that repeat the POST on the same host. Any other
// redirect is the answer itself, and a failure.
func follow(next *http.Request, via []*http.Request) error {
	repeats := next.Response.StatusCode == http.StatusTemporaryRedirect ||
		next.Response.StatusCode == http.StatusPermanentRedirect
	first := via[0].URL
	if repeats && next.URL.Scheme == first.Scheme && next.URL.Host == first.Host && len(via) <= maxRedirects {
		next.URL.User = nil
		return nil
	}
	return http.ErrUseLastResponse
}
