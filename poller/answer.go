package poller

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const maxExcerpt = 200

// bounded is a body that fails beyond its limit, and remembers whether it was
// the network that failed.
type bounded struct {
	from   io.Reader
	left   int64
	failed error // of the transport
}

var errTooLong = errors.New("the body is longer than it may be")

// Read reads at most one byte beyond the limit.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, errTooLong
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		b.failed = errors.New("it was cut short")
		return n, b.failed
	}
	return n, err
}

// rest makes sure that the body has ended cleanly.
func (b *bounded) rest() error {
	n, err := io.Copy(io.Discard, b)
	if err == nil && n > 0 {
		return errors.New("the body goes on after its value")
	}
	return err
}

// refused makes the error of a status other than 200. The status decides; the
// body only gives words to it.
func refused(resp *http.Response, r Request, secrets []string) *Error {
	e := &Error{Kind: kindOfStatus(resp.StatusCode), Status: resp.StatusCode}
	if mayHint(e) {
		e.RetryAfter = retryAfter(resp.Header, time.Now())
	}
	body, err := io.ReadAll(&bounded{from: resp.Body, left: MaxDetail})
	if err != nil {
		return e // what came of the body is not trusted
	}
	if isHTML(resp.Header) {
		e.Excerpt = "an HTML page"
		return e
	}
	if e.RetryAfter == 0 && mayHint(e) {
		e.RetryAfter = retryInfo(body)
	}
	e.Excerpt = excerpt(body, secrets)
	if resp.StatusCode == http.StatusForbidden && r.Suspended != nil && r.Suspended(body) {
		e.Kind = Suspended
	}
	return e
}

// mayHint says whether an answer of this status may say when to come back.
func mayHint(e *Error) bool {
	return e.Kind == RateLimited || e.Status == http.StatusServiceUnavailable
}

func kindOfStatus(status int) Kind {
	switch {
	case status == http.StatusUnauthorized:
		return Credential
	case status == http.StatusForbidden:
		return NotPermitted
	case status == http.StatusNotFound:
		return Gone
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status < 400: // 204 and the like say nothing of the bill
		return Unreadable
	}
	return Failed
}

// mailAddress finds whom an error names: it goes into logs and messages.
var mailAddress = regexp.MustCompile(`[^\s<>"'(),;:@]+@[^\s<>"'(),;:@]+\.[\pL\pN-]+`)

// excerpt returns the words of an error's body: of JSON only the error text,
// because the rest may be personal.
func excerpt(body []byte, secrets []string) string {
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "<") {
		return Markup(body)
	}
	switch {
	case json.Valid(body):
		text = errorText(body)
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		return "broken JSON"
	}
	text = hideAll(text, secrets) // before it is cut: half a secret is one, too
	return clip(mailAddress.ReplaceAllString(text, "<address>"), maxExcerpt)
}

// Markup names what a body is that begins with "<".
func Markup(body []byte) string {
	head := bytes.ToLower(bytes.TrimLeft(body[:min(len(body), 1024)], " \t\r\n"))
	if bytes.HasPrefix(head, []byte("<?xml")) && !bytes.Contains(head, []byte("<html")) {
		return "XML"
	}
	return "an HTML page"
}

func errorText(body []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return ""
	}
	for _, name := range []string{"err", "message", "error_description", "error"} {
		var text string
		if json.Unmarshal(fields[name], &text) == nil && text != "" {
			return text
		}
	}
	return ""
}

// clip makes foreign text fit for an error: valid, without control characters,
// at most limit characters long.
func clip(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return shorten(text, limit)
}

func shorten(text string, limit int) string {
	if len(text) <= limit || utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

func hide(text, secret string) string { return strings.ReplaceAll(text, secret, "<secret>") }

// redacted takes the credential out of whatever the other side echoed.
func redacted(e *Error, secrets []string) *Error {
	e.Excerpt = hideAll(e.Excerpt, secrets)
	if e.Err == nil {
		return e
	}
	if text := hideAll(e.Err.Error(), secrets); text != e.Err.Error() {
		e.Err = errors.New(text)
	}
	return e
}
