package notify

import (
	"slices"

	"github.com/billwatch/billwatch"
)

// MaxAlerts is how many alerts a notification lists where its integration does
// not say: a group of 100,000 must neither fill the memory nor the outbox.
const MaxAlerts = 1_000

// Bounded is a Notifier that wants another number of alerts in a notification
// than MaxAlerts.
type Bounded interface {
	MaxAlerts() int
}

// maxAlerts is how many alerts an integration's notifications list.
func (in Integration) maxAlerts() int {
	if b, ok := in.Notifier.(Bounded); ok && b.MaxAlerts() > 0 {
		return b.MaxAlerts()
	}
	return MaxAlerts
}

// shorten leaves so many alerts in a notification, and returns the others: it
// counts them. Listed are first one of each severity, because who is called and
// in which colour depends on it, then the news, then the rest; the gravest of
// each.
func (l *looked) shorten(n *billwatch.Notification, most int) []billwatch.Alert {
	if len(n.Alerts) <= most {
		return nil
	}
	news := identities(l.fresh, l.back, l.ended)
	severities := map[string]bool{}
	var first, second, third []billwatch.Alert
	slices.SortStableFunc(n.Alerts, worstFirst)
	for _, a := range n.Alerts {
		severity := string(a.State) + " " + a.Labels[billwatch.LabelSeverity]
		switch {
		case !severities[severity]:
			severities[severity] = true
			first = append(first, a)
		case news[identity(a)]:
			second = append(second, a)
		default:
			third = append(third, a)
		}
	}
	all := slices.Concat(first, second, third)
	unlisted := all[most:]
	n.Alerts = slices.Clone(all[:most])
	slices.SortStableFunc(n.Alerts, firingThenOldest)
	n.Truncated += len(unlisted)
	for _, a := range unlisted {
		if a.State == billwatch.Resolved {
			n.Ends++
		}
	}
	return unlisted
}

// identities are those of some members' alerts.
func identities(groups ...[]billwatch.Member) map[string]bool {
	found := map[string]bool{}
	for _, members := range groups {
		for _, m := range members {
			found[identity(m.Alert)] = true
		}
	}
	return found
}
