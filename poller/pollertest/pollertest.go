// Package pollertest checks that a provider keeps the contract of package
// poller. Every provider's tests call Run.
package pollertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// Secret is the credential that New must give to the provider.
const Secret = "conformance-4f1d2c-secret"

// Case is a provider and what its API answers.
type Case struct {
	// New makes the provider for an API at url, with Secret as its credential
	// and the timeout.
	New func(url string, timeout time.Duration) (poller.Provider, error)
	// Answers maps the request URI of each request that a whole round makes to
	// the body of its 200, of two accounts at least.
	Answers map[string]string
}

// Run checks the provider.
func Run(t *testing.T, c Case) {
	t.Helper()
	t.Run("it reads every account", c.reads)
	t.Run("it is safe for concurrent use", c.concurrent)
	t.Run("it obeys contexts", c.obeysContexts)
	t.Run("it obeys its timeout", c.obeysTimeout)
	t.Run("it classifies errors and tells no secret", c.classifies)
	t.Run("a cut body is never an account", c.cuts)
	t.Run("a body that goes on is never an account", c.goesOn)
	t.Run("the credential stays on its host", c.staysAtHome)
}

// call is one method of a provider, bound to its arguments.
type call struct {
	name string
	run  func(context.Context) error
}

// server serves the answers through change, which may spoil one.
func (c Case) server(t *testing.T, change func(w http.ResponseWriter, r *http.Request, body string)) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, found := c.answer(r)
		switch {
		case !carriesSecret(r):
			w.WriteHeader(http.StatusUnauthorized)
		case !found:
			w.WriteHeader(http.StatusNotFound)
		case change != nil:
			change(w, r, body)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// answer finds the body for a request; a history's dates may be any.
func (c Case) answer(r *http.Request) (string, bool) {
	if body, found := c.Answers[r.RequestURI]; found {
		return body, true
	}
	body, found := c.Answers[r.URL.EscapedPath()]
	return body, found
}

func carriesSecret(r *http.Request) bool {
	for _, values := range r.Header {
		for _, value := range values {
			if strings.Contains(value, Secret) {
				return true
			}
		}
	}
	return false
}

func (c Case) provider(t *testing.T, url string, timeout time.Duration) poller.Provider {
	t.Helper()
	p, err := c.New(url, timeout)
	if err != nil {
		t.Fatal(err)
	}
	if closer, ok := p.(io.Closer); ok {
		t.Cleanup(func() { _ = closer.Close() })
	}
	return p
}

// calls returns all that can be asked of the provider about its first account.
func (c Case) calls(t *testing.T, p poller.Provider, account billwatch.Account, carried bool) []call {
	t.Helper()
	calls := []call{{"List", func(ctx context.Context) error {
		l, err := p.List(ctx)
		if err == nil && (len(l.Rows) == 0 || !l.Complete) {
			return errors.New("the listing is not whole")
		}
		return err
	}}}
	if !carried {
		calls = append(calls, call{"Fetch", func(ctx context.Context) error {
			_, err := p.Fetch(ctx, account)
			return err
		}})
	}
	if h, ok := p.(poller.Historian); ok {
		calls = append(calls, call{"History", func(ctx context.Context) error {
			_, err := h.History(ctx, account.ID, time.Unix(0, 0))
			return err
		}})
	}
	return calls
}

// first returns the first account of a good listing, and whether the listing
// carries its snapshot.
func (c Case) first(t *testing.T) (account billwatch.Account, carried bool) {
	t.Helper()
	l, err := c.provider(t, c.server(t, nil).URL, time.Minute).List(t.Context())
	if err != nil || len(l.Rows) < 2 {
		t.Fatalf("the good listing gives %d accounts, %v", len(l.Rows), err)
	}
	return l.Rows[0].Account, l.Rows[0].Snapshot != nil
}

func (c Case) reads(t *testing.T) {
	p := c.provider(t, c.server(t, nil).URL, time.Minute)
	l, err := p.List(t.Context())
	if err != nil || !l.Complete || len(l.Problems) > 0 {
		t.Fatalf("got %+v, %v", l, err)
	}
	for _, row := range l.Rows {
		a, s := row.Account, row.Snapshot
		if a.ID == "" || a.Source == "" || a.Provider == "" || a.Kind == "" {
			t.Errorf("an account says too little: %+v", a)
		}
		if s == nil {
			read, err := p.Fetch(t.Context(), a)
			if err != nil {
				t.Errorf("%s: %v", a.ID, err)
			}
			s = &read
		}
		if s.Account.ID != a.ID || s.Unit == "" {
			t.Errorf("a snapshot says too little: %+v", s)
		}
	}
}

func (c Case) concurrent(t *testing.T) {
	account, carried := c.first(t)
	p := c.provider(t, c.server(t, nil).URL, time.Minute)
	var all sync.WaitGroup
	for range 8 {
		for _, call := range c.calls(t, p, account, carried) {
			all.Go(func() {
				if err := call.run(t.Context()); err != nil {
					t.Errorf("%s: %v", call.name, err)
				}
			})
		}
	}
	all.Wait()
}

func (c Case) obeysContexts(t *testing.T) {
	account, carried := c.first(t)
	arrived := make(chan struct{})
	hanging := c.server(t, func(_ http.ResponseWriter, r *http.Request, _ string) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	p := c.provider(t, hanging.URL, time.Minute)
	for _, call := range c.calls(t, p, account, carried) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // ends with the request
			<-arrived
			cancel()
		}()
		if err := call.run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the context's error", call.name, err)
		}
		cancel()
	}
}

