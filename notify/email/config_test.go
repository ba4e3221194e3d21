package email_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/email"
	"github.com/billwatch/billwatch/notify/notifytest"
)

func TestWrongSettingsAreNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		change func(*email.Config)
		want   []string
	}{
		{"nothing is wrong", func(*email.Config) {}, nil},
		{"nothing is set", func(c *email.Config) { *c = email.Config{} }, []string{"auth", "from", "smarthost", "timeout", "to"}},
		{"no recipient", func(c *email.Config) { c.To = nil }, []string{"to"}},
		{"a recipient that is none", func(c *email.Config) { c.To = []string{"a@x.org", "ops"} }, []string{"to"}},
		{"a second header", func(c *email.Config) { c.To = []string{"a@x.org\r\nBcc: b@x.org"} }, []string{"to"}},
		{"a sender that is none", func(c *email.Config) { c.From = "billwatch" }, []string{"from"}},
		{"a sender beyond ASCII", func(c *email.Config) { c.From = "bill@größe.example" }, []string{"from"}},
		{"no port", func(c *email.Config) { c.Smarthost = "smtp.example.com" }, []string{"smarthost"}},
		{"an unknown encryption", func(c *email.Config) { c.TLS = "ssl" }, []string{"tls"}},
		{"an unknown login", func(c *email.Config) { c.Auth = "cram-md5" }, []string{"auth"}},
		{"a name without a password", func(c *email.Config) { c.Password = "" }, []string{"password"}},
		{"a password without a name", func(c *email.Config) { c.Username = "" }, []string{"username"}},
		{"a password in the clear", func(c *email.Config) { c.TLS = email.TLSNone }, []string{"username"}},
		{"password and file", func(c *email.Config) { c.PasswordFile = empty }, []string{"password_file"}},
		{"an empty file", func(c *email.Config) { c.Password, c.PasswordFile = "", empty }, []string{"password_file"}},
		{"a CA file that is none", func(c *email.Config) { c.CAFile = empty }, []string{"ca_file"}},
		{"a greeting of two words", func(c *email.Config) { c.Hello = "a b" }, []string{"hello"}},
		{"no time", func(c *email.Config) { c.Timeout = 0 }, []string{"timeout"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			settings := email.Defaults()
			settings.From, settings.To, settings.Smarthost = "b@example.com", []string{"a@x.org"}, "smtp.example.com:587"
			settings.Username, settings.Password = username, password
			c.change(&settings)
			n, err := settings.New(notify.Common{})
			if (n != nil) != (err == nil) {
				t.Errorf("New = %v, %v", n, err)
			}
			if diff := cmp.Diff(c.want, notifytest.Fields(err)); diff != "" {
				t.Errorf("wrong fields (-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

func TestTemplatesOfItsOwn(t *testing.T) {
	c := email.Config{Subject: "a", Text: "b", HTML: "c"}
	if diff := cmp.Diff(notify.Overrides{Title: "a", Text: "b", HTML: "c"}, c.Overrides()); diff != "" {
		t.Errorf("Overrides (-want +got):\n%s", diff)
	}
}
