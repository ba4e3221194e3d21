package slack

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/billwatch/billwatch"
)

// readSecret returns the token or the webhook's URL, from its file where it is
// given as one.
func (c Config) readSecret() (billwatch.Secret, error) {
	if !c.byWebhook() {
		return read("token", c.Token, c.TokenFile)
	}
	secret, err := read("webhook_url", c.WebhookURL, c.WebhookURLFile)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(secret.Reveal())
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", wrong("webhook_url", "is not an http or https address", "https://hooks.slack.com/services/…")
	}
	return secret, nil
}

// read returns a secret, from its file where it is given as one.
func read(field string, text billwatch.Secret, file string) (billwatch.Secret, error) {
	if file == "" {
		return text, nil
	}
	field += "_file"
	if text != "" {
		return "", wrong(field, "the secret is given twice", "keep one of the two")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", &billwatch.FieldError{Field: field, Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return "", &billwatch.FieldError{Field: field, Err: err}
	}
	secret := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(data)), "Bearer "))
	if secret == "" {
		return "", wrong(field, fmt.Sprintf("%s is empty", file), "")
	}
	if strings.ContainsFunc(secret, unicode.IsControl) {
		return "", wrong(field, fmt.Sprintf("%s has control characters", file), "")
	}
	return billwatch.Secret(secret), nil
}

// reread reads the secret again where it is given as a file, and says whether
// it has changed.
func (n *Notifier) reread(present *billwatch.Secret) bool {
	secret, err := n.config.readSecret()
	if err != nil || secret == *present {
		return n.secret.Load() != present
	}
	n.secret.Store(&secret)
	return true
}
