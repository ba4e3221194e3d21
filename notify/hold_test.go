package notify_test

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// held returns the router of a tree whose child does not tell in the named
// intervals, and a group of that child.
func held(t *testing.T, child *notify.Route, all ...notify.TimeInterval) (*notify.Router, billwatch.Group) {
	t.Helper()
	var named []notify.NamedInterval
	for i, one := range all {
		named = append(named, notify.NamedInterval{Name: string(rune('a' + i)), Intervals: []notify.TimeInterval{one}})
	}
	intervals, err := notify.NewIntervals(named)
	if err != nil {
		t.Fatal(err)
	}
	root := &notify.Route{Receiver: "ops", Routes: []*notify.Route{child}}
	r, err := notify.NewRouterWith(root, integrations("ops"), notify.Quiets{Intervals: intervals})
	if err != nil {
		t.Fatal(err)
	}
	due := r.Due(firing(labels("alertname=Low"), noon), noon)[0]
	return r, billwatch.Group{Key: due.Key, Receiver: due.Receiver, Labels: due.Labels}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// Whatever the clocks do, a time interval comes once a day: each day of a year
// in four zones, each quarter of an hour, of several lengths.
func TestATimeIntervalComesOnceADay(t *testing.T) {
	clock := func(minute int) string {
		if minute == 24*60 {
			return "24:00"
		}
		return time.Date(2000, 1, 1, 0, minute, 0, 0, time.UTC).Format("15:04")
	}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"} {
		t.Run(name, func(t *testing.T) {
			z := zone(t, name)
			for start := 0; start < 5*60; start += 15 { // the clocks change in these hours
				for _, length := range []int{15, 45, 120} {
					r, g := held(t, &notify.Route{MuteTimes: []string{"a"}}, notify.TimeInterval{
						Times: []notify.TimeRange{{clock(start), clock(start + length)}}, Location: z,
					})
					days := map[string]int{}
					begin, end := time.Date(2026, 1, 1, 12, 0, 0, 0, z), time.Date(2027, 1, 1, 12, 0, 0, 0, z)
					for now := begin; now.Before(end); {
						hold := r.Hold(g, now)
						switch {
						case hold.By != "" && !hold.Until.After(now), hold.By == "" && !hold.Next.After(now):
							t.Fatalf("%s to %s: at %s: %+v", clock(start), clock(start+length), now, hold)
						case hold.By == "":
							now = hold.Next
							continue
						}
						days[now.In(z).Format(time.DateOnly)]++
						if took := hold.Until.Sub(now); took < min(15*time.Minute, time.Duration(length)*time.Minute) || took > time.Duration(length)*time.Minute+time.Hour {
							t.Errorf("%s to %s lasts %s on %s", clock(start), clock(start+length), took, now.In(z))
						}
						now = hold.Until
					}
					for day := begin.AddDate(0, 0, 1); day.Before(end.AddDate(0, 0, -1)); day = day.AddDate(0, 0, 1) {
						if n := days[day.Format(time.DateOnly)]; n != 1 {
							t.Errorf("%s to %s comes %d times on %s", clock(start), clock(start+length), n, day.Format(time.DateOnly))
						}
					}
				}
			}
		})
	}
}

