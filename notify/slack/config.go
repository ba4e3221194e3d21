package slack

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// Config is the settings of a Slack integration: a token and a channel, or a
// webhook's URL.
type Config struct {
	// Token of a bot that may chat:write.
	Token     billwatch.Secret `yaml:"token"`
	TokenFile string           `yaml:"token_file"`

	// Channel is a name ("#billing") or an id ("C0123456789"), for a token.
	Channel string `yaml:"channel"`

	// WebhookURL is an incoming webhook, which has its channel. It counts as a
	// secret.
	WebhookURL     billwatch.Secret `yaml:"webhook_url"`
	WebhookURLFile string           `yaml:"webhook_url_file"`

	// APIURL is where Slack's methods are; https://slack.com/api/.
	APIURL string `yaml:"api_url"`

	// Update edits an incident's message in place as it changes, instead of
	// posting another one. Thread puts each change into the message's thread,
	// where it disturbs nobody else. Both want a token.
	Update bool `yaml:"update"`
	Thread bool `yaml:"thread"`

	// Chart puts a picture of the balance into the message's thread. It wants a
	// token of a bot that may files:write.
	Chart bool `yaml:"chart"`

	// Title and Text are templates that replace the default ones.
	Title string `yaml:"title"`
	Text  string `yaml:"text"`

	// Mentions are those to call: "here", "channel", "everyone", or the id of a
	// person ("U0123456789") or of a user group ("S0123456789").
	Mentions []string `yaml:"mentions"`

	// MentionOn are the severities of firing alerts that call them; [critical].
	MentionOn []string `yaml:"mention_on"`

	// Timeout of an attempt, from the connection to the answer; 10s.
	Timeout time.Duration `yaml:"timeout"`

	// ProxyURL is an http, https or socks5 proxy.
	ProxyURL billwatch.Secret `yaml:"proxy_url"`

	// CAFile holds certificates (PEM) that are trusted beside the system's.
	CAFile string `yaml:"ca_file"`
}

// Defaults returns the settings that hold where nothing is configured.
func Defaults() Config {
	return Config{APIURL: "https://slack.com/api/", MentionOn: []string{"critical"}, Timeout: 10 * time.Second}
}

// New implements notify.Settings.
func (c *Config) New(common notify.Common) (notify.Notifier, error) {
	n, err := New(*c, common)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Overrides returns the templates of this integration.
func (c *Config) Overrides() notify.Overrides {
	return notify.Overrides{Title: c.Title, Text: c.Text}
}

// WantsChart says whether notifications are to have a chart.
func (c *Config) WantsChart() bool { return c.Chart }

// byWebhook says which of the two ways is configured.
func (c Config) byWebhook() bool { return c.WebhookURL != "" || c.WebhookURLFile != "" }

// check returns all that is wrong with the settings that are no secrets.
func (c Config) check() error {
	errs := []error{c.checkWay(), c.checkMentions(), c.checkAPI(), c.checkPostOnly()}
	if c.Timeout <= 0 {
		errs = append(errs, notify.Wrong("timeout", "must be more than zero", ""))
	}
	return errors.Join(errs...)
}

// checkWay refuses settings that belong to both ways, or to neither.
func (c Config) checkWay() error {
	byToken := c.Token != "" || c.TokenFile != ""
	switch {
	case byToken && c.byWebhook():
		return notify.Wrong("webhook_url", "does not go with a token", "keep one of the two")
	case !byToken && !c.byWebhook():
		return notify.Wrong("token", "is missing", "token and channel, or webhook_url")
	case byToken && c.Channel == "":
		return notify.Wrong("channel", "is missing", `"#billing" or a channel's id`)
	case c.byWebhook() && c.Channel != "":
		return notify.Wrong("channel", "does not go with webhook_url", "an incoming webhook has its channel")
	case strings.ContainsFunc(c.Channel, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return notify.Wrong("channel", fmt.Sprintf("%q is no channel", c.Channel), `"#billing" or a channel's id`)
	}
	return nil
}

// checkPostOnly refuses what an incoming webhook cannot do.
func (c Config) checkPostOnly() error {
	var errs []error
	for field, set := range map[string]bool{"update": c.Update, "thread": c.Thread, "chart": c.Chart} {
		if set && c.byWebhook() {
			errs = append(errs, notify.Wrong(field, "does not go with webhook_url", "an incoming webhook only posts; give token and channel instead"))
		}
	}
	return errors.Join(errs...)
}

func (c Config) checkMentions() error {
	for _, mention := range c.Mentions {
		if _, err := mentionOf(mention); err != nil {
			return err
		}
	}
	return nil
}

// mentionOf returns Slack's spelling of a mention.
func mentionOf(text string) (string, error) {
	who := strings.TrimPrefix(strings.Trim(text, "<>!"), "@")
	switch {
	case who == "here" || who == "channel" || who == "everyone":
		return "<!" + who + ">", nil
	case regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`).MatchString(who):
		return "<@" + who + ">", nil
	case regexp.MustCompile(`^S[A-Z0-9]{2,20}$`).MatchString(who):
		return "<!subteam^" + who + ">", nil
	}
	return "", notify.Wrong("mentions", fmt.Sprintf("%q cannot be mentioned", text),
		"here, channel, everyone, or the id of a person (U…) or a user group (S…)")
}

func (c Config) checkAPI() error {
	api, err := url.Parse(c.APIURL)
	if err != nil || api.Host == "" || (api.Scheme != "https" && api.Scheme != "http") {
		return notify.Wrong("api_url", "must be an http or https address", "https://slack.com/api/")
	}
	return nil
}
