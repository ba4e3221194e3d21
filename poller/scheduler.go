package poller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"
)

const (
	// longestWait bounds how long a wrong clock, or a change of clocks, can hide
	// that a slot has begun.
	longestWait = 10 * time.Minute
	// shortestWait keeps a clock that stands still from being asked all the time.
	shortestWait = 10 * time.Millisecond
	// stopTimeout is how long Run waits for knocks that its end interrupted.
	stopTimeout = 20 * time.Second
)

// Scheduler knocks for each source when a time slot of it begins. It decides
// nothing: whoever is knocked at asks the store whether the slot is still free.
// While a knock lasts there is no other for that source, and none is made up
// for afterwards.
type Scheduler struct {
	Sources []*Source
	Knock   func(ctx context.Context, s *Source) // returns when the poll, if it was one, is done
	Now     func() time.Time                     // the clock that slots are counted by
	Speed   float64                              // how fast that clock runs; 1 where zero
	Log     *slog.Logger
}

// Run knocks until ctx ends, first at once for every source, and returns when
// the last knock has ended.
func (s *Scheduler) Run(ctx context.Context) error {
	cron, err := gocron.NewScheduler(gocron.WithLocation(time.UTC))
	if err != nil {
		return fmt.Errorf("start the scheduler: %w", err)
	}
	var k knocking
	for _, source := range s.Sources {
		if err := s.add(cron, source, func() { k.run(ctx, s, source) }); err != nil {
			return errors.Join(fmt.Errorf("schedule source %s: %w", source.Name, err), cron.Shutdown())
		}
	}
	cron.Start()
	<-ctx.Done()
	// gocron waits for its tasks in a busy loop; so there are none left for it.
	if err := k.end(); err != nil {
		return err
	}
	if err := cron.Shutdown(); err != nil {
		return fmt.Errorf("stop the scheduler: %w", err)
	}
	return nil
}

func (s *Scheduler) add(cron gocron.Scheduler, source *Source, knock func()) error {
	_, err := cron.NewJob(
		gocron.CronJob(source.Name, false),
		gocron.NewTask(knock),
		gocron.WithName(source.Name),
		gocron.WithCronImplementation(&slots{s, source}),
		gocron.WithSingletonMode(gocron.LimitModeReschedule),
		gocron.WithStartAt(gocron.WithStartImmediately()),
	)
	return err
}

// knocking counts the knocks under way, so that their end can be waited for.
type knocking struct {
	mu    sync.Mutex
	ended bool
	wait  sync.WaitGroup
}

func (k *knocking) run(ctx context.Context, s *Scheduler, source *Source) {
	k.mu.Lock()
	if k.ended {
		k.mu.Unlock()
		return
	}
	k.wait.Add(1)
	k.mu.Unlock()
	defer k.wait.Done()
	defer func() { // gocron would let it end the process
		if panicked := recover(); panicked != nil {
			s.Log.Error("poll panicked", "source", source.Name, "err", fmt.Sprint(panicked), "stack", string(debug.Stack()))
		}
	}()
	s.Knock(ctx, source)
}

// end lets no knock begin and waits for those under way.
func (k *knocking) end() error {
	k.mu.Lock()
	k.ended = true
	k.mu.Unlock()
	done := make(chan struct{})
	go func() { // outlives end only together with a knock that does not stop
		k.wait.Wait()
		close(done)
	}()
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fmt.Errorf("a poll has not ended after %s", stopTimeout)
	}
}

// slots tells gocron when a source's next slot begins.
type slots struct {
	*Scheduler
	source *Source
}

// IsValid accepts: the timing was checked when it was read.
func (*slots) IsValid(string, *time.Location, time.Time) error { return nil }

// Next returns when to knock after last, by gocron's own clock.
func (b *slots) Next(last time.Time) time.Time {
	speed := b.Speed
	if speed <= 0 {
		speed = 1
	}
	now := b.Now()
	_, begin := b.source.Timing.Slot(b.source.Name, now)
	wait := time.Duration(float64(begin.Sub(now)) / speed)
	next := time.Now().Add(min(max(wait, shortestWait), longestWait))
	if !next.After(last) {
		next = last.Add(shortestWait)
	}
	return next
}
