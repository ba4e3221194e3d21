package daemon

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/poller"
)

// Fresh is a configuration that was read while the service runs. Where it does
// not check out it has its inputs only.
type Fresh struct {
	Plan   Plan
	State  string
	Listen string
	LogAs  config.Log
	Inputs config.Inputs
}

// reload is what is known of reading the configuration again.
type reload struct {
	one sync.Mutex // held while it is read

	mu       sync.Mutex
	inputs   config.Inputs
	sum      string // of the inputs, when they were last read
	problems error  // of the last reading
	at       time.Time
}

// fileChanged is why a configuration is read that nobody asked to be read.
const fileChanged = "a file changed"

// errFixed says that a configuration cannot be read again.
var errFixed = errors.New("this service does not read its configuration again")

// Reload reads the configuration again and works by it from now on. One that
// does not check out changes nothing, and is returned as the error: Problems
// where they have a place. Why is what asked for it, for the log.
func (d *Daemon) Reload(why string) error {
	if d.Load == nil {
		return errFixed
	}
	d.reload.one.Lock()
	defer d.reload.one.Unlock()
	fresh, sum, err := d.read()
	d.reload.noted(fresh.Inputs, sum, err)
	d.metrics.Reloaded(err, time.Now())
	if err != nil {
		d.refused(why, err)
		return err
	}
	d.warnFixed(fresh)
	before := d.plan()
	d.hold(fresh.Plan)
	d.plans.adopt(fresh.Plan)
	if why != fileChanged || fresh.Plan.Hash != before.Hash {
		d.take.ask()
	}
	for _, source := range before.Sources {
		if !slices.ContainsFunc(fresh.Plan.Sources, func(s *poller.Source) bool { return s.Name == source.Name }) {
			d.metrics.SourceRemoved(source.Name)
		}
	}
	d.Log.Info("configuration loaded", "why", why, "hash", fresh.Plan.Hash)
	return nil
}

// read reads the configuration, and returns the sum of what it read. The sum is
// made before the reading, so that a change in between is found later; where the
// reading rests on other files than were summed, it is made once more.
func (d *Daemon) read() (Fresh, string, error) {
	inputs := d.inputs()
	for again := true; ; again = false {
		sum := inputs.Sum()
		fresh, err := d.Load()
		if !again || inputs.Equal(fresh.Inputs) {
			return fresh, sum, err
		}
		inputs = fresh.Inputs
	}
}

// refused logs why a configuration is not followed, each of its problems.
func (d *Daemon) refused(why string, err error) {
	var problems billwatch.Problems
	if !errors.As(err, &problems) {
		d.Log.Error("configuration refused, the old one stays", "why", why, "err", err)
		return
	}
	d.Log.Error("configuration refused, the old one stays", "why", why, "errors", problems.Errors())
	for _, p := range problems {
		if p.Severity == billwatch.SeverityError {
			d.Log.Error("problem in the configuration", "file", p.File, "line", p.Line, "column", p.Column, "message", p.Message, "hint", p.Hint)
		}
	}
}

// warnFixed says what of the new configuration a running process cannot follow.
func (d *Daemon) warnFixed(fresh Fresh) {
	for _, key := range []struct {
		name    string
		changed bool
	}{
		{"state", d.State != fresh.State},
		{"listen", d.Listen != fresh.Listen},
		{"log", d.LogAs != fresh.LogAs},
	} {
		if key.changed { // the values are not printed: one may hold a password
			d.Log.Warn("cannot change while the service runs: the old value stays until it is started again", "key", key.name)
		}
	}
}

func (d *Daemon) inputs() config.Inputs {
	d.reload.mu.Lock()
	defer d.reload.mu.Unlock()
	return d.reload.inputs
}

func (r *reload) noted(inputs config.Inputs, sum string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inputs, r.sum, r.problems, r.at = inputs, sum, err, time.Now()
}
