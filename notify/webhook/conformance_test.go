package webhook_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/webhook"
)

const (
	secret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of the public test vectors
	previous = "an older secret of thirty-two by"
)

// local returns settings that may reach the test's own server.
func local(url string) webhook.Config {
	c := webhook.Defaults()
	c.URL, c.AllowPrivate = billwatch.Secret(url), true
	return c
}

func TestConformance(t *testing.T) {
	for _, format := range []string{webhook.FormatBillwatch, webhook.FormatAlertmanager} {
		t.Run(format, func(t *testing.T) {
			notifytest.HTTP(t, notifytest.Site{
				New: func(url string) (notify.Notifier, error) {
					c := local(url)
					c.Format, c.Secret, c.PreviousSecret = format, secret, previous
					c.Headers = map[string]billwatch.Secret{"Authorization": "Bearer header-token-0123"}
					return webhook.New(c, notify.Common{UserAgent: "billwatch/test"})
				},
				Secrets: []string{secret, previous, "header-token-0123"},
				Check: func(body string) error {
					if !json.Valid([]byte(body)) {
						return errors.New("is not JSON")
					}
					return nil
				},
			})
		})
	}
}

func TestNothingIsSentAfterTheLease(t *testing.T) {
	notifytest.NothingAfterTheLease(t, func(url, caFile string) (notify.Notifier, error) {
		c := local(url)
		c.CAFile = caFile
		return webhook.New(c, notify.Common{})
	})
}
