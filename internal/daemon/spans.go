package daemon

import (
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// recorder counts what rules said while a backtest runs.
type recorder struct {
	order []string // names of the rules
	found map[string]*BacktestRule
	spans map[billwatch.AlertKey][]Span
}

func newRecorder(p Plan) *recorder {
	r := &recorder{found: map[string]*BacktestRule{}, spans: map[billwatch.AlertKey][]Span{}}
	for _, info := range p.Rules.Rules() {
		if p.Rules.Watches(info.Name) {
			continue // a past has no blind spots
		}
		r.order = append(r.order, info.Name)
		r.found[info.Name] = &BacktestRule{Rule: info.Name, Unknown: map[string]int{}, Messages: map[string]int{}}
	}
	return r
}

func (r *recorder) judged(e billwatch.Evaluation) {
	rule, ok := r.found[e.Rule]
	if !ok {
		return
	}
	rule.Judged++
	if e.Outcome == billwatch.Unknown {
		rule.Unknown[inWords(e)]++
	}
}

// inWords is why an outcome is not known.
func inWords(e billwatch.Evaluation) string {
	if e.Detail == "" {
		return e.Reason
	}
	return e.Detail
}

// told counts a message for each rule that it is about, and says whether it is
// about any.
func (r *recorder) told(n billwatch.Notification) bool {
	var about []string
	for _, alert := range n.Alerts {
		name := alert.Key.Rule
		if rule, ok := r.found[name]; ok && !slices.Contains(about, name) && alert.Reason != pastEnds {
			about = append(about, name)
			rule.Messages[n.Receiver]++
		}
	}
	return len(about) > 0
}

// moved begins and ends the spans.
func (r *recorder) moved(t billwatch.Transition) {
	key := t.Alert.Key
	spans := r.spans[key]
	switch {
	case t.To == billwatch.Firing:
		r.spans[key] = append(spans, Span{From: t.At, Open: true})
	case t.From == billwatch.Firing && len(spans) > 0:
		spans[len(spans)-1].To, spans[len(spans)-1].Open = t.At, t.Reason == pastEnds
	}
}

// rules puts together what the rules did.
func (r *recorder) rules(b Backtest, pasts []Past) []BacktestRule {
	courses := make(map[billwatch.AccountKey]course, len(pasts))
	for _, past := range pasts {
		courses[past.Account.Key()] = courseOf(past)
	}
	all := make([]BacktestRule, 0, len(r.order))
	for _, name := range r.order {
		rule := *r.found[name]
		for _, past := range pasts {
			fired := r.spans[billwatch.AlertKey{Rule: name, Account: past.Account.Key()}]
			if len(fired) > 0 {
				rule.Accounts = append(rule.Accounts, courses[past.Account.Key()].account(past.Account, fired, b.To))
			}
		}
		all = append(all, rule)
	}
	return all
}

// moment is a balance at a time.
type moment struct {
	at      time.Time
	balance float64
	used    float64 // since the one before
	topUp   bool    // more was there than the use explains
}

// course is an account's balance over time.
type course []moment

// courseOf reads the balances of a past. Use is the provider's own where it
// tells, else the fall of the balance.
func courseOf(p Past) course {
	var c course
	for _, poll := range p.Polls {
		if poll.Snapshot == nil {
			continue
		}
		balance, known := poll.Snapshot.Balance.Get()
		if !known {
			continue
		}
		m := moment{at: poll.At, balance: balance.Float64()}
		if len(c) > 0 {
			before := c[len(c)-1].balance
			m.used = max(0, before-m.balance)
			for _, record := range poll.Records {
				m.used = record.Used.Float64()
			}
			m.topUp = m.balance > before-m.used && m.balance > before
		}
		c = append(c, m)
	}
	return c
}

// account puts spans beside what became of the balance.
func (c course) account(a billwatch.Account, spans []Span, end time.Time) BacktestAccount {
	out := BacktestAccount{Account: a, Spans: spans}
	for i := range spans {
		s := &out.Spans[i]
		if s.To.IsZero() {
			s.To = end
		}
		s.Empty, s.Real = c.empty(s.From)
		if i > 0 && !c.toppedUp(spans[i-1].From, s.From) {
			out.Flaps++
		}
	}
	return out
}

func (c course) toppedUp(from, to time.Time) bool {
	return slices.ContainsFunc(c, func(m moment) bool { return m.topUp && m.at.After(from) && !m.at.After(to) })
}

// empty returns when the balance of a moment was gone, or, where somebody
// topped it up or the past ends first, would have been at the burn that
// followed the moment. The zero time is never.
func (c course) empty(from time.Time) (at time.Time, really bool) {
	begin, found := slices.BinarySearchFunc(c, from, func(m moment, t time.Time) int { return m.at.Compare(t) })
	if !found {
		begin--
	}
	if begin < 0 {
		return time.Time{}, false
	}
	last, burnt, end := c[begin], 0.0, c[begin].at
	if last.balance <= 0 {
		return last.at, true
	}
	for _, m := range c[begin+1:] {
		burnt, end = burnt+m.used, m.at
		if m.topUp {
			break
		}
		if m.balance <= 0 {
			return within(last, m), true
		}
		last = m
	}
	if burnt <= 0 {
		return time.Time{}, false
	}
	const longest = 10 * 365 * 24 * time.Hour
	lasts := last.balance / burnt * float64(end.Sub(c[begin].at))
	return last.at.Add(time.Duration(min(lasts, float64(longest)))), false
}

// within returns when between two moments the balance went.
func within(before, after moment) time.Time {
	if after.used <= 0 || before.balance >= after.used {
		return after.at
	}
	share := before.balance / after.used
	return before.at.Add(time.Duration(share * float64(after.at.Sub(before.at))))
}