func (c Case) obeysTimeout(t *testing.T) {
	account, carried := c.first(t)
	hanging := c.server(t, func(w http.ResponseWriter, r *http.Request, body string) {
		_, _ = io.WriteString(w, body[:1])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	p := c.provider(t, hanging.URL, 50*time.Millisecond)
	for _, call := range c.calls(t, p, account, carried) {
		if err := call.run(t.Context()); poller.KindOf(err) != poller.Failed {
			t.Errorf("%s: got %v", call.name, err)
		}
	}
}

func (c Case) classifies(t *testing.T) {
	account, carried := c.first(t)
	for status, kind := range map[int]poller.Kind{
		401: poller.Credential, 403: poller.NotPermitted, 404: poller.Gone, 429: poller.RateLimited,
		400: poller.Failed, 500: poller.Failed, 502: poller.Failed, 503: poller.Failed,
	} {
		for name, spoil := range map[string]func(string) string{
			"its own body":  func(body string) string { return body },
			"an echo":       func(string) string { return `{"err":"` + Secret + `","message":"` + Secret + `"}` },
			"a page":        func(string) string { return "<html>" + Secret },
			"a long echo":   func(string) string { return strings.Repeat("x", 180) + Secret },
			"nothing":       func(string) string { return "" },
			"a broken body": func(string) string { return `{"err":` },
		} {
			server := c.server(t, func(w http.ResponseWriter, _ *http.Request, body string) {
				w.Header().Set("X-Echo", Secret)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, spoil(body))
			})
			for _, call := range c.calls(t, c.provider(t, server.URL, time.Minute), account, carried) {
				what := fmt.Sprintf("%s, %d with %s", call.name, status, name)
				c.checkError(t, what, call.run(t.Context()), kind)
			}
		}
	}
}

func (c Case) checkError(t *testing.T, what string, err error, kind poller.Kind) {
	t.Helper()
	if _, ok := errors.AsType[*poller.Error](err); !ok || poller.KindOf(err) != kind {
		t.Errorf("%s: got %q of %v, want %q", what, poller.KindOf(err), err, kind)
		return
	}
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, part := range []string{Secret, Secret[:12]} {
		if strings.Contains(text, part) {
			t.Errorf("%s: the credential is in %q", what, text)
		}
	}
}

// cuts serves every beginning of every answer, once as a body that is shorter
// than announced and once as one that simply ends.
func (c Case) cuts(t *testing.T) {
	account, carried := c.first(t)
	cut, announced := 0, false
	server := c.server(t, func(w http.ResponseWriter, _ *http.Request, body string) {
		body = strings.TrimRight(body, " \n")
		if announced {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		_, _ = io.WriteString(w, body[:min(cut, len(body)-1)])
	})
	p := c.provider(t, server.URL, time.Minute)
	longest := 0
	for _, body := range c.Answers {
		longest = max(longest, len(body))
	}
	for _, announced = range []bool{true, false} {
		for cut = range longest {
			for _, call := range c.calls(t, p, account, carried) {
				if err := call.run(t.Context()); poller.KindOf(err) != poller.Failed && poller.KindOf(err) != poller.Unreadable {
					t.Fatalf("%s: a body cut at byte %d gives %v", call.name, cut, err)
				}
			}
		}
	}
}

func (c Case) goesOn(t *testing.T) {
	account, carried := c.first(t)
	for _, tail := range []string{"x", "{}", "[", "\x00", ","} {
		server := c.server(t, func(w http.ResponseWriter, _ *http.Request, body string) {
			_, _ = io.WriteString(w, body+tail)
		})
		for _, call := range c.calls(t, c.provider(t, server.URL, time.Minute), account, carried) {
			if err := call.run(t.Context()); poller.KindOf(err) != poller.Unreadable {
				t.Errorf("%s: a body followed by %q gives %v", call.name, tail, err)
			}
		}
	}
}

func (c Case) staysAtHome(t *testing.T) {
	account, carried := c.first(t)
	abroad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a request went abroad: %v", r.Header)
	}))
	defer abroad.Close()
	server := c.server(t, func(w http.ResponseWriter, r *http.Request, _ string) {
		http.Redirect(w, r, abroad.URL+r.RequestURI, http.StatusTemporaryRedirect)
	})
	for _, call := range c.calls(t, c.provider(t, server.URL, time.Minute), account, carried) {
		c.checkError(t, call.name+", sent abroad", call.run(t.Context()), poller.Failed)
	}
}
