package webhook

import (
	"encoding/base64"
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

// Formats of the body.
const (
	FormatBillwatch    = "billwatch"
	FormatAlertmanager = "alertmanager"
)

// Config is a webhook's settings.
type Config struct {
	// URL is where notifications are posted, by http or https. It counts as a
	// secret: only its host is ever shown. A name and password in it are sent
	// as basic authentication.
	URL     billwatch.Secret `yaml:"url"`
	URLFile string           `yaml:"url_file"`

	// Secret signs each attempt after Standard Webhooks: "whsec_" and base64,
	// or plain text of 24 bytes and more. While it is being changed,
	// PreviousSecret signs too.
	Secret             billwatch.Secret `yaml:"secret"`
	SecretFile         string           `yaml:"secret_file"`
	PreviousSecret     billwatch.Secret `yaml:"previous_secret"`
	PreviousSecretFile string           `yaml:"previous_secret_file"`

	// Format of the body: "billwatch" (the default), or "alertmanager" for
	// version 4 of its webhook.
	Format string `yaml:"format"`

	// Headers are sent with each request; their values count as secrets.
	Headers map[string]billwatch.Secret `yaml:"headers"`

	// AllowPrivate lets the webhook reach private and local addresses. Those of
	// cloud metadata services are refused even then.
	AllowPrivate bool `yaml:"allow_private"`

	// Timeout of an attempt, from the connection to the answer's status; 10s.
	Timeout time.Duration `yaml:"timeout"`

	// MaxAlerts in one body; "truncated" counts the rest. 0 is mostAlerts.
	MaxAlerts int `yaml:"max_alerts"`

	// ProxyURL is an http, https or socks5 proxy. It resolves the names itself,
	// so that private addresses behind names are its own business; those
	// written into the URL are still refused.
	ProxyURL billwatch.Secret `yaml:"proxy_url"`

	// CAFile holds certificates (PEM) that are trusted beside the system's.
	CAFile string `yaml:"ca_file"`
}

// mostAlerts bounds a body, and with it what is kept until it is delivered.
const mostAlerts = 10_000

// Defaults returns the settings that hold where nothing is configured.
func Defaults() Config {
	return Config{Format: FormatBillwatch, Timeout: 10 * time.Second, MaxAlerts: notify.MaxAlerts}
}

// New implements notify.Settings.
func (c *Config) New(common notify.Common) (notify.Notifier, error) {
	n, err := New(*c, common)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// check returns all that is wrong with the settings that are no secrets.
func (c Config) check() error {
	var errs []error
	if c.Format != FormatBillwatch && c.Format != FormatAlertmanager {
		errs = append(errs, notify.Wrong("format", fmt.Sprintf("%q is no format", c.Format), "billwatch or alertmanager"))
	}
	if c.Timeout <= 0 {
		errs = append(errs, notify.Wrong("timeout", "must be more than zero", ""))
	}
	if c.MaxAlerts < 0 || c.MaxAlerts > mostAlerts {
		errs = append(errs, notify.Wrong("max_alerts", fmt.Sprintf("must be from 0 to %d", mostAlerts), "0 is the most"))
	}
	return errors.Join(append(errs, c.checkHeaders())...)
}

// checkHeaders refuses headers that a server could not be sent, and those that
// billwatch sets itself.
func (c Config) checkHeaders() error {
	own := []string{
		"host", "content-length", "content-type", "transfer-encoding", "connection",
		headerID, headerTimestamp, headerSignature,
	}
	var errs []error
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

// parseURL returns where to post to; the error does not spell the URL out.
func parseURL(secret billwatch.Secret) (*url.URL, error) {
	wrong := func(what string) error {
		return notify.Wrong("url", what, "https://example.com/hook")
	}
	if secret == "" {
		return nil, wrong("is missing")
	}
	u, err := url.Parse(secret.Reveal())
	if err != nil {
		return nil, wrong("is not valid")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, wrong("must begin with https:// or http://")
	}
	if u.Hostname() == "" {
		return nil, wrong("has no host")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// parseKey returns the bytes that sign: those after whsec_ decoded, or the text
// itself.
func parseKey(field string, secret billwatch.Secret) ([]byte, error) {
	const least = 24 // bytes that Standard Webhooks asks for
	wrong := func(what string) error {
		return notify.Wrong(field, what, "whsec_ and base64 of 24 bytes and more, or text of that length")
	}
	key := []byte(secret.Reveal())
	if encoded, found := strings.CutPrefix(secret.Reveal(), "whsec_"); found {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, wrong("is not base64 after whsec_")
		}
	}
	if len(key) < least {
		return nil, wrong(fmt.Sprintf("is shorter than %d bytes", least))
	}
	return key, nil
}
