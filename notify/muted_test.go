package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func TestWhatIsMutedIsNotToldAndNotForgotten(t *testing.T) {
	told := noon.Add(-48 * time.Hour)
	member := func(word string) billwatch.Member {
		name := strings.TrimLeft(word, "+!-.~")
		m := billwatch.Member{Alert: firing(labels("alertname=Low source=blues account="+name), told), Told: billwatch.Firing}
		if strings.Contains(word, "+") {
			m.Told = billwatch.Inactive
		}
		if strings.Contains(word, "!") {
			m.Muted = billwatch.Mute{Why: billwatch.MutedSilenced, By: "s", Until: noon.Add(time.Hour)}
		}
		m.Unmuted = strings.Contains(word, "~")
		if strings.Contains(word, "-") {
			m.Alert = ended(m.Alert, noon)
		}
		return m
	}
	for _, c := range []struct{ what, members, waiting, want string }{
		{"a told one is not repeated", "!a", "", ""},
		{"a new one is not told", "+!a", "", ""},
		{"its neighbour is told alone", "!a +b", "", "new_alerts b firing"},
		{"its neighbour is repeated alone", "!a .b", "", "repeat b firing"},
		{"its neighbour's end is not the end of all", "!a -b", "", "some_resolved b resolved"},
		{"nobody was told of it, so its neighbour's end is", "+!a -b", "", "all_resolved b resolved"},
		{"one that ends is told as ended", "!-a", "", "all_resolved a resolved"},
		{"one that was muted is told again", "~a", "", "unmuted a firing"},
		{"with what is new", "~a +b", "", "new_alerts a firing, b firing"},
		{"with what has ended", "~a -b", "", "some_resolved a firing, b resolved"},
		{"one that ended while it was muted is told as ended", "~-a", "", "all_resolved a resolved"},
		{"what was owed before goes on", "!a +b", "a", "first a firing, b firing"},
	} {
		t.Run(c.what, func(t *testing.T) {
			g := billwatch.Group{ToldAt: told}
			inhibition, err := notify.NewInhibition(nil)
			if err != nil {
				t.Fatal(err)
			}
			var silences []billwatch.Silence
			for _, word := range strings.Fields(c.members) {
				m := member(word)
				g.Members = append(g.Members, m)
				if strings.Contains(word, "!") {
					silences = append(silences, billwatch.Silence{
						ID: "s", Matchers: notify.SilenceOf(m.Alert), StartsAt: told, EndsAt: noon.Add(time.Hour),
					})
				}
			}
			for _, name := range strings.Fields(c.waiting) {
				g.Waiting = append(g.Waiting, billwatch.Notification{Reason: billwatch.WhyFirst, Alerts: []billwatch.Alert{member(name).Alert}})
			}
			plan := notify.Plan{SendResolved: true, Quiet: inhibition.Quieting(billwatch.Quiet{Silences: silences}), Timing: notify.Timing{GroupInterval: 5 * time.Minute, RepeatInterval: 24 * time.Hour}}
			f, got := notify.Decide(g, plan, noon), ""
			if n := f.Notification; n != nil {
				var all []string
				for _, a := range n.Alerts {
					all = append(all, a.Labels[billwatch.LabelAccount]+" "+string(a.State))
				}
				got = n.Reason + " " + strings.Join(all, ", ")
			}
			if got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
			if stays := strings.Contains(c.members, "!") && !strings.Contains(c.members, "-a"); stays && (!f.NextDue.After(noon) || f.NextDue.After(noon.Add(time.Hour)) || dropped(f, "a")) {
				t.Errorf("looks again at %v and drops %v; want a group that lives on with what is muted, and is looked at when that ends", f.NextDue, f.Drop)
			}
		})
	}
}

func dropped(f billwatch.Flush, account string) bool {
	for _, m := range f.Drop {
		if m.Alert.Labels[billwatch.LabelAccount] == account {
			return true
		}
	}
	return false
}
