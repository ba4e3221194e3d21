package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// feeding keeps one feed up to date. Each has a goroutine of its own, so that
// one that hangs holds up nobody else.
type feeding struct {
	c      *FeederConfig
	in     Integration
	feed   Feed
	log    *slog.Logger
	knocks chan struct{}
	failed bool // the last round did, and that was logged
}

func (f *feeding) run(ctx context.Context) {
	every := max(time.Duration(float64(feedEvery)/f.c.Speed), feedRest)
	for ctx.Err() == nil {
		began := time.Now()
		err := f.round(ctx)
		if ctx.Err() != nil {
			return
		}
		f.say(err)
		pause(ctx, feedRest, nil)
		pause(ctx, every-time.Since(began), f.knocks)
	}
}

// pause waits a while, or until somebody knocks.
func pause(ctx context.Context, wait time.Duration, knocks <-chan struct{}) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-knocks:
	}
}

// say logs the first failure and the end of the trouble.
func (f *feeding) say(err error) {
	switch {
	case err == nil && f.failed:
		f.log.Info("alerts are pushed again")
	case err != nil && !f.failed:
		f.log.Warn("alerts cannot be pushed", "err", err)
	case err != nil:
		f.log.Debug("alerts cannot be pushed", "err", err)
	}
	f.failed = err != nil
}

// round says once how the alerts stand that route here.
func (f *feeding) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, LongestPush)
	defer cancel()
	r := &round{feeding: f, stands: map[string]bool{}}
	err := r.firing(ctx)
	if err == nil && f.in.SendResolved {
		err = r.ended(ctx)
	}
	if err == nil {
		err = r.post(ctx)
	}
	err = errors.Join(together(r.refused), err)
	if err != nil {
		err = errors.New(Redact(err.Error()))
	}
	if f.c.Pushed != nil {
		f.c.Pushed(Pushed{Integration: f.in.Name, Feed: f.feed.Name(), At: f.c.Now(), Alerts: r.taken, Err: err})
	}
	return err
}

// round gathers alerts into full batches.
type round struct {
	*feeding
	stands  map[string]bool // fingerprints of what fires
	batch   []billwatch.Alert
	taken   int
	refused []error // each about some alerts only
}

// firing says what fires.
func (r *round) firing(ctx context.Context) error {
	var after billwatch.AlertKey
	for {
		page, err := r.c.Store.Firing(ctx, after, feedPage)
		if err != nil {
			return err
		}
		for _, a := range page {
			r.stands[a.Fingerprint] = true
			if err := r.add(ctx, a); err != nil {
				return err
			}
		}
		if len(page) < feedPage {
			return nil
		}
		after = page[len(page)-1].Key
	}
}

// ended says what is over, in the order of its ending. What fires again is not:
// to say so after it was said to fire would end it there.
func (r *round) ended(ctx context.Context) error {
	from, after := r.c.Now().Add(-feedEnded), billwatch.AlertKey{}
	for {
		page, err := r.c.Store.Ended(ctx, from, after, feedPage)
		if err != nil {
			return err
		}
		for _, move := range page {
			if r.stands[move.Alert.Fingerprint] {
				continue
			}
			if err := r.add(ctx, move.Alert); err != nil {
				return err
			}
		}
		if len(page) < feedPage {
			return nil
		}
		from, after = page[len(page)-1].At, page[len(page)-1].Alert.Key
	}
}

// feeds says whether an alert goes to the feeds of a receiver.
func (r *Router) feeds(a billwatch.Alert, receiver, fallback string) bool {
	if a.Key.Rule == billwatch.RuleReceiverDown && receiver == fallback {
		return true
	}
	return slices.Contains(r.Match(a.Labels), receiver)
}

// add adds an alert to the batch, and posts it when it is full.
func (r *round) add(ctx context.Context, a billwatch.Alert) error {
	if !r.c.Router.feeds(a, r.in.Receiver, r.c.Fallback) {
		return nil
	}
	r.batch = append(r.batch, a)
	if len(r.batch) < feedPage {
		return nil
	}
	return r.post(ctx)
}

// post hands the batch over. Alerts that are refused for good do not keep back
// the others; any other failure ends the round, and the next says it all again.
func (r *round) post(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	err := r.push(ctx)
	if err == nil {
		r.taken += len(r.batch)
	}
	r.batch = r.batch[:0]
	if IsPermanent(err) {
		r.refused = append(r.refused, err)
		return nil
	}
	return err
}

// push lets a feed that panics fail its round, and not the process.
func (r *round) push(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the feed broke: %v", p)
		}
	}()
	return r.feed.Push(ctx, Standing{Alerts: r.batch, At: r.c.Now(), ExternalURL: r.c.ExternalURL})
}

// together is errors.Join of the first few of many.
func together(errs []error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	const most = 3
	if more := len(errs) - most; more > 0 {
		errs = append(errs[:most], fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}
