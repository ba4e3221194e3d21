package state_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/state"
)

type step struct {
	letter rune
	at     time.Duration
}

// naive says where a story ends by looking at all of it each time: since the
// last end, when did it begin, and what was said after that?
func naive(story []step, held, keep time.Duration) billwatch.AlertState {
	if len(story) == 0 {
		return billwatch.Inactive
	}
	last := story[len(story)-1]
	earlier := story[:len(story)-1]
	switch naive(earlier, held, keep) {
	case billwatch.Firing:
		if last.letter == 'E' || (last.letter == 'F' && last.at-firstFalse(story) >= keep) {
			return billwatch.Resolved
		}
		return billwatch.Firing
	case billwatch.Pending:
		switch {
		case last.letter == '?', last.letter == 'T' && last.at-began(earlier, held, keep) < held:
			return billwatch.Pending
		case last.letter == 'T':
			return billwatch.Firing
		}
		return billwatch.Inactive
	default:
		switch {
		case last.letter == 'T' && held == 0:
			return billwatch.Firing
		case last.letter == 'T':
			return billwatch.Pending
		}
		return billwatch.Inactive
	}
}

// firstFalse is the time of the first False after the last True.
func firstFalse(story []step) time.Duration {
	first := story[len(story)-1].at
	for i := len(story) - 1; i >= 0 && story[i].letter != 'T'; i-- {
		if story[i].letter != '?' {
			first = story[i].at
		}
	}
	return first
}

// began is the time of the step that made a pending alert pending.
func began(story []step, held, keep time.Duration) time.Duration {
	for i := len(story); i > 0; i-- {
		if naive(story[:i-1], held, keep) != billwatch.Pending {
			return story[i-1].at
		}
	}
	return 0
}

func TestTheMachineAgreesWithASecondStatementOfItsTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := rapid.SampledFrom([]time.Duration{0, time.Minute, 2 * time.Minute, 4 * time.Minute})
		held, keep := minutes.Draw(t, "for"), minutes.Draw(t, "keep_firing_for")
		letters := rapid.SliceOfN(rapid.SampledFrom([]rune("TTTFF??xuE")), 1, 12).Draw(t, "outcomes")
		var story []step
		var alert billwatch.Alert
		at := time.Duration(0)
		for _, letter := range letters {
			at += time.Duration(rapid.IntRange(1, 3).Draw(t, "minutes")) * time.Minute
			story = append(story, step{letter, at})
			before := alert
			var moved *billwatch.Transition
			alert, moved = state.Advance(alert, evaluation(letter, held, keep), start.Add(at))
			want := naive(story, held, keep)
			if alert.State != want {
				t.Fatalf("for %s, keep_firing_for %s, %v: %q, want %q", held, keep, story, alert.State, want)
			}
			stood := before.State
			if stood == billwatch.Resolved {
				stood = billwatch.Inactive
			}
			if (moved != nil) != (stood != want) {
				t.Fatalf("%v: from %q to %q with transition %v", story, stood, want, moved)
			}
		}
	})
}
