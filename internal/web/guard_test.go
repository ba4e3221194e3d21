package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
)

func TestOnlyWhoIsHereMayChangeAnything(t *testing.T) {
	for _, c := range []struct {
		what    string
		change  func(*http.Request)
		refused string
		want    int
	}{
		{"a command", func(*http.Request) {}, "", 200},
		{"our own page", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }, "", 200},
		{"a typed address", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }, "", 200},
		{"a page elsewhere", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, "", 403},
		{"a page of a sibling", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, "", 403},
		{"an old browser's page elsewhere", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, "", 403},
		{"a page without an origin", func(r *http.Request) { r.Header.Set("Origin", "null") }, "", 403},
		{"an old browser's own page", func(r *http.Request) { r.Header.Set("Origin", "http://localhost:9595") }, "", 200},
		{"a page on another port", func(r *http.Request) { r.Header.Set("Origin", "http://localhost:80") }, "", 403},
		{"a name that is not ours", func(r *http.Request) { r.Host = "evil.example" }, "", 421},
		{"an address that all reach", func(*http.Request) {}, "not from here", 403},
		{"a form", func(r *http.Request) { body(r, "x=1", "application/x-www-form-urlencoded") }, "", 415},
		{"a body of no type", func(r *http.Request) { body(r, "{}", "") }, "", 415},
		{"a body of unknown length and no type", func(r *http.Request) { body(r, "{}", ""); r.ContentLength = -1 }, "", 415},
		{"too long a body", func(r *http.Request) { body(r, strings.Repeat(" ", 1<<20+1), "application/json") }, "", 413},
		{"a document", func(r *http.Request) { body(r, "{}", "application/json; charset=utf-8") }, "", 200},
	} {
		done := 0
		handler := web.Handler(&web.Health{}, web.NewMetrics("test"), web.API{Refused: c.refused, Outbox: web.Notifications{
			Retry: func(context.Context, string) error { done++; return nil },
		}})
		request := httptest.NewRequest(http.MethodPost, "http://localhost:9595/api/v1/notifications/ntf_1/retry", http.NoBody)
		c.change(request)
		got := httptest.NewRecorder()
		handler.ServeHTTP(got, request)
		if got.Code != c.want || (done == 1) != (c.want == 200) {
			t.Errorf("%s: %d and %d done, want %d: %s", c.what, got.Code, done, c.want, got.Body)
		}
	}
}

func body(r *http.Request, text, media string) {
	filled := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
	r.Body, r.ContentLength = filled.Body, filled.ContentLength
	r.Header.Set("Content-Type", media)
}

func TestAnAddressThatOthersReachIsOpenToAll(t *testing.T) {
	for listen, open := range map[string]bool{
		"127.0.0.1:9595": false, "[::1]:9595": false, "localhost:9595": false, "127.8.8.8:1": false, "[::ffff:127.0.0.1]:1": false,
		":9595": true, "0.0.0.0:9595": true, "[::]:9595": true, "10.0.0.1:9595": true, "billwatch:9595": true, "": true,
	} {
		if got := web.OpenToAll(listen); (got != "") != open {
			t.Errorf("%q: %q, want open %v", listen, got, open)
		}
	}
}

func TestTheDeliveryLogIsReadPageByPage(t *testing.T) {
	var asked billwatch.OutboxQuery
	failure := error(nil)
	handler := web.Handler(&web.Health{}, web.NewMetrics("test"), web.API{Outbox: web.Notifications{
		List: func(_ context.Context, q billwatch.OutboxQuery) ([]web.Notification, error) {
			asked = q
			return []web.Notification{{ID: "ntf_3", Cursor: "c3"}, {ID: "ntf_2", Cursor: "c2"}, {ID: "ntf_1", Cursor: "c1"}}, failure
		},
		Retry: func(context.Context, string) error { return &billwatch.RetryError{Why: "it is delivered"} },
	}})
	get := func(path string) (int, string) {
		got := httptest.NewRecorder()
		handler.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
		return got.Code, got.Body.String()
	}
	if code, text := get("/api/v1/notifications?limit=2&state=failed&receiver=ops&cursor=c4"); code != 200 ||
		!strings.Contains(text, `"next_cursor": "c2"`) || strings.Contains(text, "ntf_1") {
		t.Errorf("a page: %d %s", code, text)
	}
	if asked.Receiver != "ops" || asked.State != "failed" || asked.Cursor != "c4" {
		t.Errorf("asked for %+v", asked)
	}
	if _, text := get("/api/v1/notifications?limit=3"); strings.Contains(text, "next_cursor") {
		t.Errorf("the last page names a next one: %s", text)
	}
	for _, wrong := range []string{"limit=0", "limit=1001", "limit=x", "state=lost"} {
		if code, text := get("/api/v1/notifications?" + wrong); code != 400 {
			t.Errorf("%s: %d %s", wrong, code, text)
		}
	}
	failure = billwatch.ErrCursor
	if code, _ := get("/api/v1/notifications?cursor=x"); code != 400 {
		t.Errorf("a wrong cursor: %d", code)
	}
	failure = errors.New("postgres://hunter2@db")
	if code, text := get("/api/v1/notifications"); code != 503 || strings.Contains(text, "hunter2") {
		t.Errorf("without a store: %d %s", code, text)
	}
	retried := httptest.NewRecorder()
	handler.ServeHTTP(retried, httptest.NewRequest(http.MethodPost, "http://localhost/api/v1/notifications/x/retry", http.NoBody))
	if retried.Code != 409 || !strings.Contains(retried.Body.String(), "it is delivered") {
		t.Errorf("one that is delivered: %d %s", retried.Code, retried.Body)
	}
}
