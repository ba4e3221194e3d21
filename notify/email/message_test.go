package email_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/notifytest"
)

// content is what a mail program reads of a message.
type content struct {
	header  netmail.Header
	subject string
	text    string
	html    string

	cid, disposition string // of the picture
	picture          []byte
}

func read(data string) (content, error) {
	m, err := netmail.ReadMessage(strings.NewReader(data))
	if err != nil {
		return content{}, err
	}
	c := content{header: m.Header}
	if c.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return c, err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return c, err
	}
	body := m.Body
	if kind == "multipart/related" {
		if body, kind, params, err = c.related(multipart.NewReader(body, params["boundary"])); err != nil {
			return c, err
		}
	}
	if kind != "multipart/alternative" {
		return c, fmt.Errorf("content type %q", kind)
	}
	parts := multipart.NewReader(body, params["boundary"])
	for _, into := range []*string{&c.text, &c.html} {
		part, err := parts.NextRawPart()
		if err != nil {
			return c, err
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return c, err
		}
		*into = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
	if _, err := parts.NextRawPart(); err != io.EOF {
		return c, errors.New("more than two parts")
	}
	return c, nil
}

// related reads a page with its picture, and returns the page.
func (c *content) related(parts *multipart.Reader) (io.Reader, string, map[string]string, error) {
	first, err := parts.NextRawPart()
	if err != nil {
		return nil, "", nil, err
	}
	page, err := io.ReadAll(first)
	if err != nil {
		return nil, "", nil, err
	}
	kind, params, err := mime.ParseMediaType(first.Header.Get("Content-Type"))
	if err != nil {
		return nil, "", nil, err
	}
	second, err := parts.NextRawPart()
	if err != nil {
		return nil, "", nil, err
	}
	c.cid, c.disposition = second.Header.Get("Content-Id"), second.Header.Get("Content-Disposition")
	if c.picture, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, second)); err != nil {
		return nil, "", nil, err
	}
	if _, err := parts.NextRawPart(); err != io.EOF {
		return nil, "", nil, errors.New("more than one picture")
	}
	return bytes.NewReader(page), kind, params, nil
}

// check says what is wrong with a message as it arrived.
func check(data string) error {
	c, err := read(data)
	if err != nil {
		return err
	}
	var errs []error
	for _, once := range []string{"Subject", "From", "To", "Message-Id", "Date", "Content-Type", "List-Id", "Mime-Version"} {
		if n := len(c.header[once]); n != 1 {
			errs = append(errs, fmt.Errorf("%d headers %s", n, once))
		}
	}
	for name, values := range c.header {
		if slices.Contains([]string{"Bcc", "Cc", "X-Mailer"}, name) || len(values) > 1 {
			errs = append(errs, fmt.Errorf("%d headers %s", len(values), name))
		}
	}
	if c.header.Get("To") != `"Ops" <ops@example.org>` {
		errs = append(errs, fmt.Errorf("to %q", c.header.Get("To")))
	}
	for line := range bytes.SplitSeq([]byte(data), []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00\x1b") {
			errs = append(errs, fmt.Errorf("line %.80q", line))
		}
	}
	if strings.ContainsAny(c.subject+c.text, "\x00\x1b\u202E") || strings.ContainsAny(c.subject, "\r\n") {
		errs = append(errs, errors.New("a hidden character"))
	}
	if len([]rune(c.subject)) > 250 || c.subject == "" {
		errs = append(errs, fmt.Errorf("a subject of %d characters", len([]rune(c.subject))))
	}
	return errors.Join(errs...)
}

