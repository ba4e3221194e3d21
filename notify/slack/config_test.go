package slack_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/slack"
)

func itoa(n int) string { return strconv.Itoa(n) }

func onWebhook(c *slack.Config) {
	c.Token, c.Channel, c.WebhookURL = "", "", "https://hooks.example.com/x"
}

func TestWrongSettingsAreNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		change func(*slack.Config)
		want   []string
	}{
		{"neither way", func(c *slack.Config) { c.Token = "" }, []string{"token"}},
		{"both ways", func(c *slack.Config) { c.WebhookURL = "https://hooks.example.com/x" }, []string{"webhook_url"}},
		{"no channel", func(c *slack.Config) { c.Channel = "" }, []string{"channel"}},
		{"a channel with a space", func(c *slack.Config) { c.Channel = "#a b" }, []string{"channel"}},
		{"a webhook with a channel", func(c *slack.Config) { c.Token, c.WebhookURL = "", "https://hooks.example.com/x" }, []string{"channel"}},
		{"a webhook without a scheme", func(c *slack.Config) { c.Token, c.Channel, c.WebhookURL = "", "", "hooks.example.com" }, []string{"webhook_url"}},
		{"a webhook that changes messages", func(c *slack.Config) { onWebhook(c); c.Update = true }, []string{"update"}},
		{"a webhook with threads", func(c *slack.Config) { onWebhook(c); c.Thread = true }, []string{"thread"}},
		{"a webhook with charts", func(c *slack.Config) { onWebhook(c); c.Chart = true }, []string{"chart"}},
		{"token and file", func(c *slack.Config) { c.TokenFile = empty }, []string{"token_file"}},
		{"an empty file", func(c *slack.Config) { c.Token, c.TokenFile = "", empty }, []string{"token_file"}},
		{"a mention by name", func(c *slack.Config) { c.Mentions = []string{"@ada"} }, []string{"mentions"}},
		{"a mention with marks in it", func(c *slack.Config) { c.Mentions = []string{"U1> <!here"} }, []string{"mentions"}},
		{"no time", func(c *slack.Config) { c.Timeout = 0 }, []string{"timeout"}},
		{"an API elsewhere", func(c *slack.Config) { c.APIURL = "slack.com" }, []string{"api_url"}},
		{"a proxy", func(c *slack.Config) { c.ProxyURL = "proxy" }, []string{"proxy_url"}},
		{"a CA file that is none", func(c *slack.Config) { c.CAFile = empty }, []string{"ca_file"}},
		{"several at once", func(c *slack.Config) { c.Channel, c.Timeout, c.CAFile = "", 0, empty }, []string{"ca_file", "channel", "timeout"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			settings := byToken("https://slack.example.com")
			c.change(&settings)
			n, err := settings.New(notify.Common{})
			if n != nil {
				t.Error("New returned a notifier beside its error")
			}
			if diff := cmp.Diff(c.want, notifytest.Fields(err)); diff != "" {
				t.Errorf("wrong fields (-want +got):\n%s\n%v", diff, err)
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("error spells the token out: %v", err)
			}
		})
	}
}

func TestTemplatesOfItsOwn(t *testing.T) {
	c := slack.Config{Title: "a", Text: "b"}
	if diff := cmp.Diff(notify.Overrides{Title: "a", Text: "b"}, c.Overrides()); diff != "" {
		t.Errorf("Overrides (-want +got):\n%s", diff)
	}
}
