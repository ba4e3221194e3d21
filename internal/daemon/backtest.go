package daemon

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// BacktestConfig is what a backtest is made from.
type BacktestConfig struct {
	Plan     Plan
	Pasts    []Past
	Until    time.Time             // when the backtest ends; the last poll's time where zero
	Progress func(done, total int) // of the polls; may be nil

	Told func(billwatch.Notification) // is handed every message; may be nil
}

// Backtest is what the rules would have done.
type Backtest struct {
	From, To time.Time
	Accounts int
	Rules    []BacktestRule // in the order of the plan
	Messages map[string]int // by receiver
}

// BacktestRule is what one rule would have done.
type BacktestRule struct {
	Rule     string
	Judged   int            // how often
	Unknown  map[string]int // of these, how often it could not be told, by reason in words
	Accounts []BacktestAccount
	Messages map[string]int // by receiver
}

// BacktestAccount is what one rule would have done on one account where it
// fired.
type BacktestAccount struct {
	Account billwatch.Account
	Spans   []Span // oldest first
	Flaps   int    // spans that began again without a top-up since the one before
}

// Span is how long an alert fired.
type Span struct {
	From, To time.Time // To is the backtest's end where Open
	Open     bool
	Empty    time.Time // when the balance was gone, or would have been; zero where it never would
	Real     bool      // it was
}

// Lead returns how long before the empty balance the alert fired; zero for one
// that fired afterwards, and false where the balance would have lasted.
func (s Span) Lead() (time.Duration, bool) {
	if s.Empty.IsZero() {
		return 0, false
	}
	return max(0, s.Empty.Sub(s.From)), true
}

// Fired counts the times that the rule fired.
func (r BacktestRule) Fired() int {
	n := 0
	for _, a := range r.Accounts {
		n += len(a.Spans)
	}
	return n
}

// Flaps counts the times that it fired again without need.
func (r BacktestRule) Flaps() int {
	n := 0
	for _, a := range r.Accounts {
		n += a.Flaps
	}
	return n
}

// Firing returns how long it fired, over all accounts.
func (r BacktestRule) Firing() time.Duration {
	var sum time.Duration
	for _, a := range r.Accounts {
		for _, s := range a.Spans {
			sum += s.To.Sub(s.From)
		}
	}
	return sum
}

// Lead returns the median lead of the spans that ended in an empty balance, or
// would have; false where there is none.
func (r BacktestRule) Lead() (time.Duration, bool) {
	var leads []time.Duration
	for _, a := range r.Accounts {
		for _, s := range a.Spans {
			if lead, ok := s.Lead(); ok {
				leads = append(leads, lead)
			}
		}
	}
	if len(leads) == 0 {
		return 0, false
	}
	slices.Sort(leads)
	n := len(leads)
	return (leads[(n-1)/2] + leads[n/2]) / 2, true // of two the mean: the longer one would flatter
}

// Testable says whether it could be told even once whether the rule holds.
func (r BacktestRule) Testable() bool {
	unknown := 0
	for _, n := range r.Unknown {
		unknown += n
	}
	return unknown < r.Judged
}

// look is what is read of one source at one moment.
type look struct {
	at     time.Time
	source string
	polls  []billwatch.Poll
	last   []billwatch.AccountKey // of these accounts nothing is known later
}

// looksOf merges the pasts, oldest first.
func looksOf(pasts []Past) []look {
	type key struct {
		at     int64
		source string
	}
	found := map[key]*look{}
	var steps []*look
	for _, past := range pasts {
		for i, poll := range past.Polls {
			k := key{poll.At.UnixNano(), past.Account.Source}
			s, ok := found[k]
			if !ok {
				s = &look{at: poll.At, source: past.Account.Source}
				found[k] = s
				steps = append(steps, s)
			}
			s.polls = append(s.polls, poll)
			if i == len(past.Polls)-1 {
				s.last = append(s.last, past.Account.Key())
			}
		}
	}
	slices.SortStableFunc(steps, func(a, b *look) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.source, b.source))
	})
	all := make([]look, len(steps))
	for i, s := range steps {
		all[i] = *s
	}
	return all
}

// pastEnds is why an alert ends of whose account nothing more is known; what is
// told of that is not counted.
const (
	pastEnds = "its history ends"
	week     = 7 * 24 * time.Hour
)

// RunBacktest plays the pasts through the plan.
func RunBacktest(ctx context.Context, c BacktestConfig) (Backtest, error) {
	steps := looksOf(c.Pasts)
	if len(steps) == 0 {
		return Backtest{}, ErrNoPast
	}
	b := Backtest{From: steps[0].at, To: steps[len(steps)-1].at, Accounts: len(c.Pasts), Messages: map[string]int{}}
	if c.Until.After(b.To) {
		b.To = c.Until
	}
	record := newRecorder(c.Plan)
	replay, err := NewReplay(ctx, ReplayConfig{
		Plan: c.Plan, Start: b.From, Judged: record.judged,
		Moved: record.moved,
		Told: func(n billwatch.Notification) {
			if record.told(n) {
				b.Messages[n.Receiver]++
			}
			if c.Told != nil {
				c.Told(n)
			}
		},
	})
	if err != nil {
		return Backtest{}, err
	}
	defer replay.Close()
	for i, s := range steps {
		if err := ctx.Err(); err != nil {
			return Backtest{}, err
		}
		if err := replay.Poll(ctx, s.source, s.at, s.polls); err != nil {
			return Backtest{}, err
		}
		for _, account := range s.last {
			if b.To.Sub(s.at) <= week {
				break // it ends with the others
			}
			if err := replay.Forget(ctx, account, pastEnds); err != nil {
				return Backtest{}, err
			}
		}
		if c.Progress != nil {
			c.Progress(i+1, len(steps))
		}
	}
	if err := replay.Until(ctx, b.To); err != nil {
		return Backtest{}, err
	}
	b.Rules = record.rules(b, c.Pasts)
	return b, nil
}
