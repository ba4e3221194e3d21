package notify_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func TestPreviewShowsWhoWouldBeTold(t *testing.T) {
	receivers := integrations("ops", "finance")
	receivers["finance"][0].Overrides = notify.Overrides{Text: "{{ len .Alerts }} for {{ .Receiver }}"}
	tree := with(route("ops"), carryOn(route("ops")), route("finance", `severity="critical"`))
	alerts := []billwatch.Alert{
		firing(labels("alertname=Low source=blues account=b"), noon),
		firing(labels("alertname=Down source=blues account=a severity=critical"), noon),
		firing(labels("alertname=Low source=blues account=a"), noon),
		ended(firing(labels("alertname=Old source=blues account=a"), noon), noon),
	}
	var got []string
	for _, n := range notify.Preview(router(t, tree, receivers), templates(t, nil), alerts, noon) {
		first, _, _ := strings.Cut(n.Message.Text, "\n")
		got = append(got, n.Integration+" "+n.Reason+" "+shown(n)+": "+first)
	}
	want := []string{
		"ops/webhook/0 first a b: a (blues, a)",
		"ops/webhook/0 first a: a (blues, a)",
		"finance/webhook/0 first a: 1 for finance",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestSendTestIsMarkedAndSaysWhatCameBack(t *testing.T) {
	ops := &receiver{}
	in := integrations("ops")["ops"][0]
	in.Notifier = ops
	receipt, err := notify.SendTest(t.Context(), templates(t, nil), in, noon)
	if err != nil || receipt.Answer != "ok" {
		t.Errorf("got %+v, %v", receipt, err)
	}
	n := ops.got()[0].n
	if n.Reason != billwatch.WhyTest || n.Message.Title != "TEST billwatch: Test" || !strings.Contains(n.Message.Text, "This is a test") {
		t.Errorf("the message is not marked as a test: %+v", n)
	}
	refused := notify.Permanent(errors.New("channel not found"))
	ops.answer = func(context.Context, int) (billwatch.Receipt, error) { return billwatch.Receipt{}, refused }
	if _, err := notify.SendTest(t.Context(), templates(t, nil), in, noon); !errors.Is(err, refused) {
		t.Errorf("got %v, want what the other side said", err)
	}
}

func TestIDsSortByAgeAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	last := ""
	for i := range 1000 {
		id := notify.NewID(noon.AddDate(0, 0, i))
		if len(id) != 30 || !strings.HasPrefix(id, "ntf_") || id <= last || seen[id] {
			t.Fatalf("%q after %q", id, last)
		}
		last, seen[id] = id, true
	}
	if one, other := notify.NewID(noon), notify.NewID(noon); one == other {
		t.Error("two ids of one moment are equal")
	}
}
