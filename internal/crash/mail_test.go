package crash

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// mailText is the text of the messages: what a program can read back.
const mailText = `{{ .Reason }} {{ .Now.UnixMicro }} {{ range .GroupLabels.Names }}{{ index $.GroupLabels . }}/{{ end }}
{{ range .Alerts }}{{ .Rule }} {{ .Account.Source }}/{{ .Account.ID }} {{ .Status }} {{ .StartsAt.UnixMicro }} {{ .EndsAt.UnixMicro }} {{ if .Snapshot }}{{ printf "%.0f" .Snapshot.Balance.Float }}{{ else }}0{{ end }}
{{ end }}.
`

// mailbox is an SMTP server that fails as they do.
type mailbox struct {
	name   string
	ledger *ledger
	event  func(string)
	door   *door

	mu   sync.Mutex
	rng  *rand.Rand
	calm bool
}

func newMailbox(t *testing.T, name string, l *ledger, seed uint64, event func(string)) *mailbox {
	t.Helper()
	b := &mailbox{name: name, ledger: l, event: event, rng: rand.New(rand.NewPCG(seed, 3))}
	server := smtp.NewServer(b)
	server.Domain = "mail.example.com"
	server.ErrorLog = log.New(io.Discard, "", 0)
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	t.Cleanup(func() { server.Close() })
	b.door = newDoor(t, l, seed, server.Serve)
	return b
}

func (b *mailbox) calmDown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calm = true
	b.door.calmDown()
}

func (b *mailbox) mood() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calm || b.rng.IntN(100) >= 20 {
		return ""
	}
	all := []string{"mail", "rcpt", "data", "hang up after", "hang up before"}
	return all[b.rng.IntN(len(all))]
}

// NewSession implements smtp.Backend.
func (b *mailbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &letter{b: b, conn: c, mood: b.mood()}, nil
}

type letter struct {
	b    *mailbox
	conn *smtp.Conn
	mood string
}

var later = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}

// Mail implements smtp.Session.
func (s *letter) Mail(string, *smtp.MailOptions) error { return s.refuses("mail") }

// Rcpt implements smtp.Session.
func (s *letter) Rcpt(string, *smtp.RcptOptions) error { return s.refuses("rcpt") }

// Reset implements smtp.Session.
func (s *letter) Reset() {}

// Logout implements smtp.Session.
func (s *letter) Logout() error { return nil }

func (s *letter) refuses(verb string) error {
	if s.mood == verb {
		return later
	}
	return nil
}

// Data implements smtp.Session.
func (s *letter) Data(r io.Reader) error {
	a := attempt{sink: s.b.name, came: time.Now(), fate: broken}
	s.b.event("attempt")
	if s.mood == "hang up before" {
		s.conn.Close()
		a.done = time.Now()
		s.b.ledger.take(a)
		return later
	}
	body, err := io.ReadAll(r)
	if err != nil {
		a.done = time.Now()
		s.b.ledger.take(a)
		return err
	}
	a.body = string(body)
	a.id, a.told = readMail(a.body)
	switch s.mood {
	case "data":
		a.fate, err = refused, later
	case "hang up after":
		a.fate, err = unanswered, later
		s.conn.Close()
	default:
		a.fate = accepted
	}
	a.done = time.Now()
	s.b.ledger.take(a)
	if a.fate == accepted {
		go s.b.event("accepted") // the 250 is written when this returns
	}
	return err
}

func readMail(text string) (id string, m message) {
	letter, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return "", message{reason: fmt.Sprintf("not a message: %v", err)}
	}
	id = letter.Header.Get("Message-ID")
	plain, err := plainText(letter.Header.Get("Content-Type"), letter.Body)
	if err != nil {
		return id, message{reason: fmt.Sprintf("not a message: %v", err)}
	}
	lines := bufio.NewScanner(plain)
	lines.Scan()
	var micros int64
	if _, err := fmt.Sscan(lines.Text(), &m.reason, &micros, &m.group); err != nil {
		return id, message{reason: fmt.Sprintf("first line %q: %v", lines.Text(), err)}
	}
	m.sentAt = time.UnixMicro(micros)
	for lines.Scan() && lines.Text() != "." {
		var n news
		var starts, ends int64
		if _, err := fmt.Sscan(lines.Text(), &n.rule, &n.account, &n.status, &starts, &ends, &n.balance); err != nil {
			return id, message{group: m.group, reason: fmt.Sprintf("line %q: %v", lines.Text(), err)}
		}
		n.starts = time.UnixMicro(starts)
		if n.status == "resolved" {
			n.ends = time.UnixMicro(ends)
		}
		m.news = append(m.news, n)
	}
	return id, m
}

// plainText finds the first part that is no multipart itself.
func plainText(contentType string, body io.Reader) (io.Reader, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return body, err
	}
	part, err := multipart.NewReader(body, params["boundary"]).NextPart()
	if err != nil {
		return nil, err
	}
	return plainText(part.Header.Get("Content-Type"), part)
}
