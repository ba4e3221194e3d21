package email

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// How the connection is encrypted.
const (
	TLSStart    = "starttls" // before anything else is said
	TLSImplicit = "implicit" // from the first byte
	TLSNone     = "none"
)

// How the password is shown.
const (
	AuthAuto  = "auto" // plain where the server offers it, else login
	AuthPlain = "plain"
	AuthLogin = "login"
)

// Config is the settings of an e-mail integration.
type Config struct {
	// To are the recipients, each with or without a name.
	To []string `yaml:"to"`

	// From is the sender. The domain of its address is also that of the
	// Message-IDs.
	From string `yaml:"from"`

	// Smarthost is the server that takes the messages, host:port.
	Smarthost string `yaml:"smarthost"`

	// Username and Password log in there; without a username nobody logs in.
	Username     string           `yaml:"username"`
	Password     billwatch.Secret `yaml:"password"`
	PasswordFile string           `yaml:"password_file"`

	// Auth is how: "auto" (the default), "plain" or "login".
	Auth string `yaml:"auth"`

	// TLS is "starttls" (the default: required, not merely tried), "implicit"
	// (the default on port 465) or "none", with which nobody can log in.
	TLS string `yaml:"tls"`

	// CAFile holds certificates (PEM) that are trusted beside the system's.
	CAFile string `yaml:"ca_file"`

	// Hello is the name that billwatch greets the server with; the machine's
	// host name where it is left out.
	Hello string `yaml:"hello"`

	// Timeout of an attempt, from the connection to the answer; 15s, which
	// is what any attempt has at most.
	Timeout time.Duration `yaml:"timeout"`

	// Subject, Text and HTML are templates that replace the default ones.
	Subject string `yaml:"subject"`
	Text    string `yaml:"text"`
	HTML    string `yaml:"html"`
}

// Defaults returns the settings that hold where nothing is configured.
func Defaults() Config {
	return Config{Auth: AuthAuto, Timeout: 15 * time.Second}
}

// New implements notify.Settings.
func (c *Config) New(common notify.Common) (notify.Notifier, error) {
	n, err := New(*c, common)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Overrides returns the templates of this integration.
func (c *Config) Overrides() notify.Overrides {
	return notify.Overrides{Title: c.Subject, Text: c.Text, HTML: c.HTML}
}

// WantsChart says that notifications are to have a chart: it stands in the HTML.
func (c *Config) WantsChart() bool { return true }

// server is where to connect, how, and what to say.
type server struct {
	host, port string
	tls        string
	roots      *x509.CertPool // nil for the system's
	hello      string
}

// server checks the settings about the connection.
func (c Config) server() (server, error) {
	host, port, err := net.SplitHostPort(c.Smarthost)
	if err != nil || host == "" || port == "" {
		return server{}, notify.Wrong("smarthost", "must be host:port", "smtp.example.com:587")
	}
	s := server{host: host, port: port, tls: c.TLS, hello: c.Hello}
	if s.tls == "" {
		s.tls = TLSStart
		if port == "465" {
			s.tls = TLSImplicit
		}
	}
	if s.hello == "" {
		s.hello = hostname()
	}
	s.roots, err = notify.ReadRoots(c.CAFile)
	return s, errors.Join(err, s.check())
}

func (s server) check() error {
	var errs []error
	if !slices.Contains([]string{TLSStart, TLSImplicit, TLSNone}, s.tls) {
		errs = append(errs, notify.Wrong("tls", fmt.Sprintf("%q is not known", s.tls), "starttls, implicit or none"))
	}
	if strings.ContainsFunc(s.hello, func(r rune) bool { return r <= ' ' || r > '~' }) {
		errs = append(errs, notify.Wrong("hello", "must be a host's name", "billwatch.example.com"))
	}
	return errors.Join(errs...)
}

// hostname returns the machine's name, where it is one to greet with.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "localhost"
	}
	return name
}

// checkLogin checks the settings about logging in.
func (c Config) checkLogin() error {
	var errs []error
	if !slices.Contains([]string{AuthAuto, AuthPlain, AuthLogin}, c.Auth) {
		errs = append(errs, notify.Wrong("auth", fmt.Sprintf("%q is not known", c.Auth), "auto, plain or login"))
	}
	hasPassword := c.Password != "" || c.PasswordFile != ""
	switch {
	case c.Username != "" && !hasPassword:
		errs = append(errs, notify.Wrong("password", "is missing", "username needs one"))
	case c.Username == "" && hasPassword:
		errs = append(errs, notify.Wrong("username", "is missing", "password needs one"))
	case c.Username != "" && c.TLS == TLSNone:
		errs = append(errs, notify.Wrong("username", "would be sent with its password unencrypted", "leave out `tls: none`"))
	}
	if strings.ContainsFunc(c.Username, unicode.IsControl) {
		errs = append(errs, notify.Wrong("username", "has control characters", ""))
	}
	if c.Timeout <= 0 {
		errs = append(errs, notify.Wrong("timeout", "must be more than zero", ""))
	}
	return errors.Join(errs...)
}

// addresses checks sender and recipients; a recipient named twice counts once.
func (c Config) addresses() (from *mail.Address, to []*mail.Address, err error) {
	from, err = parseAddress("from", c.From)
	errs := []error{err}
	if len(c.To) == 0 {
		errs = append(errs, notify.Wrong("to", "is missing", "[ops@example.com]"))
	}
	seen := map[string]bool{}
	for _, text := range c.To {
		address, err := parseAddress("to", text)
		errs = append(errs, err)
		if err == nil && !seen[address.Address] {
			seen[address.Address] = true
			to = append(to, address)
		}
	}
	return from, to, errors.Join(errs...)
}

func parseAddress(field, text string) (*mail.Address, error) {
	if text == "" {
		return nil, notify.Wrong(field, "is missing", "ops@example.com")
	}
	address, err := mail.ParseAddress(text)
	if err != nil {
		return nil, notify.Wrong(field, fmt.Sprintf("%q is no e-mail address", text), "ops@example.com")
	}
	if strings.ContainsFunc(address.Address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, notify.Wrong(field, fmt.Sprintf("%q has characters that not every server takes", text), "write the domain as xn--…")
	}
	if strings.ContainsFunc(address.Name, unicode.IsControl) {
		return nil, notify.Wrong(field, fmt.Sprintf("%q has control characters", text), "")
	}
	return address, nil
}
