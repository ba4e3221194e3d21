// Package statetest holds what every store of billwatch's state must do,
// whatever database it is on.
//
// A store passes by calling Run in its own tests, once for each database:
//
//	statetest.Run(t, func(t *testing.T) statetest.Opener { … })
package statetest

import (
	"context"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
)

// Store is all that the suite asks of a store.
type Store interface {
	leases
	rounds
	outbox
	due
	clocks
	views
	watches
	silences
	standing
	quiet
	storms
}

type watches interface {
	Watch(ctx context.Context, c billwatch.WatchClaim) (billwatch.Watch, error)
	Sights(ctx context.Context, c billwatch.SightClaim) ([]billwatch.AccountSight, error)
}

type leases interface {
	Renew(ctx context.Context, holder string, now, until time.Time) error
	Resign(ctx context.Context, holder string) error
	ClaimSlot(ctx context.Context, c billwatch.SlotClaim) (billwatch.Slot, error)
	Close() error
}

type rounds interface {
	Accounts(ctx context.Context, source string) ([]billwatch.Remembered, error)
	Know(ctx context.Context, source string, ids []string) (map[string]billwatch.Knowledge, error)
	Commit(ctx context.Context, b billwatch.Batch) error
	EndRound(ctx context.Context, r billwatch.Round) error
}

type outbox interface {
	ClaimGroups(ctx context.Context, c billwatch.Claim) ([]billwatch.Group, error)
	Freeze(ctx context.Context, flushes []billwatch.Flush) error
	ClaimDeliveries(ctx context.Context, c billwatch.Claim) ([]billwatch.Delivery, error)
	Settle(ctx context.Context, s billwatch.Settlement) error
}

type due interface {
	NextDue(ctx context.Context, integrations []string) (time.Time, error)
	Wake() <-chan struct{}
	Prune(ctx context.Context, now time.Time, retention time.Duration) error
}

type clocks interface {
	Shift(ctx context.Context, by time.Duration) error
	Rewind(ctx context.Context, now time.Time) (time.Duration, error)
}

type views interface {
	Alerts(ctx context.Context) ([]billwatch.Alert, error)
	Snapshots(ctx context.Context, k billwatch.AccountKey, since time.Time) ([]billwatch.Snapshot, error)
	Transitions(ctx context.Context, k billwatch.AccountKey, limit int) ([]billwatch.Transition, error)
}

// Opener opens the same database each time it is called. The suite closes the
// store before it opens it again.
type Opener func() (Store, error)

// Run runs the suite; fresh gives each test an empty database of its own.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t, open: fresh(t), ctx: t.Context(), now: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}
			w.reopen()
			t.Cleanup(func() { w.Store.Close() })
			test(w)
		})
	}
}

