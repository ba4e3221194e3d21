package daemon

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// errReplanned says that a source was changed or removed while it was polled:
// what was read of it is worth nothing any more.
var errReplanned = errors.New("the source is no longer configured as it was")

// inForce is a plan that is carried out, with what is made ready of it once.
// Nothing of it changes while it is.
type inForce struct {
	*judge
	waits string // why this process stands by, in words; "" where it works
}

func (f *inForce) works() bool { return f.waits == "" }

// sources are those that this process is to poll.
func (f *inForce) sources() []*poller.Source {
	if !f.works() {
		return nil
	}
	return f.plan.Sources
}

// polls says whether it is still this source, unchanged, that is to be polled.
func (f *inForce) polls(source *poller.Source) bool {
	return f.works() && f.keeps(source)
}

// keeps says whether the plan has this source, polled or not.
func (f *inForce) keeps(source *poller.Source) bool { return slices.Contains(f.plan.Sources, source) }

// due are the groups in which an alert is told. One about a receiver goes beside
// that receiver.
func (f *inForce) due(a billwatch.Alert, now time.Time) []billwatch.GroupDue {
	if ofReceiver(a) {
		return notify.Down{Fallback: f.plan.Fallback}.Due(f.plan.Router, a, now)
	}
	return f.plan.Router.Due(a, now)
}

// ofReceiver says whether an alert is that a receiver is down.
func ofReceiver(a billwatch.Alert) bool {
	return a.Key.Rule == billwatch.RuleReceiverDown && a.Key.Account.Source == ""
}

// tick is how often to look at what polls cannot tell: as often as the source
// that is polled most.
func (f *inForce) tick() time.Duration {
	tick := longestTick
	for _, source := range f.plan.Sources {
		if source.Timing.Cron == nil {
			tick = min(tick, max(source.Timing.Interval, time.Second))
		}
	}
	return tick
}

// plans holds the plan in force. Whoever works by it asks once for each piece
// of work, a batch or a look, so that no piece is done half by one plan and
// half by the next.
type plans struct {
	mu      sync.Mutex
	now     *inForce
	changed chan struct{} // closed when now is another one
}

// newPlans returns a plan in force.
func newPlans(p Plan) *plans {
	return &plans{now: &inForce{judge: newJudge(p)}, changed: make(chan struct{})}
}

func (p *plans) get() *inForce {
	now, _ := p.watch()
	return now
}

// watch returns the plan in force, and a channel that is closed when another
// one is.
func (p *plans) watch() (*inForce, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now, p.changed
}

// adopt puts another plan into force. Sources that are as they were go on as
// they are: their budgets, what they remember, the polls under way. Where
// integrations are called otherwise by it, nothing is done by it before the
// store knows: what is owed to one would go to another.
func (p *plans) adopt(next Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waits, before := p.now.waits, p.now.plan
	if waits == "" && before.Hash != next.Hash && len(sqlstore.Moved(before.settings(), next.settings())) > 0 {
		waits = untilMoved
	}
	p.set(&inForce{judge: newJudge(next.after(before)), waits: waits})
}

// untilMoved is why a process waits whose store does not know yet how
// integrations are called now.
const untilMoved = "waiting: the store is to be told of receivers that were moved in the configuration"

// standBy lets the process that works by a plan wait for a reason, or go on where
// there is none. It says whether that is news: another plan, adopted meanwhile,
// is left alone.
func (p *plans) standBy(by *judge, why string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now.judge != by || p.now.waits == why {
		return false
	}
	p.set(&inForce{judge: p.now.judge, waits: why})
	return true
}

func (p *plans) set(next *inForce) {
	p.now = next
	close(p.changed)
	p.changed = make(chan struct{})
}
