package crash

import (
	"slices"
	"time"
)

// The times of a poll, as the configuration has them.
const (
	interval = time.Second
	overlap  = 150 * time.Millisecond // that an answer and the note of its end may be apart
)

// polls wants a source polled by one replica at a time, and no more often than
// its slots allow, however many replicas there are.
func (j *judge) polls() {
	for _, source := range []string{"wells", "pumps"} {
		asked := slices.DeleteFunc(slices.Clone(j.askings), func(a asking) bool { return a.source != source })
		slices.SortStableFunc(asked, func(a, b asking) int { return a.at.Compare(b.at) })
		j.rounds(source, asked)
		j.slots(source, slices.DeleteFunc(asked, func(a asking) bool { return !a.listing }))
	}
}

// rounds wants no round to begin while a request of another is on its way, unless
// whoever made that was killed since.
func (j *judge) rounds(source string, asked []asking) {
	for i, a := range asked {
		for _, b := range asked[max(0, i-20):i] { // one round has four requests
			if a.listing && b.done.Sub(a.at) > overlap+j.lateness(a.at, b.done) && !j.killed(b.at, a.at) {
				j.breach(byTwo, "%s was asked for its listing at %s, while a request of %s lasted until %s", source, clock(a.at), clock(b.at), clock(b.done))
			}
		}
	}
}

// slots counts the listings within some seconds. There is one for each slot that
// begins, and one for the slot before; where a process was killed, one more, and
// where a connection broke, one that was sent again.
func (j *judge) slots(source string, listings []asking) {
	for first := range listings {
		more := 1
		for last := first + 1; last < min(first+12, len(listings)); last++ {
			from, to := listings[first].at, listings[last].at
			if listings[last-1].broken {
				more++
			}
			n, most := last-first+1, int((to.Sub(from)+j.lateness(from, to))/interval)+1+j.deaths(from, to)+more
			if n > most {
				j.breach(byTwo, "%s was asked for its listing %d times from %s to %s", source, n, clock(from), clock(to))
				return
			}
		}
	}
}

// deaths counts the kills about a span.
func (j *judge) deaths(from, to time.Time) int {
	n := 0
	for _, at := range j.kills {
		if at.After(from.Add(-interval)) && !at.After(to) {
			n++
		}
	}
	return n
}
