package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/billwatch/billwatch/internal/web"
)

// However many ask for explanations, two are made at once, the others are sent
// away with a word when to come again, and everything else is answered.
func TestTooManyWhoAskForExplanationsAreSentAway(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	handler := web.Handler(&web.Health{}, web.NewMetrics("test"), web.API{
		Sources: func(context.Context) ([]web.Source, error) { return nil, nil },
		Explain: func(context.Context, string, string) (web.Explanation, error) {
			begun <- struct{}{}
			<-end
			return web.Explanation{Version: "1"}, nil
		},
	})
	ask := func(path string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		request.Host = "localhost"
		got := httptest.NewRecorder()
		handler.ServeHTTP(got, request)
		return got
	}
	const explain = "/api/v1/explain?rule=Low&account=a"
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			if got := ask(explain); got.Code != http.StatusOK {
				t.Errorf("one of the two that have room: %d", got.Code)
			}
		})
		<-begun
	}
	for range 3 {
		got := ask(explain)
		if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") != "1" {
			t.Errorf("the third: %d, Retry-After %q; want 503 and 1", got.Code, got.Header().Get("Retry-After"))
		}
	}
	if got := ask("/api/v1/sources"); got.Code != http.StatusOK {
		t.Errorf("what is no explanation: %d", got.Code)
	}
	close(end)
	asking.Wait()
	go func() { <-begun }()
	if got := ask(explain); got.Code != http.StatusOK {
		t.Errorf("after those: %d, want 200", got.Code)
	}
}
