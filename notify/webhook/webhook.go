package webhook

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// Notifier posts notifications to one URL.
type Notifier struct {
	config  Config
	common  notify.Common
	client  *http.Client
	guard   *guard
	secrets *notify.Credential[secrets]
}

// New checks the settings and reads secrets that are given as files.
func New(c Config, common notify.Common) (*Notifier, error) {
	g := newGuard(c.AllowPrivate)
	client, clientErr := c.client(g)
	credential, secretErr := notify.NewCredential(c.readSecrets, secrets.equal)
	if err := errors.Join(c.check(), clientErr, secretErr); err != nil {
		return nil, err
	}
	return &Notifier{config: c, common: common, client: client, guard: g, secrets: credential}, nil
}

// String names the integration; the settings hold secrets.
func (n *Notifier) String() string { return "webhook " + n.common.Integration }

// GoString does the same for %#v.
func (n *Notifier) GoString() string { return n.String() }

// Destination is what a pause holds up: the host.
func (n *Notifier) Destination() string { return hostOf(n.secrets.Load().url) }

// MaxAlerts implements notify.Bounded.
func (n *Notifier) MaxAlerts() int { return cmp.Or(n.config.MaxAlerts, mostAlerts) }

// Notify posts the notification once.
func (n *Notifier) Notify(ctx context.Context, told billwatch.Notification, _ billwatch.Receipt) (billwatch.Receipt, error) {
	body, err := n.encode(told)
	if err != nil {
		return billwatch.Receipt{}, notify.Permanent(fmt.Errorf("encode notification: %w", err))
	}
	s := n.secrets.Load()
	if err := n.checkBehindProxy(s.url); err != nil {
		return billwatch.Receipt{}, notify.Permanent(err)
	}
	ctx, cancel := context.WithTimeout(ctx, n.config.Timeout)
	defer cancel()
	request, err := n.request(ctx, s, told.ID, body)
	if err != nil {
		return billwatch.Receipt{}, notify.Permanent(err)
	}
	var sent notify.LeaseWatch
	if err := sent.Over(request); err != nil {
		return billwatch.Receipt{}, notify.Permanent(err)
	}
	response, err := n.client.Do(request)
	if err != nil {
		return billwatch.Receipt{}, n.unanswered(err, s, sent.Began())
	}
	defer response.Body.Close()
	if err := sent.Unsent(); err != nil {
		return billwatch.Receipt{}, n.unanswered(err, s, false)
	}
	said := notify.ReadAnswer(response, cancel)
	receipt := billwatch.Receipt{Answer: notify.Redact(said, n.known(s)...)}
	return receipt, n.judge(response, s)
}

// request returns one attempt: the same body under the same id, the attempt's
// own time, and signatures over all three.
func (n *Notifier) request(ctx context.Context, s *secrets, id string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("url is not valid") // err would spell the secret out
	}
	for name, value := range n.config.Headers {
		request.Header.Set(name, value.Reveal())
	}
	if s.user != nil {
		password, _ := s.user.Password()
		request.SetBasicAuth(s.user.Username(), password)
	}
	request.Header.Set("Content-Type", "application/json")
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", n.common.UserAgent)
	}
	return request, s.sign(request.Header, id, time.Now(), body)
}

// checkBehindProxy checks an address that a proxy would connect to; without a
// proxy the guard sees the connection itself.
func (n *Notifier) checkBehindProxy(to *url.URL) error {
	if n.config.ProxyURL == "" {
		return nil
	}
	host := strings.ToLower(strings.TrimSuffix(to.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return n.guard.check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return n.guard.check(address)
	}
	return nil
}

// unanswered says what an attempt without an answer means.
func (n *Notifier) unanswered(err error, s *secrets, began bool) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err // the outer text spells the URL out
	}
	text := fmt.Errorf("post to %s: %s", s.url.Hostname(), notify.Redact(err.Error(), n.known(s)...))
	if errors.Is(err, context.DeadlineExceeded) {
		text = fmt.Errorf("post to %s: no answer in time: %w", s.url.Hostname(), context.DeadlineExceeded)
	}
	switch {
	case errors.Is(err, errForbidden):
		return notify.Permanent(text)
	case !began:
		return notify.Refused(text)
	}
	return text
}

// known returns all secrets that an answer might echo.
func (n *Notifier) known(s *secrets) []billwatch.Secret {
	const least = 8 // a shorter value, "1" or "true", is no secret and would hide half of an answer
	all := append([]billwatch.Secret{n.config.ProxyURL}, s.texts...)
	for _, value := range n.config.Headers {
		if len(value.Reveal()) < least {
			continue
		}
		all = append(all, value)
		if _, token, found := strings.Cut(value.Reveal(), " "); found && len(token) >= least {
			all = append(all, billwatch.Secret(token)) // of "Bearer token"
		}
	}
	return all
}
