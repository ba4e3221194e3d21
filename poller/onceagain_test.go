package poller_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

func TestABrokenConnectionIsTriedOnceMoreAndCounts(t *testing.T) {
	var asked, places atomic.Int64
	var breaks atomic.Bool
	var together sync.WaitGroup
	const idle = 12
	together.Add(idle)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !breaks.Load() {
			together.Done() // so that each request has a connection of its own
			together.Wait()
			w.Write([]byte("{}"))
			return
		}
		asked.Add(1)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // a reset
			t.Error(err)
		}
		conn.Close()
	}))
	defer server.Close()
	client, err := poller.NewClient(poller.ClientConfig{
		Connection: poller.Connection{BaseURL: server.URL}, Token: poller.Token{Field: "token", Value: billwatch.Secret("t0ken")},
		Common: poller.Common{Ask: func(context.Context) error { places.Add(1); return nil }},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := poller.Request{Route: "/v1/x", Path: []string{"v1", "x"}, Limit: 100}
	var all sync.WaitGroup
	for range idle {
		all.Go(func() {
			if _, err := client.Get(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	breaks.Store(true)
	places.Store(0)
	_, err = client.Get(t.Context(), request)
	if poller.KindOf(err) != poller.Failed {
		t.Errorf("got %v, want a failed request", err)
	}
	if asked.Load() > 2 || asked.Load() > places.Load() {
		t.Errorf("%d requests were sent for %d places in the budget, want at most 2 and a place for each", asked.Load(), places.Load())
	}
	if asked.Load() != 2 {
		t.Errorf("%d requests were sent, want 2: a stale connection is no reason to fail", asked.Load())
	}
}

func TestARequestHasNoBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || r.ContentLength > 0 || r.Header.Get("Content-Length") != "" {
			t.Errorf("a GET announces a body: %v, %d", r.TransferEncoding, r.ContentLength)
		}
		w.Write([]byte("{}"))
	}))
	defer server.Close()
	client, err := poller.NewClient(poller.ClientConfig{
		Connection: poller.Connection{BaseURL: server.URL}, Token: poller.Token{Field: "token", Value: billwatch.Secret("t0ken")},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Get(t.Context(), poller.Request{Route: "/v1/x", Path: []string{"v1", "x"}, Limit: 100}); err != nil {
		t.Error(err)
	}
}