func TestARouteTellsByItsTimes(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	night := notify.TimeInterval{Times: []notify.TimeRange{{"00:00", "07:00"}, {"20:00", "24:00"}}, Location: berlin}
	weekend := notify.TimeInterval{Weekdays: []string{"saturday", "sunday"}, Location: berlin}
	lastDay := notify.TimeInterval{DaysOfMonth: []string{"-1"}, Months: []string{"february"}}
	for _, c := range []struct {
		name         string
		route        notify.Route
		intervals    []notify.TimeInterval
		now, by, end string // end is when it tells again, or stops to
	}{
		{"by day it tells, until the night", notify.Route{MuteTimes: []string{"a"}}, []notify.TimeInterval{night}, "2026-11-24T12:00:00Z", "", "2026-11-24T19:00:00Z"},
		{"a night has one end, after midnight", notify.Route{MuteTimes: []string{"a"}}, []notify.TimeInterval{night}, "2026-11-24T21:00:00Z", "a", "2026-11-25T06:00:00Z"},
		{"a minute before the end", notify.Route{MuteTimes: []string{"a"}}, []notify.TimeInterval{night}, "2026-11-25T05:59:59Z", "a", "2026-11-25T06:00:00Z"},
		{"the end is out", notify.Route{MuteTimes: []string{"a"}}, []notify.TimeInterval{night}, "2026-11-25T06:00:00Z", "", "2026-11-25T19:00:00Z"},
		{"nights and a weekend join", notify.Route{MuteTimes: []string{"a", "b"}}, []notify.TimeInterval{night, weekend}, "2026-11-27T20:00:00Z", "a", "2026-11-30T06:00:00Z"},
		{"in summer the night is earlier", notify.Route{MuteTimes: []string{"a"}}, []notify.TimeInterval{night}, "2026-07-01T12:00:00Z", "", "2026-07-01T18:00:00Z"},
		{"active times alone tell", notify.Route{ActiveTimes: []string{"a"}}, []notify.TimeInterval{weekend}, "2026-11-24T12:00:00Z", "a", "2026-11-27T23:00:00Z"},
		{"and stop at their end", notify.Route{ActiveTimes: []string{"a"}}, []notify.TimeInterval{weekend}, "2026-11-28T12:00:00Z", "", "2026-11-29T23:00:00Z"},
		{"mute times go before active ones", notify.Route{ActiveTimes: []string{"b"}, MuteTimes: []string{"a"}}, []notify.TimeInterval{night, weekend}, "2026-11-28T00:00:00Z", "a", "2026-11-28T06:00:00Z"},
		{"the last of February", notify.Route{MuteTimes: []string{"a"}}, []notify.TimeInterval{lastDay}, "2027-03-01T00:00:00Z", "", "2028-02-29T00:00:00Z"},
		{"two zones whose days overlap", notify.Route{MuteTimes: []string{"a", "b"}}, []notify.TimeInterval{
			{Times: []notify.TimeRange{{"23:00", "24:00"}}, Location: zone(t, "Pacific/Kiritimati")}, // 09:00Z
			{Times: []notify.TimeRange{{"00:00", "01:00"}}, Location: zone(t, "Pacific/Niue")},       // 11:00Z
		}, "2026-11-24T08:00:00Z", "", "2026-11-24T09:00:00Z"},
		{"the day after in one is before the day in the other", notify.Route{MuteTimes: []string{"a", "b"}}, []notify.TimeInterval{
			{Times: []notify.TimeRange{{"00:00", "00:10"}}, Location: zone(t, "Pacific/Kiritimati")}, // 10:00Z
			{Times: []notify.TimeRange{{"23:30", "24:00"}}, Location: zone(t, "Pacific/Niue")},       // 10:30Z
		}, "2026-11-24T08:00:00Z", "", "2026-11-24T10:00:00Z"},
		{"a time that comes twice counts when it comes first", notify.Route{MuteTimes: []string{"a"}}, []notify.TimeInterval{
			{Times: []notify.TimeRange{{"02:15", "02:45"}}, Location: berlin},
		}, "2026-10-24T22:00:00Z", "", "2026-10-25T00:15:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, g := held(t, &c.route, c.intervals...)
			hold := r.Hold(g, at(t, c.now))
			if got := soonestOf(hold); hold.By != c.by || !got.Equal(at(t, c.end)) {
				t.Errorf("held by %q until or from %s; want %q, %s", hold.By, got.UTC().Format(time.RFC3339), c.by, c.end)
			}
		})
	}
	r, g := held(t, &notify.Route{MuteTimes: []string{"a"}}, notify.TimeInterval{Years: []string{"2040"}})
	if hold := r.Hold(g, noon); hold.By != "" || !hold.Next.IsZero() {
		t.Errorf("a year that is far off: %+v", hold)
	}
	r, g = held(t, &notify.Route{})
	if hold := r.Hold(g, noon); hold != (notify.Hold{}) {
		t.Errorf("a route without times: %+v", hold)
	}
}

func soonestOf(h notify.Hold) time.Time {
	if h.By != "" {
		return h.Until
	}
	return h.Next
}
