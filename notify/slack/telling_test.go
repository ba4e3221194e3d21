package slack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/slack"
	"github.com/billwatch/billwatch/notify/slack/slacktest"
)

// told is a workspace in which an incident was told of, and its message.
func told(t *testing.T, change func(*slack.Config)) (*slacktest.Workspace, *slack.Notifier, string) {
	t.Helper()
	w := slacktest.New("https://billwatch.example.com/", "https://wiki.example.com/")
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	c := byToken(server.URL)
	change(&c)
	n := build(t, c)
	receipt, err := notifytest.Send(t, n, notifytest.Notification())
	if err != nil {
		t.Fatal(err)
	}
	return w, n, receipt.Ref
}

// later is a notification about the same incident.
func later(ref string) billwatch.Notification {
	n := notifytest.Notification()
	n.ID, n.Reason, n.IncidentRef = "ntf_later", billwatch.WhyNewAlerts, ref
	return n
}

func send(t *testing.T, n *slack.Notifier, told billwatch.Notification, prior billwatch.Receipt) (billwatch.Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return n.Notify(ctx, told, prior)
}

func TestWhatSlackSaysOfAChange(t *testing.T) {
	for _, c := range []struct{ method, word, want string }{
		{"chat.update", "ratelimited", "#billing for 0s"},
		{"chat.update", "service_unavailable", "refused"},
		{"chat.update", "internal_error", "unclear"},
		{"chat.update", "fatal_error", "unclear"},
		{"chat.update", "invalid_auth", "permanent"},
		{"chat.update", "msg_too_long", "permanent"},
		{"chat.update", "brand_new_error", "permanent"},
		{"chat.update", "message_not_found", "delivered"}, // anew
		{"chat.update", "cant_update_message", "delivered"},
		{"chat.update", "edit_window_closed", "delivered"},
		{"chat.postMessage", "ratelimited", "#billing for 0s"}, // of the reply
		{"chat.postMessage", "internal_error", "unclear"},
		{"chat.postMessage", "cannot_reply_to_message", "delivered"},
		{"chat.postMessage", "restricted_action_thread_locked", "delivered"},
		{"chat.postMessage", "msg_too_long", "delivered"}, // the message has arrived
	} {
		w, n, ref := told(t, all)
		w.Break(slacktest.Fault{Method: c.method, Word: c.word})
		_, err := send(t, n, later(ref), billwatch.Receipt{})
		if got := class(err); got != c.want {
			t.Errorf("%s says %s: %s, want %s (%v)", c.method, c.word, got, c.want, err)
		}
	}
}

func TestALaterAttemptDoesWhatIsLeft(t *testing.T) {
	w, n, ref := told(t, all)
	message := later(ref)
	message.Chart = []byte("PNG")
	w.Break(slacktest.Fault{Method: "chat.postMessage", Word: "ratelimited"})
	receipt, err := send(t, n, message, billwatch.Receipt{})
	if err == nil || receipt.Ref != ref || !slices.Equal(receipt.Done, []string{"message"}) {
		t.Fatalf("after a reply that was not taken: %+v, %v", receipt, err)
	}
	before := len(w.Calls())
	receipt, err = send(t, n, message, receipt)
	if err != nil || !slices.Equal(receipt.Done, []string{"message", "reply", "chart"}) {
		t.Errorf("the attempt after it: %+v, %v", receipt, err)
	}
	var methods []string
	for _, c := range w.Calls()[before:] {
		methods = append(methods, c.Method)
	}
	want := []string{"chat.postMessage", "files.getUploadURLExternal", "upload", "files.completeUploadExternal"}
	if diff := cmp.Diff(want, methods); diff != "" {
		t.Errorf("it called (-want +got):\n%s", diff)
	}
	before = len(w.Calls())
	if _, err := send(t, n, message, receipt); err != nil || len(w.Calls()) != before {
		t.Errorf("with all done: %v, %d calls more", err, len(w.Calls())-before)
	}
}

func TestReferencesThatAreNone(t *testing.T) {
	for _, ref := range []string{"", "x", "C1:2", ":::", "C0123456789:1763892000.000100:#elsewhere"} {
		w, n, _ := told(t, all)
		receipt, err := send(t, n, later(ref), billwatch.Receipt{})
		if got := len(w.Messages()); err != nil || got != 2 || receipt.Ref == ref {
			t.Errorf("%q: %d messages, %+v, %v, want a new one", ref, got, receipt, err)
		}
	}
}

