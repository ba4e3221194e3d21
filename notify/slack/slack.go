package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// Notifier posts notifications to one channel.
type Notifier struct {
	config    Config
	common    notify.Common
	client    *http.Client
	mentioned []string
	secret    *notify.Credential[billwatch.Secret] // the token, or the webhook's URL
}

// New checks the settings and reads the secret where it is given as a file.
func New(c Config, common notify.Common) (*Notifier, error) {
	client, clientErr := c.client()
	secret, secretErr := notify.NewSecret(c.readSecret)
	if err := errors.Join(c.check(), clientErr, secretErr); err != nil {
		return nil, err
	}
	c.APIURL = strings.TrimSuffix(c.APIURL, "/") + "/"
	n := &Notifier{config: c, common: common, client: client, secret: secret}
	for _, mention := range c.Mentions {
		spelled, err := mentionOf(mention)
		if err != nil {
			return nil, err
		}
		n.mentioned = append(n.mentioned, spelled)
	}
	return n, nil
}

// String names the integration; the settings hold secrets.
func (n *Notifier) String() string { return "slack " + n.common.Integration }

// GoString does the same for %#v.
func (n *Notifier) GoString() string { return n.String() }

// Notify makes one attempt. With a token it is a telling of several steps, of
// which the receipt names those that need no other attempt; its Ref is the
// message that tells of the incident.
func (n *Notifier) Notify(ctx context.Context, told billwatch.Notification, prior billwatch.Receipt) (billwatch.Receipt, error) {
	if n.config.byWebhook() {
		return n.post(ctx, told, prior)
	}
	t := &telling{notifier: n, secret: n.secret.Load(), told: told, receipt: prior}
	t.receipt.Done = slices.Clone(prior.Done)
	err := t.tell(ctx)
	return t.receipt, err
}

// attempt is one request on its way.
type attempt struct {
	notifier *Notifier
	secret   *billwatch.Secret
	exchange *exchange
}

func (n *Notifier) attempt(secret *billwatch.Secret) attempt {
	return attempt{notifier: n, secret: secret, exchange: &exchange{client: n.client, agent: n.common.UserAgent}}
}

// post posts to the incoming webhook, which has no other way.
func (n *Notifier) post(ctx context.Context, told billwatch.Notification, prior billwatch.Receipt) (billwatch.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, n.config.Timeout)
	defer cancel()
	a := n.attempt(n.secret.Load())
	err := a.post(ctx, n.build(told))
	if a.exchange.status == 0 {
		return prior, a.unanswered(err)
	}
	_, said, err := a.judge()
	return billwatch.Receipt{Answer: a.redact(said)}, err
}

// post posts to the incoming webhook.
func (a attempt) post(ctx context.Context, m message) error {
	unfurl := false
	body, err := json.Marshal(slackgo.WebhookMessage{
		Text: m.text, Blocks: &slackgo.Blocks{BlockSet: m.blocks}, Attachments: []slackgo.Attachment{m.frame},
		UnfurlLinks: &unfurl, UnfurlMedia: &unfurl,
	})
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.secret.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errors.New("webhook_url is not valid") // err would spell the secret out
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.exchange.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// unanswered says what an attempt without an answer means.
func (a attempt) unanswered(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err // the outer text spells the URL out
	}
	text := "post to Slack"
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%s: no answer in time: %w", text, context.DeadlineExceeded)
	} else {
		err = fmt.Errorf("%s: %s", text, a.redact(err.Error()))
	}
	if !a.exchange.sent.Began() {
		return notify.Refused(err)
	}
	return err
}

func (a attempt) redact(text string) string {
	return notify.Redact(text, *a.secret, a.notifier.config.ProxyURL)
}
