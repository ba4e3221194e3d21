package daemon

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/billwatch/billwatch/internal/config"
)

const (
	// settleTime is how long files must have been left alone before they are
	// read: editors and ConfigMaps change several at a time.
	settleTime = 250 * time.Millisecond
	// compareSlowly is how often files are compared where the system tells of
	// changes: on some mounts it does not tell of all.
	compareSlowly = 30 * time.Second
	// compareOften is how often where it does not.
	compareOften = 3 * time.Second
)

// watchInputs reads the configuration again when one of its files has changed,
// until ctx ends. What counts is what the files hold, not that they were touched.
func (d *Daemon) watchInputs(ctx context.Context) error {
	if d.Load == nil {
		<-ctx.Done()
		return nil
	}
	var f folders
	defer f.close()
	touched := time.NewTimer(0)
	defer touched.Stop()
	compare := time.NewTimer(0)
	defer compare.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.events():
			touched.Reset(settleTime)
			continue
		case <-f.errors(): //nolint:errcheck // what was lost is found by comparing
			touched.Reset(settleTime)
			continue
		case <-touched.C:
		case <-compare.C:
		}
		if sum, known := d.inputs().Sum(), d.reload.known(); sum != known {
			_ = d.Reload(fileChanged) // it says so itself
		}
		compare.Reset(f.watch(d.inputs()))
	}
}

// known returns the sum of the inputs that were read last.
func (r *reload) known() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sum
}

// folders tells of changes in folders. Files themselves are not watched: one
// that is replaced would be lost with the old one. The zero folders is ready.
type folders struct {
	watcher *fsnotify.Watcher
	watched map[string]bool
}

// events tells that something changed; never where the system cannot tell.
func (f *folders) events() <-chan fsnotify.Event {
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Events
}

func (f *folders) errors() <-chan error {
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Errors
}

// watch watches the folders of the inputs, and no others any more. It returns
// after how long to compare what the files hold.
func (f *folders) watch(inputs config.Inputs) time.Duration {
	if f.watcher == nil {
		watcher, err := fsnotify.NewBufferedWatcher(256) // it is asked for between two readings
		if err != nil {
			return compareOften
		}
		f.watcher, f.watched = watcher, map[string]bool{}
	}
	wanted, all := inputs.Folders(), true
	for _, folder := range wanted {
		// One that was removed and made again must be watched again, too.
		if err := f.watcher.Add(folder); err != nil {
			all = false
			continue
		}
		f.watched[folder] = true
	}
	for folder := range maps.Clone(f.watched) {
		if !slices.Contains(wanted, folder) {
			_ = f.watcher.Remove(folder) // it may be gone
			delete(f.watched, folder)
		}
	}
	if !all {
		return compareOften
	}
	return compareSlowly
}

func (f *folders) close() {
	if f.watcher != nil {
		_ = f.watcher.Close()
	}
}
