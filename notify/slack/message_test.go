package slack_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/slack"
)

// message returns what the settings make of a notification.
func message(t *testing.T, change func(*slack.Config), n billwatch.Notification) slackMessage {
	t.Helper()
	w := newWorkspace(t, posted)
	c := byToken(w.URL)
	if change != nil {
		change(&c)
	}
	if _, err := notifytest.Send(t, build(t, c), n); err != nil {
		t.Fatal(err)
	}
	body := w.bodies()[0]
	if err := check(body); err != nil && len(c.Mentions) == 0 { // check takes a mention for a name's
		t.Fatal(err)
	}
	m, err := parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func texts(blocks []block) []string {
	var all []string
	for _, b := range blocks {
		if b.Text != nil {
			all = append(all, b.Type+": "+b.Text.Text)
		}
		for _, e := range b.Elements {
			all = append(all, b.Type+": "+e.Text)
		}
	}
	return all
}

func TestAMessage(t *testing.T) {
	n := notifytest.Notification()
	m := message(t, func(c *slack.Config) { c.Mentions = []string{"@here", "U0123", "S0456"} }, n)
	page := "https://billwatch.example.com/alerts/" + n.Alerts[0].Fingerprint
	want := []string{
		"header: CRITICAL Harbour sensors: CapacityLow",
		"section: <!here> <@U0123> <!subteam^S0456>",
		"section: Harbour sensors (blues, app:1)\nHarbour sensors has 812 events left\nSince: 2026-11-22 09:45 UTC, 15 minutes ago\n" +
			"Balance: 812 events\nLeft: 6.7 days\nWhat to do: buy events\n" +
			"Runbook: <https://wiki.example.com/runbooks/capacity>\nOpen: <" + page + ">",
		"context: <" + page + "?acknowledge|Acknowledge> · <" + page + "?silence=4h|Silence 4h> · <" + page + "|Open>",
	}
	if diff := cmp.Diff(want, texts(m.all())); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	if m.Channel != "#billing" || m.Attachments[0].Color != "#cf222e" {
		t.Errorf("channel %q, colour %q", m.Channel, m.Attachments[0].Color)
	}
	wantMeta := metadata{EventType: "billwatch_notification", EventPayload: map[string]string{
		"id": n.ID, "incident": n.ID, "reason": "first", "status": "firing",
	}}
	if diff := cmp.Diff(wantMeta, m.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if m.Rest["unfurl_links"] != "false" || m.Rest["unfurl_media"] != "false" {
		t.Errorf("previews of links are not switched off: %v", m.Rest)
	}
}

func TestTheColourIsTheStatus(t *testing.T) {
	warning := notifytest.Notification()
	warning.Alerts[0].Labels = billwatch.Labels{"severity": "warning"}
	cases := map[string]billwatch.Notification{
		"#cf222e": notifytest.Notification(), "#bf8700": warning, "#1a7f37": notifytest.Resolved(),
	}
	for want, n := range cases {
		if got := message(t, nil, n).Attachments[0].Color; got != want {
			t.Errorf("%s: colour %s, want %s", n.Message.Title, got, want)
		}
	}
}

func TestWhoIsMentioned(t *testing.T) {
	warning := notifytest.Notification()
	warning.Alerts[0].Labels = billwatch.Labels{"severity": "warning"}
	better := notifytest.Notification()
	better.Reason = billwatch.WhySomeResolved
	cases := []struct {
		name string
		n    billwatch.Notification
		on   []string
		want bool
	}{
		{"a critical alert calls", notifytest.Notification(), []string{"critical"}, true},
		{"a warning does not", warning, []string{"critical"}, false},
		{"a warning does where it is told to", warning, []string{"critical", "warning"}, true},
		{"good news does not", notifytest.Resolved(), []string{"critical"}, false},
		{"half-good news does not", better, []string{"critical"}, false},
	}
	for _, c := range cases {
		m := message(t, func(s *slack.Config) { s.Mentions, s.MentionOn = []string{"channel"}, c.on }, c.n)
		got := strings.Contains(strings.Join(texts(m.Blocks), "\n"), "<!channel>")
		if got != c.want || strings.Contains(m.Text, "<!channel>") != c.want {
			t.Errorf("%s: mentioned is %v, want %v", c.name, got, c.want)
		}
	}
}

func TestNamesAreEscapedOnce(t *testing.T) {
	n := notifytest.Notification()
	n.Message.Title = "<!channel> & &lt;"
	n.Message.Text = "<@U1> a*b_c`d & <https://evil.example|pay> https://evil.example/x\u202Egnp"
	m := message(t, nil, n)
	got := texts(m.all())[:2]
	want := []string{
		"header: &lt;!channel&gt; &amp; &amp;lt;",
		"section: &lt;@U1&gt; a*b_c`d &amp; &lt;https://evil.example|pay&gt; https://evil.example/xgnp",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

func TestWhatHasNoRoomIsCounted(t *testing.T) {
	n := notifytest.Many(500)
	n.Truncated = 100
	m := message(t, nil, n)
	all := texts(m.all())
	last := all[len(all)-2] // before the links
	shown := strings.Count(strings.Join(all, "\n"), "Since:")
	want := "section: and " + itoa(600-shown) + " more: <https://billwatch.example.com/alerts|all alerts>"
	if shown < 20 || last != want {
		t.Errorf("%d alerts are shown and the last section is %q, want %q", shown, last, want)
	}
}

func TestLongTextsAreCutByCharacters(t *testing.T) {
	n := notifytest.Notification()
	n.Message.Title = strings.Repeat("é&", 500)
	n.Message.Text = strings.Repeat("ü<", 20_000)
	got := texts(message(t, nil, n).all())
	if !strings.HasSuffix(got[0], "…") || !strings.HasSuffix(got[1], "…") {
		t.Errorf("texts end %q and %q, want dots", got[0][len(got[0])-10:], got[1][len(got[1])-10:])
	}
}
