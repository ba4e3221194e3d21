package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/billwatch/billwatch"
)

const maxRedirects = 5

// client returns the HTTP client of one webhook. It never looks at proxy
// variables of the environment: a proxy would connect in the guard's place.
func (c Config) client(g *guard) (*http.Client, error) {
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: c.Timeout, Control: g.control}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true, // on a connection of its own an attempt that fails early was certainly not taken
	}
	if c.ProxyURL != "" {
		c.useProxy(transport)
	}
	return &http.Client{Transport: transport, CheckRedirect: follow}, nil
}

// useProxy sends all by the proxy. The proxy itself is the operator's own
// choice and may be private; what it is asked for is checked as it is written.
func (c Config) useProxy(transport *http.Transport) {
	proxy, err := url.Parse(c.ProxyURL.Reveal())
	transport.Proxy = func(*http.Request) (*url.URL, error) {
		if err != nil {
			return nil, errors.New("proxy_url is not valid")
		}
		return proxy, nil
	}
	toProxy := &net.Dialer{Timeout: c.Timeout, Control: newGuard(true).control}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return toProxy.DialContext(ctx, network, address)
	}
}

// roots returns the system's certificates and those of CAFile.
func (c Config) roots() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil // the system's
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, &billwatch.FieldError{Field: "ca_file", Err: err}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &billwatch.FieldError{Field: "ca_file", Err: errors.New("holds no certificate"), Hint: "PEM is expected"}
	}
	return pool, nil
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