var tests = map[string]func(*world){
	"a slot is taken once":                              slotOnce,
	"a slot passes when its holder's replica is gone":   slotPasses,
	"a resigned source passes at once":                  slotResigned,
	"a round that was not ended is made again":          roundInterrupted,
	"a slot of a clock that went back holds nothing up": slotOfTheFuture,
	"eight replicas take a slot once":                   slotContested,
	"a holder that was taken over writes nothing":       epochRefused,
	"a lease must be alive to claim":                    claimNeedsLife,

	"a pause outlives the round that it came in": pauseKept,

	"an account is remembered as it was read":           remembered,
	"a snapshot is kept only when something changed":    snapshotOnChange,
	"a failed poll leaves the last good snapshot":       failedPollKeeps,
	"balance records are merged by period":              recordsMerged,
	"an account is gone when missing three times":       missingThenGone,
	"a failed listing neither counts nor resets":        failedListing,
	"an empty listing that is believed takes all":       emptyListing,
	"a round is counted once":                           roundCountedOnce,
	"requests are handed to the next holder":            requestsHandedOn,
	"odd names do no harm":                              oddNames,
	"a batch is stored as a whole or not at all":        allOrNothing,
	"a batch that is committed again changes nothing":   commitTwice,
	"alerts that ended are no longer standing":          alertsStand,
	"reopening keeps everything":                        reopenKeeps,
	"old history is pruned a tenth at a time, not owed": pruned,

	"what fires is read a page at a time":        firingPaged,
	"what ended lately is read a page at a time": endedPaged,

	"a watch leaves the holder's round alone":          watchKeepsTheRound,
	"a watch takes over from a holder that is dead":    watchTakesOver,
	"a source is watched anew after a gap":             watchedAnew,
	"a failure is kept until something is read":        failureKept,
	"only accounts that are not as told are looked at": sightsOfFew,

	"a silence is kept as it was made":                silenceKept,
	"a silence is edited as Alertmanager does":        silenceEdited,
	"a silence that is over is kept for five days":    silenceExpired,
	"a silence lasts as long whatever the clock does": silenceShifted,

	"a silence until resolved ends with its alerts":    silenceUntilResolved,
	"a silence until resolved waits for its alert":     silenceBeforeItsAlert,
	"what is quiet has a version":                      quietVersion,
	"alerts are looked through by new rules":           quietRules,
	"why an alert is muted is remembered":              muteMarked,
	"members whose mute differs make their groups due": muteRechecked,
	"a flush that knew less is looked at again":        flushBehind,

	"a group waits for company, then for its interval":  groupDue,
	"a group shows its alerts as they are now":          groupLive,
	"a change during a claim is told in its turn":       groupChangedMeanwhile,
	"a member that fires again is told again":           memberFiresAgain,
	"a flush of a lost claim changes nothing":           flushLost,
	"a flush that is stored again changes nothing":      flushTwice,
	"a group ends with its last member":                 groupEnds,
	"a claimed group comes back after its lease":        groupComesBack,
	"a group that was left is owed the end":             groupLeft,
	"a standing alert is news to who never heard of it": standingIsNews,
	"an alert that comes back is told where it is now":  groupLeftForAnother,
	"a newer notification takes the place of a waiting": superseded,
	"one that may have arrived is never superseded":     neverSupersedeAmbiguous,
	"an end that arrived meanwhile is not told again":   endArrivedMeanwhile,
	"nor by a digest": endArrivedBeforeADigest,
	"a digest that is stored again changes nothing":      digestTwice,
	"eight claimers never get the same notification":     deliveriesContested,
	"eight claimers never get the same group":            groupsContested,
	"a killed claimer's notification comes back":         deliveryComesBack,
	"a stale acknowledgement changes nothing":            staleAcknowledgement,
	"an acknowledgement that comes twice is one":         acknowledgedTwice,
	"order within a group is kept":                       orderKept,
	"a slow integration takes nobody's share":            sharesKept,
	"a pause holds up its destination and nothing else":  paused,
	"a retry waits for its time and carries its receipt": retried,
	"what failed for good is told again":                 forgotten,
	"a chart is kept until it is delivered":              chartKept,
	"an incident keeps how its message is named":         incidentNamed,
	"an attempt's unknown outcome is remembered":         ambiguityRemembered,
	"what becomes due wakes the dispatcher":              wakes,
	"a clock that jumps moves every running clock":       shifted,
	"a clock that is behind at start holds nothing up":   rewound,
	"a clock that starts in 1970 keeps what was overdue": rewoundToTheEpoch,
}

// world is one test's store and time, with the words to tell its story.
type world struct {
	*testing.T
	Store
	open Opener
	ctx  context.Context
	now  time.Time
}

func (w *world) reopen() {
	w.Helper()
	if w.Store != nil {
		w.must(w.Store.Close())
	}
	store, err := w.open()
	w.must(err)
	w.Store = store
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) after(d time.Duration) { w.now = w.now.Add(d) }

const (
	source      = "blues"
	integration = "ops/slack/0"
	lifetime    = 30 * time.Second
	interval    = 5 * time.Minute
	groupWait   = 10 * time.Second
)

// live renews a replica for the usual time.
func (w *world) live(holder string) {
	w.Helper()
	w.must(w.Renew(w.ctx, holder, w.now, w.now.Add(lifetime)))
}

func (w *world) slot(holder string, slot int64) billwatch.Slot {
	w.Helper()
	got, err := w.ClaimSlot(w.ctx, billwatch.SlotClaim{Source: source, Holder: holder, Slot: slot, Now: w.now})
	w.must(err)
	return got
}

// lease takes the next slot for a replica that lives.
func (w *world) lease(holder string, slot int64) billwatch.Lease {
	w.Helper()
	w.live(holder)
	got := w.slot(holder, slot)
	if !got.Taken {
		w.Fatalf("%s was refused slot %d", holder, slot)
	}
	return got.Lease
}

func (w *world) claim(holder string, limit int, integrations ...string) billwatch.Claim {
	if len(integrations) == 0 {
		integrations = []string{integration}
	}
	return billwatch.Claim{Holder: holder, Integrations: integrations, Limit: limit, Now: w.now, Until: w.now.Add(lifetime)}
}

func account(id string) billwatch.Account {
	return billwatch.Account{Source: source, ID: id, Name: "Acme " + id, Provider: "notehub", Kind: "organization"}
}

func (w *world) read(id string, balance int64) billwatch.Poll {
	return billwatch.Poll{Account: account(id), At: w.now, Snapshot: &billwatch.Snapshot{
		Account: account(id), At: w.now, Unit: "events", Balance: billwatch.Known(billwatch.DecimalOf(balance)),
	}}
}
