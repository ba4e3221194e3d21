package ruletest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

func (l *loader) expectation(n *yaml.Node, t *Test) {
	var keys expectKeys
	l.add(l.doc.Decode(n, &keys))
	e := Expectation{At: keys.At, line: n.Line}
	if n.Kind != yaml.MappingNode {
		return
	}
	if document.Get(n, "at") == nil {
		l.fail(n, "at is missing", "at: 2h")
	}
	if len(t.Expect) > 0 && keys.At < t.Expect[len(t.Expect)-1].At {
		l.fail(document.Get(n, "at"), "at: is before the expectation above it", "put them in the order of their times")
	}
	if t.Interval >= time.Second && keys.At/t.Interval >= maxValues {
		l.fail(document.Get(n, "at"), fmt.Sprintf("at: is over %d polls after the start", maxValues), "a longer interval makes fewer of them")
	}
	if keys.Alerts != nil {
		e.checked = true
		for _, item := range l.list(keys.Alerts, "alerts") {
			e.Alerts = append(e.Alerts, l.expectedAlert(item))
		}
	}
	if keys.Notifications != nil {
		e.notifieds = true
		for _, item := range l.list(keys.Notifications, "notifications") {
			e.Notifications = append(e.Notifications, l.expectedNotification(item))
		}
	}
	if !e.checked && !e.notifieds {
		l.fail(n, "expects nothing", "alerts: [] for none")
	}
	t.Expect = append(t.Expect, e)
}

func (l *loader) expectedAlert(n *yaml.Node) ExpectedAlert {
	want := ExpectedAlert{State: string(billwatch.Firing)}
	l.add(l.doc.Decode(n, &want))
	if name := document.Get(n, "alert"); name != nil {
		l.expected = append(l.expected, name)
	}
	if want.Alert == "" && n.Kind == yaml.MappingNode {
		l.fail(n, "alert is missing", "the name of the rule")
	}
	if states := []string{string(billwatch.Firing), string(billwatch.Pending)}; !slices.Contains(states, want.State) {
		l.fail(document.Get(n, "state"), "state: must be firing or pending", "")
	}
	return want
}

func (l *loader) expectedNotification(n *yaml.Node) ExpectedNotification {
	var want ExpectedNotification
	l.add(l.doc.Decode(n, &want))
	if to := document.Get(n, "receiver"); !document.IsNull(to) {
		l.told = append(l.told, to)
	}
	if names := document.Get(n, "alerts"); names != nil && names.Kind == yaml.SequenceNode {
		l.expected = append(l.expected, names.Content...)
	}
	l.oneOf(n, "status", want.Status, string(billwatch.Firing), string(billwatch.Resolved))
	l.oneOf(n, "reason", want.Reason, billwatch.WhyFirst, billwatch.WhyNewAlerts, billwatch.WhyAllResolved,
		billwatch.WhySomeResolved, billwatch.WhyUnmuted, billwatch.WhyRepeat, billwatch.WhyStorm)
	return want
}

// oneOf refuses a word that no message ever has: the test would fail for ever,
// and say nothing of a typing mistake.
func (l *loader) oneOf(n *yaml.Node, key, word string, known ...string) {
	if word != "" && !slices.Contains(known, word) {
		l.fail(document.Get(n, key), fmt.Sprintf("%s: %q is none of %s", key, shortened(word), strings.Join(known, ", ")), "")
	}
}
