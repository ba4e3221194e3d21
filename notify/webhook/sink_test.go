package webhook_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// sink is a receiver that remembers what it was sent.
type sink struct {
	*httptest.Server
	answer http.HandlerFunc

	mu   sync.Mutex
	seen []request
}

type request struct {
	path   string
	header http.Header
	body   string
	at     time.Time
}

func newSink(t *testing.T, answer http.HandlerFunc) *sink {
	t.Helper()
	s := &sink{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.seen = append(s.seen, request{r.URL.Path, r.Header.Clone(), string(body), time.Now()})
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
	}
}

func (s *sink) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}
