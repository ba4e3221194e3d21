package slacktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/notify/slack/slacktest"
)

// desk is a workspace with what the payloads speak of.
type desk struct {
	*slacktest.Workspace
	url string
	ts  string // of a message of ours
	own string // of a reply to it
}

func newDesk(t *testing.T) desk {
	t.Helper()
	w := slacktest.New("https://billwatch.example.com/")
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.AddToken("xoxb-other", "chat:write", "files:write")
	w.AddToken("xoxb-gone", "chat:write")
	w.Revoke("xoxb-gone")
	w.AddToken("xoxb-small", "channels:read")
	w.AddChannel("C0000000009", "#old", true, true)
	w.AddChannel("C0000000008", "#other", false, false)
	d := desk{Workspace: w, url: server.URL}
	d.call(t, "chat.postMessage", message(nil))
	d.ts = w.Messages()[0].TS
	d.call(t, "chat.postMessage", message(url.Values{"thread_ts": {d.ts}}))
	d.own = w.Messages()[1].TS
	return d
}

// call sends a form, or a body, and returns the answer.
func (d desk) call(t *testing.T, path string, form any) string {
	t.Helper()
	body, kind := "", "application/json"
	switch form := form.(type) {
	case url.Values:
		body, kind = form.Encode(), "application/x-www-form-urlencoded"
	case string:
		body = form
	}
	response, err := http.Post(d.url+"/"+path, kind, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// message is a good one with some fields changed.
func message(change url.Values) url.Values {
	m := url.Values{
		"token": {slacktest.Token}, "channel": {slacktest.Channel}, "text": {"Acme &amp; Co"},
		"blocks":      {`[{"type":"header","text":{"type":"plain_text","text":"Acme"}}]`},
		"attachments": {`[{"color":"#fff","blocks":[` + section("fine <https://billwatch.example.com/a|Open>") + `]}]`},
		"metadata":    {`{"event_type":"x","event_payload":{"id":"1"}}`},
	}
	for field, values := range change {
		m[field] = values
	}
	return m
}

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func section(text string) string {
	return `{"type":"section","text":{"type":"mrkdwn","verbatim":true,"text":` + quoted(text) + `}}`
}

func blocks(list ...string) url.Values {
	return url.Values{"blocks": {"[" + strings.Join(list, ",") + "]"}}
}

func many(n int, text string) []string { return slices.Repeat([]string{text}, n) }

// payloads has for each row of the table what it refuses: the method and the
// form, made for a desk.
var payloads = map[string]func(t *testing.T, d desk) (string, any){
	"no token":                         posting(url.Values{"token": {""}}),
	"a token that nobody gave out":     posting(url.Values{"token": {"xoxb-invented"}}),
	"a token taken back":               posting(url.Values{"token": {"xoxb-gone"}}),
	"a scope that the token lacks":     posting(url.Values{"token": {"xoxb-small"}}),
	"a webhook that nobody made":       hooking("services/T0/B0/other", `{"text":"a"}`),
	"no such channel":                  posting(url.Values{"channel": {"#nowhere"}}),
	"an archived channel":              posting(url.Values{"channel": {"#old"}}),
	"a channel that the bot is not in": posting(url.Values{"channel": {"#other"}}),
	"an archived channel of a webhook": func(_ *testing.T, d desk) (string, any) {
		d.AddChannel(slacktest.ChannelID, slacktest.Channel, true, true)
		return slacktest.WebhookPath[1:], `{"text":"a"}`
	},
	"a webhook that may not post": func(_ *testing.T, d desk) (string, any) {
		d.AddChannel(slacktest.ChannelID, slacktest.Channel, false, false)
		return slacktest.WebhookPath[1:], `{"text":"a"}`
	},
	"a change by the channel's name": func(_ *testing.T, d desk) (string, any) {
		return "chat.update", message(url.Values{"ts": {d.ts}})
	},
	"a change of a message that is not there": changing(func(d desk) url.Values { return url.Values{"ts": {"1.2"}} }),
	"a change of somebody else's message":     changing(func(d desk) url.Values { return url.Values{"ts": {d.ts}, "token": {"xoxb-other"}} }),
	"a reply to what is not there":            posting(url.Values{"thread_ts": {"1.2"}}),
	"a reply to a reply": func(_ *testing.T, d desk) (string, any) {
		return "chat.postMessage", message(url.Values{"thread_ts": {d.own}})
	},
	"a reply that is shown in the channel too": func(_ *testing.T, d desk) (string, any) {
		return "chat.postMessage", message(url.Values{"thread_ts": {d.ts}, "reply_broadcast": {"true"}})
	},

	"a form that cannot be read": func(*testing.T, desk) (string, any) {
		return "chat.postMessage", message(nil).Encode() + "&x=%zz"
	},
	"a body that is no JSON":                       hooking(slacktest.WebhookPath[1:], `{"text":`),
	"no text":                                      posting(url.Values{"text": {" \n"}}),
	"a text that is too long":                      posting(url.Values{"text": {strings.Repeat("ä", 40_001)}}),
	"blocks that are no list":                      posting(url.Values{"blocks": {`{"type":"divider"}`}}),
	"attachments that are no list":                 posting(url.Values{"attachments": {`"a"`}}),
	"too many attachments":                         posting(url.Values{"attachments": {"[" + strings.Join(many(101, `{"color":"#fff"}`), ",") + "]"}}),
	"metadata of another form":                     posting(url.Values{"metadata": {`{"event_type":""}`}}),
	"too many blocks":                              posting(blocks(many(50, `{"type":"divider"}`)...)), // and one in the frame
	"a block of no known type":                     posting(blocks(`{"type":"marquee"}`)),
	"a header that is not plain":                   posting(blocks(`{"type":"header","text":{"type":"mrkdwn","verbatim":true,"text":"a"}}`)),
	"a header that is too long":                    posting(blocks(`{"type":"header","text":{"type":"plain_text","text":` + quoted(strings.Repeat("ä", 151)) + `}}`)),
	"a header of several lines":                    posting(blocks(`{"type":"header","text":{"type":"plain_text","text":"a\nb"}}`)),
	"a section without text or fields":             posting(blocks(`{"type":"section"}`)),
	"a section with too many fields":               posting(blocks(`{"type":"section","fields":[` + strings.Join(many(11, `{"type":"plain_text","text":"a"}`), ",") + `]}`)),
	"a context without elements, or with too many": posting(blocks(`{"type":"context","elements":[]}`)),
	"a block's id that is too long":                posting(blocks(`{"type":"divider","block_id":"` + strings.Repeat("a", 256) + `"}`)),
	"a text of another kind":                       posting(blocks(`{"type":"section","text":{"type":"html","text":"a"}}`)),
	"a text object that is empty or too long":      posting(blocks(section(strings.Repeat("ä", 3001)))),
	"emoji beside mrkdwn":                          posting(blocks(`{"type":"section","text":{"type":"mrkdwn","text":"a","emoji":true}}`)),
	"verbatim beside plain text":                   posting(blocks(`{"type":"section","text":{"type":"plain_text","text":"a","verbatim":true}}`)),
	"too much in all blocks together":              posting(blocks(many(4, section(strings.Repeat("a", 2900)))...)),

	"a mark that nobody put there on purpose":    posting(blocks(section("Acme <!channel>"))),
	"a text in which Slack would look for names": posting(blocks(`{"type":"section","text":{"type":"mrkdwn","text":"@here"}}`)),
	"names looked for in the whole message":      posting(url.Values{"link_names": {"true"}}),
	"a character that is not seen":               posting(blocks(section("Acme \u202Egnp"))),

	"a file without a name or a length": asking(url.Values{"length": {"0"}}),
	"a description that is too long":    asking(url.Values{"alt_txt": {strings.Repeat("ä", 1001)}}),
	"an upload that nobody asked for":   func(*testing.T, desk) (string, any) { return "upload/F9999999", "abc" },
	"an upload of another length": func(t *testing.T, d desk) (string, any) {
		return "upload/" + d.ask(t), "abcd"
	},
	"a token sent to where files go": func(t *testing.T, d desk) (string, any) {
		return "upload/" + d.ask(t, url.Values{"length": {fmt.Sprint(len(slacktest.Token))}}), slacktest.Token
	},
	"files that are no list": sharing(func(*testing.T, desk) url.Values { return url.Values{"files": {`{"id":"F1"}`}} }),
	"a file that was never asked for, or not sent, or is shared already": sharing(func(t *testing.T, d desk) url.Values {
		return url.Values{"files": {`[{"id":"` + d.ask(t) + `"}]`}} // not sent
	}),
	"a file for a channel's name":                 sharing(func(*testing.T, desk) url.Values { return url.Values{"channel_id": {slacktest.Channel}} }),
	"a file for a channel that the bot is not in": sharing(func(*testing.T, desk) url.Values { return url.Values{"channel_id": {"C0000000008"}} }),
	"a file for a thread that is not there":       sharing(func(*testing.T, desk) url.Values { return url.Values{"thread_ts": {"1.2"}} }),
	"a file for a reply":                          sharing(func(_ *testing.T, d desk) url.Values { return url.Values{"thread_ts": {d.own}} }),
}

func posting(change url.Values) func(*testing.T, desk) (string, any) {
	return func(*testing.T, desk) (string, any) { return "chat.postMessage", message(change) }
}

func hooking(path, body string) func(*testing.T, desk) (string, any) {
	return func(*testing.T, desk) (string, any) { return path, body }
}

func changing(change func(desk) url.Values) func(*testing.T, desk) (string, any) {
	return func(_ *testing.T, d desk) (string, any) {
		m := message(change(d))
		m.Set("channel", slacktest.ChannelID)
		return "chat.update", m
	}
}

func asking(change url.Values) func(*testing.T, desk) (string, any) {
	return func(*testing.T, desk) (string, any) { return "files.getUploadURLExternal", file(change) }
}

func file(change ...url.Values) url.Values {
	f := url.Values{"token": {slacktest.Token}, "filename": {"a.png"}, "length": {"3"}}
	for _, c := range change {
		for field, values := range c {
			f[field] = values
		}
	}
	return f
}

// ask asks where to upload and returns the file's id.
func (d desk) ask(t *testing.T, change ...url.Values) string {
	t.Helper()
	var said struct {
		File string `json:"file_id"`
	}
	if err := json.Unmarshal([]byte(d.call(t, "files.getUploadURLExternal", file(change...))), &said); err != nil || said.File == "" {
		t.Fatalf("no file: %v", err)
	}
	return said.File
}

func sharing(change func(*testing.T, desk) url.Values) func(*testing.T, desk) (string, any) {
	return func(t *testing.T, d desk) (string, any) {
		id := d.ask(t)
		d.call(t, "upload/"+id, "abc")
		f := url.Values{"token": {slacktest.Token}, "files": {`[{"id":"` + id + `","title":"a"}]`}, "channel_id": {slacktest.ChannelID}, "thread_ts": {d.ts}}
		for field, values := range change(t, d) {
			f[field] = values
		}
		return "files.completeUploadExternal", f
	}
}

func TestEveryRefusal(t *testing.T) {
	rows := map[string]bool{}
	for _, row := range slacktest.Refusals() {
		if rows[row.Name] {
			t.Errorf("two rows are called %q", row.Name)
		}
		rows[row.Name] = true
		t.Run(row.Name, func(t *testing.T) {
			payload := payloads[row.Name]
			if payload == nil {
				t.Fatal("no payload is refused by this row")
			}
			if row.Rests == "" || row.Word == "" {
				t.Error("the row does not say what it rests on, or its word")
			}
			d := newDesk(t)
			before := len(d.Messages())
			method, form := payload(t, d)
			answer := d.call(t, method, form)
			calls := d.Calls()
			if got := calls[len(calls)-1]; got.Why != row.Name || !strings.Contains(answer, row.Word) {
				t.Errorf("refused by %q as %q: %s", got.Why, got.Answer, answer)
			}
			if got := len(d.Messages()); got != before {
				t.Errorf("%d messages were posted nonetheless", got-before)
			}
		})
	}
	for name := range payloads {
		if !rows[name] {
			t.Errorf("no row is called %q", name)
		}
	}
}

func TestWhatIsGoodIsTaken(t *testing.T) {
	d := newDesk(t)
	changed := message(url.Values{"channel": {slacktest.ChannelID}, "ts": {d.ts}, "text": {"changed"}})
	if got := d.call(t, "chat.update", changed); !strings.Contains(got, `"ok":true`) {
		t.Errorf("a change: %s", got)
	}
	method, form := sharing(func(*testing.T, desk) url.Values { return nil })(t, d)
	if got := d.call(t, method, form); !strings.Contains(got, `"ok":true`) {
		t.Errorf("a file: %s", got)
	}
	if got := d.call(t, method, form); !strings.Contains(got, "file_not_found") {
		t.Errorf("a file that is shared twice: %s", got)
	}
	if got := d.call(t, slacktest.WebhookPath[1:], `{"text":"a"}`); got != "ok" {
		t.Errorf("a webhook: %s", got)
	}
	if got := d.call(t, "chat.delete", message(nil)); !strings.Contains(got, "unknown_method") {
		t.Errorf("a method that is not there: %s", got)
	}
	all := d.Messages()
	if len(all) != 4 || all[0].Text != "changed" || all[0].Edits != 1 || all[2].File == nil || string(all[2].File.Content) != "abc" || all[2].Thread != d.ts {
		t.Errorf("the messages are %+v", all)
	}
	d.Delete(d.ts)
	if got := d.call(t, "chat.update", changed); !strings.Contains(got, "message_not_found") {
		t.Errorf("a change of what was deleted: %s", got)
	}
}
