package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func matcher(text string) billwatch.Matcher {
	all, err := notify.MatchersOf([]string{text})
	if err != nil {
		panic(err)
	}
	return all[0]
}

func TestASilenceMustMakeSense(t *testing.T) {
	good := billwatch.Silence{Matchers: []billwatch.Matcher{matcher(`alertname="Low"`)}, StartsAt: noon, EndsAt: noon.Add(time.Hour)}
	for _, c := range []struct {
		name string
		with func(*billwatch.Silence)
		want string // nothing for one that is well
	}{
		{"an ordinary one is well", func(*billwatch.Silence) {}, ""},
		{"one needs a matcher", func(s *billwatch.Silence) { s.Matchers = nil }, "matchers: at least one is needed"},
		{"not that many", func(s *billwatch.Silence) { s.Matchers = make([]billwatch.Matcher, 51) }, "matchers: are more than 50"},
		{"one that matches everything is refused", func(s *billwatch.Silence) { s.Matchers = []billwatch.Matcher{matcher(`x=~".*"`)} },
			"matchers: at least one must not match the empty string"},
		{"beside another it is well", func(s *billwatch.Silence) { s.Matchers = append(s.Matchers, matcher(`x=~".*"`)) }, ""},
		{"a label has a name", func(s *billwatch.Silence) { s.Matchers[0].Name = "" }, "matchers.0: the label's name is empty"},
		{"a value is text", func(s *billwatch.Silence) { s.Matchers[0].Value = "\xff" }, "matchers.0: is not valid text"},
		{"a regular expression must be one", func(s *billwatch.Silence) {
			s.Matchers[0] = billwatch.Matcher{Name: "a", Value: "(", IsRegex: true, IsEqual: true}
		}, `matchers.0: the regular expression on "a": error parsing regexp`},
		{"and short", func(s *billwatch.Silence) {
			s.Matchers[0] = billwatch.Matcher{Name: "a", Value: strings.Repeat("ä", 513), IsRegex: true}
		}, `longer than 512 characters`},
		{"512 characters are short", func(s *billwatch.Silence) {
			s.Matchers[0] = billwatch.Matcher{Name: "a", Value: strings.Repeat("ä", 512), IsRegex: true, IsEqual: true}
		}, ""},
		{"it ends", func(s *billwatch.Silence) { s.EndsAt = time.Time{} }, "endsAt: is missing"},
		{"after its start", func(s *billwatch.Silence) { s.EndsAt = noon }, "endsAt: must be after the start"},
		{"until resolved it is bounded", func(s *billwatch.Silence) {
			s.UntilResolved, s.EndsAt = true, noon.Add(30*24*time.Hour+1)
		}, "30 days at the latest"},
		{"30 days are within the bound", func(s *billwatch.Silence) {
			s.UntilResolved, s.EndsAt = true, noon.Add(30*24*time.Hour)
		}, ""},
		{"a comment is bounded", func(s *billwatch.Silence) { s.Comment = strings.Repeat("x", 4097) }, "comment: is longer than 4096 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good
			s.Matchers = []billwatch.Matcher{good.Matchers[0]}
			c.with(&s)
			err, got := notify.CheckSilence(s), ""
			if err != nil {
				got = err.Error()
			}
			if got == "" != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestASilenceOfAnAlertIsAboutThatAlert(t *testing.T) {
	warning := firing(labels("alertname=Low source=blues account=a severity=warning account_name=Acme"), noon)
	s := billwatch.Silence{Matchers: notify.SilenceOf(warning)}
	for _, c := range []struct {
		name, labels string
		want         bool
	}{
		{"the alert itself", "alertname=Low source=blues account=a severity=warning account_name=Acme", true},
		{"under another name of the account", "alertname=Low source=blues account=a severity=warning account_name=Beta", true},
		{"the same at another severity", "alertname=Low source=blues account=a severity=critical", false},
		{"the same without a severity", "alertname=Low source=blues account=a", false},
		{"another account", "alertname=Low source=blues account=b severity=warning", false},
		{"another rule", "alertname=Gone source=blues account=a severity=warning", false},
	} {
		if got := notify.SilenceMatches(s, labels(c.labels)); got != c.want {
			t.Errorf("%s is silenced: %t, want %t", c.name, got, c.want)
		}
	}
	s.Matchers = notify.SilenceOf(firing(labels("alertname=Low account=a"), noon))
	if notify.SilenceMatches(s, labels("alertname=Low account=a severity=critical")) {
		t.Error("a silence of an alert without a severity hides a critical one")
	}
}
