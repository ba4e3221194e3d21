package slacktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// call is a request while it is looked at.
type call struct {
	workspace *Workspace
	method    string
	path      string // of an upload or a webhook
	host      string
	body      []byte
	form      url.Values
	broken    error // why the form cannot be read

	blocks      []Block
	frames      []Frame
	metadata    Metadata
	unreadable  map[string]bool // fields of the form that are no JSON of their kind
	text        string
	shared      []sharedFile
	webhookBody error
}

type sharedFile struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// parse reads what the fields hold.
func (c *call) parse() {
	c.unreadable = map[string]bool{}
	if c.method == "webhook" {
		var m struct {
			Text        string   `json:"text"`
			Blocks      []Block  `json:"blocks"`
			Attachments []Frame  `json:"attachments"`
			Metadata    Metadata `json:"metadata"`
		}
		c.webhookBody = json.Unmarshal(c.body, &m)
		c.text, c.blocks, c.frames, c.metadata = m.Text, m.Blocks, m.Attachments, m.Metadata
		return
	}
	c.text = c.form.Get("text")
	for field, into := range map[string]any{"blocks": &c.blocks, "attachments": &c.frames, "metadata": &c.metadata, "files": &c.shared} {
		if text := c.form.Get(field); text != "" {
			c.unreadable[field] = json.Unmarshal([]byte(text), into) != nil
		}
	}
}

func (c *call) token() string { return c.form.Get("token") }

// Check says what a workspace would refuse of a message as it came to
// chat.postMessage, or to a webhook, where texts may link to addresses that begin
// so.
func Check(body string, links ...string) error {
	c := &call{workspace: New(links...), method: webhook, path: WebhookPath, body: []byte(body)}
	if !strings.HasPrefix(body, "{") {
		c.method = post
		c.form, c.broken = url.ParseQuery(body)
	}
	c.parse()
	for _, r := range slices.Concat(refusedMessages, refusedTexts) {
		if r.concerns(c.method) && r.fits(c) {
			return fmt.Errorf("%s: %s (%s)", r.Word, r.Name, r.Rests)
		}
	}
	return nil
}

// serve refuses the call by the first row that fits, or does what it asks.
func (c *call) serve(rw http.ResponseWriter) {
	c.parse()
	if !slices.Contains([]string{post, update, ask, upload, share, webhook}, c.method) {
		c.workspace.note(c, "unknown_method", "unknown_method")
		reply(rw, map[string]any{"ok": false, "error": "unknown_method"})
		return
	}
	for _, r := range refusals {
		if !r.concerns(c.method) || !r.fits(c) {
			continue
		}
		c.workspace.note(c, r.Word, r.Name)
		c.refuse(rw, r)
		return
	}
	c.workspace.note(c, "ok", "")
	switch c.method {
	case "chat.postMessage":
		at := c.workspace.channel(c.form.Get("channel"), true)
		m := &Message{Channel: at.id, TS: c.workspace.next(), Thread: c.form.Get("thread_ts"), Bot: c.token()}
		c.write(m)
		c.workspace.messages = append(c.workspace.messages, m)
		reply(rw, map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "message": map[string]any{"text": m.Text}})
	case "chat.update":
		m := c.workspace.message(c.form.Get("channel"), c.form.Get("ts"))
		m.Edits++
		c.write(m)
		reply(rw, map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text})
	case "files.getUploadURLExternal":
		f := &File{ID: fmt.Sprintf("F%07d", len(c.workspace.files)+1), Name: c.form.Get("filename"), Alt: c.form.Get("alt_txt"), Length: number(c.form.Get("length"))}
		c.workspace.files[f.ID] = f
		reply(rw, map[string]any{"ok": true, "upload_url": c.host + "/upload/" + f.ID, "file_id": f.ID})
	case "upload":
		c.workspace.files[strings.TrimPrefix(c.path, "/upload/")].Content = c.body
		fmt.Fprintf(rw, "OK - %d", len(c.body))
	case "files.completeUploadExternal":
		c.share(rw)
	case "webhook":
		m := &Message{Channel: ChannelID, TS: c.workspace.next()}
		c.write(m)
		c.workspace.messages = append(c.workspace.messages, m)
		fmt.Fprint(rw, "ok")
	}
}

func (c *call) write(m *Message) {
	m.Text, m.Blocks, m.Frames, m.Metadata = c.text, c.blocks, c.frames, c.metadata
}

func (c *call) share(rw http.ResponseWriter) {
	var files []map[string]any
	for _, s := range c.shared {
		f := c.workspace.files[s.ID]
		f.Title, f.Shared = s.Title, true
		files = append(files, map[string]any{"id": f.ID, "title": f.Title})
		c.workspace.messages = append(c.workspace.messages, &Message{
			Channel: c.form.Get("channel_id"), TS: c.workspace.next(), Thread: c.form.Get("thread_ts"), Bot: c.token(), File: f,
		})
	}
	reply(rw, map[string]any{"ok": true, "files": files})
}

// refuse answers in the way of the method: words for a webhook, a status for an
// upload, and a JSON that says it is not ok for the others.
func (c *call) refuse(rw http.ResponseWriter, r Refusal) {
	switch c.method {
	case "webhook":
		rw.WriteHeader(max(r.Status, http.StatusBadRequest))
		fmt.Fprint(rw, r.Word)
	case "upload":
		http.Error(rw, r.Word, max(r.Status, http.StatusBadRequest))
	default:
		fields := map[string]any{"ok": false, "error": r.Word, "response_metadata": map[string]any{"messages": []string{"[ERROR] " + r.Name}}}
		if r.Word == "missing_scope" {
			fields["needed"] = needed(c.method)
		}
		reply(rw, fields)
	}
}

func needed(method string) string {
	if strings.HasPrefix(method, "files.") {
		return "files:write"
	}
	return "chat:write"
}
