package poller_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

const token = "pat-0123456789-secret"

func client(t *testing.T, base string, change ...func(*poller.ClientConfig)) *poller.Client {
	t.Helper()
	c := poller.ClientConfig{
		Common:     poller.Common{Source: "blues", Timeout: 5 * time.Second, UserAgent: "billwatch/test"},
		Connection: poller.Connection{BaseURL: base},
		Token:      poller.Token{Field: "token", Value: token},
		Prefix:     "Bearer ",
	}
	for _, f := range change {
		f(&c)
	}
	made, err := poller.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made
}

func detail() poller.Request {
	return poller.Request{
		Route: "/v1/things/{id}", Path: []string{"v1", "things", "a/b ?"}, Limit: poller.MaxDetail,
		Suspended: func(body []byte) bool { return bytes.Contains(body, []byte("is suspended")) },
	}
}

func TestWhatAnAnswerIs(t *testing.T) {
	const good = `{"uid":"a","suspended":false}`
	answer := func(status int, headers string, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for line := range strings.SplitSeq(headers, "\n") {
				if name, value, found := strings.Cut(line, ": "); found {
					w.Header().Set(name, value)
				}
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		what string
		h    http.HandlerFunc
		kind poller.Kind
		says string
	}{
		{"a good one is read", answer(200, "", good), "", ""},
		{"a 201 says nothing of the bill", answer(201, "", good), poller.Unreadable, "201 Created"},
		{"a 204 says nothing of the bill", answer(204, "", ""), poller.Unreadable, "204 No Content"},
		{"a 400 whose body is a plausible account", answer(400, "", good), poller.Failed, "400 Bad Request"},
		{"a 500 whose body is a plausible account", answer(500, "", good), poller.Failed, "500 Internal Server Error"},
		{"a rejected credential", answer(401, "", `{"err":"The request could not be authorized"}`), poller.Credential, "could not be authorized"},
		{"a missing right", answer(403, "", `{"err":"The requested action was forbidden"}`), poller.NotPermitted, "was forbidden"},
		{"a suspension", answer(403, "", `{"err":"this account is suspended"}`), poller.Suspended, "is suspended"},
		{"a page that says suspended", answer(403, "Content-Type: text/html", `<p>account is suspended</p>`), poller.NotPermitted, "an HTML page"},
		{"a suspension with another status is none", answer(400, "", `{"err":"this account is suspended"}`), poller.Failed, "400"},
		{"something gone", answer(404, "", `{"err":"no such thing"}`), poller.Gone, "no such thing"},
		{"too many requests", answer(429, "Retry-After: 7", ``), poller.RateLimited, "429"},
		{"XML", answer(502, "Content-Type: text/xml", `<?xml version="1.0"?><a/>`), poller.Failed, `"XML"`},
		{"whom an error names", answer(500, "", `{"err":"no right for jane.doe+x@corp.example, sorry"}`), poller.Failed, `"no right for <address>, sorry"`},
		{"an HTML page with 200", answer(200, "Content-Type: text/html; charset=utf-8", "<html>"), poller.Unreadable, "HTML page"},
		{"a bad gateway's page", answer(502, "Content-Type: text/html", "<html>"), poller.Failed, "an HTML page"},
		{"a body over the limit", answer(200, "", strings.Repeat(" ", poller.MaxDetail+1)), poller.Unreadable, "longer than it may be"},
		{"an echoed credential", answer(500, "", `{"err":"bad token `+token+`"}`), poller.Failed, "bad token <secret>"},
		{"personal data of an error's body stay out", answer(500, "", `{"owner":"jane@example.com"}`), poller.Failed, "500 Internal Server Error"},
		{"a body cut short", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, good)
		}, poller.Failed, "cut short"},
		{"a reset in the middle", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, good[:5])
			w.(http.Flusher).Flush()
			reset(w)
		}, poller.Failed, ""},
		{"a reset before anything", func(w http.ResponseWriter, _ *http.Request) { reset(w) }, poller.Failed, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			server := httptest.NewServer(c.h)
			defer server.Close()
			body, err := client(t, server.URL).Get(t.Context(), detail())
			if got := poller.KindOf(err); got != c.kind {
				t.Fatalf("got kind %q of %v, want %q", got, err, c.kind)
			}
			if c.kind == "" {
				if string(body) != good {
					t.Errorf("got body %q", body)
				}
				return
			}
			for _, want := range []string{c.says, "GET /v1/things/{id}"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
			for _, never := range []string{token, server.URL, "jane@"} {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err)), never) {
					t.Errorf("%q is in %q", never, err)
				}
			}
		})
	}
}

