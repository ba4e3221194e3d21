package poller_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/billwatch/billwatch/poller"
)

// TestWhenToComeBack says what an answer's header and body make of it: the
// header counts before the body, and only refusals that may pass say it.
func TestWhenToComeBack(t *testing.T) {
	info := func(delay string) string {
		return `{"code":429,"message":"slow down","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","retryDelay":"1s"},` +
			`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":` + delay + `}]}`
	}
	for _, c := range []struct {
		what, header, body string
		status             int
		want               time.Duration
	}{
		{"the body alone", "", info(`"30s"`), 429, 30 * time.Second},
		{"the body of a 503", "", info(`"30s"`), 503, 30 * time.Second},
		{"the header of a 503", "7", "", 503, 7 * time.Second},
		{"the header before the body", "7", info(`"30s"`), 429, 7 * time.Second},
		{"a header that says nothing", "abc", info(`"30s"`), 429, 30 * time.Second},
		{"a header of zero", "0", info(`"30s"`), 429, 30 * time.Second},
		{"a header below zero", "-1", info(`"30s"`), 429, 30 * time.Second},
		{"fractions", "", info(`"1.5s"`), 429, 1500 * time.Millisecond},
		{"at most an hour", "", info(`"86400s"`), 429, time.Hour},
		{"more than a number holds", "", info(`"99999999999999999999s"`), 429, 0},
		{"below zero", "", info(`"-30s"`), 429, 0},
		{"nonsense", "", info(`"soon"`), 429, 0},
		{"no unit", "", info(`"30"`), 429, 0},
		{"a number", "", info(`30`), 429, 0},
		{"null", "", info(`null`), 429, 0},
		{"no details", "", `{"code":429}`, 429, 0},
		{"details of another kind", "", `{"details":"RetryInfo"}`, 429, 0},
		{"another type's delay", "", `{"details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","retryDelay":"30s"}]}`, 429, 0},
		{"a body that is no JSON", "", `retryDelay 30s`, 429, 0},
		{"a body that is cut", "", `{"details":[{"@type":"google.rpc.RetryInfo","retryDelay":"30s"}`, 429, 0},
		{"no body", "", "", 429, 0},
		{"a 500 does not say it", "7", info(`"30s"`), 500, 0},
		{"nor does a 401", "7", info(`"30s"`), 401, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			_, err := client(t, server.URL).Get(t.Context(), detail())
			if e, ok := errors.AsType[*poller.Error](err); !ok || e.Status != c.status || e.RetryAfter != c.want {
				t.Errorf("got %#v, want %s", err, c.want)
			}
		})
	}
}

func TestAPageThatSaysWhenToComeBackIsNoGoogleError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"details":[{"@type":"google.rpc.RetryInfo","retryDelay":"30s"}]}`)
	}))
	defer server.Close()
	_, err := client(t, server.URL).Get(t.Context(), detail())
	if e, ok := errors.AsType[*poller.Error](err); !ok || e.RetryAfter != 0 || e.Excerpt != "an HTML page" {
		t.Errorf("got %#v", err)
	}
}
