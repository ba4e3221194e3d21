package email

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"github.com/billwatch/billwatch"
)

const maxSubject = 200 // characters

// messageID names a notification's message; it is the same on every attempt.
func (n *Notifier) messageID(told billwatch.Notification) string {
	return told.ID + "@" + n.domain
}

// thread names the message that this one answers to: the first about the same
// incident, "" for that one itself. Where no incident is known it is one for the
// group, which was never sent: mail programs need only the common name.
func (n *Notifier) thread(told billwatch.Notification) string {
	if told.Incident == told.ID && told.ID != "" {
		return ""
	}
	if told.Incident != "" {
		return "<" + told.Incident + "@" + n.domain + ">"
	}
	sum := sha256.Sum256([]byte(told.Integration + "\x00" + told.GroupKey))
	return "<group-" + hex.EncodeToString(sum[:10]) + "@" + n.domain + ">"
}

// build returns the message as it travels. It depends on the notification and
// the settings alone, so that each attempt sends the same bytes.
func (n *Notifier) build(told billwatch.Notification) ([]byte, error) {
	thread := n.thread(told)
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(n.from)
	m.ToMailAddress(n.to...)
	m.Subject(literal(cmp.Or(oneLine(told.Message.Title, maxSubject), "billwatch")))
	m.SetMessageIDWithValue(n.messageID(told))
	m.SetDateWithValue(told.FrozenAt.In(n.zone))
	if thread != "" {
		m.SetGenHeader(gomail.HeaderInReplyTo, thread)
		m.SetGenHeader(gomail.HeaderReferences, thread)
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetGenHeader("List-Id", fmt.Sprintf("<%s.billwatch.%s>", token(told.Receiver), n.domain))
	if n.common.UserAgent != "" {
		m.SetGenHeader(gomail.HeaderUserAgent, oneLine(n.common.UserAgent, maxSubject))
	}
	text := cmp.Or(lines(told.Message.Text), "(no text)")
	m.SetBodyString(gomail.TypeTextPlain, text)
	cid := "chart-" + n.messageID(told)
	m.AddAlternativeString(gomail.TypeTextHTML, placeChart(cmp.Or(lines(told.Message.HTML), asHTML(text)), cid, len(told.Chart) > 0))
	if len(told.Chart) > 0 {
		picture := bytes.NewReader(told.Chart)
		err := m.EmbedReader("chart.png", picture, gomail.WithFileContentID("<"+cid+">"), gomail.WithFileContentType("image/png"))
		if err != nil {
			return nil, fmt.Errorf("embed chart: %w", err)
		}
	}
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("build message: %w", err)
	}
	return fixBoundaries(out.Bytes(), told.ID), nil
}

// fixBoundaries replaces the boundaries that the library drew at random, one for
// each level, by others that cannot stand in the body by accident either and are
// the same for each attempt. In the body itself none can look like one: there an
// equals sign is written =3D.
func fixBoundaries(message []byte, id string) []byte {
	for level, found := range regexp.MustCompile(`boundary=([0-9a-f]{60})\b`).FindAllSubmatch(message, -1) {
		sum := sha256.Sum256(fmt.Appendf(nil, "boundary %d %s", level, id))
		message = bytes.ReplaceAll(message, found[1], []byte("billwatch-"+hex.EncodeToString(sum[:16])))
	}
	return message
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

// literal protects a header's text that looks encoded: mail programs would decode
// it, into line ends even. The library leaves ASCII as it is, so that it is
// encoded here.
func literal(text string) string {
	if !strings.Contains(text, "=?") {
		return text
	}
	const most = 42 // bytes that leave an encoded word within its 75 characters
	var words []string
	for len(text) > 0 {
		n := min(most, len(text))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(text[:n]))+"?=")
		text = text[n:]
	}
	return strings.Join(words, " ")
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

// chartPlace is where a page wants its chart.
const chartPlace = `<div id="chart"></div>`

// placeChart puts the reference to the chart where the page wants it, else at its
// end, and leaves nothing behind where there is no chart.
func placeChart(page, cid string, drawn bool) string {
	if !drawn {
		return strings.ReplaceAll(page, chartPlace, "")
	}
	const width = 640
	picture := fmt.Sprintf(`<p style="margin:0 0 16px"><img src="cid:%s" alt="Chart of the balance" width="%d" `+
		`style="display:block;width:100%%;max-width:%dpx;height:auto;border:0"></p>`, cid, width, width)
	if before, after, found := strings.Cut(page, chartPlace); found {
		return before + picture + strings.ReplaceAll(after, chartPlace, "")
	}
	if i := lastFold(page, "</body>"); i >= 0 {
		return page[:i] + picture + page[i:]
	}
	return page + picture
}

// asHTML returns a text as a page, for messages whose templates give none.
func asHTML(text string) string {
	return "<!DOCTYPE html>\n<html><body><pre style=\"white-space: pre-wrap; font: inherit\">" +
		html.EscapeString(text) + "</pre></body></html>\n"
}

// lastFold is strings.LastIndex without regard to case, of ASCII: to fold the
// page itself could move what stands in it.
func lastFold(text, part string) int {
	for i := len(text) - len(part); i >= 0; i-- {
		if strings.EqualFold(text[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}
