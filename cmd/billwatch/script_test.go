package main_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/simulate"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// vendorToken is what the simulated APIs ask for.
const vendorToken = "t0ken-0123456789"

// vendors serves the simulated APIs, at the beginning of their story.
func vendors(t *testing.T) (notehub, cudo string) {
	start := time.Now().UTC().Truncate(time.Second)
	c := simulate.Config{Now: func() time.Time { return start }, Start: start, Token: vendorToken, Seed: 7}
	serve := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	return serve(simulate.NewNotehub(c)), serve(simulate.NewCudo(c))
}

// freePort is one that nobody listens on.
func freePort(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// silenceBook is a store's.
func silenceBook(t *testing.T) func() web.SilenceBook {
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "silences.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return func() web.SilenceBook { return store }
}

// running serves what a running billwatch does, with a delivery log of two.
func running(t *testing.T) string {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	log := []web.Notification{
		{ID: "ntf_2", Receiver: "ops", Integration: "ops/slack/0", Reason: "first", State: "failed", Title: "CRITICAL Acme: \x1b[31mBalanceLow",
			At: at, Attempts: 7, Error: "channel_not_found " + strings.Repeat("x", 200), Alerts: 1},
		{ID: "ntf_1", Receiver: "ops", Integration: "ops/slack/0", Reason: "all_resolved", State: "delivered", Title: "RESOLVED Acme: BalanceLow",
			At: at.Add(-time.Hour), Attempts: 1, Answer: "ok", Alerts: 1},
	}
	api := web.API{Outbox: web.Notifications{
		List: func(_ context.Context, q billwatch.OutboxQuery) ([]web.Notification, error) {
			var some []web.Notification
			for _, n := range log {
				if q.State == "" || q.State == n.State {
					some = append(some, n)
				}
			}
			return some, nil
		},
		Retry: func(_ context.Context, id string) error {
			if id != "ntf_2" {
				return &billwatch.RetryError{Unknown: true, Why: "there is no notification \"" + id + "\""}
			}
			return nil
		},
	}, Test: func(_ context.Context, receiver string) ([]web.TestMessage, error) {
		if receiver != "ops" {
			return nil, nil
		}
		return []web.TestMessage{{Integration: "ops/slack/0", Accepted: true, Answer: "200 OK: ok"}, {Integration: "ops/email/0", Error: "550 no \x1b[31msuch user"}}, nil
	}}
	api.Now, api.Silences = time.Now, silenceBook(t)
	handler := web.Handler(&web.Health{}, web.NewMetrics("test"), api)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "ops" || password != "planted" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestScript runs the program as a person would, one behaviour a file.
func TestScript(t *testing.T) {
	notehub, cudo := vendors(t)
	at := running(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("NOTEHUB", notehub)
			e.Setenv("CUDO", cudo)
			e.Setenv("RUNNING", at)
			e.Setenv("PORT", freePort(t))
			return nil
		},
	})
}
