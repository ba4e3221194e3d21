package notifytest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/billwatch/billwatch/notify"
)

// Site is a notifier that speaks HTTP.
type Site struct {
	New       func(url string) (notify.Notifier, error) // url has a secret path
	PublicURL bool                                      // the path is no secret after all
	Secrets   []string                                  // beside the URL's path

	// Accepted answers as the real thing does when it takes a message; nil is a
	// plain 200.
	Accepted http.HandlerFunc

	// Check says what is wrong with a body as it arrived; nil checks nothing.
	Check func(body string) error
}

// secretPath is the part of the URL that nobody may see.
const secretPath = "/hook/T0PS3CR3T-path"

// HTTP runs the suite against a notifier that speaks HTTP.
func HTTP(t *testing.T, site Site) {
	Run(t, func(t *testing.T) Side {
		s := &server{site: site, stop: make(chan struct{}), answer: Accept}
		listener := httptest.NewServer(s)
		closeAll := sync.OnceFunc(func() {
			close(s.stop)
			listener.CloseClientConnections()
			listener.Close()
		})
		t.Cleanup(closeAll)
		n, err := site.New(listener.URL + secretPath)
		if err != nil {
			t.Fatalf("New: %v", err)
		}
		check := site.Check
		if check == nil {
			check = func(string) error { return nil }
		}
		secrets := slices.Clone(site.Secrets)
		if !site.PublicURL {
			secrets = append(secrets, secretPath)
		}
		return Side{Notifier: n, Set: s.set, Close: closeAll, Taken: s.bodies, Check: check, Secrets: secrets}
	})
}

// server takes messages and answers as it is told to.
type server struct {
	site Site
	stop chan struct{}

	mu     sync.Mutex
	answer Answer
	taken  []string
}

func (s *server) set(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = a
}

func (s *server) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.taken = append(s.taken, string(body))
	answer := s.answer
	s.mu.Unlock()
	switch answer {
	case RefuseForGood:
		http.Error(w, "no", http.StatusBadRequest)
	case RefuseForNow:
		http.Error(w, "later", http.StatusServiceUnavailable)
	case Throttle:
		w.Header().Set("Retry-After", "60")
		http.Error(w, "slowly", http.StatusTooManyRequests)
	case Vanish:
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	case Silence:
		select {
		case <-s.stop:
		case <-r.Context().Done():
		}
	case Echo:
		var all bytes.Buffer
		fmt.Fprintf(&all, "you sent %s ", r.URL)
		_ = r.Header.Write(&all)
		http.Error(w, all.String()+string(body), http.StatusBadRequest)
	default:
		if s.site.Accepted != nil {
			s.site.Accepted(w, r)
		}
	}
}
