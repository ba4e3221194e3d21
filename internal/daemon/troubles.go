package daemon

import (
	"log/slog"
	"sync"

	"github.com/billwatch/billwatch"
)

// loggedAccounts is how many accounts a round names whose state changed; the
// rest is a number.
const loggedAccounts = 10

// troubles remembers what is wrong with each account and source, so that it is
// logged once: when it begins, when its kind changes, when it ends. The zero
// troubles is ready.
type troubles struct {
	mu    sync.Mutex
	kinds map[billwatch.AccountKey]string // a source has no id
}

// changed notes how a poll ended, and says what it was like before.
func (t *troubles) changed(key billwatch.AccountKey, err error) (before string, changed bool) {
	kind := billwatch.FailureOf(err).Kind
	t.mu.Lock()
	defer t.mu.Unlock()
	before = t.kinds[key]
	if kind == "" {
		delete(t.kinds, key)
		return before, before != ""
	}
	if t.kinds == nil {
		t.kinds = map[billwatch.AccountKey]string{}
	}
	t.kinds[key] = kind
	return before, before != kind
}

// report logs what changed with a round and its accounts. Where the listing
// failed, its accounts have no news of their own.
func (t *troubles) report(log *slog.Logger, round billwatch.Round, polls []billwatch.Poll) {
	log = log.With("source", round.Lease.Source)
	_, changed := t.changed(billwatch.AccountKey{Source: round.Lease.Source}, round.Err)
	switch {
	case changed && round.Err != nil:
		log.Warn("poll failed", "kind", billwatch.FailureOf(round.Err).Kind, "err", round.Err)
	case changed:
		log.Info("poll works again")
	}
	if round.Err != nil {
		return
	}
	failed, back := 0, 0
	for _, poll := range polls {
		_, changed := t.changed(poll.Account.Key(), poll.Err)
		switch {
		case !changed:
		case poll.Err == nil:
			if back++; back <= loggedAccounts {
				log.Info("account can be read again", "account", poll.Account.ID)
			}
		default:
			if failed++; failed <= loggedAccounts {
				log.Warn("account cannot be read", "account", poll.Account.ID, "kind", billwatch.FailureOf(poll.Err).Kind, "err", poll.Err)
			}
		}
	}
	if failed > loggedAccounts {
		log.Warn("more accounts cannot be read", "accounts", failed-loggedAccounts)
	}
	if back > loggedAccounts {
		log.Info("more accounts can be read again", "accounts", back-loggedAccounts)
	}
}
