package email_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/email"
	"github.com/billwatch/billwatch/notify/notifytest"
)

// What a script may do instead of answering.
const (
	stall   = "stall"
	cutOff  = "cut off"
	endless = "endless"
)

// script is a server that says at each verb what it is told to. Its verbs are
// those of SMTP, and "connect" and "dot".
type script struct {
	answers map[string]string
	config  *tls.Config
	stop    chan struct{}

	mu      sync.Mutex
	heard   []string // verbs
	letters int      // messages that ended with a dot
}

func newScript(t *testing.T, answers map[string]string) (*script, email.Config) {
	t.Helper()
	cert, caFile := certificate(t)
	s := &script{answers: answers, config: &tls.Config{Certificates: []tls.Certificate{cert}}, stop: make(chan struct{})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				s.talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		close(s.stop)
		listener.Close()
		wg.Wait()
	})
	c := email.Defaults()
	c.From, c.To, c.Smarthost = "billwatch@example.com", []string{"a@x.org"}, listener.Addr().String()
	c.Username, c.Password, c.CAFile, c.Hello = username, password, caFile, "billwatch.test"
	return s, c
}

// talk holds one conversation.
func (s *script) talk(conn net.Conn) {
	if !s.say(conn, "connect") {
		return
	}
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		s.mu.Lock()
		s.heard = append(s.heard, verb)
		s.mu.Unlock()
		if !s.say(conn, verb) || verb == "QUIT" {
			return
		}
		switch {
		case verb == "STARTTLS" && s.answers[verb] == "":
			conn = tls.Server(conn, s.config)
			lines = bufio.NewReader(conn)
		case verb == "DATA" && s.answers[verb] == "":
			for line != ".\r\n" {
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
			}
			s.mu.Lock()
			s.letters++
			s.mu.Unlock()
			if !s.say(conn, "dot") {
				return
			}
		}
	}
}

// say answers a verb, and says whether the conversation goes on.
func (s *script) say(conn net.Conn, verb string) bool {
	usual := map[string]string{
		"connect": "220 mail.test", "EHLO": "250-mail.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN", "HELO": "250 mail.test",
		"STARTTLS": "220 go on", "AUTH": "235 welcome", "DATA": "354 go on", "QUIT": "221 bye", "*": "501 as you like",
	}
	answer, found := s.answers[verb]
	if !found {
		answer = usual[verb]
	}
	switch answer {
	case "":
		answer = "250 fine"
	case stall:
		<-s.stop
		return false
	case cutOff:
		return false
	case endless:
		for {
			if _, err := conn.Write([]byte("220-" + strings.Repeat("hello ", 1000) + "\r\n")); err != nil {
				return false
			}
		}
	}
	_, err := conn.Write([]byte(answer + "\r\n"))
	return err == nil
}

func TestEachVerbMayGoWrong(t *testing.T) {
	verbs := []string{"connect", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "dot", "QUIT"}
	usual := map[string]string{"QUIT": "delivered"}
	cases := []struct {
		name, answer string
		want         string
		except       map[string]string
	}{
		{"it stalls", stall, "refused", map[string]string{"dot": "unclear", "QUIT": "delivered"}},
		{"it is cut off", cutOff, "refused", map[string]string{"dot": "unclear", "QUIT": "delivered"}},
		{"it says later", "451 4.7.1 later", "refused", usual},
		{"it says that it closes", "421 closing", "refused", usual},
		{"it says never", "554 5.7.1 never", "permanent", usual},
		{"it talks nonsense", "hello", "refused", map[string]string{"dot": "unclear", "QUIT": "delivered"}},
		{"it never ends", endless, "refused", map[string]string{"dot": "unclear", "QUIT": "delivered"}},
	}
	for _, c := range cases {
		for _, verb := range verbs {
			t.Run(c.name+" at "+verb, func(t *testing.T) {
				t.Parallel()
				answers := map[string]string{verb: c.answer}
				if verb == "EHLO" {
					answers["HELO"] = c.answer // which is tried next
				}
				s, settings := newScript(t, answers)
				settings.Timeout = 10 * time.Second
				if c.answer == stall {
					settings.Timeout = time.Second
				}
				start := time.Now()
				_, err := send(t, build(t, settings), billwatch.Receipt{})
				want := c.want
				if other, found := c.except[verb]; found {
					want = other
				}
				if got := notifytest.Class(err); got != want {
					t.Errorf("%s, want %s (%v)", got, want, err)
				}
				if took := time.Since(start); took > 8*time.Second {
					t.Errorf("took %v, want no longer than there is something to wait for", took)
				}
				if err != nil && strings.Contains(err.Error(), password) {
					t.Errorf("error spells the password out: %v", err)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if before := verb != "dot" && verb != "QUIT"; before && s.letters > 0 {
					t.Error("a message was sent")
				}
			})
		}
	}
}

func TestAServerThatOffersNoEncryptionIsShownNothing(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"not offered":  {"EHLO": "250-mail.test\r\n250 AUTH PLAIN LOGIN"},
		"taken out":    {"EHLO": "250-mail.test\r\n250-XXXXXXXX\r\n250 AUTH PLAIN LOGIN"},
		"no extension": {"EHLO": "502 what"},
	} {
		s, settings := newScript(t, answers)
		_, err := send(t, build(t, settings), billwatch.Receipt{})
		if notifytest.Class(err) != "refused" {
			t.Errorf("%s: %s, want refused (%v)", name, notifytest.Class(err), err)
		}
		s.mu.Lock()
		for _, verb := range s.heard {
			if verb == "AUTH" || verb == "MAIL" {
				t.Errorf("%s: %s was said without encryption", name, verb)
			}
		}
		s.mu.Unlock()
	}
}

func TestALoginRefusalIsRepeatedWithoutItsPassword(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	for _, echo := range []string{password, encode([]byte(password)), encode([]byte("\x00" + username + "\x00" + password))} {
		_, settings := newScript(t, map[string]string{"AUTH": "535 rejected: AUTH PLAIN " + echo})
		receipt, err := send(t, build(t, settings), billwatch.Receipt{})
		if err == nil || strings.Contains(err.Error()+receipt.Answer, echo) {
			t.Errorf("%q is repeated: %v, %+v", echo, err, receipt)
		}
	}
}

func TestQuitDoesNotHoldUpADelivery(t *testing.T) {
	_, settings := newScript(t, map[string]string{"QUIT": stall})
	start := time.Now()
	if _, err := send(t, build(t, settings), billwatch.Receipt{}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v; what is delivered must be noted soon", took)
	}
}
