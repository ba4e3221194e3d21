package poller_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch/poller"
)

// watch collects what a client's watch is told.
type watch struct {
	mu   sync.Mutex
	seen []poller.Exchange
}

func (w *watch) tell(e poller.Exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, e)
}

func (w *watch) only(t *testing.T) poller.Exchange {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) != 1 {
		t.Fatalf("told of %d exchanges, want 1: %+v", len(w.seen), w.seen)
	}
	return w.seen[0]
}

// look makes one request with a watch on it.
func look(t *testing.T, answer http.HandlerFunc, r poller.Request, change ...func(*poller.ClientConfig)) (poller.Exchange, []byte, error) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	w := &watch{}
	change = append(change, func(c *poller.ClientConfig) { c.Common.Watch = w.tell })
	body, err := client(t, server.URL+"/api", change...).Get(t.Context(), r)
	return w.only(t), body, err
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-RateLimit-Remaining", "6")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAWatchSeesEachAnswer(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"uid":`)
	}
	for _, c := range []struct {
		what   string
		answer http.HandlerFunc
		status int
		body   string
		kind   poller.Kind
	}{
		{"that counts", says(200, `{"uid":"a"}`), 200, `{"uid":"a"}`, ""},
		{"that refuses", says(403, `{"err":"no"}`), 403, `{"err":"no"}`, poller.NotPermitted},
		{"that is another account's news", says(403, `{"err":"it is suspended"}`), 403, `{"err":"it is suspended"}`, poller.Suspended},
		{"that was cut short, as far as it came", cut, 200, `{"uid":`, poller.Failed},
		{"that goes on for too long, as far as it was read", says(200, strings.Repeat("7", 40)), 200, strings.Repeat("7", 11), poller.Unreadable},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := detail()
			r.Query = url.Values{"startDate": {"17"}}
			if c.kind == poller.Unreadable {
				r.Limit = 10
			}
			e, body, err := look(t, c.answer, r)
			if e.Route != r.Route || e.Path != "/api/v1/things/a%2Fb%20%3F?startDate=17" {
				t.Errorf("asked for %q at %q", e.Route, e.Path)
			}
			if e.Status != c.status || string(e.Body) != c.body || e.Bytes != int64(len(c.body)) || e.Took <= 0 {
				t.Errorf("saw %d %q of %d bytes in %s", e.Status, e.Body, e.Bytes, e.Took)
			}
			if poller.KindOf(e.Err) != c.kind || !errors.Is(err, e.Err) {
				t.Errorf("told of %v, returned %v", e.Err, err)
			}
			if c.kind == "" && (string(body) != c.body || e.Header.Get("X-RateLimit-Remaining") != "6") {
				t.Errorf("returned %q, header %v", body, e.Header)
			}
		})
	}
}

func TestAWatchSeesWhatWasNotAnswered(t *testing.T) {
	e, _, err := look(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, detail(),
		func(c *poller.ClientConfig) { c.Common.Timeout = 50 * time.Millisecond })
	if e.Status != 0 || e.Err == nil || !errors.Is(err, e.Err) || e.Bytes != 0 || e.Took < 50*time.Millisecond {
		t.Errorf("saw %+v, returned %v", e, err)
	}
}

func TestAWatchIsNotToldOfWhatWasNotAsked(t *testing.T) {
	w := &watch{}
	c := client(t, "http://127.0.0.1:1", func(c *poller.ClientConfig) {
		c.Common.Watch = w.tell
		c.Common.Ask = func(context.Context) error { return errors.New("no place") }
	})
	if _, err := c.Get(t.Context(), detail()); err == nil || len(w.seen) != 0 {
		t.Errorf("told of %+v, returned %v", w.seen, err)
	}
}

