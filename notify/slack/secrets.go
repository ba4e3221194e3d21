package slack

import (
	"net/url"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// readSecret returns the token or the webhook's URL, from its file where it is
// given as one.
func (c Config) readSecret() (billwatch.Secret, error) {
	if !c.byWebhook() {
		return notify.ReadToken("token", c.Token, c.TokenFile)
	}
	secret, err := notify.ReadToken("webhook_url", c.WebhookURL, c.WebhookURLFile)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(secret.Reveal())
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", notify.Wrong("webhook_url", "is not an http or https address", "https://hooks.slack.com/services/…")
	}
	return secret, nil
}
