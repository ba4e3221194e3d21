package daemon

import (
	"sync"
	"time"

	"github.com/billwatch/billwatch"
)

// lookedLate is by how much a look may be late before this process must have
// been stopped, or held up: a container that was frozen, a machine that slept.
const lookedLate = 10 * time.Second

// attention is since when this process has looked at each source without such a
// pause. The zero attention is ready.
type attention struct {
	mu      sync.Mutex
	sources map[string]attended
}

type attended struct {
	since  time.Time // the process began, or was back
	last   time.Time
	paused bool
}

// look notes that a source is looked at, after longest at the latest.
func (a *attention) look(source string, now time.Time, longest time.Duration) attended {
	a.mu.Lock()
	defer a.mu.Unlock()
	was, known := a.sources[source]
	switch {
	case !known:
		was.since = now
	case now.Sub(was.last) > longest+lookedLate:
		was.since, was.paused = now, true
	case was.since.After(now): // the clock was set back
		was.since = now
	}
	was.last = now
	if a.sources == nil {
		a.sources = map[string]attended{}
	}
	a.sources[source] = was
	return was
}

// fair returns the sight as far as it says something against the source. What
// is overdue to a process that did not look, or that was given another interval,
// may just be due, unless polls are known to fail.
func (a attended) fair(sight billwatch.SourceSight) billwatch.SourceSight {
	if a.paused || !sight.Down && sight.Failing.IsZero() && sight.Polling.IsZero() {
		sight.Since = latest(sight.Since, a.since)
	}
	return sight
}

// visit is fair where a process comes by now and then, each time to poll: it
// takes more than one failure.
func visit(sight billwatch.SourceSight) billwatch.SourceSight {
	sight.Since = latest(sight.Since, sight.Failing)
	return sight
}
