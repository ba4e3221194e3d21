package crash

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// sources simulates two billing APIs: "wells", which answers as Notehub does
// with a request for each account, and "pumps", whose list says all.
type sources struct {
	*httptest.Server
	ledger *ledger
	event  func(string) // told of each answer

	mu     sync.Mutex
	rng    *rand.Rand
	calm   bool // nothing fails any more
	zones  map[string]zone
	serial int64
}

var accounts = []string{"wells/w1", "wells/w2", "wells/w3", "pumps/p1", "pumps/p2", "pumps/p3"}

// steady accounts change only when everybody was told of the change before; the
// others whenever they like.
var steady = map[string]bool{"wells/w1": true, "wells/w2": true, "pumps/p1": true, "pumps/p2": true}

func newSources(t *testing.T, l *ledger, seed uint64, event func(string)) *sources {
	t.Helper()
	s := &sources{ledger: l, event: event, rng: rand.New(rand.NewPCG(seed, 1)), zones: map[string]zone{}}
	for _, account := range accounts {
		s.zones[account] = fine
	}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *sources) move(account string, to zone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones[account] = to
	s.ledger.write(func(r *records) {
		r.flips = append(r.flips, flip{account, to, time.Now(), steady[account]})
	})
}

func (s *sources) zone(account string) zone {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.zones[account]
}

func (s *sources) calmDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calm = true
}

// mishap says how an answer fails; "" mostly.
func (s *sources) mishap() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calm || s.rng.IntN(100) >= 18 {
		return ""
	}
	all := []string{"503 with an account", "cut", "longer than it is", "reset", "html", "429", "429", "503 with an account", "longer than it is"}
	return all[s.rng.IntN(len(all))]
}

func (s *sources) serve(w http.ResponseWriter, r *http.Request) {
	came := time.Now()
	source, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	path := strings.TrimPrefix(r.URL.Path, "/"+source)
	asked := asking{source: source, at: came, listing: !strings.HasPrefix(path, "/v1/organizations/")}
	switch {
	case strings.HasSuffix(path, "/balance-history"):
		http.Error(w, `{"err":"not yours"}`, http.StatusForbidden)
		return
	default:
		s.dawdle(r)
		asked.pause, asked.broken = s.answer(w, source, path)
	}
	asked.done = time.Now()
	s.ledger.write(func(r *records) { r.askings = append(r.askings, asked) })
	s.event("answered")
}

// dawdle lets a request wait for longer than an interval, now and then: whoever
// begins the next round meanwhile is not alone.
func (s *sources) dawdle(r *http.Request) {
	s.mu.Lock()
	slow := !s.calm && s.rng.IntN(100) < 4
	wait := time.Duration(1100+s.rng.IntN(900)) * time.Millisecond
	s.mu.Unlock()
	if !slow {
		return
	}
	select {
	case <-r.Context().Done():
	case <-time.After(wait):
	}
}

// answer answers, or fails to, and returns the Retry-After that it sent and
// whether it broke the connection before it said anything.
func (s *sources) answer(w http.ResponseWriter, source, path string) (pause time.Duration, broken bool) {
	how := s.mishap()
	body, said := s.body(source, path, how == "503 with an account" || how == "longer than it is")
	w.Header().Set("Content-Type", "application/json")
	status, whole := http.StatusOK, false
	switch how {
	case "503 with an account":
		status = http.StatusServiceUnavailable
	case "cut":
		body = body[:len(body)/2]
	case "longer than it is":
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+10))
	case "reset":
		hangUp(w)
		return 0, true
	case "html":
		body = "<html>please log in</html>"
	case "429": // long enough for a process to be killed and the next one to begin
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusTooManyRequests)
		return 5 * time.Second, false
	default:
		whole = true
	}
	// Written down first: what is on its way may be told before this goes on.
	s.ledger.write(func(r *records) {
		for _, a := range said {
			a.whole, a.at = whole, time.Now()
			r.answers = append(r.answers, a)
		}
	})
	w.WriteHeader(status)
	io.WriteString(w, body)
	_ = http.NewResponseController(w).Flush()
	if how == "cut" {
		hangUp(w)
	}
	return 0, false
}

// body returns what is to be said. A lie has every account in the other zone.
func (s *sources) body(source, path string, lie bool) (string, []answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var said []answer
	balance := func(account string) int64 {
		at := s.zones[account]
		if lie && at == fine {
			at = low
		} else if lie {
			at = fine
		}
		s.serial++
		b := zoneFloor[at] + s.serial
		said = append(said, answer{account: account, balance: b})
		return b
	}
	if id, detail := strings.CutPrefix(path, "/v1/organizations/"); detail {
		return fmt.Sprintf(`{"uid":%q,"name":"Well %s","suspended":false,"plan":{"type":"Essentials","current_balance":%d,"start_date":"2026-01-01T00:00:00Z"}}`,
			id, id, balance(source+"/"+id)), said
	}
	var rows []map[string]any
	for _, account := range accounts {
		of, id, _ := strings.Cut(account, "/")
		if of != source {
			continue
		}
		row := map[string]any{"uid": id, "name": "Account " + id, "role": "member"}
		if source == "pumps" {
			row["credits"] = balance(account)
		}
		rows = append(rows, row)
	}
	text, _ := json.Marshal(map[string]any{"organizations": rows}) // strings and integers
	return string(text), said
}

// hangUp ends a connection in the middle of whatever it carries.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}