func TestAChangeSpeaksToTheSameChannelByItsID(t *testing.T) {
	w, n, ref := told(t, all)
	if _, err := send(t, n, later(ref), billwatch.Receipt{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Calls()[1:] {
		if !strings.Contains(c.Body, "channel="+slacktest.ChannelID) || strings.Contains(c.Body, "reply_broadcast") {
			t.Errorf("%s: %.300s", c.Method, c.Body)
		}
	}
}

func TestMentionsOfAChangeAreInItsReply(t *testing.T) {
	w, _, ref := told(t, all)
	w.Allow("<!here>")
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	c := byToken(server.URL)
	all(&c)
	c.Mentions = []string{"here"}
	n := build(t, c)
	if _, err := send(t, n, later(ref), billwatch.Receipt{}); err != nil {
		t.Fatal(err)
	}
	reply := w.Messages()[1]
	if reply.Thread == "" || !strings.HasPrefix(reply.Text, "<!here> ") {
		t.Errorf("the reply says %q in thread %q", reply.Text, reply.Thread)
	}
}

func TestHostileNamesAreHarmlessInEveryStep(t *testing.T) {
	for what, message := range notifytest.Hostile() {
		w, n, ref := told(t, all)
		message.IncidentRef, message.Chart = ref, []byte("PNG")
		if _, err := send(t, n, message, billwatch.Receipt{}); err != nil {
			t.Errorf("a name with %s: %v", what, err)
		}
		for _, c := range w.Calls() {
			if c.Why != "" {
				t.Errorf("a name with %s: %s is refused: %s", what, c.Method, c.Why)
			}
		}
		got := w.Messages()
		if len(got) != 3 {
			t.Errorf("a name with %s: %d messages, want the changed one, a reply and a chart", what, len(got))
			continue
		}
		if title := got[2].File.Title; len([]rune(title)) > 120 || strings.ContainsAny(title, "<>\n\u202E") {
			t.Errorf("a name with %s: the chart is called %q", what, title)
		}
	}
}

func TestFiveHundredAlertsFitInEveryStep(t *testing.T) {
	w, n, ref := told(t, all)
	message := notifytest.Many(500)
	message.IncidentRef, message.Chart = ref, []byte("PNG")
	if _, err := send(t, n, message, billwatch.Receipt{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Calls() {
		if c.Why != "" {
			t.Errorf("%s is refused: %s", c.Method, c.Why)
		}
	}
}

func TestTheChartGoesNowhereElse(t *testing.T) {
	other := newWorkspace(t, saidOK)
	for _, address := range []string{other.URL + "/upload", "ftp://example.com/x", "//example.com", "http://user:pass@example.com/", "", "::"} {
		c := byToken(newWorkspace(t, uploadingTo(address)).URL)
		all(&c)
		n := build(t, c)
		message := notifytest.Notification()
		message.Chart = []byte("PNG")
		receipt, err := send(t, n, message, billwatch.Receipt{})
		if err != nil || !strings.Contains(receipt.Answer, "without its chart: ") {
			t.Errorf("an upload to %q: %+v, %v", address, receipt, err)
		}
	}
	if got := len(other.bodies()); got != 0 {
		t.Errorf("another host was sent %d charts", got)
	}
}

// uploadingTo takes messages, and names an address for files.
func uploadingTo(address string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/files.getUploadURLExternal" {
			fmt.Fprintf(w, `{"ok":true,"upload_url":%q,"file_id":"F1"}`, address)
			return
		}
		posted(w, r)
	}
}

func TestNoChartIsSentAfterTheLease(t *testing.T) {
	w, n, _ := told(t, all)
	stopped := notifytest.NewStopped(t.Context())
	w.Break(slacktest.Fault{Method: "files.getUploadURLExternal", Do: stopped.Stop})
	message := notifytest.Notification()
	message.Chart = []byte("PNG")
	if receipt, err := n.Notify(stopped, message, billwatch.Receipt{}); err != nil || !strings.Contains(receipt.Answer, "without its chart") {
		t.Errorf("%+v, %v, want the message alone", receipt, err)
	}
	for _, c := range w.Calls() {
		if c.Method == "upload" || c.Method == "files.completeUploadExternal" {
			t.Errorf("%s was called after the lease", c.Method)
		}
	}
}

func TestSecretsOfASecondStep(t *testing.T) {
	w, n, ref := told(t, all)
	w.Break(slacktest.Fault{Method: "chat.update", Cut: true, Times: 1})
	receipt, err := send(t, n, later(ref), billwatch.Receipt{})
	if said := fmt.Sprintf("%v %+v", err, receipt); err == nil || strings.Contains(said, "T0PS3CR3T") {
		t.Errorf("said: %s", said)
	}
}
