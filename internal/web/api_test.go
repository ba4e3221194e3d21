package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
)

func TestTheAPIAnswersUnderItsOwnNamesOnly(t *testing.T) {
	handler := web.Handler(&web.Health{}, web.NewMetrics("test"), web.API{
		Hosts:   func() []string { return []string{"billwatch.example.com"} },
		Sources: func(context.Context) ([]web.Source, error) { return []web.Source{{Name: "blues"}}, nil },
	})
	for _, c := range []struct {
		host, path string
		want       int
	}{
		{"127.0.0.1:9595", "/api/v1/sources", 200},
		{"[::1]:9595", "/api/v1/sources", 200},
		{"[::1]", "/api/v1/sources", 200},
		{"localhost:9595", "/api/v1/sources", 200},
		{"Billwatch.example.com.", "/api/v1/sources", 200},
		{"evil.example", "/api/v1/sources", 421},
		{"127.0.0.1.evil.example:9595", "/api/v1/sources", 421},
		{"", "/api/v1/sources", 421},
		{"evil.example", "/-/healthy", 200},
		{"evil.example", "/metrics", 200},
	} {
		request := httptest.NewRequest(http.MethodGet, c.path, nil)
		request.Host = c.host
		got := httptest.NewRecorder()
		handler.ServeHTTP(got, request)
		if got.Code != c.want {
			t.Errorf("%s under the name %q: %d, want %d", c.path, c.host, got.Code, c.want)
		}
		if strings.HasPrefix(c.path, "/api") && got.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s under the name %q may be sniffed", c.path, c.host)
		}
	}
	posted := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, "/api/v1/sources", strings.NewReader("{}"))
	request.Host = "localhost"
	handler.ServeHTTP(posted, request)
	if posted.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d, want 405", posted.Code)
	}
}

func TestSourcesAreShownOrNotAtAll(t *testing.T) {
	api := web.API{Sources: func(context.Context) ([]web.Source, error) {
		return []web.Source{{Name: "blues", Error: &billwatch.Failure{Kind: "credential", Status: 401, Message: "no"}}}, nil
	}}
	request := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/sources", nil)
	got := httptest.NewRecorder()
	web.Handler(&web.Health{}, web.NewMetrics("test"), api).ServeHTTP(got, request)
	if body := got.Body.String(); !strings.Contains(body, `"version": "1"`) || !strings.Contains(body, `"kind": "credential"`) {
		t.Errorf("answered %s", body)
	}
	api.Sources = func(context.Context) ([]web.Source, error) { return nil, errors.New("postgres://hunter2@db") }
	got = httptest.NewRecorder()
	web.Handler(&web.Health{}, web.NewMetrics("test"), api).ServeHTTP(got, request)
	if got.Code != http.StatusServiceUnavailable || strings.Contains(got.Body.String(), "hunter2") {
		t.Errorf("without a store: %d %s", got.Code, got.Body)
	}
}

func TestSourcesAreMeasuredWhileTheyAreKnown(t *testing.T) {
	sources := []web.Source{{Name: "blues", Error: &billwatch.Failure{}, Limit: 60, Accounts: web.Accounts{Gone: 2}}}
	m := web.NewMetrics("test")
	m.RoundEnded(billwatch.Round{Lease: billwatch.Lease{Source: "blues"}, Err: errors.New("x")})
	handler := web.Handler(&web.Health{}, m, web.API{Sources: func(context.Context) ([]web.Source, error) { return sources, nil }})
	_, text := ask(handler, "/metrics")
	for _, want := range []string{
		`billwatch_source_up{source="blues"} 0`, `billwatch_account_gone{source="blues"} 2`,
		`billwatch_source_requests_limit{source="blues"} 60`, `billwatch_poll_errors_total{kind="failed",source="blues"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	sources = nil
	if _, text := ask(handler, "/metrics"); strings.Contains(text, "billwatch_source_up{") {
		t.Error("a source that is no longer there has a series")
	}
}
