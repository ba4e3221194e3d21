package daemon

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// told is a message as the replays' stories write it: when, why, what.
func told(n billwatch.Notification) string {
	return fmt.Sprintf("%s %s %s", n.FrozenAt.Sub(noon), n.Reason, n.Status)
}

func TestAReplayTellsWhatTheServiceWouldAtItsOwnTimes(t *testing.T) {
	plan := planWith(t, lowRule)
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	plan.Templates = templates
	var story []string
	r, err := NewReplay(t.Context(), ReplayConfig{
		Plan: plan, Start: noon,
		Moved: func(tr billwatch.Transition) {
			story = append(story, fmt.Sprintf("%s %s", tr.At.Sub(noon), tr.To))
		},
		Told: func(n billwatch.Notification) { story = append(story, told(n)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, step := range []struct {
		at   time.Duration
		poll billwatch.Poll
	}{
		{0, reads(5000)},
		{time.Hour, reads(900)},
		{2 * time.Hour, fails()},
		{3 * time.Hour, reads(800)},
		{30 * time.Hour, reads(6000)},
	} {
		if err := r.Poll(t.Context(), "blues", noon.Add(step.at), []billwatch.Poll{step.poll}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Until(t.Context(), noon.Add(90*time.Hour)); err != nil {
		t.Fatal(err)
	}
	want := []string{"1h0m0s firing", "1h0m10s first firing", "25h0m10s repeat firing", "30h0m0s resolved", "30h0m0s all_resolved resolved"}
	if diff := cmp.Diff(want, story); diff != "" {
		t.Errorf("the story differs (-want +got):\n%s", diff)
	}
}
