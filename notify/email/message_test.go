package email_test

import (
	"bytes"
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
	if kind != "multipart/alternative" {
		return c, fmt.Errorf("content type %q", kind)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
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

// check says what is wrong with a message as it arrived.
func check(data string) error {
	c, err := read(data)
	if err != nil {
		return err
	}
	var errs []error
	for _, once := range []string{"Subject", "From", "To", "Message-Id", "Date", "In-Reply-To", "Content-Type", "List-Id", "Mime-Version"} {
		if n := len(c.header[once]); n != 1 {
			errs = append(errs, fmt.Errorf("%d headers %s", n, once))
		}
	}
	for name := range c.header {
		if slices.Contains([]string{"Bcc", "Cc", "X-Mailer"}, name) {
			errs = append(errs, fmt.Errorf("header %s", name))
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
	c := message(t, n)
	got := map[string]string{}
	for name := range c.header {
		got[name] = c.header.Get(name)
	}
	delete(got, "Content-Type")
	delete(got, "Subject")
	thread := got["In-Reply-To"]
	want := map[string]string{
		"From": `"Billwatch" <billwatch@example.com>`, "To": `"Ops" <ops@example.org>`,
		"Date": "Sun, 22 Nov 2026 10:00:00 +0000", "Message-Id": "<ntf_01kandotestnotification0@example.com>",
		"In-Reply-To": thread, "References": thread, "Auto-Submitted": "auto-generated",
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

func TestAGroupIsOneThread(t *testing.T) {
	thread := func(n billwatch.Notification) string { return message(t, n).header.Get("In-Reply-To") }
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
