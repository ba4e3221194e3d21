package builtin_test

import (
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// mailbox takes one mail by SMTP.
type mailbox struct {
	address string
	mails   chan [2]string // the message, and its recipients
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{address: l.Addr().String(), mails: make(chan [2]string, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if conn, err := l.Accept(); err == nil {
			m.serve(conn)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return m
}

func (m *mailbox) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(within))
	c := textproto.NewConn(conn)
	say := func(line string) { _ = c.PrintfLine("%s", line) }
	say("220 mailbox")
	var to []string
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, ":")
		switch verb = strings.ToUpper(verb); {
		case verb == "RCPT TO":
			address, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			to = append(to, address)
			say("250 ok")
		case verb == "DATA":
			say("354 go on")
			lines, err := c.ReadDotLines()
			if err != nil {
				return
			}
			m.mails <- [2]string{strings.Join(lines, "\r\n"), strings.Join(to, " ")}
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailbox) got(t *testing.T) (message string, recipients []string) {
	t.Helper()
	select {
	case mail := <-m.mails:
		return mail[0], strings.Fields(mail[1])
	case <-time.After(within):
		t.Fatal("no mail came")
		return "", nil
	}
}
