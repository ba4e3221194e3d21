package webhook_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/webhook"
)

// class is what an error means to the dispatcher, with the length of a pause.
func class(err error) string {
	if after, _, ok := notify.Throttle(err); ok {
		return fmt.Sprintf("throttled for %v", after.Round(time.Second))
	}
	return notifytest.Class(err)
}

// attempt sends one notification to a server that answers so.
func attempt(t *testing.T, answer http.HandlerFunc) (billwatch.Receipt, error) {
	t.Helper()
	notifier, err := webhook.New(local(newSink(t, answer).URL), notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	return notifytest.Send(t, notifier, notifytest.Notification())
}

func TestWhatEachStatusMeans(t *testing.T) {
	cases := map[int]string{
		200: "delivered", 201: "delivered", 202: "delivered", 204: "delivered",
		300: "permanent", 304: "permanent",
		400: "permanent", 401: "permanent", 403: "permanent", 404: "permanent", 409: "permanent",
		410: "permanent", 413: "permanent", 422: "permanent", 451: "permanent",
		408: "refused", 425: "refused", 429: "throttled for 0s",
		500: "refused", 501: "refused", 502: "refused", 503: "refused", 507: "refused", 599: "refused",
		504: "unclear", // the one behind the gateway may have taken it
	}
	for status, want := range cases {
		_, err := attempt(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if got := class(err); got != want {
			t.Errorf("status %d: %s, want %s (%v)", status, got, want, err)
		}
	}
}

func TestRetryAfterIsObeyedWithinReason(t *testing.T) {
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	cases := []struct {
		name, header string
		status       int
		want         string
	}{
		{"seconds", "120", 429, "throttled for 2m0s"},
		{"seconds of an unavailable server", "120", 503, "throttled for 2m0s"},
		{"a date in the past", in(-time.Hour), 429, "throttled for 0s"},
		{"more than an hour", "99999999", 429, "throttled for 1h0m0s"},
		{"more than fits", "99999999999999999999", 429, "throttled for 0s"},
		{"a date far away", in(1000 * time.Hour), 429, "throttled for 1h0m0s"},
		{"zero", "0", 503, "refused"},
		{"negative", "-1", 429, "throttled for 0s"},
		{"words", "soon", 429, "throttled for 0s"},
		{"not on a final answer", "120", 410, "permanent"},
	}
	for _, c := range cases {
		_, err := attempt(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.header)
			w.WriteHeader(c.status)
		})
		if got := class(err); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	_, err := attempt(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", in(2*time.Minute))
		w.WriteHeader(http.StatusTooManyRequests)
	})
	if after, where, _ := notify.Throttle(err); after < 110*time.Second || after > 2*time.Minute || !strings.HasPrefix(where, "127.0.0.1") {
		t.Errorf("a date in two minutes: throttled for %v at %q, want two minutes at the host", after, where)
	}
}

func TestTheStatusCountsWhateverTheBody(t *testing.T) {
	bodies := map[string]http.HandlerFunc{
		"garbage": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "\x00<<<not { json") },
		"one that never ends": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		},
		"one that trickles": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "a")
			if err := http.NewResponseController(w).Flush(); err == nil {
				<-r.Context().Done()
			}
		},
		"one that is cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "a")
		},
	}
	for name, answer := range bodies {
		start := time.Now()
		receipt, err := attempt(t, answer)
		if err != nil {
			t.Errorf("%s: Notify = %v, want nil", name, err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: took %v; what is delivered must be noted soon", name, took)
		}
		if len(receipt.Answer) > 1024 {
			t.Errorf("%s: answer has %d bytes, want at most 1 KiB", name, len(receipt.Answer))
		}
	}
}

func TestOnlyRedirectsThatRepeatOnTheSameHostAreFollowed(t *testing.T) {
	other := newSink(t, nil)
	to := func(location string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/end" {
				w.Header().Set("Location", strings.ReplaceAll(location, "HERE", r.Host))
				w.WriteHeader(status)
			}
		}
	}
	cases := []struct {
		name     string
		location string
		status   int
		want     string
	}{
		{"307 on the same host", "/end", 307, "delivered"},
		{"308 on the same host", "/end", 308, "delivered"},
		{"301 on the same host", "/end", 301, "permanent"},
		{"302 on the same host", "/end", 302, "permanent"},
		{"303 on the same host", "/end", 303, "permanent"},
		{"307 to another port", other.URL + "/end", 307, "permanent"},
		{"308 to another host", strings.Replace(other.URL, "127.0.0.1", "localhost", 1), 308, "permanent"},
		{"307 to another scheme", "https://HERE/end", 307, "permanent"},
		{"307 round and round", "/again", 307, "permanent"},
		{"307 without a place", "", 307, "permanent"},
		{"307 to a file", "file:///etc/passwd", 307, "permanent"},
	}
	for _, c := range cases {
		_, err := attempt(t, to(c.location, c.status))
		if got := class(err); got != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, err)
		}
	}
	if got := len(other.requests()); got != 0 {
		t.Errorf("another host was sent %d requests, want none", got)
	}
}

func TestARedirectedPostIsTheSame(t *testing.T) {
	sink := newSink(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/end" {
			w.Header().Set("Location", "/end")
			w.WriteHeader(http.StatusPermanentRedirect)
		}
	})
	c := local(sink.URL)
	c.Secret = secret
	notifier, err := webhook.New(c, notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := notifytest.Send(t, notifier, notifytest.Notification()); err != nil {
		t.Fatal(err)
	}
	seen := sink.requests()
	if diff := cmp.Diff(seen[0].body, seen[1].body); diff != "" {
		t.Errorf("body changed on the way (-first +redirected):\n%s", diff)
	}
	if diff := cmp.Diff(seen[0].header, seen[1].header); diff != "" {
		// A referrer is added, and tells the host nothing new.
		seen[1].header.Del("Referer")
		if diff := cmp.Diff(seen[0].header, seen[1].header); diff != "" {
			t.Errorf("headers changed on the way:\n%s", diff)
		}
	}
}

func TestErrorsShowTheHostOnly(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	c := local(address + "/very/secret/path?key=also-secret")
	notifier, err := webhook.New(c, notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = notifytest.Send(t, notifier, notifytest.Notification())
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "secret") {
		t.Errorf("Notify = %v, want an error with the host and nothing else of the URL", err)
	}
}
