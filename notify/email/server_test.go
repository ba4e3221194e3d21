package email_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/email"
	"github.com/billwatch/billwatch/notify/notifytest"
)

const (
	username = "ada"
	password = "T0P-S3CR3T-password"
)

// certificate returns a certificate for 127.0.0.1 and the file that vouches for
// it.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// mail is a message as the server took it.
type mail struct {
	from string
	to   []string
	data string
}

// mailServer is a real SMTP server that remembers what it was sent.
type mailServer struct {
	*smtp.Server
	listener   net.Listener
	address    string
	caFile     string
	mechanisms []string
	password   string
	stop       chan struct{}
	named      func() // called at each recipient; may be nil

	mu      sync.Mutex
	answer  notifytest.Answer
	refuse  map[string]*smtp.SMTPError // recipients
	taken   []mail
	logins  int
	sayings []string // mechanisms that were used
}

// newMailServer starts a server; implicit speaks TLS from the first byte.
func newMailServer(t *testing.T, implicit bool) *mailServer {
	t.Helper()
	s := &mailServer{
		mechanisms: []string{sasl.Plain, sasl.Login}, password: password, stop: make(chan struct{}),
		answer: notifytest.Accept, refuse: map[string]*smtp.SMTPError{},
	}
	cert, caFile := certificate(t)
	s.caFile = caFile
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	s.Server = smtp.NewServer(s)
	s.Domain, s.TLSConfig, s.ErrorLog = "mail.test", config, log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener, s.address = listener, listener.Addr().String()
	if implicit {
		listener = tls.NewListener(listener, config)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(listener) })
	t.Cleanup(func() {
		s.end()
		wg.Wait()
	})
	return s
}

func (s *mailServer) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.listener.Close() // the server knows it only once it serves
	_ = s.Close()
}

func (s *mailServer) set(a notifytest.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = a
}

func (s *mailServer) mails() []mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

func (s *mailServer) data() []string {
	var all []string
	for _, m := range s.mails() {
		all = append(all, m.data)
	}
	return all
}

// NewSession implements smtp.Backend.
func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: s, conn: c}, nil
}

type mailSession struct {
	server   *mailServer
	conn     *smtp.Conn
	loggedIn bool
	mail     mail
}

// AuthMechanisms implements smtp.AuthSession.
func (s *mailSession) AuthMechanisms() []string { return s.server.mechanisms }

// Auth implements smtp.AuthSession.
func (s *mailSession) Auth(mechanism string) (sasl.Server, error) {
	check := func(name, secret string) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.logins++
		s.server.sayings = append(s.server.sayings, mechanism)
		if name != username || secret != s.server.password {
			return &smtp.SMTPError{Code: 535, Message: "no such login: " + name + " " + secret}
		}
		s.loggedIn = true
		return nil
	}
	if mechanism == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, name, secret string) error { return check(name, secret) }), nil
}

// loginServer is the LOGIN mechanism, which the library has for clients only.
type loginServer struct {
	check func(name, secret string) error
	step  int
	name  string
}

// Next implements sasl.Server.
func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.name = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.name, string(response))
}

// Mail implements smtp.Session.
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if len(s.server.mechanisms) > 0 && !s.loggedIn {
		return &smtp.SMTPError{Code: 530, Message: "log in first"}
	}
	s.mail = mail{from: from}
	return nil
}

// Rcpt implements smtp.Session.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.server.named != nil {
		s.server.named()
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if err := s.server.refuse[to]; err != nil {
		return err
	}
	s.mail.to = append(s.mail.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.data = string(data)
	s.server.mu.Lock()
	s.server.taken = append(s.server.taken, s.mail)
	answer := s.server.answer
	s.server.mu.Unlock()
	switch answer {
	case notifytest.RefuseForGood:
		return &smtp.SMTPError{Code: 554, Message: "no"}
	case notifytest.RefuseForNow:
		return &smtp.SMTPError{Code: 451, Message: "later"}
	case notifytest.Vanish:
		return errors.Join(s.conn.Conn().Close(), errors.New("gone"))
	case notifytest.Silence:
		<-s.server.stop
	case notifytest.Echo:
		return &smtp.SMTPError{Code: 554, Message: fmt.Sprintf("you are %s with %s", username, password)}
	}
	return nil
}

// Reset implements smtp.Session.
func (s *mailSession) Reset() {}

// Logout implements smtp.Session.
func (s *mailSession) Logout() error { return nil }

// settings returns those that fit a server.
func (s *mailServer) settings() email.Config {
	c := email.Defaults()
	c.From, c.To, c.Smarthost = "Billwatch <billwatch@example.com>", []string{"Ops <ops@example.org>"}, s.address
	c.Username, c.Password, c.CAFile, c.Hello = username, password, s.caFile, "billwatch.test"
	return c
}

func build(t *testing.T, c email.Config) *email.Notifier {
	t.Helper()
	n, err := email.New(c, notify.Common{Integration: "ops/email/0", UserAgent: "billwatch/test"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// send makes one attempt about the usual notification.
func send(t *testing.T, n notify.Notifier, prior billwatch.Receipt) (billwatch.Receipt, error) {
	t.Helper()
	return n.Notify(t.Context(), notifytest.Notification(), prior)
}
