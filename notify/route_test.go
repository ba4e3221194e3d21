package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func duration(d time.Duration) *time.Duration { return &d }

// integrations returns receivers of one integration each.
func integrations(names ...string) map[string][]notify.Integration {
	all := map[string][]notify.Integration{}
	for _, name := range names {
		all[name] = []notify.Integration{{
			Name: name + "/webhook/0", Receiver: name, Type: "webhook", SendResolved: true, RetryFor: 24 * time.Hour,
		}}
	}
	return all
}

func route(receiver string, matchers ...string) *notify.Route {
	return &notify.Route{Receiver: receiver, Matchers: matchers}
}

func carryOn(r *notify.Route) *notify.Route {
	r.Continue = true
	return r
}

func with(r *notify.Route, children ...*notify.Route) *notify.Route {
	r.Routes = children
	return r
}

func router(t *testing.T, root *notify.Route, receivers map[string][]notify.Integration) *notify.Router {
	t.Helper()
	r, err := notify.NewRouter(root, receivers)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMatchFollowsTheTree(t *testing.T) {
	tree := with(route("ops"),
		carryOn(route("pager", `severity="critical"`)),
		with(route("finance", `{team="billing", source=~"blues.*"}`),
			route("boss", `severity="critical"`),
			route("", `source="blues-old"`),
		),
		route("ops", `source!~"gpus|blues"`),
	)
	r := router(t, tree, integrations("ops", "pager", "finance", "boss"))
	for _, c := range []struct {
		name   string
		labels string
		want   string
	}{
		{"what no child takes is the root's", "source=gpus", "ops"},
		{"a child takes it from the root", "source=blues team=billing", "finance"},
		{"continue goes on to the sibling", "source=blues team=billing severity=critical", "pager boss"},
		{"without a further sibling that takes it, continue is all", "source=gpus severity=critical", "pager"},
		{"a child without receiver inherits it", "source=blues-old team=billing", "finance"},
		{"a label that is missing is empty", "severity=warning", "ops"},
		{"one receiver is named once", "severity=critical", "pager ops"},
		{"a regular expression matches the whole value", "source=xblues team=billing", "ops"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(r.Match(labels(c.labels)), " "); got != c.want {
				t.Errorf("%s: got %s, want %s", c.labels, got, c.want)
			}
		})
	}
}

func labels(text string) billwatch.Labels {
	l := billwatch.Labels{}
	for pair := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(pair, "=")
		l[name] = value
	}
	return l
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func firing(l billwatch.Labels, since time.Time) billwatch.Alert {
	return billwatch.Alert{
		Key:         billwatch.AlertKey{Rule: l[billwatch.LabelAlert], Account: billwatch.AccountKey{Source: l[billwatch.LabelSource], ID: l[billwatch.LabelAccount]}},
		State:       billwatch.Firing,
		StartsAt:    since,
		Labels:      l,
		Fingerprint: l.Fingerprint(),
	}
}

