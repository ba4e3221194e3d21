package poller

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

const maxRedirects = 5

// Connection is how an API is reached; a provider's settings embed it inline.
type Connection struct {
	BaseURL  string           `yaml:"base_url"` // scheme, host and an optional prefix, without /v1
	ProxyURL billwatch.Secret `yaml:"proxy_url"`
	CAFile   string           `yaml:"ca_file"`
}

// base returns the checked base URL, which must not end in what each path begins
// with.
func (c Connection) base(version string) (*url.URL, error) {
	u, err := url.Parse(c.BaseURL)
	wrong := func(what string) (*url.URL, error) {
		return nil, &billwatch.FieldError{Field: "base_url", Err: errors.New(what)}
	}
	switch {
	case err != nil:
		return wrong("is not a valid URL") // err would spell out what may hold a secret
	case u.Scheme != "http" && u.Scheme != "https":
		return wrong("must begin with https:// or http://")
	case u.Hostname() == "":
		return wrong("has no host")
	case u.User != nil:
		return wrong("must not hold a user or password")
	case version != "" && path.Base(u.Path) == version:
		return nil, &billwatch.FieldError{Field: "base_url", Err: fmt.Errorf("must not end in /%s", version),
			Hint: "leave it out: each request begins with it"}
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return wrong("must end with its path")
	}
	return u, nil
}

// proxy returns what chooses the proxy: the configured one, else that of the
// environment.
func (c Connection) proxy() (func(*http.Request) (*url.URL, error), error) {
	if c.ProxyURL == "" {
		return http.ProxyFromEnvironment, nil
	}
	u, err := url.Parse(c.ProxyURL.Reveal())
	if err != nil || u.Hostname() == "" {
		return nil, &billwatch.FieldError{Field: "proxy_url", Err: errors.New("is not a valid URL")}
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return http.ProxyURL(u), nil
	}
	return nil, &billwatch.FieldError{Field: "proxy_url", Err: errors.New("must begin with http://, https:// or socks5://")}
}

// roots returns the system's certificate authorities and those of ca_file.
func (c Connection) roots(dir string) (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil // the system's
	}
	pem, err := os.ReadFile(resolve(dir, c.CAFile))
	if err != nil {
		return nil, &billwatch.FieldError{Field: "ca_file", Err: err}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &billwatch.FieldError{Field: "ca_file", Err: fmt.Errorf("%s holds no PEM certificate", c.CAFile)}
	}
	return pool, nil
}

// httpClient returns a client that stays on one origin.
func (c Connection) httpClient(dir string, ask func(context.Context) error) (*http.Client, error) {
	proxy, proxyErr := c.proxy()
	roots, rootsErr := c.roots(dir)
	if err := errors.Join(proxyErr, rootsErr); err != nil {
		return nil, err
	}
	return &http.Client{
		Transport: onceAgain{ask: ask, next: &http.Transport{
			Proxy:                  proxy,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		}},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			if from, to := origin(via[0].URL), origin(next.URL); from != to {
				return fmt.Errorf("redirect from %s to %s refused: the credential stays where it belongs", from, to)
			}
			return ask(next.Context()) // each hop is a request, too
		},
	}, nil
}

// origin returns scheme://host:port, the port spelled out.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
