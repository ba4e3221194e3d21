package poller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	cron, err := gocron.NewScheduler(gocron.WithLocation(time.UTC), gocron.WithStopTimeout(stopTimeout))
	if err != nil {
		return fmt.Errorf("start the scheduler: %w", err)
	}
	for _, source := range s.Sources {
		if err := s.add(ctx, cron, source); err != nil {
			return errors.Join(fmt.Errorf("schedule source %s: %w", source.Name, err), cron.Shutdown())
		}
	}
	cron.Start()
	<-ctx.Done()
	if err := cron.Shutdown(); err != nil {
		return fmt.Errorf("stop the scheduler: %w", err)
	}
	return nil
}

func (s *Scheduler) add(ctx context.Context, cron gocron.Scheduler, source *Source) error {
	knock := func(ctx context.Context) {
		defer func() { // gocron would let it end the process
			if panicked := recover(); panicked != nil {
				s.Log.Error("poll panicked", "source", source.Name, "err", fmt.Sprint(panicked))
			}
		}()
		s.Knock(ctx, source)
	}
	_, err := cron.NewJob(
		gocron.CronJob(source.Name, false),
		gocron.NewTask(knock),
		gocron.WithName(source.Name),
		gocron.WithCronImplementation(&slots{s, source}),
		gocron.WithSingletonMode(gocron.LimitModeReschedule),
		gocron.WithStartAt(gocron.WithStartImmediately()),
		gocron.WithContext(ctx),
	)
	return err
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
