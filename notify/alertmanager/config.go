package alertmanager

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// path is where an Alertmanager takes alerts.
const path = "/api/v2/alerts"

// Config is the settings of some Alertmanagers.
type Config struct {
	// URLs are the Alertmanagers, each without /api/v2. Those of a cluster are
	// all named: each is told on its own, and no proxy stands between.
	URLs []string `yaml:"urls"`

	// Headers are sent with each request, as for a tenant or to log in; their
	// values count as secrets.
	Headers map[string]billwatch.Secret `yaml:"headers"`

	// Timeout of one request; 10s.
	Timeout time.Duration `yaml:"timeout"`

	// ProxyURL is an http, https or socks5 proxy.
	ProxyURL billwatch.Secret `yaml:"proxy_url"`

	// CAFile holds certificates (PEM) that are trusted beside the system's.
	CAFile string `yaml:"ca_file"`
}

// Defaults returns the settings that hold where nothing is configured.
func Defaults() Config { return Config{Timeout: 10 * time.Second} }

// New implements notify.Settings.
func (c *Config) New(common notify.Common) (notify.Notifier, error) {
	n, err := New(*c, common)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// addresses returns the URLs that are posted to.
func (c Config) addresses() ([]*url.URL, error) {
	if len(c.URLs) == 0 {
		return nil, notify.Wrong("urls", "is missing", "[http://alertmanager:9093]")
	}
	var all []*url.URL
	var errs []error
	seen := map[string]bool{}
	for i, text := range c.URLs {
		u, err := address(fmt.Sprintf("urls.%d", i), text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if seen[u.String()] {
			errs = append(errs, notify.Wrong(fmt.Sprintf("urls.%d", i), "is there twice", ""))
		}
		seen[u.String()] = true
		all = append(all, u)
	}
	return all, errors.Join(errs...)
}

// address checks one URL. The error does not spell out what may be a password.
func address(field, text string) (*url.URL, error) {
	wrong := func(what, hint string) (*url.URL, error) { return nil, notify.Wrong(field, what, hint) }
	const example = "http://alertmanager:9093"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return wrong("is no address", example)
	case u.Scheme != "http" && u.Scheme != "https":
		return wrong("must begin with http:// or https://", example)
	case u.Hostname() == "":
		return wrong("has no host", example)
	case u.User != nil:
		return wrong("holds a name or password", "use headers: {Authorization: Basic …}")
	case u.RawQuery != "" || u.Fragment != "":
		return wrong("must end with its path", example)
	case strings.Contains(u.Path+"/", "/api/"):
		return wrong("must not name the API", "leave out everything from /api on")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/")+path, ""
	return u, nil
}

// check returns what is wrong with the other settings.
func (c Config) check() error {
	var errs []error
	if c.Timeout <= 0 {
		errs = append(errs, notify.Wrong("timeout", "must be more than zero", ""))
	}
	own := []string{"host", "content-length", "content-type", "transfer-encoding", "connection"}
	for name, value := range c.Headers {
		field := "headers." + name
		switch {
		case !isHeaderName(name):
			errs = append(errs, notify.Wrong(field, "is not a header's name", ""))
		case slices.Contains(own, strings.ToLower(name)):
			errs = append(errs, notify.Wrong(field, "is set by billwatch itself", ""))
		case strings.ContainsFunc(value.Reveal(), unicode.IsControl):
			errs = append(errs, notify.Wrong(field, "has characters that a header cannot hold", ""))
		}
	}
	return errors.Join(errs...)
}

func isHeaderName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	return name != "" && strings.Trim(strings.ToLower(name), letters) == ""
}
