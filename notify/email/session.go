package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/billwatch/billwatch"
)

const (
	quitWait  = 100 * time.Millisecond // a message that was taken must be noted soon, whatever becomes of QUIT
	maxSpoken = 1 << 20                // bytes that a server may say in one session
)

// errLogin marks an error of logging in.
var errLogin = errors.New("login refused")

// A session is one connection to the server, ready for a transaction.
type session struct {
	conn   net.Conn
	client *smtp.Client
	stop   func() bool // ends the watch over the context
}

// open connects, encrypts and logs in. Every step ends when the context does.
func (n *Notifier) open(ctx context.Context, password billwatch.Secret) (*session, error) {
	dialer := &net.Dialer{}
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(n.server.host, n.server.port))
	if err != nil {
		return nil, err
	}
	s := &session{conn: &bounded{Conn: raw, left: maxSpoken}}
	s.stop = context.AfterFunc(ctx, func() { raw.Close() })
	if err := s.greet(ctx, n.server); err != nil {
		s.close()
		return nil, err
	}
	if err := n.login(s, password); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// greet reads the greeting, says hello and makes sure of the encryption.
func (s *session) greet(ctx context.Context, to server) error {
	config := &tls.Config{ServerName: to.host, RootCAs: to.roots, MinVersion: tls.VersionTLS12}
	conn := s.conn
	if to.tls == TLSImplicit {
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("tls: %w", err)
		}
		conn = encrypted
	}
	client, err := smtp.NewClient(conn, to.host)
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	s.client = client
	client.SkipSMTPUTF8(true) // addresses are ASCII, and a relay behind may not take it
	if err := client.Hello(to.hello); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if to.tls != TLSStart {
		return nil
	}
	if offered, _ := client.Extension("STARTTLS"); !offered {
		return errors.New("server offers no STARTTLS, and `tls: none` is not set")
	}
	if err := client.StartTLS(config); err != nil {
		return fmt.Errorf("starttls: %w", err)
	}
	return nil
}

// login shows the password, over an encrypted connection only.
func (n *Notifier) login(s *session, password billwatch.Secret) error {
	if n.config.Username == "" {
		return nil
	}
	if _, encrypted := s.client.TLSConnectionState(); !encrypted {
		return errors.New("connection is not encrypted")
	}
	_, offered := s.client.Extension("AUTH")
	mechanism, err := n.mechanism(strings.Fields(strings.ToUpper(offered)))
	if err != nil {
		return err
	}
	auth := smtp.PlainAuth("", n.config.Username, password.Reveal(), n.server.host, false)
	if mechanism == AuthLogin {
		auth = smtp.LoginAuth(n.config.Username, password.Reveal(), n.server.host, false)
	}
	if err := s.client.Auth(auth); err != nil {
		return fmt.Errorf("%w: %w", errLogin, err)
	}
	return nil
}

// mechanism chooses how to log in among what the server offers.
func (n *Notifier) mechanism(offered []string) (string, error) {
	wanted := []string{n.config.Auth}
	if n.config.Auth == AuthAuto {
		wanted = []string{AuthPlain, AuthLogin}
	}
	for _, mechanism := range wanted {
		if slices.Contains(offered, strings.ToUpper(mechanism)) {
			return mechanism, nil
		}
	}
	return "", fmt.Errorf("server does not offer to log in by %s", strings.Join(wanted, " or "))
}

// close says goodbye, if there is time, and ends the connection.
func (s *session) close() {
	if s.client != nil && s.stop() {
		if err := s.conn.SetDeadline(time.Now().Add(quitWait)); err == nil {
			_ = s.client.Quit() // what was taken stays taken
		}
	}
	s.stop()
	s.conn.Close()
}

// bounded is a connection on which the other side may say so much and no more.
type bounded struct {
	net.Conn
	left int
}

// Read implements net.Conn.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("server says too much")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