func TestDueNamesTheGroup(t *testing.T) {
	tree := with(route("ops"),
		&notify.Route{Matchers: []string{`team="all"`}, GroupBy: []string{"..."}},
		&notify.Route{Matchers: []string{`team="none"`}, GroupBy: []string{}},
		&notify.Route{Matchers: []string{`severity="critical"`}, GroupWait: duration(0), Routes: []*notify.Route{
			{Matchers: []string{`b="2"`, `a="1"`}, GroupBy: []string{"team", "account"}},
		}},
	)
	r := router(t, tree, integrations("ops"))
	for _, c := range []struct {
		name   string
		labels string
		key    string
		group  string
		after  time.Duration
	}{
		{"by rule and source unless told otherwise", "alertname=Low source=blues account=1", `{}:{alertname="Low", source="blues"}`, "alertname=Low source=blues", 10 * time.Second},
		{"by all labels but the name, which may change", "alertname=Low team=all account_name=Acme", `{}/{team="all"}:{alertname="Low", team="all"}`, "alertname=Low team=all", 10 * time.Second},
		{"all in one", "alertname=Low team=none", `{}/{team="none"}:{}`, "", 10 * time.Second},
		{"a child's wait", "alertname=Low severity=critical", `{}/{severity="critical"}:{alertname="Low"}`, "alertname=Low", 0},
		{"the path, matchers sorted, the wait inherited", "a=1 b=2 severity=critical account=x", `{}/{severity="critical"}/{a="1",b="2"}:{account="x"}`, "account=x", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			alert := firing(labels(c.labels), noon)
			got := r.Due(alert, noon)
			want := []billwatch.GroupDue{{
				Key: c.key, Receiver: "ops", Integration: "ops/webhook/0", Labels: labels(c.group),
				Alert: alert, DueAt: noon.Add(c.after), Interval: 5 * time.Minute,
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestDueIsAtOnceWhenTheAlertHasWaited(t *testing.T) {
	r := router(t, route("ops"), integrations("ops"))
	for _, c := range []struct {
		name  string
		alert billwatch.Alert
		want  time.Duration
	}{
		{"just begun", firing(labels("alertname=Low"), noon), 10 * time.Second},
		{"begun four seconds ago", firing(labels("alertname=Low"), noon.Add(-4*time.Second)), 6 * time.Second},
		{"begun an hour ago", firing(labels("alertname=Low"), noon.Add(-time.Hour)), 0},
		{"an end hurries nobody", ended(firing(labels("alertname=Low"), noon.Add(-time.Hour)), noon), 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := r.Due(c.alert, noon)[0].DueAt.Sub(noon); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func ended(a billwatch.Alert, at time.Time) billwatch.Alert {
	a.State, a.EndsAt = billwatch.Resolved, at
	return a
}

func TestDueTellsEachIntegrationOnce(t *testing.T) {
	receivers := integrations("ops", "finance", "nobody")
	receivers["ops"] = append(receivers["ops"], notify.Integration{Name: "ops/slack/0", Receiver: "ops"})
	receivers["nobody"] = nil
	tree := with(route("ops"),
		carryOn(route("ops", `severity="critical"`)),
		carryOn(route("nobody")),
		carryOn(route("finance", `severity="critical"`)),
		route("ops", `source="blues"`),
	)
	r := router(t, tree, receivers)
	var got []string
	for _, due := range r.Due(firing(labels("severity=critical source=blues"), noon), noon) {
		got = append(got, due.Integration+" "+due.Key)
	}
	want := []string{
		`ops/webhook/0 {}/{severity="critical"}:{source="blues"}`,
		`ops/slack/0 {}/{severity="critical"}:{source="blues"}`,
		`finance/webhook/0 {}/{severity="critical"}:{source="blues"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	pending := firing(labels("severity=critical"), noon)
	pending.State = billwatch.Pending
	if due := r.Due(pending, noon); len(due) > 0 {
		t.Errorf("a pending alert is told: %v", due)
	}
}

func TestTimingIsFoundAgainFromWhatTheStoreKeeps(t *testing.T) {
	tree := with(&notify.Route{Receiver: "ops", RepeatInterval: duration(12 * time.Hour)},
		carryOn(&notify.Route{Matchers: []string{`severity="critical"`}, RepeatInterval: duration(time.Hour)}),
		&notify.Route{Receiver: "finance", Matchers: []string{`severity="critical"`}, RepeatInterval: duration(4 * time.Hour)},
		&notify.Route{Matchers: []string{`team="x"`}, RepeatInterval: duration(2 * time.Hour)},
		&notify.Route{Matchers: []string{`team="x"`}, RepeatInterval: duration(3 * time.Hour)},
		&notify.Route{Matchers: []string{`name=~".*:{.*"`}, GroupBy: []string{"name"}, GroupInterval: duration(time.Minute)},
	)
	r := router(t, tree, integrations("ops", "finance"))
	for _, c := range []struct {
		name   string
		labels billwatch.Labels
		want   []string
	}{
		{"the root's", labels("alertname=Low"), []string{"ops 5m0s 12h0m0s"}},
		{"equal matchers, two receivers", labels("alertname=Low severity=critical"), []string{"ops 5m0s 1h0m0s", "finance 5m0s 4h0m0s"}},
		{"of two equal siblings the first takes it", labels("team=x"), []string{"ops 5m0s 2h0m0s"}},
		{"a label that looks like a key", billwatch.Labels{"name": `a:{b="c"}`}, []string{"ops 1m0s 12h0m0s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, due := range r.Due(firing(c.labels, noon), noon) {
				timing := r.Timing(billwatch.Group{Key: due.Key, Receiver: due.Receiver, Integration: due.Integration, Labels: due.Labels})
				got = append(got, fmt.Sprintf("%s %s %s", due.Receiver, timing.GroupInterval, timing.RepeatInterval))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
	gone := billwatch.Group{Key: `{}/{old="route"}:{}`, Receiver: "ops"}
	if got := r.Timing(gone).RepeatInterval; got != 12*time.Hour {
		t.Errorf("a group whose route is gone repeats every %s, want the root's 12h", got)
	}
}

func TestNewRouterNamesEveryMistake(t *testing.T) {
	long := strings.Repeat("a", 513)
	tree := &notify.Route{
		Matchers: []string{`a="b"`}, Continue: true, GroupBy: []string{"...", "source"},
		GroupWait: duration(-time.Second), RepeatInterval: duration(0),
		Routes: []*notify.Route{
			{Receiver: "opps", Matchers: []string{`severity=critical"`, `a=~"` + long + `"`, `a=~"("`, `{}`}},
			{GroupBy: []string{"", "account_name", "a", "a"}, Routes: []*notify.Route{{GroupInterval: duration(0)}, nil}},
		},
	}
	_, err := notify.NewRouter(tree, integrations("ops"))
	want := []string{
		"matchers", "continue", "receiver", "group_by.0", "group_wait", "repeat_interval",
		"routes.0.receiver", "routes.0.matchers.0", "routes.0.matchers.1", "routes.0.matchers.2", "routes.0.matchers.3",
		"routes.1.group_by.0", "routes.1.group_by.1", "routes.1.group_by.3",
		"routes.1.routes.0.group_interval", "routes.1.routes.1",
	}
	if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
		t.Errorf("want -, got +:\n%s\n%v", diff, err)
	}
}

// fieldsOf returns the fields that a joined error blames.
func fieldsOf(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var names []string
	for _, e := range joined.Unwrap() {
		var field *billwatch.FieldError
		if errors.As(e, &field) {
			names = append(names, field.Field)
		}
	}
	return names
}
