package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	feedEvery = time.Minute      // how often what stands is said again
	feedRest  = time.Second      // between two rounds, however much changes
	feedEnded = 15 * time.Minute // how long an alert that is over is said to be
	feedPage  = 1000             // alerts that are read, and posted, together
)

// LongestPush is how long one round of a feed may take, whatever its integration
// would allow: the next one comes each minute.
const LongestPush = 50 * time.Second

// Feed is a place that is not told of changes but kept up to date on what fires,
// such as an Alertmanager: it judges for itself what is new.
type Feed interface {
	// Name tells the feed from the others of its integration; it holds no secret.
	Name() string
	// Push says how alerts stand, and keeps none of them. An error that is
	// permanent is about these alerts only.
	Push(ctx context.Context, s Standing) error
}

// Standing is how some alerts stand at a moment: at most a thousand of them,
// firing or resolved.
type Standing struct {
	Alerts      []billwatch.Alert
	At          time.Time
	ExternalURL string // of the pages; empty where there are none
}

// Fed is a notifier that stands for feeds. No notification of a group goes
// through it; what Notify sends are tests.
type Fed interface {
	Notifier
	Feeds() []Feed
}

// FeedStore is where feeders read how alerts stand.
type FeedStore interface {
	// Firing returns alerts that fire, by key, at most limit behind after.
	Firing(ctx context.Context, after billwatch.AlertKey, limit int) ([]billwatch.Alert, error)
	// Ended returns moves by which alerts resolved since a moment, by time and
	// key, at most limit; of those at that very moment the ones behind after.
	Ended(ctx context.Context, since time.Time, after billwatch.AlertKey, limit int) ([]billwatch.Transition, error)
}

// FeederConfig is what a Feeder is made from.
type FeederConfig struct {
	Store       FeedStore
	Router      *Router
	Fallback    string           // the receiver that is told when another one is down; may be empty
	ExternalURL string           // of the pages; empty where there are none
	Now         func() time.Time // the time that alerts go by
	Speed       float64          // how fast that time runs; 1 where zero
	Log         *slog.Logger
	Pushed      func(Pushed) // told of each round of each feed, by several goroutines; may be nil
}

// Pushed is how a round of one feed ended.
type Pushed struct {
	Integration string
	Feed        string
	At          time.Time
	Alerts      int   // that were taken
	Err         error // nil where all of them were
}

// Feeder keeps feeds up to date: each minute, and when something changed, the
// alerts that route to a feed's receiver go there, and so do for a while those
// that are over. Nothing of it is stored, and silences, inhibition and mute
// times are the feed's own business. Any number of replicas may do so at once,
// since a feed takes the same alert twice for one.
type Feeder struct {
	c     FeederConfig
	feeds []*feeding
}

// NewFeeder returns a feeder for the router's feeds; it may have none.
func NewFeeder(c FeederConfig) *Feeder {
	if c.Speed <= 0 {
		c.Speed = 1
	}
	f := &Feeder{c: c}
	for _, in := range c.Router.Integrations() {
		fed, ok := in.Notifier.(Fed)
		if !ok {
			continue
		}
		for _, feed := range fed.Feeds() {
			f.feeds = append(f.feeds, &feeding{
				c: &f.c, in: in, feed: feed, knocks: make(chan struct{}, 1),
				log: c.Log.With("receiver", in.Receiver, "integration", in.Name, "feed", feed.Name()),
			})
		}
	}
	return f
}

// Run keeps the feeds up to date until ctx is done. A round in hand is dropped
// then: what it would have said is said after the next start, or by another
// replica.
func (f *Feeder) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, feed := range f.feeds {
		wg.Go(func() { feed.run(ctx) })
	}
	<-ctx.Done()
	wg.Wait()
	return nil
}

// Once makes one round of each feed.
func (f *Feeder) Once(ctx context.Context) error {
	errs := make([]error, len(f.feeds))
	var wg sync.WaitGroup
	for i, feed := range f.feeds {
		wg.Go(func() { errs[i] = feed.round(ctx) })
	}
	wg.Wait()
	return together(errs)
}

// Knock says that alerts have moved; it never waits.
func (f *Feeder) Knock() {
	for _, feed := range f.feeds {
		select {
		case feed.knocks <- struct{}{}:
		default:
		}
	}
}
