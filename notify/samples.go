package notify

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// Sample is a message as it would be decided, to try templates on.
type Sample struct {
	Name, About  string
	Notification billwatch.Notification
}

// sampleTime is when the samples are written.
var sampleTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Samples returns a message for each situation that a template has to cope
// with. They are always the same.
func Samples() []Sample {
	low, out := sampleLow("Harbour sensors", "app:1234"), sampleSuspended()
	digest := sampled(billwatch.WhyStorm, slices.Concat([]billwatch.Alert{out}, sampleMany(49))...)
	digest.Truncated, digest.GroupLabels = 1_900, billwatch.Labels{}
	digest.Storm = &billwatch.Storm{Groups: 1_950, Rules: []billwatch.StormRule{
		{Rule: "CapacityLow", Severity: "warning", Firing: 1_939},
		{Rule: "AccountSuspended", Severity: "critical", Firing: 1, Resolved: 10},
	}}
	test := sampled(billwatch.WhyTest, testAlert(sampleTime))
	test.GroupLabels = billwatch.Labels{billwatch.LabelAlert: "Test"}
	return []Sample{
		{"low", "an account begins to run low", sampled(billwatch.WhyFirst, low)},
		{"suspended", "an account is suspended; with a runbook", sampled(billwatch.WhyFirst, out)},
		{"money", "a balance in dollars, still low after a day", sampled(billwatch.WhyRepeat, sampleMoney())},
		{"bare", "nothing is known of the account but its id", sampled(billwatch.WhyFirst, sampleBare())},
		{"new-alerts", "a second account runs low", sampled(billwatch.WhyNewAlerts, low, sampleLow("Quay lights", "app:77"))},
		{"some-resolved", "one of two accounts is well again", sampled(billwatch.WhySomeResolved, low, sampleEnded(sampleLow("Quay lights", "app:77"), ""))},
		{"resolved", "the account is well again", sampled(billwatch.WhyAllResolved, sampleEnded(low, ""))},
		{"rule-removed", "it ended because the configuration has the rule no more", sampled(billwatch.WhyAllResolved, sampleEnded(low, "rule removed"))},
		{"no-longer-applies", "it ended because the rule does not look at the account any more", sampled(billwatch.WhyAllResolved, sampleEnded(out, "no longer applies"))},
		{"forgotten", "its account has been gone for so long that it is forgotten", sampled(billwatch.WhyAllResolved, sampleEnded(low, "forgotten"))},
		{"unmuted", "it fires still after a silence", sampled(billwatch.WhyUnmuted, low)},
		{"repeat", "it fires still", sampled(billwatch.WhyRepeat, out)},
		{"source-down", "a billing API cannot be read", sampled(billwatch.WhyFirst, sampleSourceDown())},
		{"account-gone", "an account is listed no more", sampled(billwatch.WhyFirst, sampleGone())},
		{"receiver-down", "another receiver does not get its messages", sampled(billwatch.WhyFirst, sampleReceiverDown())},
		{"rule-broken", "a rule fails on evaluation", sampled(billwatch.WhyFirst, sampleRuleBroken())},
		{"many", "60 accounts run low at once", sampled(billwatch.WhyFirst, sampleMany(60)...)},
		{"storm", "so much at once that it is one digest", digest},
		{"hostile", "a name that wants to be more than a name", sampled(billwatch.WhyFirst, sampleLow(hostileName, "app:666"))},
		{"test", "what send-test sends", test},
	}
}

// hostileName is what somebody may call an account.
const hostileName = "<!channel> *Acme*\r\nBcc: all@example.com <img src=x onerror=alert(1)> \u202e\x1b[31m {{ .ExternalURL }} \xff\x00"

func sampled(reason string, alerts ...billwatch.Alert) billwatch.Notification {
	n := billwatch.Notification{
		ID: "ntf_01m0sample0000000000000000", Receiver: "ops", Integration: "ops/slack/0", GroupKey: "{}:{sample}", Reason: reason,
		Status: billwatch.Resolved, Alerts: alerts, FrozenAt: sampleTime,
		GroupLabels: billwatch.Labels{},
	}
	n.Incident = n.ID
	for _, name := range []string{billwatch.LabelAlert, billwatch.LabelSource} {
		if text := alerts[0].Labels[name]; text != "" {
			n.GroupLabels[name] = text
		}
	}
	if slices.ContainsFunc(alerts, func(a billwatch.Alert) bool { return a.State == billwatch.Firing }) {
		n.Status = billwatch.Firing
	}
	return n
}

// sampleAlert fires, about an account or, without an id, about its source.
func sampleAlert(rule, severity string, key billwatch.AccountKey, ago time.Duration) billwatch.Alert {
	labels := billwatch.Labels{billwatch.LabelAlert: rule, billwatch.LabelSeverity: severity}
	for name, text := range map[string]string{billwatch.LabelSource: key.Source, billwatch.LabelAccount: key.ID} {
		if text != "" {
			labels[name] = text
		}
	}
	return billwatch.Alert{
		Key: billwatch.AlertKey{Rule: rule, Account: key}, State: billwatch.Firing, StartsAt: sampleTime.Add(-ago),
		Labels: labels, Fingerprint: labels.Fingerprint(), Annotations: map[string]string{},
	}
}

