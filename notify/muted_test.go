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
		name := strings.TrimLeft(word, "+!-.")
		m := billwatch.Member{Alert: firing(labels("alertname=Low source=blues account="+name), told), Told: billwatch.Firing}
		if strings.Contains(word, "+") {
			m.Told = billwatch.Inactive
		}
		if strings.Contains(word, "!") {
			m.Muted = billwatch.Mute{Why: billwatch.MutedGone}
		}
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
		{"what was owed before goes on", "!a +b", "a", "first a firing, b firing"},
	} {
		t.Run(c.what, func(t *testing.T) {
			g := billwatch.Group{ToldAt: told}
			for _, word := range strings.Fields(c.members) {
				g.Members = append(g.Members, member(word))
			}
			for _, name := range strings.Fields(c.waiting) {
				g.Waiting = append(g.Waiting, billwatch.Notification{Reason: billwatch.WhyFirst, Alerts: []billwatch.Alert{member(name).Alert}})
			}
			plan := notify.Plan{SendResolved: true, Timing: notify.Timing{GroupInterval: 5 * time.Minute, RepeatInterval: 24 * time.Hour}}
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
			if stays := strings.Contains(c.members, "!") && !strings.Contains(c.members, "-a"); stays && (!f.NextDue.After(noon) || dropped(f, "a")) {
				t.Errorf("looks again at %v and drops %v; want a group that lives on with what is muted", f.NextDue, f.Drop)
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
