package slack_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/slack"
)

func TestConformance(t *testing.T) {
	t.Run("token", func(t *testing.T) {
		notifytest.HTTP(t, notifytest.Site{
			New:     func(url string) (notify.Notifier, error) { return slack.New(byToken(url), notify.Common{}) },
			Secrets: []string{token}, PublicURL: true, Accepted: posted, Check: check,
		})
	})
	t.Run("webhook", func(t *testing.T) {
		notifytest.HTTP(t, notifytest.Site{
			New: func(url string) (notify.Notifier, error) {
				c := slack.Defaults()
				c.WebhookURL = billwatch.Secret(url)
				return slack.New(c, notify.Common{Integration: "ops/slack/0"})
			},
			Accepted: saidOK, Check: check,
		})
	})
}

func TestNothingIsSentAfterTheLease(t *testing.T) {
	notifytest.NothingAfterTheLease(t, func(url, caFile string) (notify.Notifier, error) {
		c := byToken(url)
		c.CAFile = caFile
		return slack.New(c, notify.Common{})
	})
}

// class is what an error means to the dispatcher, with what a pause holds up.
func class(err error) string {
	if after, where, ok := notify.Throttle(err); ok {
		where, _, _ = strings.Cut(where, " of slack/") // which workspace is a digest
		return fmt.Sprintf("%s for %v", where, after)
	}
	return notifytest.Class(err)
}

func TestWhatSlackSays(t *testing.T) {
	cases := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"posted", 200, `{"ok":true,"channel":"C1","ts":"1.2"}`, "delivered"},
		{"limited", 200, `{"ok":false,"error":"ratelimited"}`, "#billing for 0s"},
		{"unavailable", 200, `{"ok":false,"error":"service_unavailable"}`, "refused"},
		{"an error inside", 200, `{"ok":false,"error":"internal_error"}`, "unclear"},
		{"a fatal error inside", 200, `{"ok":false,"error":"fatal_error"}`, "unclear"},
		{"a wrong token", 200, `{"ok":false,"error":"invalid_auth"}`, "permanent"},
		{"a token taken back", 200, `{"ok":false,"error":"token_revoked"}`, "permanent"},
		{"no such channel", 200, `{"ok":false,"error":"channel_not_found"}`, "permanent"},
		{"an archived channel", 200, `{"ok":false,"error":"is_archived"}`, "permanent"},
		{"too long", 200, `{"ok":false,"error":"msg_too_long"}`, "permanent"},
		{"a word that is new", 200, `{"ok":false,"error":"brand_new_error"}`, "permanent"},
		{"not ok, without a word", 200, `{"ok":false}`, "unclear"},
		{"neither ok nor not", 200, `{}`, "unclear"},
		{"a page", 200, `<html>Please log in</html>`, "unclear"},
		{"nothing", 200, ``, "unclear"},
		{"the word ok, which is a webhook's", 200, `ok`, "unclear"},
		{"half an answer", 200, `{"ok":tr`, "unclear"},
		{"a redirect", 302, ``, "permanent"},
		{"limited by status", 429, ``, "#billing for 0s"},
		{"broken", 500, `<html>`, "refused"},
		{"away", 503, ``, "refused"},
		{"a gateway gave up", 504, ``, "unclear"},
		{"not found", 404, ``, "permanent"},
	}
	for _, c := range cases {
		w := newWorkspace(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		_, err := notifytest.Send(t, build(t, byToken(w.URL)), notifytest.Notification())
		if got := class(err); got != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, err)
		}
	}
}

func TestWhatAWebhookSays(t *testing.T) {
	cases := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"posted", 200, "ok", "delivered"},
		{"posted, with a line's end", 200, "ok\n", "delivered"},
		{"another word", 200, "no_service", "permanent"},
		{"a page", 200, "<html>Please log in</html>", "unclear"},
		{"nothing", 200, "", "unclear"},
		{"taken back", 404, "no_service", "permanent"},
		{"forbidden", 403, "action_prohibited", "permanent"},
		{"archived", 410, "channel_is_archived", "permanent"},
		{"wrong", 400, "invalid_payload", "permanent"},
		{"broken", 500, "rollup_error", "refused"},
		{"limited", 429, "", "webhook for 0s"},
		{"elsewhere", 302, "", "permanent"},
	}
	for _, c := range cases {
		w := newWorkspace(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		_, err := notifytest.Send(t, build(t, byWebhook(w.URL)), notifytest.Notification())
		if got := class(err); got != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, err)
		}
	}
}

func TestAPauseHoldsUpTheChannel(t *testing.T) {
	headers := map[string]time.Duration{"30": 30 * time.Second, "99999999": time.Hour, "-1": 0, "soon": 0, "": 0}
	for header, want := range headers {
		w := newWorkspace(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := notifytest.Send(t, build(t, byToken(w.URL)), notifytest.Notification())
		if after, where, ok := notify.Throttle(err); !ok || after != want || !strings.HasPrefix(where, "#billing of slack/") {
			t.Errorf("Retry-After %q: %v at %q (%v), want %v at #billing", header, after, where, err, want)
		}
	}
}

func TestTheReceiptNamesTheMessage(t *testing.T) {
	w := newWorkspace(t, posted)
	receipt, err := notifytest.Send(t, build(t, byToken(w.URL)), notifytest.Notification())
	if err != nil || receipt.Ref != "C0123456789:1763892000.000100:#billing" {
		t.Errorf("Notify = %+v, %v, want the channel's id, the message's time and the channel's name", receipt, err)
	}
}

func TestErrorsSayWhatIsMissing(t *testing.T) {
	w := newWorkspace(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"identify"}`)
	})
	_, err := notifytest.Send(t, build(t, byToken(w.URL)), notifytest.Notification())
	if err == nil || !strings.Contains(err.Error(), "missing_scope (needed: chat:write)") {
		t.Errorf("Notify = %v, want the missing scope", err)
	}
}

func TestTheTokenNeverLeavesForElsewhere(t *testing.T) {
	other := newWorkspace(t, posted)
	w := newWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	for _, c := range []slack.Config{byToken(w.URL), byWebhook(w.URL)} {
		if _, err := notifytest.Send(t, build(t, c), notifytest.Notification()); class(err) != "permanent" {
			t.Errorf("a redirect: %s, want permanent", class(err))
		}
	}
	if got := len(other.bodies()); got != 0 {
		t.Errorf("another host was sent %d messages, want none", got)
	}
}

func TestTheTokenFileIsReadAgainWhenRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("Bearer "+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const renewed = "xoxb-renewed"
	w := newWorkspace(t, nil)
	w.answer = func(rw http.ResponseWriter, _ *http.Request) {
		seen := w.bodies()
		if m, err := parse(seen[len(seen)-1]); err != nil || m.Rest["token"] != renewed {
			fmt.Fprint(rw, `{"ok":false,"error":"token_expired"}`)
			return
		}
		posted(rw, nil)
	}
	c := byToken(w.URL)
	c.Token, c.TokenFile = "", file
	write(token)
	n := build(t, c)
	steps := []struct{ name, file, want string }{
		{"the file has not changed", token, "permanent"},
		{"the file has changed since", renewed, "refused"},
		{"the new token is in use", renewed, "delivered"},
	}
	for _, step := range steps {
		write(step.file)
		if _, err := notifytest.Send(t, n, notifytest.Notification()); class(err) != step.want {
			t.Errorf("%s: %s, want %s (%v)", step.name, class(err), step.want, err)
		}
	}
}
