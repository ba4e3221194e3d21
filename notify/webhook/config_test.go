package webhook_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/webhook"
)

func TestWrongSettingsAreNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		change func(*webhook.Config)
		want   []string
	}{
		{"nothing is set", func(c *webhook.Config) { *c = webhook.Config{} }, []string{"format", "timeout", "url"}},
		{"another scheme", func(c *webhook.Config) { c.URL = "ftp://example.com" }, []string{"url"}},
		{"a socket", func(c *webhook.Config) { c.URL = "unix:///run/x.sock" }, []string{"url"}},
		{"no host", func(c *webhook.Config) { c.URL = "https:///hook" }, []string{"url"}},
		{"no URL at all", func(c *webhook.Config) { c.URL = "http://a b" }, []string{"url"}},
		{"URL and file", func(c *webhook.Config) { c.URLFile = empty }, []string{"url_file"}},
		{"an empty file", func(c *webhook.Config) { c.SecretFile = empty }, []string{"secret_file"}},
		{"a file that is not there", func(c *webhook.Config) { c.SecretFile = empty + "x" }, []string{"secret_file"}},
		{"a short secret", func(c *webhook.Config) { c.Secret = "short" }, []string{"secret"}},
		{"a secret that is no base64", func(c *webhook.Config) { c.Secret = "whsec_!!!" }, []string{"secret"}},
		{"an old secret alone", func(c *webhook.Config) { c.PreviousSecret = secret }, []string{"previous_secret"}},
		{"an unknown format", func(c *webhook.Config) { c.Format = "xml" }, []string{"format"}},
		{"no time", func(c *webhook.Config) { c.Timeout = -time.Second }, []string{"timeout"}},
		{"less than no alerts", func(c *webhook.Config) { c.MaxAlerts = -1 }, []string{"max_alerts"}},
		{"too many alerts", func(c *webhook.Config) { c.MaxAlerts = 10_001 }, []string{"max_alerts"}},
		{"a header's name", func(c *webhook.Config) { c.Headers = map[string]billwatch.Secret{"a b": "x"} }, []string{"headers.a b"}},
		{"a header's value", func(c *webhook.Config) { c.Headers = map[string]billwatch.Secret{"A": "x\r\ny: z"} }, []string{"headers.A"}},
		{"a header of ours", func(c *webhook.Config) { c.Headers = map[string]billwatch.Secret{"Webhook-Id": "x"} }, []string{"headers.Webhook-Id"}},
		{"a proxy", func(c *webhook.Config) { c.ProxyURL = "proxy:3128" }, []string{"proxy_url"}},
		{"a CA file that is none", func(c *webhook.Config) { c.CAFile = empty }, []string{"ca_file"}},
		{"several at once", func(c *webhook.Config) { c.Format, c.Secret, c.CAFile = "", "short", empty }, []string{"ca_file", "format", "secret"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			settings := webhook.Defaults()
			settings.URL = "https://example.com/hook-0123"
			c.change(&settings)
			n, err := settings.New(notify.Common{})
			if n != nil {
				t.Error("New returned a notifier beside its error")
			}
			if diff := cmp.Diff(c.want, notifytest.Fields(err)); diff != "" {
				t.Errorf("wrong fields (-want +got):\n%s\n%v", diff, err)
			}
			if err != nil && (strings.Contains(err.Error(), "hook-0123") || strings.Contains(err.Error(), "short\"")) {
				t.Errorf("error spells a secret out: %v", err)
			}
		})
	}
}

func TestABodyIsBoundedWhateverIsConfigured(t *testing.T) {
	for max, want := range map[int]int{0: 10_000, 1: 1, 10_000: 10_000, webhook.Defaults().MaxAlerts: 1_000} {
		c := webhook.Defaults()
		c.URL, c.MaxAlerts = "https://example.com/hook", max
		n, err := webhook.New(c, notify.Common{})
		if err != nil {
			t.Fatal(err)
		}
		if got := notify.Bounded(n).MaxAlerts(); got != want {
			t.Errorf("max_alerts: %d lists %d alerts, want %d", max, got, want)
		}
	}
}
