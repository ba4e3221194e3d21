package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	// ResolvedFor is for how long a silence until resolved must have matched no
	// firing alert to end.
	ResolvedFor = 10 * time.Minute

	matchEvery = time.Minute     // how often such silences are held against what fires
	sweepEvery = 5 * time.Minute // at the latest; heals what two replicas may have missed between them
	sweepRests = 10              // times as long as it took, before the next sweep
)

// Quieter is what the dispatcher asks of the store about what is not told.
type Quieter interface {
	// Quiet returns what keeps alerts from being told. Where that still has the
	// version that is known, it returns the version and no more.
	Quiet(ctx context.Context, known int64, now time.Time) (billwatch.Quiet, error)
	// Inhibit looks through the firing alerts by new rules of inhibition.
	Inhibit(ctx context.Context, rules string, inhibits func(billwatch.Alert) bool) error
	// Recheck hands over every firing member that was told or is muted, with its
	// group, and makes the groups due for which it is told to.
	Recheck(ctx context.Context, now time.Time, due func(billwatch.Group, billwatch.Member) bool) error
	// EndSilences ends the silences until resolved that have matched a firing
	// alert, and then none for so long. It returns when one may end next.
	EndSilences(ctx context.Context, now time.Time, grace time.Duration, matches func(billwatch.Silence, billwatch.Labels) bool) (time.Time, error)
}

// sweeper keeps groups in step with what is quiet: whenever a silence begins,
// changes or ends, or an alert that inhibits others, it makes the groups due of
// which members are no longer muted as they were when they were looked at. All
// that it remembers may be forgotten: a new one starts with a sweep.
type sweeper struct {
	store  Quieter // nil where nothing is quiet
	router *Router
	now    func() time.Time

	quiet   *Quieting // as it was read last
	ready   bool      // the alerts are looked through by the router's rules
	until   bool      // there are silences until resolved
	swept   int64     // version that the last sweep went by
	next    time.Time // when a silence begins or ends after that sweep
	again   time.Time // when the next sweep comes at the latest
	matched time.Time // when silences until resolved were last held against what fires
	ends    time.Time // when one of them may end
	rest    time.Time // on the process's own clock: no sweep before
}

// read brings what is quiet up to date.
func (s *sweeper) read(ctx context.Context) error {
	if s.store == nil {
		return nil
	}
	known := int64(-1)
	if s.quiet != nil {
		known = s.quiet.version
	}
	is, err := s.store.Quiet(ctx, known, s.now())
	if err == nil && !s.ready && is.Rules != s.router.quiets.text {
		if err = s.store.Inhibit(ctx, s.router.quiets.text, s.router.quiets.Inhibits); err == nil {
			is, err = s.store.Quiet(ctx, -1, s.now())
		}
	}
	if err != nil {
		return fmt.Errorf("read what is quiet: %w", err)
	}
	s.ready = true
	if is.Version == known {
		return nil
	}
	s.quiet, s.until = s.router.quiets.Quieting(is), false
	s.matched = time.Time{} // a new one may match what has resolved in a moment
	for _, silence := range is.Silences {
		s.until = s.until || silence.UntilResolved
	}
	return nil
}

// sweep makes due what is to be looked at again, where anything has changed.
func (s *sweeper) sweep(ctx context.Context) error {
	if s.store == nil {
		return nil
	}
	now := s.now()
	if err := s.read(ctx); err != nil {
		return err
	}
	if err := s.endSilences(ctx, now); err != nil {
		return err
	}
	calm := s.quiet.version == s.swept && (s.next.IsZero() || now.Before(s.next)) && now.Before(s.again) && now.After(s.again.Add(-2*sweepEvery))
	if calm || time.Now().Before(s.rest) {
		return nil
	}
	began := time.Now()
	if err := s.store.Recheck(ctx, now, s.differs(now)); err != nil {
		return fmt.Errorf("look for alerts that are muted or no longer: %w", err)
	}
	s.rest = time.Now().Add(sweepRests * time.Since(began))
	s.swept, s.next, s.again = s.quiet.version, s.quiet.next(now), now.Add(sweepEvery)
	return nil
}

// hurry lets the next sweep look at once: what is rehearsed must not hang on how
// fast it goes.
func (s *sweeper) hurry() {
	s.rest, s.matched = time.Time{}, time.Time{}
	if !s.again.IsZero() {
		s.again = s.now().Add(sweepEvery)
	}
}

// differs says of a member whether its group is to be looked at again.
func (s *sweeper) differs(now time.Time) func(billwatch.Group, billwatch.Member) bool {
	var group, receiver string
	var hold Hold
	return func(g billwatch.Group, m billwatch.Member) bool {
		if g.Key != group || g.Receiver != receiver || receiver == "" { // the members of a group come together
			group, receiver, hold = g.Key, g.Receiver, s.router.Hold(g, now)
		}
		after := present(m, Plan{Quiet: s.quiet, Hold: hold}, now)
		return after.Muted != m.Muted || after.Unmuted != m.Unmuted
	}
}

// endSilences ends the silences whose alerts have resolved.
func (s *sweeper) endSilences(ctx context.Context, now time.Time) error {
	due := now.Sub(s.matched) >= matchEvery || now.Before(s.matched) || !s.ends.IsZero() && !now.Before(s.ends)
	if !s.until || !due {
		return nil
	}
	ends, err := s.store.EndSilences(ctx, now, ResolvedFor, SilenceMatches)
	if err != nil {
		return fmt.Errorf("end silences until resolved: %w", err)
	}
	if err := s.read(ctx); err != nil {
		return err
	}
	s.matched, s.ends = now, ends
	return nil
}

// due returns when there is something to sweep that no group and no change in
// the store tells of.
func (s *sweeper) due() time.Time {
	if s.store == nil {
		return time.Time{}
	}
	next := s.next
	if s.until {
		next = sooner(next, s.ends)
	}
	return next
}
