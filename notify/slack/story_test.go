package slack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch/notify/slack"
	"github.com/billwatch/billwatch/notify/slack/slacktest"
)

func (s *stage) want(when string, lines ...string) {
	s.Helper()
	if diff := cmp.Diff(strings.Join(lines, "\n"), s.channel()); diff != "" {
		s.Errorf("%s (-want +got):\n%s", when, diff)
	}
	for _, c := range s.Calls() {
		if c.Why != "" && c.Why != "a fault" {
			s.Errorf("%s: Slack refused %s: %s", when, c.Method, c.Why)
		}
	}
}

// whole is an incident from its beginning to its end, and the beginning of the
// next.
func (s *stage) whole() {
	s.fire("a")
	s.told(1)
	s.pass(5 * time.Minute)
	s.fire("b")
	s.told(2)
	s.pass(5 * time.Minute)
	s.resolve("a")
	s.told(3)
	s.pass(25 * time.Hour)
	s.told(4) // the repetition
	s.pass(5 * time.Minute)
	s.resolve("b")
	s.told(5)
	s.pass(time.Hour)
	s.fire("a")
	s.told(6)
}

func TestAnIncidentIsOneMessage(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*slack.Config)
		want   []string
	}{
		{"changed in place", func(c *slack.Config) { c.Update = true }, []string{
			"green resolved: not b (edited)",
			"red firing: a",
		}},
		{"continued in its thread", func(c *slack.Config) { c.Thread = true }, []string{
			"red firing: a",
			"  red firing: a b",
			"  red firing: b not a",
			"  red firing: b",
			"  green resolved: not b",
			"red firing: a",
		}},
		{"both", func(c *slack.Config) { c.Update, c.Thread = true, true }, []string{
			"green resolved: not b (edited)",
			"  red firing: a b",
			"  red firing: b not a",
			"  red firing: b",
			"  green resolved: not b",
			"red firing: a",
		}},
		{"neither", func(*slack.Config) {}, []string{
			"red firing: a",
			"red firing: a b",
			"red firing: b not a",
			"red firing: b",
			"green resolved: not b",
			"red firing: a",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.change)
			s.whole()
			s.want("in the end", c.want...)
		})
	}
}

func all(c *slack.Config) { c.Update, c.Thread, c.Chart = true, true, true }

func TestARestartGoesOnWithTheMessage(t *testing.T) {
	s := newStage(t, all)
	s.fire("a")
	s.told(1)
	s.kill()
	s.restart()
	s.pass(5 * time.Minute)
	s.fire("b")
	s.told(2)
	s.want("after the restart", "red firing: a b (edited)", "  red firing: a b")
}

func TestTheChartComesAfterTheMessage(t *testing.T) {
	s := newStage(t, all)
	s.chart = []byte("\x89PNG")
	s.Break(slacktest.Fault{Method: "chat.postMessage", Status: 503})
	s.fire("a")
	s.failed()
	if n := s.charts(); n != 1 {
		t.Errorf("%d charts are kept while it is tried, want one", n)
	}
	s.pass(time.Minute)
	s.told(1)
	if n := s.charts(); n != 0 {
		t.Errorf("%d charts are kept of what was delivered, want none", n)
	}
	s.pass(5 * time.Minute)
	s.resolve("a")
	s.told(2)
	s.want("good news needs no chart", "green resolved: not a (edited)", "  [balance of a, 4 bytes]", "  green resolved: not a")
	if got := s.Messages()[1].File; string(got.Content) != "\x89PNG" || got.Alt != "Chart: balance of a" {
		t.Errorf("the file is %+v", got)
	}
}

func TestAChartThatFailsBlocksNothing(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{
		"no place to upload to":   {Method: "files.getUploadURLExternal", Status: 429, After: "3600"},
		"the upload is refused":   {Method: "upload", Status: 500},
		"the upload is cut off":   {Method: "upload", Cut: true},
		"it cannot be shared":     {Method: "files.completeUploadExternal", Word: "posting_to_channel_denied"},
		"the scope is missing":    {Method: "files.getUploadURLExternal", Word: "missing_scope"},
		"Slack answers with junk": {Method: "files.getUploadURLExternal", Status: 200, Word: ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, all)
			s.chart = []byte("\x89PNG")
			s.Break(fault)
			s.fire("a")
			s.told(1)
			s.want("without its chart", "red firing: a")
			rows, err := s.store.Notifications(t.Context(), 1)
			s.must(err)
			if rows[0].Status != "delivered" || rows[0].Attempts != 1 || !strings.Contains(rows[0].Receipt.Answer, "without its chart: ") {
				t.Errorf("it is %s after %d attempts, answered %q", rows[0].Status, rows[0].Attempts, rows[0].Receipt.Answer)
			}
			s.pass(5 * time.Minute)
			s.fire("b")
			s.told(2) // nothing is held up
		})
	}
}

