package builtin_test

import (
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/alertmanager"
	"github.com/billwatch/billwatch/notify/email"
	"github.com/billwatch/billwatch/notify/slack"
	"github.com/billwatch/billwatch/notify/webhook"
)

// hostileNames are what somebody may call an account, or answer in its stead.
var hostileNames = []struct{ name, text string }{
	{"Slack's own marks", "<!channel> <@U1> <!subteam^S1> <https://evil.example|pay here> &lt;!here&gt; *b* `c` @here"},
	{"HTML", `"><img src=x onerror=alert(1)><script>alert(1)</script><a href="javascript:alert(1)">pay</a>`},
	{"headers", "Acme\r\nBcc: evil@example.com\r\n\r\n<b>body</b>"},
	{"headers in coded words", "Acme =?utf-8?q?=0d=0aBcc:_evil=40example.com?="},
	{"10 kB", strings.Repeat("Ä<", 5_000)},
	{"one word of 10 kB", strings.Repeat("x", 10_000)},
	{"the other direction", "Acme \u202egnp.exe \u2066\u2069 \u200f"},
	{"a terminal", "Acme\x00\x1b]8;;http://evil.example\x07\x1b[31m\u009b31m\x08"},
	{"no UTF-8", "Acme \xff\xc3\x28\xed\xa0\x80"},
	{"a template", `{{ .ExternalURL }} {{ template "billwatch.title" . }} {{ define "x" }} ${HOME} $x`},
	{"JSON", `","text":"<!channel>","x":{"`},
	{"lines of Unicode", "Acme\u2028second\u2029third\u0085fourth"},
	{"nothing to see", "\u200b\ufeff\u00ad\u2060"},
	{"SMTP's end", "Acme\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"},
}

// told is a message about an account of that name, as the dispatcher has it.
func told(t *testing.T, name string) billwatch.Notification {
	t.Helper()
	tmpl, err := notify.NewTemplates(notify.TemplatesConfig{ExternalURL: "https://billwatch.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	n := notify.Samples()[0].Notification
	a := n.Alerts[0]
	a.Labels["account_name"], a.Labels["team"], a.Snapshot.Account.Name = name, name, name
	a.Snapshot.State, a.Snapshot.Unit, a.Forecast.Note = billwatch.Known(name), name, name
	a.Annotations = map[string]string{"summary": name + " is low", "description": name, "action": name, "extra": name}
	a.RunbookURL = "javascript:" + name
	a.Fingerprint = a.Labels.Fingerprint()
	n.Alerts = []billwatch.Alert{a}
	n.ExternalURL = tmpl.ExternalURL()
	n.Message = tmpl.Render(n, notify.Overrides{})
	return n
}

// sent returns the body that a notifier posts to an address of its own.
func sent(t *testing.T, post func(address string)) []byte {
	t.Helper()
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C1","ts":"1.1"}`)
	}))
	defer server.Close()
	post(server.URL)
	if len(body) == 0 {
		t.Fatal("nothing was posted")
	}
	return body
}

func deliver(t *testing.T, n notify.Notifier, err error, message billwatch.Notification) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Notify(t.Context(), message, billwatch.Receipt{}); err != nil {
		t.Fatalf("not sent: %v", err)
	}
}

// strings of a JSON text, with the keys that lead to each.
func stringsOf(t *testing.T, body []byte) map[string][]string {
	t.Helper()
	if !utf8.Valid(body) || slices.ContainsFunc(body, func(c byte) bool { return c < ' ' && c != '\n' }) {
		t.Errorf("the body is no plain UTF-8: %.300q", body)
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
	found := map[string][]string{}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case string:
			found[key] = append(found[key], v)
		case []any:
			for _, item := range v {
				walk(key, item)
			}
		case map[string]any:
			if kind, _ := v["type"].(string); kind == "mrkdwn" {
				found["mrkdwn"] = append(found["mrkdwn"], v["text"].(string))
			}
			for k, item := range v {
				walk(k, item)
			}
		}
	}
	walk("", v)
	return found
}

// formOf does the same of a form with JSON in it, as Slack takes it.
func formOf(t *testing.T, body []byte) map[string][]string {
	t.Helper()
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{"mrkdwn": {form.Get("text")}}
	for key, values := range form {
		for _, value := range values {
			if !strings.HasPrefix(value, "[") && !strings.HasPrefix(value, "{") || key == "text" {
				found[key] = append(found[key], value)
				continue
			}
			for k, texts := range stringsOf(t, []byte(value)) {
				found[k] = append(found[k], texts...)
			}
		}
	}
	return found
}

// harmless says what a text for people must not hold.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is no UTF-8: %.200q", what, text)
	}
	for _, r := range text {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			t.Errorf("%s holds %U: %.200q", what, r, text)
			return
		}
	}
	if strings.Contains(text, "https://billwatch.example.com {{") || strings.Contains(text, "Template error") {
		t.Errorf("%s: a name was taken for a template: %.300q", what, text)
	}
}