func TestAWatchSeesALongBodyInPart(t *testing.T) {
	r := detail()
	r.Limit = 3 * poller.MaxDetail
	long := strings.Repeat("x", 2*poller.MaxDetail)
	e, body, err := look(t, says(200, long), r)
	if err != nil || len(body) != len(long) {
		t.Fatalf("returned %d bytes, %v", len(body), err)
	}
	if !e.Cut || len(e.Body) != poller.MaxDetail || e.Bytes != int64(len(long)) {
		t.Errorf("saw %d bytes of %d", len(e.Body), e.Bytes)
	}
}

func TestAWatchNeverSeesTheCredential(t *testing.T) {
	const odd = `pat/"<0123>&secret`
	echo := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Echo", r.Header.Get("Authorization"))
			w.Header().Set("Set-Cookie", "session=abc")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		what string
		body string
	}{
		{"as it is", `{"a":"` + odd + `"}`},
		{"in JSON's spelling", `{"a":"pat/\"\u003c0123\u003e\u0026secret"}`},
		{"in another of JSON's", `{"a":"pat\/\"<0123>&secret"}`},
		{"in an address", `{"a":"/v1/` + url.PathEscape(odd) + `?t=` + url.QueryEscape(odd) + `"}`},
		{"cut off", `{"a":"` + odd[:10]},
		{"at the very end of what is shown", strings.Repeat(" ", poller.MaxDetail-6) + odd},
	} {
		t.Run(c.what, func(t *testing.T) {
			for _, status := range []int{200, 403} {
				r := detail()
				r.Limit, r.Query = poller.MaxList, url.Values{"t": {odd}}
				e, _, _ := look(t, echo(status, c.body), r, func(c *poller.ClientConfig) { c.Token.Value = odd })
				for part, text := range map[string]string{
					"body": string(e.Body), "path": e.Path, "header": e.Header.Get("X-Echo"), "cookie": e.Header.Get("Set-Cookie"),
				} {
					if strings.Contains(text, "0123") || strings.Contains(text, `pat/`) || strings.Contains(text, "session") || strings.Contains(text, "pat%2F") {
						t.Errorf("%d: %s shows %q", status, part, text[max(0, len(text)-80):])
					}
				}
			}
		})
	}
}

// TestABodyThatEchoesTheCredentialIsStillWhole: it is shorter only because
// something is hidden in it.
func TestABodyThatEchoesTheCredentialIsStillWhole(t *testing.T) {
	const long = "a-token-that-is-longer-than-what-hides-it"
	e, _, _ := look(t, says(200, `{"a":"`+long+`"}`), detail(), func(c *poller.ClientConfig) { c.Token.Value = long })
	if e.Cut || string(e.Body) != `{"a":"<secret>"}` {
		t.Errorf("saw %q, cut: %v", e.Body, e.Cut)
	}
}

func TestWhatAHeaderHoldsIsAsSecretAsTheCredential(t *testing.T) {
	const key = "k3y-of-the-tenant"
	for _, c := range []struct{ header, echo string }{
		{key, key}, {"Key " + key, key}, {key, url.QueryEscape(key)},
	} {
		answer := says(403, `{"err":"unknown tenant `+c.echo+`"}`)
		e, _, err := look(t, answer, detail(), func(config *poller.ClientConfig) {
			config.Headers = http.Header{"X-Tenant": {c.header}, "X-Version": {"2"}}
		})
		if strings.Contains(err.Error(), "k3y") || !strings.Contains(err.Error(), "unknown tenant <secret>") {
			t.Errorf("the error says %q", err)
		}
		if strings.Contains(string(e.Body), "k3y") {
			t.Errorf("the watch is shown %q", e.Body)
		}
	}
}

func TestAWatchOfManyAtOnce(t *testing.T) {
	server := httptest.NewServer(says(200, `{}`))
	defer server.Close()
	w := &watch{}
	c := client(t, server.URL, func(c *poller.ClientConfig) { c.Common.Watch = w.tell })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { _, _ = c.Get(t.Context(), detail()) })
	}
	wg.Wait()
	if len(w.seen) != 20 {
		t.Errorf("told of %d", len(w.seen))
	}
}
