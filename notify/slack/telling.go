package slack

import (
	"context"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// The steps of a telling, as a receipt names those that are done.
const (
	stepMessage = "message"
	stepReply   = "reply"
	stepChart   = "chart"
)

// place is where a message stands. The channel's name is that of the settings:
// where these change, an incident goes on in the new channel, with a message of
// its own.
type place struct {
	channel string // its id
	ts      string // the message's time, which is its name
	name    string
}

// placeOf reads what String wrote.
func placeOf(ref string) (place, bool) {
	parts := strings.SplitN(ref, ":", 3)
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return place{}, false
	}
	return place{parts[0], parts[1], parts[2]}, true
}

// String returns the place as a receipt's Ref: "C0123456789:1763892000.000100:#billing".
func (p place) String() string { return p.channel + ":" + p.ts + ":" + p.name }

// telling is an attempt by the bot: the message or its change, a reply in its
// thread, a chart. An attempt that broke off goes on where it did.
type telling struct {
	notifier *Notifier
	secret   *billwatch.Secret
	told     billwatch.Notification
	receipt  billwatch.Receipt
}

func (t *telling) tell(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, t.notifier.config.Timeout)
	defer cancel()
	m := t.notifier.build(t.told)
	if err := t.message(within, m); err != nil {
		return err
	}
	if err := t.reply(within, m); err != nil {
		return err
	}
	t.chart(ctx)
	return nil
}

func (t *telling) isDone(step string) bool { return slices.Contains(t.receipt.Done, step) }

func (t *telling) done(step string) { t.receipt.Done = append(t.receipt.Done, step) }

// incident returns the message that told of this before, if it is of any use.
func (t *telling) incident() (place, bool) {
	at, ok := placeOf(t.told.IncidentRef)
	return at, ok && at.name == t.notifier.config.Channel
}

// message changes the incident's message, continues its thread, or posts a new
// one: where there is none yet, and where somebody deleted it.
func (t *telling) message(ctx context.Context, m message) error {
	if t.isDone(stepMessage) {
		return nil
	}
	c := t.notifier.config
	at, goesOn := t.incident()
	switch {
	case goesOn && c.Update:
		r, err := t.ask(ctx, func(api *slackgo.Client) error {
			_, _, _, err := api.UpdateMessageContext(ctx, at.channel, at.ts, m.options()...)
			return err
		})
		if !isGone(r.word) {
			return t.finish(stepMessage, at, err)
		}
	case goesOn && c.Thread:
		r, err := t.send(ctx, at.channel, m, slackgo.MsgOptionTS(at.ts))
		if !isGone(r.word) {
			return t.finish(stepMessage, at, err)
		}
	}
	r, err := t.send(ctx, c.Channel, m)
	r.at.name = c.Channel
	return t.finish(stepMessage, r.at, err)
}

// finish notes that a step is done, and where the incident's message is.
func (t *telling) finish(step string, at place, err error) error {
	if err == nil {
		t.receipt.Ref = at.String()
		t.done(step)
	}
	return err
}

// reply tells the change in the thread of a message that was changed: changing
// one disturbs nobody, so that whoever follows it would not know.
func (t *telling) reply(ctx context.Context, m message) error {
	at, goesOn := t.incident()
	c := t.notifier.config
	updated := goesOn && t.receipt.Ref == at.String() // and not posted anew
	if !c.Update || !c.Thread || !updated || t.isDone(stepReply) {
		return nil
	}
	_, err := t.send(ctx, at.channel, m, slackgo.MsgOptionTS(at.ts))
	if notify.IsPermanent(err) { // the message has arrived, and nothing mends the reply
		t.receipt.Answer, err = "changed, without a reply: "+t.receipt.Answer, nil
	}
	return t.finish(stepReply, at, err)
}

func (t *telling) send(ctx context.Context, channel string, m message, more ...slackgo.MsgOption) (reply, error) {
	return t.ask(ctx, func(api *slackgo.Client) error {
		_, _, err := api.PostMessageContext(ctx, channel, append(m.options(),
			append(more, slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())...)...)
		return err
	})
}

// ask makes one request and judges the answer by what the exchange saw.
func (t *telling) ask(ctx context.Context, request func(*slackgo.Client) error) (reply, error) {
	a := t.notifier.attempt(t.secret)
	err := request(slackgo.New(t.secret.Reveal(), slackgo.OptionAPIURL(t.notifier.config.APIURL), slackgo.OptionHTTPClient(a.exchange)))
	if a.exchange.status == 0 {
		return reply{}, a.unanswered(err)
	}
	r, said, err := a.judge()
	r.body = a.exchange.body
	t.receipt.Answer = a.redact(said)
	return r, err
}

// isGone says whether a word means that a message, or what it stood in, is no
// longer there for us.
func isGone(word string) bool {
	return slices.Contains([]string{
		"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", // of a change
		"cannot_reply_to_message", "thread_not_found", "restricted_action_thread_locked", // of a reply
	}, word)
}

// options are the message, the same whether it is posted or changed.
func (m message) options() []slackgo.MsgOption {
	return []slackgo.MsgOption{
		slackgo.MsgOptionText(m.text, false), // escaped already
		slackgo.MsgOptionBlocks(m.blocks...),
		slackgo.MsgOptionAttachments(m.frame),
		slackgo.MsgOptionMetadata(m.metadata),
	}
}