func TestHostileNamesInSlack(t *testing.T) {
	for _, c := range hostileNames {
		t.Run(c.name, func(t *testing.T) {
			body := sent(t, func(address string) {
				s := slack.Defaults()
				s.Token, s.Channel, s.APIURL = "xoxb-1", "#billing", address
				n, err := slack.New(s, notify.Common{Integration: "ops/slack/0"})
				deliver(t, n, err, told(t, c.text))
			})
			found := formOf(t, body)
			if found["link_names"] != nil || found["parse"] != nil || len(found["mrkdwn"]) < 2 {
				t.Errorf("names may be linked: %.500s", body)
			}
			for _, text := range slices.Concat(found["text"], found["mrkdwn"], found["fallback"]) {
				harmless(t, "a text", text)
			}
			for _, text := range found["mrkdwn"] {
				for _, part := range strings.Split(text, "<")[1:] {
					if !strings.HasPrefix(part, "https://billwatch.example.com/") {
						t.Errorf("%.60q means something to Slack", "<"+part)
					}
				}
			}
		})
	}
}

func TestHostileNamesInJSON(t *testing.T) {
	for _, c := range hostileNames {
		for _, format := range []string{"billwatch", "alertmanager", "feed"} {
			t.Run(format+"/"+c.name, func(t *testing.T) {
				n := told(t, c.text)
				body := sent(t, func(address string) {
					if format == "feed" {
						a := alertmanager.Defaults()
						a.URLs = []string{address}
						fed, err := alertmanager.New(a, notify.Common{})
						if err != nil {
							t.Fatal(err)
						}
						if err := fed.Feeds()[0].Push(t.Context(), notify.Standing{Alerts: n.Alerts, At: n.FrozenAt, ExternalURL: n.ExternalURL}); err != nil {
							t.Fatal(err)
						}
						return
					}
					w := webhook.Defaults()
					w.URL, w.Format, w.AllowPrivate = billwatch.Secret(address), format, true
					hook, err := webhook.New(w, notify.Common{Integration: "ops/webhook/0"})
					deliver(t, hook, err, n)
				})
				if found := stringsOf(t, body); len(found) == 0 {
					t.Errorf("nothing is said: %.200s", body)
				}
			})
		}
	}
}

func TestHostileNamesInMail(t *testing.T) {
	for _, c := range hostileNames {
		t.Run(c.name, func(t *testing.T) {
			server := newMailbox(t)
			e := email.Defaults()
			e.To, e.From, e.Smarthost, e.TLS = []string{"ops@example.org"}, "billwatch@example.org", server.address, email.TLSNone
			n, err := email.New(e, notify.Common{Integration: "ops/email/0"})
			deliver(t, n, err, told(t, c.text))
			message, recipients := server.got(t)
			if diff := slices.Compare(recipients, []string{"<ops@example.org>"}); diff != 0 {
				t.Errorf("sent to %q", recipients)
			}
			m, err := mail.ReadMessage(strings.NewReader(message))
			if err != nil {
				t.Fatal(err)
			}
			for key := range m.Header {
				if !slices.Contains([]string{"From", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Mime-Version",
					"Content-Type", "Auto-Submitted", "List-Id", "X-Auto-Response-Suppress"}, key) {
					t.Errorf("there is a header %s: %q", key, m.Header[key])
				}
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil {
				t.Error(err)
			}
			harmless(t, "the subject", subject)
			texts := map[string]string{}
			parts(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body, texts)
			harmless(t, "the text", strings.ReplaceAll(texts["text/plain"], "\r\n", "\n"))
			harmlessPage(t, strings.ReplaceAll(texts["text/html"], "\r\n", "\n"))
		})
	}
}

func parts(t *testing.T, kind, encoding string, body io.Reader, into map[string]string) {
	t.Helper()
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(media, "multipart/") {
		if strings.EqualFold(encoding, "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		data, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		into[media] += string(data)
		return
	}
	for reader := multipart.NewReader(body, params["boundary"]); ; {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		parts(t, part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part, into)
	}
}

// harmlessPage looks at HTML as a browser takes it.
func harmlessPage(t *testing.T, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil || page == "" {
		t.Fatalf("%v: %.200s", err, page)
	}
	known := []string{"html", "head", "meta", "title", "style", "body", "table", "tbody", "tr", "td", "p", "strong", "a", "br", "div", "ul", "li"}
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			harmless(t, "the page", n.Data)
		case html.ElementNode:
			if !slices.Contains(known, n.Data) {
				t.Errorf("the page has an element %s", n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "https://billwatch.example.com/") {
					t.Errorf("<%s %s=%.80q>", n.Data, a.Key, a.Val)
				}
			}
		}
	}
}

// within bounds a wait for the other side.
const within = 10 * time.Second
