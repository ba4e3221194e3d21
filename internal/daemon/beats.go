package daemon

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/billwatch/billwatch/poller"
)

// beats knocks for the sources in force, for each by a scheduler of its own:
// one can be changed or removed while the others go on, in mid-poll even.
type beats struct {
	plans   *plans
	clock   *Clock
	log     *slog.Logger
	knock   func(ctx context.Context, source *poller.Source)
	release func(ctx context.Context, source string) // gives up the source's lease

	running map[string]*beat
	ended   sync.WaitGroup
}

// beat is one source on its schedule.
type beat struct {
	source *poller.Source
	stop   context.CancelFunc
	told   bool          // to stop
	over   chan struct{} // closed once the last knock has ended
}

// run knocks until ctx ends, and returns when the last knock has ended.
func (b *beats) run(ctx context.Context) error {
	b.running = map[string]*beat{}
	defer b.ended.Wait()
	for {
		now, changed := b.plans.watch()
		b.adopt(ctx, now)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// adopt stops what is no longer to be polled and starts what is. A source that
// was changed begins when the last knock of what it was has ended: two at a
// time would spend its budget twice.
func (b *beats) adopt(ctx context.Context, now *inForce) {
	for _, one := range b.running {
		if !now.polls(one.source) {
			one.told = true
			one.stop()
		}
	}
	for _, source := range now.sources() {
		before := b.running[source.Name]
		if before != nil && before.source == source && !before.told {
			continue
		}
		b.start(ctx, source, before)
	}
}

func (b *beats) start(ctx context.Context, source *poller.Source, before *beat) {
	own, stop := context.WithCancel(ctx)
	one := &beat{source: source, stop: stop, over: make(chan struct{})}
	b.running[source.Name] = one
	b.ended.Go(func() {
		defer stop()
		defer close(one.over)
		if before != nil {
			<-before.over
		}
		b.keep(own, source)
		if ctx.Err() == nil { // whoever polls it next need not wait for the next slot
			b.release(ctx, source.Name)
		}
		if provider, ok := source.Provider.(io.Closer); ok && !b.plans.get().keeps(source) {
			_ = provider.Close() // it has no more to say
		}
	})
}

func (b *beats) keep(ctx context.Context, source *poller.Source) {
	if ctx.Err() != nil { // it was changed again before it began
		return
	}
	scheduler := &poller.Scheduler{Sources: []*poller.Source{source}, Knock: b.knock, Now: b.clock.Now, Speed: b.clock.pace, Log: b.log}
	if err := scheduler.Run(ctx); err != nil {
		b.log.Error("source is not polled as it should be", "source", source.Name, "err", err)
	}
}
