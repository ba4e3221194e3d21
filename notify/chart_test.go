package notify_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// draws runs the stage's dispatcher with a hand that draws.
func draws(t *testing.T, s *stage, draw func(context.Context, billwatch.Notification) ([]byte, error)) {
	t.Helper()
	c := s.config(t)
	c.Chart = draw
	s.runWith(t, c)
}

// withChart is a stage of one receiver that wants charts.
func withChart(t *testing.T) *stage {
	all := integrations("ops")
	all["ops"][0].Chart = true
	return newStageOf(t, all, "ops")
}

func TestAChartIsDrawnOnceWhereItIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := integrations("with", "too", "without")
		all["with"][0].Chart, all["too"][0].Chart = true, true
		s := newStageOf(t, all, "with", "too", "without")
		var asked []string
		draws(t, s, func(_ context.Context, n billwatch.Notification) ([]byte, error) {
			asked = append(asked, n.Reason+" "+n.Alerts[0].Labels["account"])
			return []byte("PNG of " + n.Reason), nil
		})
		s.fire("a")
		pass(time.Second)
		s.resolve("a")
		pass(time.Hour)
		if diff := cmp.Diff([]string{"first a"}, asked); diff != "" {
			t.Errorf("drawn: want -, got +:\n%s", diff)
		}
		for name, want := range map[string][]string{"with": {"PNG of first", ""}, "too": {"PNG of first", ""}, "without": {"", ""}} {
			var got []string
			for _, c := range s.receivers[name].got() {
				got = append(got, string(c.n.Chart))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("charts that %s got: want -, got +:\n%s", name, diff)
			}
		}
	})
}

func TestAFailingChartNeverBlocks(t *testing.T) {
	for name, draw := range map[string]func(context.Context, billwatch.Notification) ([]byte, error){
		"an error":  func(context.Context, billwatch.Notification) ([]byte, error) { return nil, errors.New("no ink") },
		"a panic":   func(context.Context, billwatch.Notification) ([]byte, error) { panic("no paper") },
		"too large": func(context.Context, billwatch.Notification) ([]byte, error) { return make([]byte, 64<<10+1), nil },
		"too slow": func(ctx context.Context, _ billwatch.Notification) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withChart(t)
				draws(t, s, draw)
				s.fire("a")
				pass(5 * time.Second)
				calls := s.receivers["ops"].got()
				if got := story(calls); got != "first a" {
					t.Fatalf("told %q, want the message", got)
				}
				if calls[0].n.Chart != nil {
					t.Errorf("a chart of %d bytes went along", len(calls[0].n.Chart))
				}
				if n := strings.Count(s.log.String(), "goes without its chart"); n != 1 {
					t.Errorf("logged %d times:\n%s", n, s.log)
				}
			})
		})
	}
}

func TestSlowChartsOfManyGroupsHoldUpTheBatchForABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withChart(t)
		for _, rule := range strings.Fields("A B C D E F G H I J") {
			s.commit(firing(labels("source=blues account=a alertname="+rule), time.Now()))
		}
		draws(t, s, func(context.Context, billwatch.Notification) ([]byte, error) {
			time.Sleep(time.Second) // and no context ends it
			return []byte("PNG"), nil
		})
		pass(4 * time.Second)
		calls := s.receivers["ops"].got()
		with := 0
		for _, c := range calls {
			if bytes.Equal(c.n.Chart, []byte("PNG")) {
				with++
			}
		}
		if len(calls) != 10 || with != 3 {
			t.Errorf("%d messages, %d with a chart, within 4 s; want 10 and 3", len(calls), with)
		}
	})
}

func TestAnIncidentGoesOnUntilWhatIsToldIsTheFirst(t *testing.T) {
	told := billwatch.Member{Alert: firing(labels("alertname=Low account=a"), noon), Told: billwatch.Firing}
	fresh := billwatch.Member{Alert: firing(labels("alertname=Low account=b"), noon)}
	over := billwatch.Member{Alert: ended(firing(labels("alertname=Low account=a"), noon), noon), Told: billwatch.Firing}
	for _, c := range []struct {
		name     string
		members  []billwatch.Member
		incident string
	}{
		{"the first begins one", []billwatch.Member{fresh}, ""},
		{"a new alert goes on", []billwatch.Member{told, fresh}, "ntf_1"},
		{"a repetition goes on", []billwatch.Member{told}, "ntf_1"},
		{"a part of the end goes on", []billwatch.Member{over, {Alert: fresh.Alert, Told: billwatch.Firing}}, "ntf_1"},
		{"its end belongs to it", []billwatch.Member{over}, "ntf_1"},
	} {
		g := billwatch.Group{Incident: "ntf_1", Members: c.members, ToldAt: noon}
		plan := notify.Plan{Timing: notify.Timing{RepeatInterval: time.Hour}, SendResolved: true}
		f := notify.Decide(g, plan, noon.Add(2*time.Hour))
		if f.Notification == nil || f.Notification.Incident != c.incident {
			t.Errorf("%s: got %+v, want incident %q", c.name, f.Notification, c.incident)
		}
	}
}