// message returns a notification as it arrives.
func message(t *testing.T, n billwatch.Notification) content {
	t.Helper()
	s := newMailServer(t, false)
	if _, err := notifytest.Send(t, build(t, s.settings()), n); err != nil {
		t.Fatal(err)
	}
	c, err := read(s.data()[0])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAMessage(t *testing.T) {
	n := notifytest.Notification()
	n.Message.Title = "CRITICAL Größe \"x\": CapacityLow"
	n.Message.HTML = "<p>Hello &amp; goodbye</p>"
	n.Incident = "ntf_first"
	c := message(t, n)
	got := map[string]string{}
	for name := range c.header {
		got[name] = c.header.Get(name)
	}
	delete(got, "Content-Type")
	delete(got, "Subject")
	want := map[string]string{
		"From": `"Billwatch" <billwatch@example.com>`, "To": `"Ops" <ops@example.org>`,
		"Date": "Sun, 22 Nov 2026 10:00:00 +0000", "Message-Id": "<ntf_01kandotestnotification0@example.com>",
		"In-Reply-To": "<ntf_first@example.com>", "References": "<ntf_first@example.com>", "Auto-Submitted": "auto-generated",
		"X-Auto-Response-Suppress": "All", "List-Id": "<ops.billwatch.example.com>",
		"User-Agent": "billwatch/test", "Mime-Version": "1.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if c.subject != n.Message.Title || strings.TrimSpace(c.text) != n.Message.Text || strings.TrimSpace(c.html) != n.Message.HTML {
		t.Errorf("subject %q\ntext %q\nhtml %q", c.subject, c.text, c.html)
	}
}

func TestAnIncidentIsOneThread(t *testing.T) {
	first, later := notifytest.Notification(), notifytest.Resolved()
	first.Incident, later.Incident = first.ID, first.ID
	head, answer := message(t, first).header, message(t, later).header
	if head.Get("In-Reply-To") != "" || head.Get("References") != "" {
		t.Errorf("the first message answers to %q", head.Get("In-Reply-To"))
	}
	for _, name := range []string{"In-Reply-To", "References"} {
		if answer.Get(name) != head.Get("Message-Id") || answer.Get(name) == "" {
			t.Errorf("the end has %s %q, want the first message's id %q", name, answer.Get(name), head.Get("Message-Id"))
		}
	}
	next := notifytest.Notification()
	next.ID, next.Incident = "ntf_another", "ntf_another"
	if got := message(t, next).header.Get("In-Reply-To"); got != "" {
		t.Errorf("the next incident answers to %q", got)
	}
}

func TestWithoutAnIncidentAGroupIsOneThread(t *testing.T) {
	thread := func(n billwatch.Notification) string {
		n.Incident = ""
		return message(t, n).header.Get("In-Reply-To")
	}
	firing, resolved, other := notifytest.Notification(), notifytest.Resolved(), notifytest.Notification()
	other.GroupKey = "another"
	if thread(firing) != thread(resolved) {
		t.Error("the resolved message is not in the thread of the firing one")
	}
	if thread(firing) == thread(other) {
		t.Error("another group is in the same thread")
	}
	if !strings.HasSuffix(thread(firing), "@example.com>") {
		t.Errorf("thread %q is not of the sender's domain", thread(firing))
	}
}

func TestTheChartStandsInTheMessage(t *testing.T) {
	const place = `<div id="chart"></div>`
	png := []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("\x00\xff.\r\n.\r\n", 500))
	cases := []struct {
		name, html string
		want       string // IMG is the picture
	}{
		{"where the page wants it", "<body><p>a</p>" + place + "<p>b</p></body>", "<body><p>a</p>IMG<p>b</p></body>"},
		{"once", place + "<p>b</p>" + place, "IMG<p>b</p>"},
		{"else at its end", "<html><BODY><p>\u0130a</p></BODY></html>", "<html><BODY><p>\u0130a</p>IMG</BODY></html>"},
		{"also where there is no end", "<p>a</p>", "<p>a</p>IMG"},
	}
	for _, c := range cases {
		n := notifytest.Notification()
		n.Message.HTML = c.html
		if got := message(t, n); strings.TrimSpace(got.html) != strings.ReplaceAll(c.html, place, "") || got.picture != nil {
			t.Errorf("%s, but there is none: %q, picture of %d bytes", c.name, got.html, len(got.picture))
		}
		n.Chart = png
		got := message(t, n)
		if !bytes.Equal(got.picture, png) || !strings.HasPrefix(got.disposition, "inline") {
			t.Errorf("%s: picture of %d bytes, %s; want %d, inline", c.name, len(got.picture), got.disposition, len(png))
		}
		id := strings.Trim(got.cid, "<>")
		start, end := strings.Index(got.html, "<p style"), strings.Index(got.html, "\"></p>")
		if start < 0 || end < start || !strings.Contains(got.html[start:end], `src="cid:`+id+`"`) || !strings.Contains(got.html[start:end], `alt="`) {
			t.Errorf("%s: no picture %s in %q", c.name, id, got.html)
			continue
		}
		if page := strings.TrimSpace(got.html[:start] + "IMG" + got.html[end+len("\"></p>"):]); page != c.want {
			t.Errorf("%s: %q, want %q", c.name, page, c.want)
		}
	}
}

func TestEachAttemptSendsTheSameBytesWithAChartToo(t *testing.T) {
	n := notifytest.Notification()
	n.Chart = []byte("\x89PNG")
	n.Message.Title = "boundary=" + strings.Repeat("a1", 30)
	s := newMailServer(t, false)
	for range 2 {
		if _, err := notifytest.Send(t, build(t, s.settings()), n); err != nil {
			t.Fatal(err)
		}
	}
	data := s.data()
	if diff := cmp.Diff(data[0], data[1]); diff != "" {
		t.Errorf("the attempts differ:\n%s", diff)
	}
	if err := check(data[0]); err != nil {
		t.Error(err)
	}
}

func TestWithoutHTMLTheTextIsShown(t *testing.T) {
	n := notifytest.Notification()
	n.Message.Text = "<script>alert(1)</script> & more\n.\nend"
	c := message(t, n)
	if strings.TrimSpace(c.text) != n.Message.Text {
		t.Errorf("text = %q, want %q", c.text, n.Message.Text)
	}
	if strings.Contains(c.html, "<script>") || !strings.Contains(c.html, "&lt;script&gt;") {
		t.Errorf("html is not escaped: %s", c.html)
	}
}
