package rules

import (
	"time"

	"github.com/billwatch/billwatch"
)

// ReceiverDown returns the alert that an integration of a receiver cannot be
// reached, as it begins to fire; nil where the rule is switched off or replaced.
// Its account is billwatch's own: without a source, and with the integration for
// its id.
func (s *Set) ReceiverDown(receiver, integration, why string, now time.Time) *billwatch.Alert {
	r := s.watch(billwatch.RuleReceiverDown)
	if r == nil {
		return nil
	}
	labels := billwatch.Labels{
		billwatch.LabelAlert: r.name, billwatch.LabelReceiver: receiver, billwatch.LabelIntegration: integration,
		billwatch.LabelSeverity: r.fixedLabels[billwatch.LabelSeverity],
	}
	return &billwatch.Alert{
		Key:   billwatch.AlertKey{Rule: r.name, Account: billwatch.AccountKey{ID: integration}},
		State: billwatch.Firing, StartsAt: now, Labels: labels, Fingerprint: labels.Fingerprint(), Reason: why,
		Annotations: map[string]string{
			"summary": "receiver " + receiver + " does not get its messages: " + integration + ": " + why,
			"action":  "mend its settings and run billwatch send-test " + receiver + "; billwatch notifications list --state failed shows what it missed",
		},
	}
}