func TestAKillBetweenMessageAndChart(t *testing.T) {
	s := newStage(t, all)
	s.chart = []byte("\x89PNG")
	s.fire("a")
	s.told(1)
	s.pass(5 * time.Minute)
	s.Break(slacktest.Fault{Method: "files.getUploadURLExternal", Status: 503, Do: s.kill})
	s.fire("b")
	s.called("files.getUploadURLExternal", 2)
	s.restart()
	s.told(2)
	s.want("a change that was made twice is one, its reply is there twice at most",
		"red firing: a b (edited)", "  [balance of a, 4 bytes]",
		"  red firing: a b", "  red firing: a b", "  [balance of a, 4 bytes]")
}

func TestAKillAfterTheFirstMessage(t *testing.T) {
	s := newStage(t, all)
	s.chart = []byte("\x89PNG")
	s.Break(slacktest.Fault{Method: "files.getUploadURLExternal", Status: 503, Do: s.kill})
	s.fire("a")
	s.called("files.getUploadURLExternal", 1)
	s.restart()
	s.told(1)
	s.want("one duplicate, and it has the chart", "red firing: a", "red firing: a", "  [balance of a, 4 bytes]")
	ids := map[string]int{}
	for _, m := range s.Messages() {
		if m.File == nil {
			ids[string(m.Metadata.EventPayload["id"])]++
		}
	}
	if len(ids) != 1 {
		t.Errorf("the two are of %d notifications: %v", len(ids), ids)
	}
	s.pass(5 * time.Minute)
	s.resolve("a")
	s.told(2)
	s.want("the later one goes on", "red firing: a", "green resolved: not a (edited)", "  [balance of a, 4 bytes]", "  green resolved: not a")
}

func TestAPauseInTheMiddle(t *testing.T) {
	for _, c := range []struct{ name, method string }{{"of the change", "chat.update"}, {"of the reply", "chat.postMessage"}} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, all)
			s.fire("a")
			s.told(1)
			s.pass(5 * time.Minute)
			s.Break(slacktest.Fault{Method: c.method, Status: 429, After: "120"})
			s.fire("b")
			s.failed()
			s.pass(119 * time.Second)
			rest(50 * time.Millisecond) // in which it could go on too early
			calls := len(s.Calls())
			s.pass(2 * time.Second)
			s.told(2)
			if n := len(s.Calls()) - calls; n < 1 || n > 2 {
				t.Errorf("%d calls after the pause", n)
			}
			s.want("after the pause nothing is there twice",
				"red firing: a b (edited)", "  red firing: a b")
		})
	}
}

func TestAMessageThatWasDeletedIsPostedAnew(t *testing.T) {
	s := newStage(t, all)
	s.fire("a")
	s.told(1)
	s.Delete(s.Messages()[0].TS)
	s.pass(5 * time.Minute)
	s.fire("b")
	s.told(2)
	if diff := cmp.Diff("red firing: a b", s.channel()); diff != "" {
		t.Errorf("anew, once, without a reply (-want +got):\n%s", diff)
	}
	s.pass(5 * time.Minute)
	s.resolve("a")
	s.told(3)
	if diff := cmp.Diff("red firing: b not a (edited)\n  red firing: b not a", s.channel()); diff != "" {
		t.Errorf("the new one goes on (-want +got):\n%s", diff)
	}
}

func TestAThreadThatWasDeletedIsBegunAnew(t *testing.T) {
	s := newStage(t, func(c *slack.Config) { c.Thread = true })
	s.fire("a")
	s.told(1)
	s.Delete(s.Messages()[0].TS)
	s.pass(5 * time.Minute)
	s.fire("b")
	s.told(2)
	s.pass(5 * time.Minute)
	s.resolve("a")
	s.told(3)
	if diff := cmp.Diff("red firing: a b\n  red firing: b not a", s.channel()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnotherChannelHasAMessageOfItsOwn(t *testing.T) {
	s := newStage(t, all)
	s.AddChannel("C0000000002", "#money", true, false)
	s.fire("a")
	s.told(1)
	s.stop()
	<-s.ended
	s.config.Channel = "#money"
	s.start()
	s.pass(5 * time.Minute)
	s.fire("b")
	s.told(2)
	s.want("the old message stays as it was", "red firing: a", "red firing: a b")
	if got := s.Messages()[1].Channel; got != "C0000000002" {
		t.Errorf("the new one is in %s", got)
	}
}
