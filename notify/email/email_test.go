package email_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/email"
	"github.com/billwatch/billwatch/notify/notifytest"
)

func TestConformance(t *testing.T) {
	start := func(implicit bool) func(*testing.T) notifytest.Side {
		return func(t *testing.T) notifytest.Side {
			s := newMailServer(t, implicit)
			c := s.settings()
			if implicit {
				c.TLS = email.TLSImplicit
			}
			return notifytest.Side{
				Notifier: build(t, c), Set: s.set, Close: s.end, Taken: s.data,
				Secrets: []string{password}, Check: check, CannotThrottle: true,
			}
		}
	}
	t.Run("starttls", func(t *testing.T) { notifytest.Run(t, start(false)) })
	t.Run("implicit", func(t *testing.T) { notifytest.Run(t, start(true)) })
}

func TestEachRecipientHasAnOutcome(t *testing.T) {
	later := &smtp.SMTPError{Code: 450, Message: "greylisted"}
	never := &smtp.SMTPError{Code: 550, Message: "no such user"}
	type step struct {
		name   string
		refuse map[string]*smtp.SMTPError
		named  []string // recipients that the server was given in a transaction that took place
		want   string
		done   []string
	}
	cases := []struct {
		name  string
		steps []step
	}{
		{"all are taken", []step{{"first", nil, []string{"a@x.org", "b@x.org"}, "delivered", []string{"a@x.org", "b@x.org"}}}},
		{"one is refused for good, the other gets it once", []step{
			{"first", map[string]*smtp.SMTPError{"b@x.org": never}, []string{"a@x.org"}, "delivered", []string{"a@x.org", "b@x.org"}},
			{"again", nil, nil, "delivered", []string{"a@x.org", "b@x.org"}},
		}},
		{"a retry names only those that are open", []step{
			{"first", map[string]*smtp.SMTPError{"b@x.org": later}, []string{"a@x.org"}, "unclear", []string{"a@x.org"}},
			{"second", map[string]*smtp.SMTPError{"b@x.org": later}, nil, "unclear", []string{"a@x.org"}},
			{"third", nil, []string{"b@x.org"}, "delivered", []string{"a@x.org", "b@x.org"}},
		}},
		{"an open one is refused for good after another was taken", []step{
			{"first", map[string]*smtp.SMTPError{"b@x.org": later}, []string{"a@x.org"}, "unclear", []string{"a@x.org"}},
			{"second", map[string]*smtp.SMTPError{"b@x.org": never}, nil, "delivered", []string{"a@x.org", "b@x.org"}},
		}},
		{"all are refused for now", []step{
			{"first", map[string]*smtp.SMTPError{"a@x.org": later, "b@x.org": later}, nil, "refused", nil},
		}},
		{"one for good, one for now, then taken", []step{
			{"first", map[string]*smtp.SMTPError{"a@x.org": never, "b@x.org": later}, nil, "refused", []string{"a@x.org"}},
			{"second", nil, []string{"b@x.org"}, "delivered", []string{"a@x.org", "b@x.org"}},
		}},
		{"all are refused for good", []step{
			{"first", map[string]*smtp.SMTPError{"a@x.org": never, "b@x.org": never}, nil, "permanent", []string{"a@x.org", "b@x.org"}},
			{"again", nil, nil, "permanent", []string{"a@x.org", "b@x.org"}},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newMailServer(t, false)
			settings := s.settings()
			settings.To = []string{"a@x.org", "b@x.org", "A <a@x.org>"}
			n := build(t, settings)
			var receipt billwatch.Receipt
			for _, step := range c.steps {
				s.mu.Lock()
				s.refuse, s.taken = step.refuse, nil
				s.mu.Unlock()
				var err error
				receipt, err = send(t, n, receipt)
				if got := notifytest.Class(err); got != step.want {
					t.Fatalf("%s: %s, want %s (%v)", step.name, got, step.want, err)
				}
				var named []string
				for _, m := range s.mails() {
					named = append(named, m.to...)
				}
				if diff := cmp.Diff(step.named, named); diff != "" {
					t.Errorf("%s: recipients of the message (-want +got):\n%s", step.name, diff)
				}
				if diff := cmp.Diff(step.done, receipt.Done); diff != "" {
					t.Errorf("%s: done (-want +got):\n%s", step.name, diff)
				}
			}
		})
	}
}

func TestTheReceiptSaysWhoWasRefused(t *testing.T) {
	s := newMailServer(t, false)
	s.refuse["b@x.org"] = &smtp.SMTPError{Code: 550, Message: "no such user"}
	c := s.settings()
	c.To = []string{"a@x.org", "b@x.org"}
	receipt, err := send(t, build(t, c), billwatch.Receipt{})
	if err != nil || !strings.Contains(receipt.Answer, "b@x.org") || !strings.Contains(receipt.Answer, "no such user") {
		t.Errorf("Notify = %+v, %v, want an answer with who was refused and why", receipt, err)
	}
	if want := "<ntf_01kandotestnotification0@example.com>"; receipt.Ref != want {
		t.Errorf("Ref = %q, want %q", receipt.Ref, want)
	}
}

func TestLoggingIn(t *testing.T) {
	cases := []struct {
		name     string
		offered  []string
		auth     string
		password billwatch.Secret
		want     string
		used     []string
	}{
		{"auto prefers plain", []string{sasl.Login, sasl.Plain}, email.AuthAuto, password, "delivered", []string{sasl.Plain}},
		{"auto takes login", []string{sasl.Login}, email.AuthAuto, password, "delivered", []string{sasl.Login}},
		{"plain", []string{sasl.Plain, sasl.Login}, email.AuthPlain, password, "delivered", []string{sasl.Plain}},
		{"login", []string{sasl.Plain, sasl.Login}, email.AuthLogin, password, "delivered", []string{sasl.Login}},
		{"not offered", []string{"CRAM-MD5"}, email.AuthAuto, password, "refused", nil},
		{"a wrong password", []string{sasl.Plain}, email.AuthAuto, "wr0ng-password", "permanent", []string{sasl.Plain}},
		{"a wrong password by login", []string{sasl.Login}, email.AuthAuto, "wr0ng-password", "permanent", []string{sasl.Login}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newMailServer(t, false)
			s.mechanisms = c.offered
			settings := s.settings()
			settings.Auth, settings.Password = c.auth, c.password
			_, err := send(t, build(t, settings), billwatch.Receipt{})
			if got := notifytest.Class(err); got != c.want {
				t.Errorf("%s, want %s (%v)", got, c.want, err)
			}
			if err != nil && strings.Contains(err.Error(), c.password.Reveal()) {
				t.Errorf("error spells the password out: %v", err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if diff := cmp.Diff(c.used, s.sayings); diff != "" {
				t.Errorf("mechanisms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePasswordFileIsReadAgainWhenRefused(t *testing.T) {
	s := newMailServer(t, false)
	file := filepath.Join(t.TempDir(), "password")
	c := s.settings()
	c.Password, c.PasswordFile = "", file
	steps := []struct{ name, file, server, want string }{
		{"the file has not changed", "older", password, "permanent"},
		{"the file has changed since", password, password, "refused"},
		{"the new password is in use", password, password, "delivered"},
	}
	var n *email.Notifier
	for _, step := range steps {
		if err := os.WriteFile(file, []byte(step.file+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if n == nil {
			n = build(t, c)
		}
		if _, err := send(t, n, billwatch.Receipt{}); notifytest.Class(err) != step.want {
			t.Errorf("%s: %s, want %s (%v)", step.name, notifytest.Class(err), step.want, err)
		}
	}
}

func TestNoPasswordWithoutEncryption(t *testing.T) {
	t.Run("a certificate that nobody vouches for", func(t *testing.T) {
		for _, implicit := range []bool{false, true} {
			s := newMailServer(t, implicit)
			c := s.settings()
			c.CAFile = ""
			if implicit {
				c.TLS = email.TLSImplicit
			}
			_, err := send(t, build(t, c), billwatch.Receipt{})
			if notifytest.Class(err) != "refused" || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("%s (%v), want refused, and why", notifytest.Class(err), err)
			}
			if s.logins != 0 || len(s.mails()) != 0 {
				t.Error("the server was shown a password or a message")
			}
		}
	})
	t.Run("no STARTTLS", func(t *testing.T) {
		s := newMailServer(t, false)
		s.TLSConfig, s.AllowInsecureAuth = nil, true
		_, err := send(t, build(t, s.settings()), billwatch.Receipt{})
		if notifytest.Class(err) != "refused" || !strings.Contains(err.Error(), "STARTTLS") {
			t.Errorf("%s (%v), want refused, and why", notifytest.Class(err), err)
		}
		if s.logins != 0 || len(s.mails()) != 0 {
			t.Error("the server was shown a password or a message")
		}
	})
	t.Run("tls: none sends a message, and no password", func(t *testing.T) {
		s := newMailServer(t, false)
		s.mechanisms = nil
		c := s.settings()
		c.TLS, c.Username, c.Password, c.CAFile = email.TLSNone, "", "", ""
		if _, err := send(t, build(t, c), billwatch.Receipt{}); err != nil {
			t.Errorf("Notify = %v, want nil", err)
		}
	})
}

func TestManyRecipientsInOneTransaction(t *testing.T) {
	s := newMailServer(t, false)
	c := s.settings()
	c.To, c.Timeout = nil, 5*time.Second
	for i := range 40 {
		c.To = append(c.To, string(rune('a'+i%26))+string(rune('a'+i/26))+"@x.org")
	}
	if _, err := send(t, build(t, c), billwatch.Receipt{}); err != nil {
		t.Fatal(err)
	}
	if got := s.mails(); len(got) != 1 || len(got[0].to) != 40 {
		t.Errorf("%d messages, want one to 40", len(got))
	}
}

func TestNothingIsSentAfterTheLease(t *testing.T) {
	ctx := notifytest.NewStopped(t.Context())
	s := newMailServer(t, false)
	s.named = ctx.Stop
	_, err := build(t, s.settings()).Notify(ctx, notifytest.Notification(), billwatch.Receipt{})
	if notifytest.Class(err) != "refused" || len(s.mails()) != 0 {
		t.Errorf("%s after %d messages (%v), want refused after none", notifytest.Class(err), len(s.mails()), err)
	}
}
