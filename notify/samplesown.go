package notify

import (
	"time"

	"github.com/billwatch/billwatch"
)

// The samples about what cannot be seen or told, worded as the built-in rules
// word it.

func sampleSourceDown() billwatch.Alert {
	a := sampleAlert(billwatch.RuleSourceDown, "critical", billwatch.AccountKey{Source: "blues"}, time.Minute)
	a.Annotations = map[string]string{
		"summary": "blues has not been read for 15 minutes: 401 Unauthorized",
		"action":  "run billwatch probe blues: it shows what the API answers, and what helps",
	}
	return a
}

func sampleGone() billwatch.Alert {
	a := sampleLow("Quay lights", "app:77")
	snapshot := a.Snapshot
	a = sampleAlert(billwatch.RuleAccountGone, "warning", a.Key.Account, time.Minute)
	a.Labels[billwatch.LabelAccountName], a.Labels[billwatch.LabelProvider] = "Quay lights", "notehub"
	snapshot.At = sampleTime.Add(-3 * time.Hour)
	a.Snapshot = snapshot
	a.Annotations = map[string]string{
		"summary": "Quay lights is gone: blues lists it no more; its other alerts stay as they are, untold",
		"action":  "run billwatch probe blues --accounts: it shows what the credential still sees",
	}
	return a
}

func sampleReceiverDown() billwatch.Alert {
	a := sampleAlert(billwatch.RuleReceiverDown, "critical", billwatch.AccountKey{ID: "finance/email/0"}, time.Minute)
	delete(a.Labels, billwatch.LabelAccount)
	a.Labels[billwatch.LabelReceiver], a.Labels[billwatch.LabelIntegration] = "finance", "finance/email/0"
	a.Annotations = map[string]string{
		"summary": "receiver finance does not get its messages: finance/email/0: 535 authentication failed",
		"action":  "mend its settings and run billwatch send-test finance; billwatch notifications list --state failed shows what it missed",
	}
	return a
}

func sampleRuleBroken() billwatch.Alert {
	a := sampleAlert(billwatch.RuleRuleBroken, "warning", billwatch.AccountKey{ID: "SpendHigh"}, time.Minute)
	delete(a.Labels, billwatch.LabelAccount)
	a.Labels[billwatch.LabelRule] = "SpendHigh"
	count := 3.0
	a.Value = &count
	a.Annotations = map[string]string{
		"summary": "rule SpendHigh fails on 3 accounts since 24 November 10:59 UTC: the pattern takes too long",
		"action":  "run billwatch explain SpendHigh blues/app:77: it shows which part fails; until it is mended this rule fires on none of them",
	}
	return a
}
