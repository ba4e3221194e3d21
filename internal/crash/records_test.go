package crash

import (
	"slices"
	"sync"
	"time"
)

// The three balances that an account may be near: no rule holds, the low ones
// hold, all hold. The last digits of a balance are its number.
type zone string

const (
	fine  zone = "fine"
	low   zone = "low"
	empty zone = "empty"
)

const serials = 1_000_000 // how many answers a zone has numbers for

var zoneFloor = map[zone]int64{empty: 0, low: 3 * serials, fine: 50 * serials}

// holds says whether a rule's condition holds at a balance. The rules are those
// of the configuration in world_test.go.
var holds = map[string]func(balance int64) bool{
	"Low":    func(b int64) bool { return b < 5*serials },
	"Empty":  func(b int64) bool { return b < serials },
	"Held":   func(b int64) bool { return b < 5*serials },
	"Sticky": func(b int64) bool { return b < 5*serials },
}

const (
	heldFor   = time.Second // for, of Held
	stickyFor = time.Second // keep_firing_for, of Sticky
)

// answer is what a source said of an account. A balance is never said twice, so
// that a message names the one answer that it rests on.
type answer struct {
	account string
	balance int64
	at      time.Time
	whole   bool // a clean 200; what else came proves nothing
}

// asking is a request that a source got.
type asking struct {
	source  string
	at      time.Time
	pause   time.Duration // what it was told to wait, as Retry-After
	done    time.Time
	listing bool // a round begins with one
	broken  bool // its connection was: whoever asked may ask again at once
}

// flip is an account's way into another zone.
type flip struct {
	account string
	to      zone
	at      time.Time
	steady  bool // it came only after everybody was told of the one before
}

// fate is what a receiver did with an attempt.
type fate string

const (
	accepted   fate = "accepted"   // taken, and said so
	refused    fate = "refused"    // not taken, and said so
	throttled  fate = "throttled"  // not taken, with a Retry-After
	unanswered fate = "unanswered" // taken, but never said so
	broken     fate = "broken"     // the message did not even come whole
)

// attempt is one try to deliver, as the receiver saw it.
type attempt struct {
	sink  string
	id    string
	body  string
	came  time.Time
	done  time.Time // when the answer was out, or the connection gone
	fate  fate
	pause time.Duration // of a throttled one
	told  message       // empty of a broken one
}

// message is what an attempt said.
type message struct {
	group  string
	reason string
	sentAt time.Time
	news   []news
}

// news is one alert of a message.
type news struct {
	rule    string
	account string
	status  string // firing or resolved
	starts  time.Time
	ends    time.Time
	balance int64 // of the answer that it rests on
}

func (n news) alert() alert { return alert{n.rule, n.account} }

// span is a time during which something was so.
type span struct{ from, to time.Time }

// records are what the sources and the receivers wrote down, and what was done
// to the watcher.
type records struct {
	answers  []answer
	askings  []asking
	flips    []flip
	attempts []attempt // in the order in which they came
	kills    []time.Time
	outages  []span // of the database
	late     []span // by which turns of the machine's probe took too long, in order
	shut     []span // of a receiver's door
	settled  bool   // in the end there was time for everything
}

// alert is one rule on one account. Receivers know it by its labels, so that what
// begins anew before its end could be told is the same alert, with a new start.
type alert struct{ rule, account string }

// standing is what a receiver was last told of an alert.
type standing struct {
	status string
	starts time.Time
}

// ledger is where the records are written while everything runs.
type ledger struct {
	mu sync.Mutex
	records
	told map[string]map[alert]string // by sink: the status last accepted
}

func (l *ledger) write(f func(*records)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.records)
}

// take adds an attempt. Attempts that end late keep the place where they came.
func (l *ledger) take(a attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := len(l.attempts)
	for i > 0 && l.attempts[i-1].came.After(a.came) {
		i--
	}
	l.attempts = slices.Insert(l.attempts, i, a)
	if a.fate != accepted {
		return
	}
	if l.told == nil {
		l.told = map[string]map[alert]string{}
	}
	if l.told[a.sink] == nil {
		l.told[a.sink] = map[alert]string{}
	}
	for _, n := range a.told.news {
		l.told[a.sink][n.alert()] = n.status
	}
}

// knows says whether each sink was told just what holds of an account.
func (l *ledger) knows(account string, at zone) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for sink := range manners {
		for rule, condition := range holds {
			if (l.told[sink][alert{rule, account}] == "firing") != condition(zoneFloor[at]) {
				return false
			}
		}
	}
	return true
}
