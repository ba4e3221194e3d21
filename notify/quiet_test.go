package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func inhibition(t testing.TB, rules ...notify.InhibitRule) *notify.Inhibition {
	t.Helper()
	compiled, err := notify.NewInhibition(rules)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func TestWhichAlertKeepsWhichFromBeingTold(t *testing.T) {
	two := notify.InhibitRule{SourceMatchers: []string{`severity=~"critical|warning"`}, TargetMatchers: []string{`severity="warning"`}, Equal: []string{"account"}}
	region := notify.InhibitRule{SourceMatchers: []string{`alertname="Down"`}, TargetMatchers: []string{`alertname!="Down"`}, Equal: []string{"region"}}
	everything := notify.InhibitRule{SourceMatchers: []string{`alertname="Stop"`}, TargetMatchers: []string{`alertname!=""`}}
	for _, c := range []struct {
		name    string
		rules   []notify.InhibitRule
		sources string // labels, separated by semicolons
		target  string
		want    bool
	}{
		{"a suspended account is told once", notify.DefaultInhibition(), "alertname=AccountSuspended source=s account=a severity=critical", "alertname=Low source=s account=a severity=warning", true},
		{"beside it what is critical", notify.DefaultInhibition(), "alertname=AccountSuspended source=s account=a severity=critical", "alertname=Empty source=s account=a severity=critical", false},
		{"what has no severity is not critical", notify.DefaultInhibition(), "alertname=AccountSuspended source=s account=a", "alertname=Low source=s account=a", true},
		{"of another account everything", notify.DefaultInhibition(), "alertname=AccountSuspended source=s account=a", "alertname=Low source=s account=b severity=warning", false},
		{"of the same id elsewhere, too", notify.DefaultInhibition(), "alertname=AccountSuspended source=s account=a", "alertname=Low source=z account=a severity=warning", false},
		{"it does not keep itself", notify.DefaultInhibition(), "alertname=AccountSuspended source=s account=a severity=warning", "alertname=AccountSuspended source=s account=a severity=warning", false},
		{"of two that match both sides neither keeps the other", []notify.InhibitRule{two}, "alertname=A account=a severity=warning; alertname=B account=a severity=warning", "alertname=A account=a severity=warning", false},
		{"one that matches its side alone keeps both", []notify.InhibitRule{two}, "alertname=A account=a severity=warning; alertname=C account=a severity=critical", "alertname=A account=a severity=warning", true},
		{"a label that both lack is equal", []notify.InhibitRule{region}, "alertname=Down", "alertname=Low", true},
		{"one that one lacks is not", []notify.InhibitRule{region}, "alertname=Down region=eu", "alertname=Low", false},
		{"nothing need be equal", []notify.InhibitRule{everything}, "alertname=Stop account=x", "alertname=Low account=a", true},
		{"values do not run into each other", []notify.InhibitRule{{SourceMatchers: []string{"alertname=S"}, TargetMatchers: []string{"alertname=T"}, Equal: []string{"a", "b"}}},
			"alertname=S a=xy", "alertname=T a=x b=y", false},
		{"no rule at all", nil, "alertname=AccountSuspended source=s account=a", "alertname=Low source=s account=a", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := inhibition(t, c.rules...)
			var sources []billwatch.Alert
			for text := range strings.SplitSeq(c.sources, ";") {
				if a := firing(labels(strings.TrimSpace(text)), noon); i.Inhibits(a) {
					sources = append(sources, a)
				}
			}
			mute := i.Quieting(billwatch.Quiet{Inhibitors: sources}).Why(firing(labels(c.target), noon), noon)
			if got := mute.Why == billwatch.MutedInhibited; got != c.want {
				t.Errorf("kept from being told: %t, want %t", got, c.want)
			}
			if c.want && (mute.By != sources[len(sources)-1].Fingerprint || !mute.Until.IsZero()) {
				t.Errorf("because of %+v", mute)
			}
		})
	}
}

