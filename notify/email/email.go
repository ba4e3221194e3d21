package email

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// Notifier sends notifications by one server to some recipients.
type Notifier struct {
	config   Config
	common   notify.Common
	server   server
	from     *mail.Address
	to       []*mail.Address
	domain   string // of the sender
	zone     *time.Location
	password *notify.Credential[billwatch.Secret]
}

// New checks the settings and reads the password where it is given as a file.
func New(c Config, common notify.Common) (*Notifier, error) {
	server, serverErr := c.server()
	from, to, addressErr := c.addresses()
	password, passwordErr := notify.NewSecret(c.readPassword)
	if err := errors.Join(serverErr, addressErr, passwordErr, c.checkLogin()); err != nil {
		return nil, err
	}
	n := &Notifier{config: c, common: common, server: server, from: from, to: to, zone: common.Timezone, password: password}
	if n.zone == nil {
		n.zone = time.UTC
	}
	n.domain = from.Address[strings.LastIndex(from.Address, "@")+1:]
	return n, nil
}

// String names the integration; the settings hold secrets.
func (n *Notifier) String() string { return "email " + n.common.Integration }

// GoString does the same for %#v.
func (n *Notifier) GoString() string { return n.String() }

// Notify makes one attempt for all recipients that are still open. The receipt's
// Done names those that need no further attempt; its Ref is the Message-ID as
// soon as one recipient was accepted.
func (n *Notifier) Notify(ctx context.Context, told billwatch.Notification, prior billwatch.Receipt) (billwatch.Receipt, error) {
	message, err := n.build(told)
	if err != nil {
		return prior, notify.Permanent(err)
	}
	ctx, cancel := context.WithTimeout(ctx, n.config.Timeout)
	defer cancel()
	o := n.attempt(ctx, n.stillOpen(prior), message)
	return n.receipt("<"+n.messageID(told)+">", prior, o)
}

// stillOpen returns the recipients that have no outcome yet.
func (n *Notifier) stillOpen(prior billwatch.Receipt) []string {
	var open []string
	for _, to := range n.to {
		if !slices.Contains(prior.Done, to.Address) {
			open = append(open, to.Address)
		}
	}
	return open
}

// attempt runs one session.
func (n *Notifier) attempt(ctx context.Context, recipients []string, message []byte) *outcomes {
	if len(recipients) == 0 {
		return newOutcomes()
	}
	password := n.password.Load()
	s, err := n.open(ctx, *password)
	if err != nil {
		o := newOutcomes()
		o.secrets = n.config.spellings(*password)
		if errors.Is(err, errLogin) && isFinal(err) && n.password.Renewed(password) {
			err = errors.New("login refused; the password has changed since")
		}
		o.settle(recipients, err)
		return o
	}
	defer s.close()
	o := s.transact(ctx, n.from.Address, recipients, message)
	o.secrets = n.config.spellings(*password)
	return o
}

// receipt turns outcomes into what the dispatcher must know.
func (n *Notifier) receipt(id string, prior billwatch.Receipt, o *outcomes) (billwatch.Receipt, error) {
	r := billwatch.Receipt{Ref: prior.Ref, Done: slices.Clone(prior.Done)}
	r.Done = append(r.Done, o.accepted...)
	r.Done = append(r.Done, slices.Sorted(maps.Keys(o.refused))...)
	if len(o.accepted) > 0 {
		r.Ref = id
	}
	r.Answer = o.redact(o.words())
	if len(o.open) > 0 {
		err := fmt.Errorf("send by %s: %s", n.server.host, o.redact(describe(o.open)))
		if o.unclear != nil || r.Ref != "" {
			return r, err // somebody has the message, or may have it
		}
		return r, notify.Refused(err)
	}
	if r.Ref != "" {
		return r, nil
	}
	refusal := describe(o.refused)
	if refusal == "" {
		refusal = "all recipients were refused before"
	}
	return r, notify.Permanent(fmt.Errorf("send by %s: %s", n.server.host, o.redact(refusal)))
}

// words says what the server said, for the delivery log.
func (o *outcomes) words() string {
	var all []string
	if len(o.accepted) > 0 {
		all = append(all, strings.TrimSpace("250 "+o.answer))
	}
	for _, what := range []string{describe(o.refused), describe(o.open)} {
		if what != "" {
			all = append(all, what)
		}
	}
	return strings.Join(all, "; ")
}

// describe says what kept recipients from being accepted, each reason once.
func describe(errs map[string]error) string {
	reasons := map[string][]string{}
	for _, recipient := range slices.Sorted(maps.Keys(errs)) {
		text := errs[recipient].Error()
		reasons[text] = append(reasons[text], recipient)
	}
	var all []string
	for _, text := range slices.Sorted(maps.Keys(reasons)) {
		all = append(all, strings.Join(reasons[text], ", ")+": "+text)
	}
	return strings.Join(all, "; ")
}

// redact hides the password of the session in what the server said.
func (o *outcomes) redact(text string) string { return notify.Redact(text, o.secrets...) }
