package slack

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// answer is what a method says.
type answer struct {
	OK      bool   `json:"ok"`
	Error   string `json:"error"`
	Needed  string `json:"needed"` // the scope that the token lacks
	Channel string `json:"channel"`
	TS      string `json:"ts"`
}

// Slack's words by what they mean. Every other one is final: another attempt
// would hear it again.
func isTemporary(word string) bool {
	return slices.Contains([]string{"service_unavailable", "request_timeout", "team_added_to_org"}, word)
}

func isThrottle(word string) bool {
	return slices.Contains([]string{"ratelimited", "rate_limited", "message_limit_exceeded"}, word)
}

// isUnclear names the answers of which Slack says that a part of the work may
// have been done before.
func isUnclear(word string) bool {
	return slices.Contains([]string{"internal_error", "fatal_error"}, word)
}

func isCredential(word string) bool {
	return slices.Contains([]string{
		"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", // of a token
		"no_service", "no_service_id", "invalid_token", "no_active_hooks", // of a webhook
	}, word)
}

// reply is what Slack said, by either way.
type reply struct {
	ok     bool
	word   string // "ok", or what was wrong
	detail string
	at     place  // where a message stands
	body   []byte // all of it
}

// judge says what the answer means, in our words and in Slack's.
func (a attempt) judge() (r reply, said string, err error) {
	x := a.exchange
	status := strings.TrimSpace(strconv.Itoa(x.status) + " " + http.StatusText(x.status))
	if x.status == http.StatusOK && x.cut != nil {
		return reply{}, status, errors.New("answer of Slack was cut off")
	}
	r = a.read()
	said = strings.TrimSuffix(status+": "+r.word+r.detail, ": ")
	if r.ok {
		return r, said, nil
	}
	if isWord(r.word) {
		status = said
	}
	return r, said, a.refusal(r.word, errors.New("Slack answered "+a.redact(status)))
}

func (a attempt) read() reply {
	x := a.exchange
	if a.notifier.config.byWebhook() {
		word := strings.TrimSpace(string(x.body))
		return reply{word: word, ok: x.status == http.StatusOK && word == "ok"}
	}
	var said answer
	if err := json.Unmarshal(x.body, &said); err != nil {
		return reply{word: strings.TrimSpace(string(x.body))}
	}
	if said.OK && x.status == http.StatusOK {
		return reply{ok: true, word: "ok", at: place{channel: said.Channel, ts: said.TS}}
	}
	r := reply{word: said.Error}
	if said.Needed != "" {
		r.detail = " (needed: " + said.Needed + ")"
	}
	return r
}

// refusal classifies an answer that is not ok.
func (a attempt) refusal(word string, err error) error {
	x := a.exchange
	after := notify.RetryAfter(x.header, time.Now())
	switch {
	case x.status == http.StatusTooManyRequests || isThrottle(word):
		return notify.Throttled(err, after, a.destination())
	case x.status == http.StatusGatewayTimeout || isUnclear(word):
		return err
	case x.status >= 500 && after > 0:
		return notify.Throttled(err, after, a.destination())
	case x.status >= 500, x.status == http.StatusRequestTimeout, x.status == http.StatusTooEarly, isTemporary(word):
		return notify.Refused(err)
	case x.status == http.StatusOK && !isWord(word):
		return err // not Slack's voice: something between us and Slack answered
	}
	if a.isAboutCredential(word) && a.notifier.secret.Renewed(a.secret) {
		return notify.Refused(fmt.Errorf("%w; the secret has changed since", err))
	}
	return notify.Permanent(err)
}

func (a attempt) isAboutCredential(word string) bool {
	status := a.exchange.status
	return isCredential(word) || status == http.StatusUnauthorized || status == http.StatusForbidden ||
		(a.notifier.config.byWebhook() && status == http.StatusNotFound)
}

// isWord says whether a text is one of Slack's words for an error.
func isWord(text string) bool { return regexp.MustCompile(`^[a-z][a-z0-9_]{2,60}$`).MatchString(text) }

func (a attempt) destination() string { return a.notifier.destination(a.secret) }

// Destination is what a pause holds up: the channel; a webhook has one.
func (n *Notifier) Destination() string { return n.destination(n.secret.Load()) }

func (n *Notifier) destination(secret *billwatch.Secret) string {
	whose := sha256.Sum256([]byte(secret.Reveal())) // one name may be a channel of two workspaces
	if n.config.byWebhook() {
		return fmt.Sprintf("webhook of slack/%x", whose[:4])
	}
	return fmt.Sprintf("%s of slack/%x", n.config.Channel, whose[:4])
}
