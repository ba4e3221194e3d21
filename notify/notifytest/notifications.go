package notifytest

import (
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// now is when the notifications of this package were frozen.
func now() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }

// Notification returns a notification about one account that runs out, as the
// dispatcher hands it to a notifier.
func Notification() billwatch.Notification {
	return named("ntf_01kandotestnotification0", "Harbour sensors")
}

func named(id, name string) billwatch.Notification {
	a := Alert(name)
	return billwatch.Notification{
		ID: id, Incident: id, Receiver: "ops", Integration: "ops/test/0",
		GroupKey:    `{}:{alertname="CapacityLow", source="blues"}`,
		GroupLabels: billwatch.Labels{"alertname": "CapacityLow", "source": "blues"},
		Reason:      billwatch.WhyFirst, Status: billwatch.Firing, Alerts: []billwatch.Alert{a},
		ExternalURL: "https://billwatch.example.com", FrozenAt: now(),
		Message: billwatch.Message{
			Title: "CRITICAL " + name + ": CapacityLow",
			Text: name + " (blues, app:1)\n" + a.Annotations["summary"] + "\nSince: 2026-11-22 09:45 UTC, 15 minutes ago\n" +
				"Balance: 812 events\nLeft: 6.7 days\nWhat to do: buy events\n" +
				"Runbook: " + a.RunbookURL + "\nOpen: https://billwatch.example.com/alerts/" + a.Fingerprint,
		},
	}
}

// Alert returns a firing alert of an account with this name.
func Alert(name string) billwatch.Alert {
	labels := billwatch.Labels{
		"alertname": "CapacityLow", "source": "blues", "provider": "notehub",
		"account": "app:1", "account_name": name, "severity": "critical",
	}
	balance, value := billwatch.DecimalOf(812), 812.0
	return billwatch.Alert{
		Key:   billwatch.AlertKey{Rule: "CapacityLow", Account: billwatch.AccountKey{Source: "blues", ID: "app:1"}},
		State: billwatch.Firing, StartsAt: now().Add(-15 * time.Minute), Value: &value,
		Fingerprint: labels.Fingerprint(), Labels: labels, RunbookURL: "https://wiki.example.com/runbooks/capacity",
		Annotations: map[string]string{"summary": name + " has 812 events left"},
		Snapshot: &billwatch.Snapshot{
			Account: billwatch.Account{
				Source: "blues", ID: "app:1", Name: name, Provider: "notehub", Kind: "organization",
				Owner: "Ada Owner", Email: "ada@example.org",
			},
			At: now().Add(-time.Minute), Unit: "events", Suspended: billwatch.Known(false),
			State: billwatch.Known("active"), Balance: billwatch.Known(balance),
			Plan: billwatch.Plan{
				Type: billwatch.Known("enterprise"), Start: billwatch.Known(now().AddDate(0, -6, 0)),
				End: billwatch.NotSent[time.Time](), Capacity: billwatch.Known(billwatch.DecimalOf(5000)),
			},
		},
		Forecast: &billwatch.Forecast{
			BurnRate: 120.5, Runway: billwatch.Quantiles{P10: 4.1, P50: 6.7, P90: 9.9},
			ExhaustAt: now().Add(161 * time.Hour),
		},
	}
}

// Resolved returns the same notification after all went well again.
func Resolved() billwatch.Notification {
	n := Notification()
	n.ID, n.Reason, n.Status = "ntf_01kandotestnotification1", billwatch.WhyAllResolved, billwatch.Resolved
	n.Alerts[0].State, n.Alerts[0].EndsAt = billwatch.Resolved, now().Add(-2*time.Minute)
	n.Message.Title = "RESOLVED Harbour sensors: CapacityLow"
	return n
}

// Many returns a notification about so many accounts, each with a paragraph of
// its own.
func Many(count int) billwatch.Notification {
	n := Notification()
	n.Alerts, n.Message.Text = nil, ""
	n.Message.Title = fmt.Sprintf("%d firing: CapacityLow", count)
	for i := range count {
		name := fmt.Sprintf("Account %d", i+1)
		one := named("", name)
		n.Alerts = append(n.Alerts, one.Alerts[0])
		if i > 0 {
			n.Message.Text += "\n\n"
		}
		n.Message.Text += one.Message.Text
	}
	return n
}

// Hostile returns one notification for each way in which a name could do harm.
func Hostile() map[string]billwatch.Notification {
	names := map[string]string{
		"a mention":               "<!channel> <!here> <@U123> @here",
		"a link":                  "<https://evil.example|pay here>",
		"entities":                "&lt;!channel&gt; & <b>",
		"marks":                   "`*_~ *bold* _it_ ```",
		"a header":                "x\r\nBcc: victim@example.org\r\n\r\nbody",
		"bare line ends":          "a\nb\rc",
		"an end of mail":          "x\r\n.\r\nMAIL FROM:<evil@example.org>\r\n",
		"an encoded word":         "=?utf-8?q?evil?= =?utf-8?b?ZXZpbA==?=",
		"control characters":      "a\x00b\x1b[31mred\x07\x7f",
		"a turned direction":      "abc\u202Egnp.exe\u2066",
		"bytes that are no UTF-8": "caf\xe9 \xff\xfe",
		"markup":                  `"><img src=x onerror=alert(1)><script>alert(1)</script>`,
		"a template":              "{{ .ExternalURL }} ${HOME} $x",
		"emptiness":               "",
		"great length":            repeat("long name ", 100_000),
		"emoji":                   "🚨👩‍👩‍👧‍👦 :skull:",
	}
	all := map[string]billwatch.Notification{}
	for what, name := range names {
		all[what] = named("ntf_01kandotestnotification2", name)
	}
	return all
}

func repeat(text string, n int) string {
	out := make([]byte, 0, n+len(text))
	for len(out) < n {
		out = append(out, text...)
	}
	return string(out)
}
