package statetest

import (
	"context"
	"errors"
	"time"

	"github.com/billwatch/billwatch"
)

type silences interface {
	Silences(ctx context.Context) ([]billwatch.Silence, error)
	Silence(ctx context.Context, id string) (billwatch.Silence, error)
	PutSilence(ctx context.Context, s billwatch.Silence, now time.Time) (billwatch.Silence, error)
	ExpireSilence(ctx context.Context, id string, now time.Time) error
}

func (w *world) put(s billwatch.Silence) billwatch.Silence {
	w.Helper()
	got, err := w.PutSilence(w.ctx, s, w.now)
	w.must(err)
	return got
}

func (w *world) silence(id string) billwatch.Silence {
	w.Helper()
	got, err := w.Silence(w.ctx, id)
	w.must(err)
	return got
}

// silences lists the states of all silences, the one that ends last first.
func (w *world) states() []billwatch.SilenceState {
	w.Helper()
	all, err := w.Silences(w.ctx)
	w.must(err)
	states := []billwatch.SilenceState{}
	for _, s := range all {
		states = append(states, s.State(w.now))
	}
	return states
}

func (w *world) silenceFor(d time.Duration) billwatch.Silence {
	return billwatch.Silence{
		Matchers:  []billwatch.Matcher{{Name: "alertname", Value: "Low", IsEqual: true}, {Name: "account", Value: "a.*", IsRegex: true}},
		StartsAt:  w.now,
		EndsAt:    w.now.Add(d),
		CreatedBy: "Jo \x00<b>", Comment: "looking into it", UntilResolved: true,
	}
}

func silenceKept(w *world) {
	made := w.put(w.silenceFor(time.Hour))
	if len(made.ID) != 36 || !made.UpdatedAt.Equal(w.now) {
		w.Errorf("a new silence has id %q and was updated at %s", made.ID, made.UpdatedAt)
	}
	w.reopen()
	got := w.silence(made.ID)
	got.CreatedBy, made.CreatedBy = "", ""
	w.same("silence", made, got)
	if _, err := w.Silence(w.ctx, "nobody's"); !errors.Is(err, billwatch.ErrNoSilence) {
		w.Errorf("a silence that is not there: %v", err)
	}
	early := w.silenceFor(2 * time.Hour)
	early.StartsAt = w.now.Add(-time.Hour)
	if got := w.put(early); !got.StartsAt.Equal(w.now) {
		w.Errorf("a new silence begins at %s, in the past", got.StartsAt)
	}
	w.same("states", []billwatch.SilenceState{billwatch.SilenceActive, billwatch.SilenceActive}, w.states())
	w.after(time.Hour)
	w.same("states an hour later", []billwatch.SilenceState{billwatch.SilenceActive, billwatch.SilenceExpired}, w.states())
}

func silenceEdited(w *world) {
	made := w.put(w.silenceFor(time.Hour))
	w.after(time.Minute)
	longer := made
	longer.EndsAt, longer.Comment = made.EndsAt.Add(time.Hour), "still"
	longer.StartsAt = made.StartsAt.Truncate(time.Second)
	if got := w.put(longer); got.ID != made.ID || len(w.states()) != 1 {
		w.Errorf("a longer one has id %s, want %s; there are %d", got.ID, made.ID, len(w.states()))
	}
	other := longer
	other.Matchers = other.Matchers[:1]
	second := w.put(other)
	if second.ID == made.ID || !second.StartsAt.Equal(w.now) || w.silence(made.ID).State(w.now) != billwatch.SilenceExpired {
		w.Errorf("with other matchers: id %s from %s, and the old one is %s", second.ID, second.StartsAt, w.silence(made.ID).State(w.now))
	}
	if third := w.put(longer); third.ID == made.ID || w.silence(second.ID).State(w.now) != billwatch.SilenceActive {
		w.Errorf("an expired one that is edited has id %s, want a new one beside the others", third.ID)
	}
	unknown := longer
	unknown.ID = "3d2b4f0e-0000-4000-8000-000000000000"
	if _, err := w.PutSilence(w.ctx, unknown, w.now); !errors.Is(err, billwatch.ErrNoSilence) {
		w.Errorf("edit of an unknown one: %v", err)
	}
	later := w.silenceFor(3 * time.Hour)
	later.StartsAt = w.now.Add(time.Hour)
	pending := w.put(later)
	pending.StartsAt = w.now.Add(2 * time.Hour)
	if got := w.put(pending); got.ID != pending.ID {
		w.Error("one that has not begun was not moved but replaced")
	}
	moved := pending
	moved.StartsAt = w.now.Add(-time.Minute)
	if got := w.put(moved); got.ID == pending.ID || !got.StartsAt.Equal(w.now) {
		w.Errorf("one that has not begun was moved into the past: %+v", got)
	}
}

func silenceExpired(w *world) {
	made := w.put(w.silenceFor(time.Hour))
	w.after(time.Minute)
	w.must(w.ExpireSilence(w.ctx, made.ID, w.now))
	ended := w.now
	w.after(time.Minute)
	w.must(w.ExpireSilence(w.ctx, made.ID, w.now))
	if got := w.silence(made.ID); !got.EndsAt.Equal(ended) {
		w.Errorf("expired twice, it ends at %s, want %s", got.EndsAt, ended)
	}
	later := w.silenceFor(3 * time.Hour)
	later.StartsAt = w.now.Add(time.Hour)
	pending := w.put(later)
	w.must(w.ExpireSilence(w.ctx, pending.ID, w.now))
	if got := w.silence(pending.ID); got.State(w.now) != billwatch.SilenceExpired || got.StartsAt.After(got.EndsAt) {
		w.Errorf("one that has not begun, expired: %+v", got)
	}
	if err := w.ExpireSilence(w.ctx, "nobody's", w.now); !errors.Is(err, billwatch.ErrNoSilence) {
		w.Errorf("a silence that is not there: %v", err)
	}
	w.after(4 * 24 * time.Hour)
	w.must(w.Prune(w.ctx, w.now, 400*24*time.Hour))
	w.same("states after four days", []billwatch.SilenceState{billwatch.SilenceExpired, billwatch.SilenceExpired}, w.states())
	w.after(25 * time.Hour)
	for range 2 { // a tenth at a time
		w.must(w.Prune(w.ctx, w.now, 400*24*time.Hour))
	}
	w.same("states after five days", []billwatch.SilenceState{}, w.states())
}

func silenceShifted(w *world) {
	running, over := w.put(w.silenceFor(2*time.Hour)), w.put(w.silenceFor(time.Minute))
	w.after(time.Hour)
	for _, jump := range []time.Duration{10 * time.Hour, -30 * time.Hour} {
		w.must(w.Shift(w.ctx, jump))
		w.after(jump)
		if got := w.silence(running.ID); got.State(w.now) != billwatch.SilenceActive || !got.EndsAt.Equal(w.now.Add(time.Hour)) {
			w.Errorf("after a jump of %s one of another hour is %s and ends at %s", jump, got.State(w.now), got.EndsAt)
		}
		if got := w.silence(over.ID).State(w.now); got != billwatch.SilenceExpired {
			w.Errorf("after a jump of %s one that was over is %s", jump, got)
		}
	}
}
