package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Token is a bot's that may write messages and files, WebhookPath where an
// incoming webhook listens, and Channel the channel that both know.
const (
	Token       = "xoxb-0123456789-T0PS3CR3T"
	WebhookPath = "/services/T0/B0/T0PS3CR3T"
	Channel     = "#billing"
	ChannelID   = "C0123456789"
)

// Message is one as it stands now.
type Message struct {
	Channel  string // its id
	TS       string
	Thread   string // the message that it replies to; empty for none
	Edits    int    // how often it was changed
	Bot      string // the token that wrote it
	Text     string
	Blocks   []Block
	Frames   []Frame
	Metadata Metadata
	File     *File // of a message that shares one
}

// File is an upload.
type File struct {
	ID, Name, Title, Alt string
	Length               int
	Content              []byte // nil before it was sent
	Shared               bool
}

// Workspace is a Slack. It is an http.Handler for the methods, the uploads and
// the webhook, and safe for concurrent use.
type Workspace struct {
	mu       sync.Mutex
	scopes   map[string][]string // by token
	revoked  map[string]bool
	channels map[string]*channel // by id
	messages []*Message
	files    map[string]*File
	calls    []Call
	faults   []*Fault
	clock    int
	links    []string // what a text may link to
	mentions []string // whom it may mention
}

type channel struct {
	id, name         string
	archived, joined bool
}

// Call is a request and what was answered.
type Call struct {
	Method string // "chat.postMessage", "upload", "webhook"
	Answer string // "ok", or Slack's word for the refusal
	Why    string // the refusal's name; empty for none
	Body   string // as it came
}

// New returns a workspace in which texts may link to addresses that begin so.
func New(links ...string) *Workspace {
	return &Workspace{
		scopes:  map[string][]string{Token: {"chat:write", "files:write"}},
		revoked: map[string]bool{}, files: map[string]*File{}, links: links,
		channels: map[string]*channel{ChannelID: {id: ChannelID, name: Channel, joined: true}},
	}
}

// ServeHTTP implements http.Handler.
func (w *Workspace) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &call{workspace: w, method: strings.TrimPrefix(r.URL.Path, "/"), body: body}
	switch {
	case strings.HasPrefix(r.URL.Path, "/services/"):
		c.method, c.path = "webhook", r.URL.Path
	case strings.HasPrefix(r.URL.Path, "/upload/"):
		c.method, c.path = "upload", r.URL.Path
	default:
		c.form, c.broken = url.ParseQuery(string(body))
	}
	c.host = "http://" + r.Host
	if f := w.fault(c.method); f != nil && !f.answer(rw, c) {
		w.note(c, f.name(), "a fault")
		return
	}
	c.serve(rw)
}

func (w *Workspace) note(c *call, answer, why string) {
	w.calls = append(w.calls, Call{Method: c.method, Answer: answer, Why: why, Body: string(c.body)})
}

// Messages returns the messages as they stand, in the order in which they were
// posted. Deleted ones are gone.
func (w *Workspace) Messages() []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []Message
	for _, m := range w.messages {
		all = append(all, *m)
	}
	return all
}

// Calls returns the requests so far.
func (w *Workspace) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// Delete takes a message away, as a person might.
func (w *Workspace) Delete(ts string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages = slices.DeleteFunc(w.messages, func(m *Message) bool { return m.TS == ts })
}

// Allow lets texts mention somebody, in Slack's spelling: "<!here>".
func (w *Workspace) Allow(mentions ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mentions = append(w.mentions, mentions...)
}

// AddToken adds a bot with some scopes, or changes those of one.
func (w *Workspace) AddToken(token string, scopes ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scopes[token] = scopes
}

// Revoke takes a token back.
func (w *Workspace) Revoke(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revoked[token] = true
}

// AddChannel adds a channel; one that is archived takes nothing, and one that
// the bot has not joined takes nothing from it.
func (w *Workspace) AddChannel(id, name string, joined, archived bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels[id] = &channel{id, name, archived, joined}
}

func (w *Workspace) channel(idOrName string, byName bool) *channel {
	if c, ok := w.channels[idOrName]; ok {
		return c
	}
	for _, id := range slices.Sorted(maps.Keys(w.channels)) {
		if byName && w.channels[id].name == idOrName {
			return w.channels[id]
		}
	}
	return nil
}

func (w *Workspace) message(channel, ts string) *Message {
	i := slices.IndexFunc(w.messages, func(m *Message) bool { return m.Channel == channel && m.TS == ts })
	if i < 0 {
		return nil
	}
	return w.messages[i]
}

// next is the time of the next message, which names it.
func (w *Workspace) next() string {
	w.clock++
	return fmt.Sprintf("1763892000.%06d", w.clock*100)
}

func reply(rw http.ResponseWriter, fields map[string]any) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err := json.NewEncoder(rw).Encode(fields); err != nil {
		return // the caller is gone
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
