package webhook_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/webhook"
)

func TestSignaturesHoldForEitherSecret(t *testing.T) {
	sink := newSink(t, nil)
	c := local(sink.URL)
	c.Secret, c.PreviousSecret = secret, previous
	notifier, err := webhook.New(c, notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := notifytest.Send(t, notifier, notifytest.Notification()); err != nil {
			t.Fatal(err)
		}
	}
	present, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	older, err := standardwebhooks.NewWebhookRaw([]byte(previous))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range sink.requests() {
		for name, key := range map[string]*standardwebhooks.Webhook{"present": present, "previous": older} {
			if err := key.Verify([]byte(r.body), r.header); err != nil {
				t.Errorf("attempt %d does not verify with the %s secret: %v", i+1, name, err)
			}
		}
		if got := len(strings.Fields(r.header.Get("webhook-signature"))); got != 2 {
			t.Errorf("attempt %d has %d signatures, want 2", i+1, got)
		}
		if got, want := r.header.Get("webhook-id"), notifytest.Notification().ID; got != want {
			t.Errorf("attempt %d has webhook-id %q, want %q", i+1, got, want)
		}
		at, err := strconv.ParseInt(r.header.Get("webhook-timestamp"), 10, 64)
		if off := r.at.Sub(time.Unix(at, 0)); err != nil || off < -time.Second || off > 2*time.Second {
			t.Errorf("attempt %d has webhook-timestamp %q, want its own time", i+1, r.header.Get("webhook-timestamp"))
		}
	}
}

func TestWithoutASecretNothingIsSigned(t *testing.T) {
	sink := newSink(t, nil)
	notifier, err := webhook.New(local(sink.URL), notify.Common{UserAgent: "billwatch/1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := notifytest.Send(t, notifier, notifytest.Notification()); err != nil {
		t.Fatal(err)
	}
	h := sink.requests()[0].header
	if h.Get("webhook-signature") != "" || h.Get("webhook-id") == "" || h.Get("User-Agent") != "billwatch/1" {
		t.Errorf("headers = %v, want an id, our name and no signature", h)
	}
}

func TestSecretFilesAreReadAgainWhenRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const renewed = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	key, err := standardwebhooks.NewWebhook(renewed)
	if err != nil {
		t.Fatal(err)
	}
	sink := newSink(t, nil)
	sink.answer = func(w http.ResponseWriter, r *http.Request) {
		seen := sink.requests()
		if key.Verify([]byte(seen[len(seen)-1].body), r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	write(secret)
	c := local(sink.URL)
	c.SecretFile = file
	notifier, err := webhook.New(c, notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name, file, want string
	}{
		{"the file has not changed", secret, "permanent"},
		{"the file has changed since", renewed, "refused"},
		{"the new secret is in use", renewed, "delivered"},
	}
	for _, step := range steps {
		write(step.file)
		if _, err := notifytest.Send(t, notifier, notifytest.Notification()); class(err) != step.want {
			t.Errorf("%s: %s, want %s (%v)", step.name, class(err), step.want, err)
		}
	}
}

func TestTheURLMayComeFromAFile(t *testing.T) {
	sink := newSink(t, nil)
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("  "+sink.URL+"/from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := webhook.Defaults()
	c.URLFile, c.AllowPrivate = file, true
	c.Headers = map[string]billwatch.Secret{"X-Team": "iot"}
	notifier, err := webhook.New(c, notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := notifytest.Send(t, notifier, notifytest.Notification()); err != nil {
		t.Fatal(err)
	}
	if r := sink.requests()[0]; r.path != "/from-file" || r.header.Get("X-Team") != "iot" {
		t.Errorf("posted to %s with X-Team %q", r.path, r.header.Get("X-Team"))
	}
}
