package notify

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/billwatch/billwatch"
)

// NewTransport returns how HTTP leaves the house, after the settings `ca_file`
// and `proxy_url`, which may both be empty. It never looks at proxy variables of
// the environment.
func NewTransport(caFile string, proxyURL billwatch.Secret) (*http.Transport, error) {
	roots, rootsErr := ReadRoots(caFile)
	proxy, proxyErr := parseProxy(proxyURL)
	if err := errors.Join(rootsErr, proxyErr); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true, // on a connection of its own an attempt that fails early was certainly not taken
	}
	if proxy != nil {
		transport.Proxy = http.ProxyURL(proxy)
	}
	return transport, nil
}

// parseProxy returns a proxy's address, nil for none; the error does not spell
// out the password that may be in it.
func parseProxy(secret billwatch.Secret) (*url.URL, error) {
	if secret == "" {
		return nil, nil
	}
	u, err := url.Parse(secret.Reveal())
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return nil, Wrong("proxy_url", "is not a proxy's address", "http://proxy:3128")
	}
	return u, nil
}