func sampleLow(name, id string) billwatch.Alert {
	a := sampleAlert("CapacityLow", "warning", billwatch.AccountKey{Source: "blues", ID: id}, 2*time.Hour)
	a.Labels[billwatch.LabelAccountName], a.Labels[billwatch.LabelProvider] = name, "notehub"
	a.Annotations["summary"] = strings.TrimSpace(name) + " has less than 5,000 events left"
	value := 4200.0
	a.Value = &value
	a.Snapshot = &billwatch.Snapshot{
		Account: billwatch.Account{Source: "blues", ID: id, Name: name, Provider: "notehub", Kind: "organization"},
		At:      sampleTime.Add(-5 * time.Minute), State: billwatch.Known("active"), Suspended: billwatch.Known(false),
		Balance: sampleAmount("4200"), Unit: "events",
		Plan: billwatch.Plan{Type: billwatch.Known("Essentials"), Capacity: sampleAmount("50000")},
	}
	a.Forecast = &billwatch.Forecast{
		BurnRate: 310, Runway: billwatch.Quantiles{P10: 9.6, P50: 13.2, P90: 18.9},
		ExhaustAt: sampleTime.Add(13*24*time.Hour + 5*time.Hour), Note: "use went from 120 to 310 a day around 12 November",
	}
	return a
}

func sampleMany(n int) []billwatch.Alert {
	var all []billwatch.Alert
	for i := range n {
		all = append(all, sampleLow("Site "+formatFloat(float64(i+1)), "app:"+formatFloat(float64(i+1))))
	}
	return all
}

func sampleSuspended() billwatch.Alert {
	a := sampleLow("Harbour sensors", "app:1234")
	labels, snapshot := a.Labels, a.Snapshot
	a = sampleAlert("AccountSuspended", "critical", a.Key.Account, 3*time.Minute)
	a.Labels[billwatch.LabelAccountName], a.Labels[billwatch.LabelProvider] = labels[billwatch.LabelAccountName], "notehub"
	a.Annotations = map[string]string{
		"summary":     "Harbour sensors is suspended",
		"description": "Devices are refused until the account is settled.",
		"action":      "pay the open invoice, then write to support",
		"team":        "iot",
	}
	a.RunbookURL = "https://wiki.example.com/suspended"
	a.Snapshot = snapshot
	a.Snapshot.Suspended, a.Snapshot.State = billwatch.Known(true), billwatch.Known("suspended")
	return a
}

func sampleMoney() billwatch.Alert {
	a := sampleAlert("RunsOutSoon", "warning", billwatch.AccountKey{Source: "cudo", ID: "gpu-farm"}, 26*time.Hour)
	a.Labels[billwatch.LabelAccountName], a.Labels[billwatch.LabelProvider] = "GPU farm", "cudo"
	a.Annotations["summary"] = "GPU farm may run out in 3.3 days"
	value := 4.6
	a.Value = &value
	a.Snapshot = &billwatch.Snapshot{
		Account: billwatch.Account{Source: "cudo", ID: "gpu-farm", Name: "GPU farm", Provider: "cudo", Kind: "billing_account"},
		At:      sampleTime.Add(-10 * time.Minute), State: billwatch.Known("active"), Suspended: billwatch.Known(false),
		Balance: sampleAmount("57.9"), Unit: "USD",
	}
	a.Forecast = &billwatch.Forecast{BurnRate: 12.5, Runway: billwatch.Quantiles{P10: 3.25, P50: 4.6, P90: math.Inf(1)}, ExhaustAt: sampleTime.Add(110 * time.Hour)}
	return a
}

func sampleBare() billwatch.Alert {
	return sampleAlert("BalanceLow", "", billwatch.AccountKey{Source: "own", ID: "4711"}, time.Minute)
}

func sampleEnded(a billwatch.Alert, why string) billwatch.Alert {
	a.State, a.EndsAt, a.Reason = billwatch.Resolved, sampleTime.Add(-time.Minute), why
	if why == "" {
		s := *a.Snapshot
		s.Balance = sampleAmount("48200")
		a.Snapshot = &s
		value := 48200.0
		a.Value = &value
		a.Forecast = &billwatch.Forecast{BurnRate: 310, Runway: billwatch.Quantiles{P10: 120, P50: 155, P90: 210}, ExhaustAt: sampleTime.Add(155 * 24 * time.Hour)}
	}
	return a
}

func sampleAmount(text string) billwatch.Value[billwatch.Decimal] {
	d, err := billwatch.ParseDecimal(text)
	if err != nil {
		return billwatch.NotSent[billwatch.Decimal]()
	}
	return billwatch.Known(d)
}
