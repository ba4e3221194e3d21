package main_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// token is what the fake Notehub asks for; it must never be seen elsewhere.
const token = "notehub-secret-4711"

// slackToken is what the fake Slack asks for.
const slackToken = "xoxb-slack-secret-4712"

// The organizations of the example payloads.
const (
	jane = "5f4a3c1e-7d7e-4d1a-9b61-0c8a6f1f2a01"
	acme = "a2c9e0b4-30aa-4a6e-8f7d-6f5a4b3c2d1e"
)

// moments are the steps of the road that the fakes see. A test asks to be told
// of one; the fake then waits for it to do what it wants.
type moments struct {
	mu    sync.Mutex
	at    string
	do    func()
	times int
}

// on has do called the first time that the moment is reached.
func (m *moments) on(at string, do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.do, m.times = at, do, 0
}

func (m *moments) reach(at string) {
	m.mu.Lock()
	do := m.do
	if m.at != at || m.times > 0 {
		m.mu.Unlock()
		return
	}
	m.times++
	m.mu.Unlock()
	do()
}

func (m *moments) reached() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.times > 0
}

// told is one message as a receiver took it.
type told struct {
	id     string
	status string // "firing" or "resolved"
	text   string
}

// inbox keeps what one receiver took, in order.
type inbox struct {
	mu   sync.Mutex
	took []told
}

func (i *inbox) take(m told) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.took = append(i.took, m)
}

func (i *inbox) all() []told {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]told(nil), i.took...)
}

// notehub replays the example payloads.
type notehub struct {
	*httptest.Server
	moments *moments
	replies string // folder of the payloads

	mu        sync.Mutex
	suspended bool
	broken    bool
	failed    int // answers given while broken
}

func newNotehub(t *testing.T, m *moments) *notehub {
	t.Helper()
	n := &notehub{moments: m, replies: filepath.Join("..", "..", "poller", "notehub", "testdata", "examples")}
	n.Server = httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(n.Close)
	return n
}

func (n *notehub) suspend(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.suspended = yes
}

// breakDown makes every answer a 503 with a page that says nothing.
func (n *notehub) breakDown(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = yes
}

// fails says whether to answer as if out of order, and counts it.
func (n *notehub) fails() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken {
		n.failed++
	}
	return n.broken
}

func (n *notehub) failures() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}

func (n *notehub) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+token {
		n.reply(w, http.StatusUnauthorized, "error.401.json")
		return
	}
	if n.fails() {
		n.reply(w, http.StatusServiceUnavailable, "error.502.html")
		return
	}
	step, status, file := n.answer(r.URL.Path)
	n.moments.reach(step + " asked")
	n.reply(w, status, file)
	http.NewResponseController(w).Flush()
	n.moments.reach(step + " answered")
}

// answer returns which step of the road a path is, and its reply.
func (n *notehub) answer(path string) (step string, status int, file string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch rest, _ := strings.CutPrefix(path, "/v1/organizations"); rest {
	case "":
		return "list", http.StatusOK, "organizations.200.json"
	case "/" + jane:
		if n.suspended {
			return "detail", http.StatusOK, "organization.suspended.200.json"
		}
		return "detail", http.StatusOK, "organization.essentials.200.json"
	case "/" + acme:
		return "other detail", http.StatusOK, "organization.enterprise.200.json"
	case "/" + jane + "/balance-history":
		return "history", http.StatusOK, "balance-history.topup.200.json"
	case "/" + acme + "/balance-history":
		return "other history", http.StatusOK, "balance-history.empty.200.json"
	default:
		if strings.HasSuffix(rest, "/balance-history") {
			return "other history", http.StatusForbidden, "error.403-forbidden.json"
		}
		return "other detail", http.StatusOK, "organization.minimal.200.json"
	}
}

func (n *notehub) reply(w http.ResponseWriter, status int, file string) {
	body, err := os.ReadFile(filepath.Join(n.replies, file))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

// newSlack takes chat.postMessage as Slack does.
func newSlack(t *testing.T, m *moments, box *inbox) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Header.Get("Authorization") != "Bearer "+slackToken && r.Form.Get("token") != slackToken {
			io.WriteString(w, `{"ok":false,"error":"invalid_auth"}`)
			return
		}
		m.reach("slack asked")
		var metadata struct {
			Payload map[string]any `json:"event_payload"`
		}
		if err := json.Unmarshal([]byte(r.Form.Get("metadata")), &metadata); err != nil {
			io.WriteString(w, `{"ok":false,"error":"invalid_metadata_format"}`)
			return
		}
		id, _ := metadata.Payload["id"].(string)
		text := r.Form.Get("text") + r.Form.Get("attachments") + r.Form.Get("blocks")
		box.take(told{id: id, status: statusIn(r.Form.Get("text")), text: text})
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"ok":true,"channel":"C0001","ts":"1700000000.000100","message":{}}`)
		http.NewResponseController(w).Flush()
		m.reach("slack answered")
	}))
	t.Cleanup(server.Close)
	return server
}

// newHook takes webhooks.
func newHook(t *testing.T, m *moments, box *inbox) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender went away in the middle: nothing was taken
		}
		m.reach("hook asked")
		var message struct{ Status string }
		if err := json.Unmarshal(body, &message); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		box.take(told{id: r.Header.Get("webhook-id"), status: message.Status, text: string(body)})
		w.WriteHeader(http.StatusNoContent)
		http.NewResponseController(w).Flush()
		m.reach("hook answered")
	}))
	t.Cleanup(server.Close)
	return server
}

// statusIn tells a firing message from a resolved one as a person would.
func statusIn(text string) string {
	text = strings.ToLower(text)
	if strings.Contains(text, "resolved") || strings.Contains(text, "no longer watched") {
		return "resolved"
	}
	return "firing"
}

// newMailServer takes mail over real SMTP and returns its address.
func newMailServer(t *testing.T, m *moments, box *inbox) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(&mailbox{moments: m, box: box})
	server.Domain = "mail.example.com"
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

type mailbox struct {
	moments *moments
	box     *inbox
}

func (b *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{b}, nil }

type mailSession struct{ *mailbox }

func (s *mailSession) Mail(string, *smtp.MailOptions) error { s.moments.reach("mail from"); return nil }
func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { s.moments.reach("mail to"); return nil }
func (s *mailSession) Reset()                               {}
func (s *mailSession) Logout() error                        { return nil }

func (s *mailSession) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(message.Body)
	if err != nil {
		return err
	}
	s.moments.reach("mail read")
	subject := message.Header.Get("Subject")
	s.box.take(told{id: message.Header.Get("Message-ID"), status: statusIn(subject), text: subject + "\n" + string(body)})
	// The 250 is written when this returns; the moment after it is when the
	// next command comes, or the process marks what it sent.
	go s.moments.reach("mail taken")
	return nil
}
