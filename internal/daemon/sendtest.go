package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// testAttempt bounds one test message; all of a receiver go out at once.
const testAttempt = 15 * time.Second

// sendTest sends a test message by each integration of a receiver. One that is
// accepted ends that the integration is down, as any other message does. None
// goes where a pause holds up everything.
func (d *Daemon) sendTest(ctx context.Context, receiver string) ([]web.TestMessage, error) {
	store := d.opened.Load()
	if store == nil {
		return nil, errNoStore
	}
	plan := d.plan()
	var to []notify.Integration
	var names []string
	for _, in := range plan.Router.Integrations() {
		if in.Receiver == receiver {
			to, names = append(to, in), append(names, in.Name)
		}
	}
	states, err := store.Receivers(ctx, names)
	if err != nil {
		return nil, err
	}
	sent := make([]web.TestMessage, len(to))
	var wg sync.WaitGroup
	for i, in := range to {
		wg.Go(func() { sent[i] = d.testOne(ctx, store, plan.Templates, in, states[i].PausedUntil) })
	}
	wg.Wait()
	return sent, nil
}

func (d *Daemon) testOne(ctx context.Context, store *sqlstore.Store, t *notify.Templates, in notify.Integration, paused time.Time) web.TestMessage {
	said := web.TestMessage{Integration: in.Name}
	now := d.Clock.Now()
	if paused.After(now) {
		said.Error = "not sent: the other side asked to be left alone until " + paused.Format(time.RFC3339)
		return said
	}
	sending, cancel := context.WithTimeout(ctx, testAttempt)
	defer cancel()
	log := d.Log.With("receiver", in.Receiver, "integration", in.Name)
	receipt, err := notify.SendTest(sending, t, in, now)
	said.Answer = receipt.Answer
	if err != nil {
		said.Error = notify.Redact(err.Error())
		log.Warn("test message was not accepted", "err", said.Error)
		return said
	}
	said.Accepted = true
	log.Info("test message was accepted")
	if err := store.Accepted(context.WithoutCancel(ctx), in.Name, d.Clock.Now()); err != nil { // whoever asked may have gone
		log.Warn("that the receiver works was not noted", "err", err)
	}
	return said
}
