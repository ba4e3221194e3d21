package slack_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/slack"
	"github.com/billwatch/billwatch/notify/slack/slacktest"
)

const token = slacktest.Token

// slackMessage is what Slack reads of a message, by either way.
type slackMessage struct {
	Channel     string            `json:"channel"`
	Text        string            `json:"text"`
	Blocks      []block           `json:"blocks"`
	Attachments []attachment      `json:"attachments"`
	Metadata    metadata          `json:"metadata"`
	Rest        map[string]string `json:"-"` // other fields of the form
}

type attachment struct {
	Color    string  `json:"color"`
	Fallback string  `json:"fallback"`
	Blocks   []block `json:"blocks"`
}

type block struct {
	Type     string    `json:"type"`
	Text     *object   `json:"text"`
	Elements []*object `json:"elements"`
}

type object struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"`
}

type metadata struct {
	EventType    string            `json:"event_type"`
	EventPayload map[string]string `json:"event_payload"`
}

// parse reads the body of chat.postMessage (a form) or of a webhook (JSON).
func parse(body string) (slackMessage, error) {
	var m slackMessage
	if strings.HasPrefix(body, "{") {
		return m, json.Unmarshal([]byte(body), &m)
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		return m, err
	}
	m.Channel, m.Text, m.Rest = form.Get("channel"), form.Get("text"), map[string]string{}
	for name := range form {
		m.Rest[name] = form.Get(name)
	}
	return m, errors.Join(
		json.Unmarshal([]byte(form.Get("blocks")), &m.Blocks),
		json.Unmarshal([]byte(form.Get("attachments")), &m.Attachments),
		json.Unmarshal([]byte(form.Get("metadata")), &m.Metadata),
	)
}

// all returns the blocks of the message and of its frame.
func (m slackMessage) all() []block {
	blocks := slices.Clone(m.Blocks)
	for _, a := range m.Attachments {
		blocks = append(blocks, a.Blocks...)
	}
	return blocks
}

// check says what Slack would refuse, and what a name has smuggled in.
func check(body string) error {
	m, err := parse(body)
	if err != nil {
		return err
	}
	if len(m.Attachments) != 1 {
		return errors.New("the frame is missing")
	}
	return slacktest.Check(body, "https://billwatch.example.com/", "https://wiki.example.com/")
}

// workspace is a Slack that remembers what it was sent.
type workspace struct {
	*httptest.Server
	answer http.HandlerFunc

	mu   sync.Mutex
	seen []string
}

func newWorkspace(t *testing.T, answer http.HandlerFunc) *workspace {
	t.Helper()
	w := &workspace{answer: answer}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// ServeHTTP implements http.Handler.
func (w *workspace) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var body strings.Builder
	if err := r.Write(&body); err != nil {
		return
	}
	_, content, _ := strings.Cut(body.String(), "\r\n\r\n")
	w.mu.Lock()
	w.seen = append(w.seen, content)
	w.mu.Unlock()
	w.answer(rw, r)
}

func (w *workspace) bodies() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

func byToken(url string) slack.Config {
	c := slack.Defaults()
	c.APIURL, c.Token, c.Channel = url, token, "#billing"
	return c
}

func byWebhook(url string) slack.Config {
	c := slack.Defaults()
	c.WebhookURL = billwatch.Secret(url + "/services/T0/B0/T0PS3CR3T")
	return c
}

func build(t *testing.T, c slack.Config) *slack.Notifier {
	t.Helper()
	n, err := slack.New(c, notify.Common{Integration: "ops/slack/0", UserAgent: "billwatch/test"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func posted(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	fmt.Fprint(w, `{"ok":true,"channel":"C0123456789","ts":"1763892000.000100","message":{"text":"x"}}`)
}

func saidOK(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }
