package crash

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// breach is a promise that was not kept, as the records show it.
type breach struct {
	what string // which promise: one of few, to be counted by
	text string
}

// The promises, by the names that breaches have.
const (
	lost        = "lost"                  // what should have been told was not
	twice       = "told twice"            // the same news under two ids
	again       = "delivered again"       // one id, without a reason that is allowed
	otherBytes  = "other bytes"           // one id, two contents
	atOnce      = "sent by two at once"   // two attempts of one id overlap
	outOfOrder  = "out of order"          // an older message of a group after a newer
	groundless  = "groundless"            // it rests on no answer that the source gave whole
	wrong       = "wrong"                 // the answer that it rests on says otherwise
	tooSoon     = "too soon"              // before for, keep_firing_for, an interval or a repeat was over
	impatient   = "Retry-After forgotten" // asked again before it was allowed to
	byTwo       = "polled by two"         // more polls of a source than its slots allow, or two at once
	unspeakable = "unreadable"            // no message at all, or about something else
)

// The times that a judge allows for: that a mark takes, and that clocks and a busy
// machine need.
const (
	markTime = 250 * time.Millisecond // what is promised, of a machine that is free; see markedBy
	slack    = 300 * time.Millisecond
	inFlight = 700 * time.Millisecond // after a Retry-After: what was on its way when it came
)

// habits is how often a sink may be told of a group.
type habits struct {
	interval time.Duration
	repeat   time.Duration
	timeout  time.Duration // of an attempt
}

// judge reads the records and says which promises they break. It knows nothing
// but them: neither the watcher nor its state.
type judge struct {
	records
	habits   map[string]habits
	byNumber map[int64]answer
	breaches []breach
}

// review returns the breaches in the records.
func review(r records, h map[string]habits) []breach {
	j := &judge{records: r, habits: h, byNumber: map[int64]answer{}}
	for _, a := range r.answers {
		j.byNumber[a.balance] = a
	}
	for sink := range h {
		attempts := r.at(sink)
		j.ids(attempts)
		j.order(attempts)
		j.pauses(attempts)
		j.grounds(attempts)
		j.news(sink, attempts)
		if r.settled {
			j.unfinished(attempts)
			j.ending(sink, attempts)
		}
	}
	j.sourcePauses()
	j.polls()
	return j.breaches
}

// at returns the attempts at a sink.
func (r *records) at(sink string) []attempt {
	return slices.DeleteFunc(slices.Clone(r.attempts), func(a attempt) bool { return a.sink != sink })
}

// owes says whether an attempt is without its end.
func (l *ledger) owes() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := &judge{}
	for sink := range manners {
		j.unfinished(l.at(sink))
	}
	return len(j.breaches) > 0
}

func (j *judge) breach(what, format string, args ...any) {
	j.breaches = append(j.breaches, breach{what, fmt.Sprintf(format, args...)})
}

// killed says whether the watcher was killed between two moments. Time in which
// the database was away does not count: nothing can be marked then.
func (j *judge) killed(from, to time.Time) bool {
	for _, o := range j.outages {
		if o.from.Before(to) && o.to.After(from) {
			to = to.Add(o.to.Sub(o.from) + time.Second)
		}
	}
	return slices.ContainsFunc(j.kills, func(at time.Time) bool { return !at.Before(from.Add(-slack)) && !at.After(to) })
}

// killedSoon says whether the watcher was killed before it can have stored what
// it was answered, however slow the machine is.
func (j *judge) killedSoon(came, done time.Time) bool {
	return slices.ContainsFunc(j.kills, func(at time.Time) bool {
		return at.After(came.Add(-slack)) && at.Before(j.markedBy(done))
	})
}

// markedBy says when something must have been stored: once its time is over, and
// as much more as the probe of the machine, which sleeps and writes as a mark
// does, took longer meanwhile than it should have.
func (j *judge) markedBy(done time.Time) time.Time {
	end := done.Add(markTime)
	first, _ := slices.BinarySearchFunc(j.late, done, func(s span, t time.Time) int { return s.to.Compare(t) })
	for _, s := range j.late[first:] {
		if !s.from.Before(end) {
			break
		}
		end = end.Add(s.to.Sub(s.from))
	}
	return end
}

// lateness is how much of the time between two moments the machine stood still.
func (j *judge) lateness(from, to time.Time) time.Duration {
	var sum time.Duration
	for _, s := range j.late {
		if s.from.Before(to) && s.to.After(from) {
			sum += s.to.Sub(s.from)
		}
	}
	return sum
}

func (j *judge) outage(from, to time.Time) bool {
	return slices.ContainsFunc(j.outages, func(o span) bool { return o.from.Before(to) && o.to.After(from) })
}

// ids looks at what one id may do: come again only where the first answer may
// have got lost, always with the same bytes, and never beside itself.
func (j *judge) ids(attempts []attempt) {
	before := map[string][]attempt{}
	for _, a := range attempts {
		if a.fate == broken {
			continue
		}
		for _, b := range before[a.id] {
			if b.body != a.body {
				j.breach(otherBytes, "%s got %s with other bytes:\n%s\n%s", a.sink, a.id, b.body, a.body)
			}
			if a.came.Before(b.done.Add(-slack)) && !j.killed(b.came, a.came) && a.came.Before(b.done.Add(-slack-j.lateness(a.came, b.done))) {
				j.breach(atOnce, "%s got %s at %s while the attempt of %s lasted", a.sink, a.id, clock(a.came), clock(b.came))
			}
			if b.fate == accepted && !j.mayHaveMissed(b) {
				j.breach(again, "%s got %s again at %s, and had accepted it at %s", a.sink, a.id, clock(a.came), clock(b.done))
			}
		}
		before[a.id] = append(before[a.id], a)
	}
}

// mayHaveMissed says whether the sender may not know that it was accepted.
func (j *judge) mayHaveMissed(a attempt) bool {
	return j.killed(a.came, j.markedBy(a.done)) || a.done.Sub(a.came) > j.habits[a.sink].timeout*3/4
}

// order wants the messages of a group in the order in which they were made.
func (j *judge) order(attempts []attempt) {
	newest := map[string]attempt{}
	for _, a := range attempts {
		if a.fate == broken {
			continue
		}
		if n, found := newest[a.told.group]; found && a.told.sentAt.Before(n.told.sentAt) {
			j.breach(outOfOrder, "%s got %s of %s at %s, after the newer %s", a.sink, a.id, a.told.group, clock(a.came), n.id)
			continue
		}
		newest[a.told.group] = a
	}
}

// pauses wants a receiver that asked to be left alone left alone.
func (j *judge) pauses(attempts []attempt) {
	for i, a := range attempts {
		if a.fate != throttled || j.killedSoon(a.came, a.done) || j.outage(a.came, a.done.Add(a.pause)) {
			continue
		}
		for _, b := range attempts[i+1:] {
			if b.came.After(a.done.Add(inFlight)) && b.came.Before(a.done.Add(a.pause-100*time.Millisecond)) {
				j.breach(impatient, "%s asked at %s to be left alone for %s and got something at %s", a.sink, clock(a.done), a.pause, clock(b.came))
				break
			}
		}
	}
}

// sourcePauses wants the same for sources.
func (j *judge) sourcePauses() {
	for i, a := range j.askings {
		if a.pause == 0 || j.killedSoon(a.at, a.done) || j.outage(a.at, a.done.Add(a.pause)) {
			continue
		}
		for _, b := range j.askings[i+1:] {
			if b.source == a.source && b.at.After(a.done.Add(inFlight)) && b.at.Before(a.done.Add(a.pause-100*time.Millisecond)) {
				j.breach(impatient, "source %s asked at %s to be left alone for %s and was asked at %s", a.source, clock(a.done), a.pause, clock(b.at))
				break
			}
		}
	}
}

// grounds wants each message to rest on what a source said whole.
func (j *judge) grounds(attempts []attempt) {
	looked := map[string]bool{}
	for _, a := range attempts {
		if a.fate == broken || looked[a.id] {
			continue
		}
		looked[a.id] = true
		if a.id == "" || len(a.told.news) == 0 {
			j.breach(unspeakable, "%s got id %q: %s", a.sink, a.id, a.told.reason)
		}
		for _, n := range a.told.news {
			j.ground(a, n)
		}
	}
}

func (j *judge) ground(a attempt, n news) {
	condition, known := holds[n.rule]
	said, found := j.byNumber[n.balance]
	switch {
	case !known:
		j.breach(unspeakable, "%s was told of %s, which is no rule", a.sink, n.rule)
		return
	case !found || said.account != n.account || said.at.After(a.came):
		j.breach(groundless, "%s: %s of %s is %s by a balance of %d, which its source never said before", a.sink, n.rule, n.account, n.status, n.balance)
		return
	case !said.whole:
		j.breach(groundless, "%s: %s of %s is %s by a balance of %d, which came in an answer that failed", a.sink, n.rule, n.account, n.status, n.balance)
		return
	}
	firing := n.status == "firing"
	if condition(n.balance) != firing && (!firing || n.rule != "Sticky") {
		j.breach(wrong, "%s: %s of %s is told as %s by a balance of %d", a.sink, n.rule, n.account, n.status, n.balance)
	}
	if !firing && n.ends.Before(n.starts) {
		j.breach(wrong, "%s: %s of %s ends before it starts", a.sink, n.rule, n.account)
	}
	if !steady[n.account] {
		return
	}
	if began := j.since(n.account, n.starts, condition, true); n.rule == "Held" && n.starts.Before(began.Add(heldFor-slack)) {
		j.breach(tooSoon, "%s: %s of %s fired at %s, low since %s", a.sink, n.rule, n.account, clock(n.starts), clock(began))
	}
	if ended := j.since(n.account, n.ends, condition, false); !firing && n.rule == "Sticky" && n.ends.Before(ended.Add(stickyFor-slack)) {
		j.breach(tooSoon, "%s: %s of %s resolved at %s, fine since %s", a.sink, n.rule, n.account, clock(n.ends), clock(ended))
	}
}

// since returns when a condition last became what it is, seen from a moment.
func (j *judge) since(account string, at time.Time, condition func(int64) bool, is bool) time.Time {
	var began time.Time
	was := false
	for _, f := range j.flips {
		if f.account != account || f.at.After(at) {
			continue
		}
		now := condition(zoneFloor[f.to])
		if now != was && now == is {
			began = f.at
		}
		was = now
	}
	return began
}

// news follows what a sink was told, message by message: each brings something
// new, or is a repeat at its time; nothing comes twice, nothing after its end.
func (j *judge) news(sink string, attempts []attempt) {
	told := map[alert]standing{}
	last := map[string]attempt{} // of a group
	for _, a := range firsts(attempts) {
		fresh := 0
		for _, n := range a.told.news {
			if j.isNew(a, n, told) {
				fresh++
			}
		}
		before, found := last[a.told.group]
		last[a.told.group] = a
		h := j.habits[sink]
		switch between := a.told.sentAt.Sub(before.told.sentAt); {
		case fresh == 0 && a.told.reason != "repeat":
			j.breach(twice, "%s: %s (%s) says nothing that was not said before", sink, a.id, a.told.reason)
		case !found || over(before.told):
		case a.told.reason == "repeat" && between < h.repeat-slack:
			j.breach(tooSoon, "%s: %s repeats after %s", sink, a.id, between)
		case between < h.interval-slack:
			j.breach(tooSoon, "%s: %s (%s) comes %s after the last message of its group", sink, a.id, a.told.reason, between)
		}
	}
}

// firsts returns the attempts by which messages were first accepted.
func firsts(attempts []attempt) []attempt {
	var first []attempt
	seen := map[string]bool{}
	for _, a := range attempts {
		if a.fate == accepted && !seen[a.id] {
			seen[a.id] = true
			first = append(first, a)
		}
	}
	return first
}

// isNew says whether a message's alert was not told so before, and notes it.
func (j *judge) isNew(a attempt, n news, told map[alert]standing) bool {
	was := told[n.alert()]
	told[n.alert()] = standing{n.status, n.starts}
	switch {
	case n.starts.Before(was.starts):
		j.breach(outOfOrder, "%s: %s tells of %s of %s since %s, and the one since %s was told before",
			a.sink, a.id, n.rule, n.account, clock(n.starts), clock(was.starts))
	case was.status == "resolved" && n.starts.Equal(was.starts):
		j.breach(twice, "%s: %s tells %s of %s as %s, which was told as resolved", a.sink, a.id, n.rule, n.account, n.status)
		return false
	case n.starts.Equal(was.starts) && n.status == was.status:
		return false
	}
	return true
}

// over says whether a message ended its group.
func over(m message) bool {
	return !slices.ContainsFunc(m.news, func(n news) bool { return n.status == "firing" })
}

// unfinished wants each id that was begun to come through, unless a newer
// message took its place; and that never where it may have been taken.
func (j *judge) unfinished(attempts []attempt) {
	came := map[string]bool{}
	newest := map[string]time.Time{}
	for _, a := range attempts {
		if a.fate == accepted {
			came[a.id] = true
			if a.told.sentAt.After(newest[a.told.group]) {
				newest[a.told.group] = a.told.sentAt
			}
		}
	}
	for _, a := range attempts {
		switch {
		case a.fate == broken || came[a.id]:
		case a.fate == unanswered:
			j.breach(lost, "%s took %s and did not say so; nobody asked again", a.sink, a.id)
		case !newest[a.told.group].After(a.told.sentAt):
			j.breach(lost, "%s: %s was tried and never came, nor anything newer of %s", a.sink, a.id, a.told.group)
		}
	}
}

// ending compares what a sink was told with what the accounts did: in the end it
// knows what is so, and of the steady ones it was told each step.
func (j *judge) ending(sink string, attempts []attempt) {
	steps := map[alert]string{} // "F" and "R", in order
	told := map[alert]standing{}
	for _, a := range firsts(attempts) {
		for _, n := range a.told.news {
			was := told[n.alert()]
			told[n.alert()] = standing{n.status, n.starts}
			switch {
			case was.status == n.status && was.starts.Equal(n.starts):
			case n.status == "firing":
				steps[n.alert()] += "F"
			case was.starts.Equal(n.starts):
				steps[n.alert()] += "R"
			default: // nobody was told that it fires
				steps[n.alert()] += "r"
			}
		}
	}
	for _, account := range accounts {
		for rule, condition := range holds {
			about := alert{rule, account}
			want, is := j.steps(account, condition)
			if (told[about].status == "firing") != is {
				j.breach(lost, "%s: %s of %s was last told as %q; it holds: %t", sink, rule, account, told[about].status, is)
			}
			if got := steps[about]; steady[account] && got != want {
				what := twice
				if len(got) < len(want) || strings.Count(got, "F") < strings.Count(want, "F") {
					what = lost
				}
				j.breach(what, "%s: %s of %s was told %q, and did %q", sink, rule, account, got, want)
			}
		}
	}
}

// steps returns how a condition went over an account's flips, and how it ended.
func (j *judge) steps(account string, condition func(int64) bool) (steps string, is bool) {
	for _, f := range j.flips {
		now := condition(zoneFloor[f.to])
		if f.account != account || now == is {
			continue
		}
		is = now
		steps += map[bool]string{true: "F", false: "R"}[now]
	}
	return steps, is
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
