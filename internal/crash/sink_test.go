package crash

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// impatience is the time-out of an attempt at a webhook.
const impatience = 2 * time.Second

// sink is a webhook that fails as receivers do.
type sink struct {
	name   string
	ledger *ledger
	event  func(string)
	door   *door
	server *http.Server

	mu   sync.Mutex
	rng  *rand.Rand
	calm bool
}

func newSink(t *testing.T, name string, l *ledger, seed uint64, event func(string)) *sink {
	t.Helper()
	s := &sink{name: name, ledger: l, event: event, rng: rand.New(rand.NewPCG(seed, 2))}
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	s.server.SetKeepAlivesEnabled(false)
	t.Cleanup(func() { s.server.Close() })
	s.door = newDoor(t, l, seed, s.server.Serve)
	return s
}

func (s *sink) calmDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calm = true
	s.door.calmDown()
}

// mood says how the next attempt is met; mostly well.
func (s *sink) mood() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calm || s.rng.IntN(100) >= 25 {
		return ""
	}
	all := []string{"500", "500 with an answer as if well", "429", "429", "503 and when", "hang", "hang up after", "hang up before", "hang up before"}
	return all[s.rng.IntN(len(all))]
}

func (s *sink) serve(w http.ResponseWriter, r *http.Request) {
	a := attempt{sink: s.name, id: r.Header.Get("webhook-id"), came: time.Now(), fate: broken}
	s.event("attempt")
	mood := s.mood()
	if mood == "hang up before" {
		hangUp(w)
		a.done = time.Now()
		s.ledger.take(a)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.done = time.Now()
		s.ledger.take(a)
		return
	}
	a.body = string(body)
	a.told = readWebhook(body)
	s.meet(w, r, &a, mood)
}

// meet answers a whole message, or does not.
func (s *sink) meet(w http.ResponseWriter, r *http.Request, a *attempt, mood string) {
	a.fate = refused
	switch mood {
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
	case "500 with an answer as if well":
		w.WriteHeader(http.StatusBadGateway)
		io.WriteString(w, `{"ok":true}`)
	case "429", "503 and when":
		a.fate, a.pause = throttled, 3*time.Second
		w.Header().Set("Retry-After", "3")
		status := http.StatusTooManyRequests
		if mood != "429" {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
	case "hang":
		a.fate = unanswered
		select {
		case <-r.Context().Done():
		case <-time.After(2 * impatience):
		}
	case "hang up after":
		a.fate = unanswered
	default:
		a.fate = accepted
		w.WriteHeader(http.StatusNoContent)
	}
	if a.fate == unanswered {
		hangUp(w)
	} else {
		_ = http.NewResponseController(w).Flush() // who is gone does not hear it
	}
	a.done = time.Now()
	s.ledger.take(*a)
	if a.fate == accepted {
		s.event("accepted")
	}
}

func readWebhook(body []byte) message {
	var b struct {
		Reason   string    `json:"reason"`
		GroupKey string    `json:"group_key"`
		SentAt   time.Time `json:"sent_at"`
		Alerts   []struct {
			Status   string            `json:"status"`
			StartsAt time.Time         `json:"starts_at"`
			EndsAt   time.Time         `json:"ends_at"`
			Labels   map[string]string `json:"labels"`
			Snapshot struct {
				Balance json.Number `json:"balance"`
			} `json:"snapshot"`
		} `json:"alerts"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return message{reason: fmt.Sprintf("not a message: %v", err)}
	}
	m := message{group: b.GroupKey, reason: b.Reason, sentAt: b.SentAt}
	for _, a := range b.Alerts {
		balance, _ := a.Snapshot.Balance.Int64() // 0 is no answer's balance
		m.news = append(m.news, news{
			rule: a.Labels["alertname"], account: a.Labels["source"] + "/" + a.Labels["account"],
			status: a.Status, starts: a.StartsAt, ends: a.EndsAt, balance: balance,
		})
	}
	return m
}
