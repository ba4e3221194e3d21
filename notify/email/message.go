package email

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/billwatch/billwatch"
)

const maxSubject = 200 // characters

// messageID names a notification's message; it is the same on every attempt.
func (n *Notifier) messageID(told billwatch.Notification) string {
	return told.ID + "@" + n.domain
}

// thread names the message that all messages about a group answer to. It was
// never sent: mail programs need only the common name.
func (n *Notifier) thread(told billwatch.Notification) string {
	sum := sha256.Sum256([]byte(told.Integration + "\x00" + told.GroupKey))
	return "<group-" + hex.EncodeToString(sum[:10]) + "@" + n.domain + ">"
}

// build returns the message as it travels. It depends on the notification and
// the settings alone, so that each attempt sends the same bytes.
func (n *Notifier) build(told billwatch.Notification) ([]byte, error) {
	thread := n.thread(told)
	m := gomail.NewMsg(gomail.WithBoundary("billwatch-"+boundary(told.ID)), gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(n.from)
	m.ToMailAddress(n.to...)
	m.Subject(cmp.Or(oneLine(told.Message.Title, maxSubject), "billwatch"))
	m.SetMessageIDWithValue(n.messageID(told))
	m.SetDateWithValue(told.FrozenAt.In(n.zone))
	m.SetGenHeader(gomail.HeaderInReplyTo, thread)
	m.SetGenHeader(gomail.HeaderReferences, thread)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetGenHeader("List-Id", fmt.Sprintf("<%s.billwatch.%s>", token(told.Receiver), n.domain))
	if n.common.UserAgent != "" {
		m.SetGenHeader(gomail.HeaderUserAgent, oneLine(n.common.UserAgent, maxSubject))
	}
	text := cmp.Or(lines(told.Message.Text), "(no text)")
	m.SetBodyString(gomail.TypeTextPlain, text)
	m.AddAlternativeString(gomail.TypeTextHTML, cmp.Or(lines(told.Message.HTML), asHTML(text)))
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("build message: %w", err)
	}
	return out.Bytes(), nil
}

// boundary returns a separator that cannot stand in the body by accident, the
// same for each attempt.
func boundary(id string) string {
	sum := sha256.Sum256([]byte("boundary " + id))
	return hex.EncodeToString(sum[:16])
}

// token returns a name of letters, digits and hyphens.
func token(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToLower(r)
		}
		return '-'
	}, name)
	return cmp.Or(strings.Trim(name, "-"), "receiver")
}

// oneLine makes a text fit for a header: one line without control and direction
// characters, at most n characters.
func oneLine(text string, n int) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	runes := []rune(strings.Map(dropHidden, text))
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return string(runes)
}

// lines removes what could drive a terminal or turn the reading direction, and
// keeps line breaks.
func lines(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\t':
			return r
		case '\r':
			return '\n'
		}
		return dropHidden(r)
	}, text)
}

// dropHidden drops control characters and those that turn the direction.
func dropHidden(r rune) rune {
	turns := (r >= '\u202A' && r <= '\u202E') || (r >= '\u2066' && r <= '\u2069')
	if unicode.IsControl(r) || turns {
		return -1
	}
	return r
}

// asHTML returns a text as a page, for messages whose templates give none.
func asHTML(text string) string {
	return "<!DOCTYPE html>\n<html><body><pre style=\"white-space: pre-wrap; font: inherit\">" +
		html.EscapeString(text) + "</pre></body></html>\n"
}