func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestARequestCarriesWhatItMust(t *testing.T) {
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	r := detail()
	r.Query = url.Values{"startDate": {"1"}}
	if _, err := client(t, server.URL+"/prefix/").Get(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if want := "/prefix/v1/things/a%2Fb%20%3F?startDate=1"; got.RequestURI != want {
		t.Errorf("got %s, want %s", got.RequestURI, want)
	}
	if a := got.Header.Get("Authorization"); a != "Bearer "+token {
		t.Errorf("got Authorization %q", a)
	}
	if a := got.Header.Get("User-Agent"); a != "billwatch/test" {
		t.Errorf("got User-Agent %q", a)
	}
}

func TestAnIdentityNeverClimbs(t *testing.T) {
	for _, id := range []string{"", ".", ".."} {
		r := detail()
		r.Path[2] = id
		if _, err := client(t, "http://localhost:1").Get(t.Context(), r); poller.KindOf(err) != poller.Unreadable {
			t.Errorf("id %q: got %v", id, err)
		}
	}
}

func TestTheDeadlineIsOverTheWholeRequest(t *testing.T) {
	for what, h := range map[string]http.HandlerFunc{
		"it never answers": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"it drips for ever": func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for r.Context().Err() == nil {
				<-tick.C
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			server := httptest.NewServer(h)
			defer server.Close()
			c := client(t, server.URL, func(c *poller.ClientConfig) { c.Common.Timeout = 60 * time.Millisecond })
			before := runtime.NumGoroutine()
			for range 5 {
				_, err := c.Get(t.Context(), detail())
				if poller.KindOf(err) != poller.Failed || !strings.Contains(err.Error(), "no whole answer within 60ms") {
					t.Fatalf("got %v", err)
				}
			}
			_ = c.Close()
			server.Close()
			for deadline := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
				runtime.Gosched()
			}
			if n := runtime.NumGoroutine(); n > before {
				t.Errorf("%d goroutines, %d before", n, before)
			}
		})
	}
}

func TestAnEndedContextEndsTheRequest(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client(t, server.URL).Get(ctx, detail()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		header string
		want   time.Duration
	}{
		{"7", 7 * time.Second}, {"0", 0}, {"-1", 0}, {"abc", 0}, {"", 0}, {"1.5", 0},
		{"99999999", time.Hour}, {strings.Repeat("9", 40), time.Hour},
		{"Tue, 24 Nov 2026 10:00:30 GMT", 30 * time.Second},
		{"Tue, 24 Nov 2026 09:59:30 GMT", 0},
		{"Tue, 24 Nov 2036 09:59:30 GMT", time.Hour},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Tue, 24 Nov 2026 10:00:00 GMT")
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		_, err := client(t, server.URL).Get(t.Context(), detail())
		e, ok := errors.AsType[*poller.Error](err)
		if !ok || e.RetryAfter != c.want {
			t.Errorf("Retry-After %q: got %v, want %s", c.header, err, c.want)
		}
		server.Close()
	}
}

func TestRedirects(t *testing.T) {
	var strayed []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		strayed = append(strayed, fmt.Sprint(r.Header))
		_, _ = io.WriteString(w, "{}")
	}))
	defer elsewhere.Close()
	hops := 0
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch to := r.URL.Query().Get("to"); to {
		case "elsewhere":
			http.Redirect(w, r, elsewhere.URL+"/?key="+token, http.StatusFound)
		case "tls":
			http.Redirect(w, r, "https"+strings.TrimPrefix(server.URL, "http"), http.StatusFound)
		case "loop":
			hops++
			http.Redirect(w, r, "/?to=loop", http.StatusFound)
		case "here":
			http.Redirect(w, r, "/?to=", http.StatusTemporaryRedirect)
		default:
			if r.Header.Get("X-Key") != token {
				w.WriteHeader(http.StatusUnauthorized)
			}
			_, _ = io.WriteString(w, "{}")
		}
	})
	asked := 0
	c := client(t, server.URL, func(c *poller.ClientConfig) {
		c.Header, c.Prefix = "X-Key", ""
		c.Common.Ask = func(context.Context) error { asked++; return nil }
	})
	for _, row := range []struct{ to, says string }{
		{"here", ""},
		{"elsewhere", "refused: the credential stays where it belongs"},
		{"tls", "refused"},
		{"loop", "more than 5 redirects"},
	} {
		r := detail()
		r.Query = url.Values{"to": {row.to}}
		_, err := c.Get(t.Context(), r)
		switch {
		case row.says == "" && err != nil, row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)):
			t.Errorf("%s: got %v, want %q", row.to, err, row.says)
		case err != nil && strings.Contains(err.Error(), token):
			t.Errorf("%s: the credential is in %q", row.to, err)
		}
	}
	if len(strayed) > 0 {
		t.Errorf("the credential's request went elsewhere: %v", strayed)
	}
	if hops != 6 {
		t.Errorf("got %d hops, want 6", hops)
	}
	if want := 4 + 1 + 5; asked != want {
		t.Errorf("%d places of the budget taken, want %d", asked, want)
	}
}

func TestABombIsBoundedAfterDecompression(t *testing.T) {
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(zip, `{"organizations":["`)
	chunk := bytes.Repeat([]byte("a"), 1<<20)
	for range 300 {
		_, _ = zip.Write(chunk)
	}
	_ = zip.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	defer server.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := client(t, server.URL)
	if _, err := c.Get(t.Context(), detail()); poller.KindOf(err) != poller.Unreadable {
		t.Errorf("detail: got %v", err)
	}
	list := poller.Request{Route: "/v1/things", Path: []string{"v1", "things"}, Limit: poller.MaxList}
	err := c.Stream(t.Context(), list, func(body io.Reader) error {
		_, err := poller.ReadList(body, "organizations", func(json.RawMessage) {})
		return err
	})
	if poller.KindOf(err) != poller.Unreadable {
		t.Errorf("list: got %v", err)
	}
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 60 {
		t.Errorf("%d MiB were allocated", used)
	}
}

