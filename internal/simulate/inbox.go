package simulate

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	maxMessage  = 4 << 20
	maxMessages = 10_000
)

// Inbox is an http.Handler that takes webhook posts in billwatch's own format
// and keeps them in memory: the place that the demo's messages go to. The zero
// Inbox is ready.
type Inbox struct {
	// OnMessage is called for every message but duplicates, one at a time; nil
	// for nothing.
	OnMessage func(Message)

	mu         sync.Mutex
	messages   []Message // the last ones
	counts     map[string]int
	seen       map[string]bool
	duplicates int
}

// Message is a message as it arrived.
type Message struct {
	ID          string            `json:"id"`
	Receiver    string            `json:"receiver"`
	Reason      string            `json:"reason"`
	Status      string            `json:"status"`
	GroupLabels map[string]string `json:"group_labels"`
	SentAt      time.Time         `json:"sent_at"`
	Truncated   int               `json:"truncated"`
	Alerts      []MessageAlert    `json:"alerts"`
	Body        []byte            `json:"-"` // as it came
}

// MessageAlert is one alert of a message.
type MessageAlert struct {
	Status      string            `json:"status"`
	StartsAt    time.Time         `json:"starts_at"`
	EndsAt      *time.Time        `json:"ends_at"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Value       *float64          `json:"value"`
	Unit        string            `json:"unit"`
	Account     *struct {
		Source string `json:"source"`
		ID     string `json:"id"`
		Name   string `json:"name"`
	} `json:"account"`
}

// ServeHTTP takes one message. One whose webhook-id came before is counted as
// a duplicate and otherwise left alone.
func (i *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "post a message", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		http.Error(w, "the message could not be read", http.StatusBadRequest)
		return
	}
	message := Message{Body: body}
	if err := json.Unmarshal(body, &message); err != nil || message.ID == "" {
		http.Error(w, "this is no message in billwatch's format", http.StatusBadRequest)
		return
	}
	id := r.Header.Get("webhook-id")
	if id == "" {
		id = message.ID
	}
	i.take(id, message)
	w.WriteHeader(http.StatusNoContent)
}

func (i *Inbox) take(id string, m Message) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.seen[id] {
		i.duplicates++
		return
	}
	if i.seen == nil {
		i.seen, i.counts = make(map[string]bool), make(map[string]int)
	}
	i.seen[id] = true
	i.counts[m.Receiver]++
	i.messages = append(i.messages, m)
	if len(i.messages) > maxMessages {
		i.messages = slices.Delete(i.messages, 0, maxMessages/10)
	}
	if i.OnMessage != nil {
		i.OnMessage(m)
	}
}

// Messages returns what arrived, oldest first, without duplicates.
func (i *Inbox) Messages() []Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.messages)
}

// Counts returns how many messages arrived for each receiver, without
// duplicates.
func (i *Inbox) Counts() map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.counts)
}

// Duplicates returns how many messages came again.
func (i *Inbox) Duplicates() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.duplicates
}
