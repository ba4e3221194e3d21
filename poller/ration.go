package poller

import (
	"fmt"
	"slices"
	"time"
)

// defaultStretch times the interval is how old a reading may get where the
// budget is short and MaxInterval is not given.
const defaultStretch = 6

// ration returns the tasks that the budget allows within an interval: first
// those that were not read for too long, then those near to trouble, then the
// oldest readings. All of them are in this order, so that a process that is
// killed again and again still gets to each.
func (r *round) ration(tasks []task) []task {
	now := r.Now()
	interval := r.Timing.interval(now)
	longest := r.MaxInterval
	if longest == 0 {
		longest = defaultStretch * interval
	}
	r.Source.mu.Lock()
	for i := range tasks {
		tasks[i].asked = r.attempts[tasks[i].row.Account.ID]
		if last := tasks[i].known.Last; last != nil && last.At.After(tasks[i].asked) {
			tasks[i].asked = last.At
		}
	}
	r.Source.mu.Unlock()
	rank := func(t task) int {
		switch {
		case now.Sub(t.asked) >= longest:
			return 0
		case t.known.Urgent:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(tasks, func(a, b task) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return a.asked.Compare(b.asked)
	})
	if r.Budget == nil || r.Budget.limit == 0 {
		return tasks
	}
	return tasks[:min(len(tasks), details(r.Budget.limit, interval))]
}

// details returns how many accounts perMinute requests allow to read within an
// interval beside the listing; at least one.
func details(perMinute int, interval time.Duration) int {
	return max(1, int(int64(perMinute)*int64(interval)/int64(minute))-1)
}

// Shortage says in words that perMinute requests do not allow to read every
// account each interval, and how often each is read instead; it is empty where
// they do. Zero is no limit.
func Shortage(accounts, perMinute int, interval time.Duration) string {
	if perMinute <= 0 || interval <= 0 || accounts <= details(perMinute, interval) {
		return ""
	}
	need := (int64(accounts+1)*int64(minute) + int64(interval) - 1) / int64(interval)
	each := details(perMinute, interval)
	rounds := (accounts + each - 1) / each
	return fmt.Sprintf("needs %d requests a minute, has %d: every account once in %s",
		need, perMinute, short(time.Duration(rounds)*interval))
}

// short prints a duration without its zero seconds.
func short(d time.Duration) string {
	d = d.Round(time.Second)
	switch h, m, s := d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second; {
	case s != 0:
		return d.String()
	case h == 0:
		return fmt.Sprintf("%dm", m)
	case m == 0:
		return fmt.Sprintf("%dh", h)
	default:
		return fmt.Sprintf("%dh%dm", h, m)
	}
}