func TestOfSilencesTheLastDecides(t *testing.T) {
	silence := func(id, matcher string, from, to time.Duration) billwatch.Silence {
		all, err := notify.MatchersOf([]string{matcher})
		if err != nil {
			t.Fatal(err)
		}
		return billwatch.Silence{ID: id, Matchers: all, StartsAt: noon.Add(from), EndsAt: noon.Add(to)}
	}
	q := inhibition(t).Quieting(billwatch.Quiet{Version: 7, Silences: []billwatch.Silence{
		silence("short", `account="a"`, 0, time.Hour),
		silence("long", `alertname=~"L.*"`, 0, 2*time.Hour),
		silence("later", `alertname="Low"`, 3*time.Hour, 4*time.Hour),
		silence("other", `{alertname="Low",account="b"}`, 0, 9*time.Hour),
		silence("unequal", `account!~"a|b"`, 0, 9*time.Hour),
	}})
	if q.Version() != 7 {
		t.Errorf("version %d, want 7", q.Version())
	}
	a := firing(labels("alertname=Low account=a"), noon)
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{-time.Second, ""},
		{0, "long"},
		{90 * time.Minute, "long"},
		{2*time.Hour - time.Second, "long"},
		{2 * time.Hour, ""}, {3 * time.Hour, "later"}, {4 * time.Hour, ""},
	} {
		if got := q.Why(a, noon.Add(c.after)); got.By != c.want {
			t.Errorf("after %s it is silenced by %q, want %q", c.after, got.By, c.want)
		}
	}
}

// BenchmarkFlush looks at a group of 100,000 firing alerts, half of them told,
// with 100 silences, half of them by a regular expression, and 3 rules of
// inhibition with 100 alerts that inhibit.
func BenchmarkFlush(b *testing.B) {
	const n = 100_000
	g := billwatch.Group{Key: "g", Receiver: "ops", ToldAt: noon.Add(-time.Hour)}
	var from billwatch.Quiet
	i := inhibition(b,
		notify.DefaultInhibition()[0],
		notify.InhibitRule{SourceMatchers: []string{`alertname="SourceDown"`}, TargetMatchers: []string{`severity=~"info|warning"`}, Equal: []string{"source"}},
		notify.InhibitRule{SourceMatchers: []string{`severity="critical"`}, TargetMatchers: []string{`severity="warning"`}, Equal: []string{"source", "account", "alertname"}},
	)
	for k := range n {
		l := billwatch.Labels{"alertname": "BalanceLow", "source": "blues", "account": fmt.Sprintf("app:%06d", k), "severity": "warning", "team": "iot"}
		m := billwatch.Member{Alert: firing(l, noon)}
		m.Alert.Fingerprint = l.Fingerprint()
		if k%2 == 0 {
			m.Told = billwatch.Firing
		}
		g.Members = append(g.Members, m)
		if k%(n/100) == 0 {
			s := billwatch.Silence{ID: fmt.Sprint(k), Matchers: notify.SilenceOf(m.Alert), StartsAt: noon, EndsAt: noon.Add(time.Hour)}
			if k%(n/50) == 0 {
				s.Matchers = []billwatch.Matcher{{Name: "account", Value: fmt.Sprintf("app:%03d..[0-4]", k/1000), IsRegex: true, IsEqual: true}}
			}
			from.Silences = append(from.Silences, s)
			l := billwatch.Labels{"alertname": "AccountSuspended", "source": "blues", "account": fmt.Sprintf("app:%06d", k+1), "severity": "critical"}
			suspended := firing(l, noon)
			suspended.Fingerprint = l.Fingerprint()
			from.Inhibitors = append(from.Inhibitors, suspended)
		}
	}
	for b.Loop() {
		plan := notify.Plan{Timing: notify.Timing{GroupInterval: time.Minute, RepeatInterval: time.Hour}, SendResolved: true, Quiet: i.Quieting(from)}
		f := notify.Decide(g, plan, noon)
		if len(f.Marks) < 100 || f.Notification == nil {
			b.Fatalf("%d are muted", len(f.Marks))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/alert")
}