func TestTLS(t *testing.T) {
	serve := func(change func(*tls.Config)) *httptest.Server {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
		server.TLS = &tls.Config{}
		server.Config.ErrorLog = nil
		if change != nil {
			change(server.TLS)
		}
		server.StartTLS()
		t.Cleanup(server.Close)
		return server
	}
	good := serve(nil)
	old := serve(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: good.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	trusting := func(c *poller.ClientConfig) { c.Connection.CAFile = ca }
	for _, row := range []struct {
		what, base, says string
		change           []func(*poller.ClientConfig)
	}{
		{"an authority nobody knows is refused", good.URL, "nobody who is trusted has signed", nil},
		{"one of ca_file is trusted", good.URL, "", []func(*poller.ClientConfig){trusting}},
		{"another name is refused", strings.Replace(good.URL, "127.0.0.1", "localhost", 1), "not localhost", []func(*poller.ClientConfig){trusting}},
		{"an old protocol is refused", old.URL, "protocol version", []func(*poller.ClientConfig){trusting}},
	} {
		t.Run(row.what, func(t *testing.T) {
			_, err := client(t, row.base, row.change...).Get(t.Context(), detail())
			if row.says == "" && err != nil || row.says != "" && (poller.KindOf(err) != poller.Failed || !strings.Contains(err.Error(), row.says)) {
				t.Errorf("got %v, want %q", err, row.says)
			}
		})
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, row := range []struct {
		what, field, says string
		change            func(*poller.ClientConfig)
	}{
		{"no scheme", "base_url", "must begin with", func(c *poller.ClientConfig) { c.Connection.BaseURL = "api.example" }},
		{"no host", "base_url", "has no host", func(c *poller.ClientConfig) { c.Connection.BaseURL = "https://" }},
		{"a user", "base_url", "must not hold", func(c *poller.ClientConfig) { c.Connection.BaseURL = "https://me:" + token + "@api.example" }},
		{"the version of the API", "base_url", "must not end in /v1", func(c *poller.ClientConfig) { c.Connection.BaseURL, c.Version = "https://api.example/prefix/v1/", "v1" }},
		{"a query", "base_url", "must end", func(c *poller.ClientConfig) { c.Connection.BaseURL = "https://api.example?key=1" }},
		{"not a URL", "base_url", "not a valid URL", func(c *poller.ClientConfig) { c.Connection.BaseURL = "https://%%" + token }},
		{"a proxy of an odd kind", "proxy_url", "must begin with", func(c *poller.ClientConfig) { c.Connection.ProxyURL = "gopher://" + token }},
		{"no authority in ca_file", "ca_file", "no PEM", func(c *poller.ClientConfig) { c.Connection.CAFile = write("empty.pem", "") }},
		{"ca_file that is not there", "ca_file", "no such file", func(c *poller.ClientConfig) { c.Connection.CAFile = "nowhere.pem" }},
		{"no token", "token", "is missing", func(c *poller.ClientConfig) { c.Token.Value = "" }},
		{"two tokens", "token_file", "given too", func(c *poller.ClientConfig) { c.Token.File = write("t", token) }},
		{"a blank token", "token", "is empty", func(c *poller.ClientConfig) { c.Token.Value = " \n" }},
		{"only the scheme", "token", "is empty", func(c *poller.ClientConfig) { c.Token.Value = "Bearer " }},
		{"two lines", "token", "control character", func(c *poller.ClientConfig) { c.Token.Value = "one\ntwo" }},
		{"an empty file", "token_file", "is empty", func(c *poller.ClientConfig) { c.Token.Value, c.Token.File = "", write("e", "\n") }},
		{"a file that is not there", "token_file", "no such file", func(c *poller.ClientConfig) { c.Token.Value, c.Token.File = "", "nowhere" }},
		{"an endless file", "token_file", "longer than", func(c *poller.ClientConfig) { c.Token.Value, c.Token.File = "", "/dev/zero" }},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := poller.ClientConfig{
				Common:     poller.Common{Dir: dir},
				Connection: poller.Connection{BaseURL: "https://api.example"},
				Token:      poller.Token{Field: "token", Value: token},
			}
			row.change(&c)
			_, err := poller.NewClient(c)
			wrong, ok := errors.AsType[*billwatch.FieldError](err)
			if !ok || wrong.Field != row.field || !strings.Contains(wrong.Error(), row.says) {
				t.Fatalf("got %v, want %s: %s", err, row.field, row.says)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("the credential is in %q", err)
			}
		})
	}
}

func TestTokensAreTrimmed(t *testing.T) {
	for _, text := range []string{token, " " + token + "\r\n", "Bearer " + token, "bearer  " + token + "\n", "\ufeff" + token} {
		var got string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Authorization")
			_, _ = io.WriteString(w, "{}")
		}))
		c := client(t, server.URL, func(c *poller.ClientConfig) { c.Token.Value = billwatch.Secret(text) })
		if _, err := c.Get(t.Context(), detail()); err != nil || got != "Bearer "+token {
			t.Errorf("token %q: got header %q, %v", text, got, err)
		}
		server.Close()
	}
}

func TestWhatAReaderLeavesOverIsNotIgnored(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{} and more") }))
	defer server.Close()
	err := client(t, server.URL).Stream(t.Context(), detail(), func(body io.Reader) error {
		_, err := io.ReadFull(body, make([]byte, 2))
		return err
	})
	if poller.KindOf(err) != poller.Unreadable {
		t.Errorf("got %v", err)
	}
}
