package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func TestAMessageListsNewsAndOneOfEachSeverityAndCountsTheRest(t *testing.T) {
	member := func(name, severity string, told billwatch.AlertState, minutes int) billwatch.Member {
		return billwatch.Member{Told: told, Alert: firing(labels("account="+name+" severity="+severity), noon.Add(time.Duration(minutes)*time.Minute))}
	}
	var members []billwatch.Member
	for i := range 20 {
		members = append(members, member(fmt.Sprintf("old-%02d", i), "critical", billwatch.Firing, i))
	}
	members = append(members, member("info", "info", billwatch.Firing, 30), member("news", "warning", "", 40))
	for i := range 3 {
		end := member(fmt.Sprintf("end-%d", i), "critical", billwatch.Firing, 50+i)
		end.Alert = ended(end.Alert, noon.Add(time.Hour))
		members = append(members, end)
	}
	f := notify.Decide(billwatch.Group{Members: members}, notify.Plan{SendResolved: true, MaxAlerts: 6}, noon.Add(2*time.Hour))
	n := f.Notification
	if got, want := shown(*n), "old-00 info news (end-0) (end-1) (end-2)"; got != want {
		t.Errorf("listed are %s, want %s", got, want)
	}
	if n.Truncated != 19 || n.Ends != 0 || len(f.Unlisted) != 19 || f.Unlisted[0].Labels["account"] != "old-01" {
		t.Errorf("%d more, %d of them ended, %d unlisted", n.Truncated, n.Ends, len(f.Unlisted))
	}
	f = notify.Decide(billwatch.Group{Members: members}, notify.Plan{SendResolved: true, MaxAlerts: 4}, noon.Add(2*time.Hour))
	if n := f.Notification; n.Truncated != 21 || n.Ends != 2 {
		t.Errorf("%s: %d more, %d of them ended, want 21 and 2", shown(*n), n.Truncated, n.Ends)
	}
	f = notify.Decide(billwatch.Group{Members: members}, notify.Plan{SendResolved: true, MaxAlerts: len(members)}, noon.Add(2*time.Hour))
	if n := f.Notification; n.Truncated != 0 || f.Unlisted != nil || len(n.Alerts) != len(members) {
		t.Errorf("of %d that fit %d are listed", len(members), len(n.Alerts))
	}
}

func TestATitleCountsWhatIsNotListed(t *testing.T) {
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	n := billwatch.Notification{Status: billwatch.Firing, Truncated: 99_000, Ends: 1_000, FrozenAt: noon}
	for _, name := range []string{"a", "b", "c", "d"} {
		n.Alerts = append(n.Alerts, firing(labels("alertname=Low account_name="+name), noon))
		n.Alerts[len(n.Alerts)-1].Key.Account = billwatch.AccountKey{Source: "s", ID: name}
	}
	m := templates.Render(n, notify.Overrides{})
	if want := "98,004 firing, 1,000 resolved: Low: a, b, c and others"; m.Title != want {
		t.Errorf("the title is %q, want %q", m.Title, want)
	}
	if !strings.Contains(m.Text, "and 99,000 more alerts") {
		t.Errorf("the text does not count them: %s", m.Text)
	}
}
