package statetest

import (
	"context"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

type quiet interface {
	Quiet(ctx context.Context, known int64, now time.Time) (billwatch.Quiet, error)
	Inhibit(ctx context.Context, rules string, inhibits func(billwatch.Alert) bool) error
	Recheck(ctx context.Context, now time.Time, due func(billwatch.Group, billwatch.Member) bool) error
	EndSilences(ctx context.Context, now time.Time, grace time.Duration, matches func(billwatch.Silence, billwatch.Labels) bool) (time.Time, error)
}

func (w *world) quiet(known int64) billwatch.Quiet {
	w.Helper()
	q, err := w.Quiet(w.ctx, known, w.now)
	w.must(err)
	return q
}

// ends lets silences until resolved end after ten minutes, and returns when one
// may next.
func (w *world) ends() time.Time {
	w.Helper()
	next, err := w.EndSilences(w.ctx, w.now, 10*time.Minute, func(s billwatch.Silence, l billwatch.Labels) bool {
		return l["rule"] == s.Comment
	})
	w.must(err)
	return next
}

func (w *world) wantEnds(when string, want time.Time) {
	w.Helper()
	if got := w.ends(); !got.Equal(want) {
		w.Errorf("%s a silence may end at %s, want %s", when, got, want)
	}
}

// labelled commits an alert that has a label.
func (w *world) labelled(lease billwatch.Lease, rule string, state billwatch.AlertState) billwatch.Alert {
	w.Helper()
	a := w.firing(rule, "1")
	a.Labels = billwatch.Labels{"rule": rule}
	a.State = state
	w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{a}}))
	return a
}

func silenceUntilResolved(w *world) {
	lease := w.lease("a", 1)
	s := w.silenceFor(48 * time.Hour)
	s.Matchers, s.Comment = []billwatch.Matcher{{Name: "alertname", Value: "Low", IsEqual: true}}, "Low"
	s = w.put(s)
	forever := s
	forever.ID, forever.UntilResolved = "", false
	forever = w.put(forever)
	w.labelled(lease, "Low", billwatch.Firing)
	w.wantEnds("while its alert fires", time.Time{})
	w.after(time.Hour)
	w.labelled(lease, "Low", billwatch.Resolved)
	w.labelled(lease, "High", billwatch.Firing)
	resolved := w.now
	w.wantEnds("once its alert resolved", resolved.Add(10*time.Minute))
	w.after(9 * time.Minute)
	w.labelled(lease, "Low", billwatch.Firing)
	w.wantEnds("when its alert fires again", time.Time{})
	w.after(20 * time.Minute)
	w.labelled(lease, "Low", billwatch.Resolved)
	w.wantEnds("once it resolved again", w.now.Add(10*time.Minute))
	w.must(w.Shift(w.ctx, time.Hour))
	w.after(time.Hour)
	w.after(9 * time.Minute)
	w.wantEnds("after a clock that jumped", w.now.Add(time.Minute))
	w.after(time.Minute)
	before := w.quiet(-1).Version
	w.wantEnds("after ten minutes", time.Time{})
	if got := w.silence(s.ID); got.State(w.now) != billwatch.SilenceExpired || !got.EndsAt.Equal(w.now) {
		w.Errorf("ten minutes after its alert resolved it is %s and ends at %s", got.State(w.now), got.EndsAt)
	}
	if w.silence(forever.ID).State(w.now) != billwatch.SilenceActive {
		w.Error("one that is not until resolved ended with its alerts")
	}
	if w.quiet(-1).Version == before {
		w.Error("the end of a silence changed no version")
	}
}

func silenceBeforeItsAlert(w *world) {
	lease := w.lease("a", 1)
	s := w.silenceFor(48 * time.Hour)
	s.Matchers, s.Comment = s.Matchers[1:], "Low" // by no label that has a column
	s = w.put(s)
	w.wantEnds("before its alert fires", time.Time{})
	w.after(24 * time.Hour)
	w.labelled(lease, "Other", billwatch.Firing)
	w.wantEnds("while another fires", time.Time{})
	if w.silence(s.ID).State(w.now) != billwatch.SilenceActive {
		w.Error("it ended before its alert began")
	}
	w.labelled(lease, "Low", billwatch.Firing)
	w.ends()
	w.labelled(lease, "Low", billwatch.Resolved)
	w.wantEnds("once its alert resolved", w.now.Add(10*time.Minute))
}

func quietVersion(w *world) {
	lease := w.lease("a", 1)
	changes := func(what string, want bool, do func()) {
		w.Helper()
		before := w.quiet(-1).Version
		do()
		if got := w.quiet(before).Version != before; got != want {
			w.Errorf("%s changes what is quiet: %t, want %t", what, got, want)
		}
	}
	var s billwatch.Silence
	changes("a new silence", true, func() { s = w.put(w.silenceFor(time.Hour)) })
	low, gone := w.firing("Low", "1"), w.firing(billwatch.RuleAccountGone, "1")
	gone.Inhibits = true
	commit := func(a billwatch.Alert) {
		w.Helper()
		w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{a}}))
	}
	changes("an alert", false, func() { commit(low) })
	changes("one that inhibits", true, func() { commit(gone) })
	changes("the same again", false, func() { commit(gone) })
	q := w.quiet(-1)
	if len(q.Silences) != 1 || len(q.Inhibitors) != 1 || q.Inhibitors[0].Key != gone.Key {
		w.Errorf("quiet is %+v, want the silence and what inhibits", q)
	}
	if again := w.quiet(q.Version); again.Version != q.Version || len(again.Silences)+len(again.Inhibitors) > 0 {
		w.Errorf("what is known is told again: %+v", again)
	}
	changes("the end of an alert", false, func() { low.State = billwatch.Resolved; commit(low) })
	changes("the end of one that inhibits", true, func() { gone.State = billwatch.Resolved; commit(gone) })
	changes("the end of a silence", true, func() { w.must(w.ExpireSilence(w.ctx, s.ID, w.now)) })
	w.after(time.Second)
	if q := w.quiet(-1); len(q.Silences)+len(q.Inhibitors) > 0 {
		w.Errorf("what is over is quiet: %+v", q)
	}
	changes("a jump of the clock", true, func() { w.must(w.Shift(w.ctx, time.Hour)) })
}

func quietRules(w *world) {
	lease := w.lease("a", 1)
	for _, rule := range []string{"Low", "High", "Other"} {
		a := w.firing(rule, "1")
		a.Inhibits = rule == "Low" || rule == "Other"
		w.must(w.Commit(w.ctx, billwatch.Batch{Lease: lease, Now: w.now, Alerts: []billwatch.Alert{a}}))
	}
	before := w.quiet(-1)
	w.must(w.Inhibit(w.ctx, "by H", func(a billwatch.Alert) bool { return strings.HasPrefix(a.Key.Rule, "H") }))
	w.reopen()
	q := w.quiet(before.Version)
	if q.Rules != "by H" || q.Version == before.Version || len(q.Inhibitors) != 1 || q.Inhibitors[0].Key.Rule != "High" || !q.Inhibitors[0].Inhibits {
		w.Errorf("by new rules quiet is %+v, want High alone", q)
	}
}

// mute freezes a look at a group that finds its members muted.
func (w *world) mute(g billwatch.Group, m billwatch.Mute, unmuted bool) {
	w.Helper()
	f := billwatch.Flush{Group: g, Quiet: w.quiet(-1).Version, NextDue: w.now.Add(24 * time.Hour)}
	for _, member := range g.Members {
		member.Muted, member.Unmuted = m, unmuted
		f.Marks = append(f.Marks, member)
	}
	w.must(w.Freeze(w.ctx, []billwatch.Flush{f}))
}

func muteMarked(w *world) {
	lease := w.lease("a", 1)
	w.begin(lease, "Low", "g")
	high := w.begin(lease, "High", "h")
	w.after(groupWait)
	why := billwatch.Mute{Why: billwatch.MutedSilenced, By: "s", Until: w.now.Add(time.Hour)}
	for _, g := range w.groups("a") {
		if g.Key == "g" {
			w.mute(g, why, false)
			continue
		}
		w.freeze(g, id(1), high, w.now.Add(48*time.Hour))
	}
	w.reopen()
	w.must(w.Shift(w.ctx, time.Hour))
	w.after(25 * time.Hour)
	g := w.group("a")
	why.Until = why.Until.Add(time.Hour)
	if m := g.Members[0]; m.Muted != why || m.Unmuted {
		w.Errorf("muted because of %+v, want %+v", m.Muted, why)
	}
	w.mute(g, billwatch.Mute{}, true)
	w.after(24 * time.Hour)
	for _, g := range w.groups("a") {
		if m := g.Members[0]; m.Muted != (billwatch.Mute{}) || m.Unmuted != (g.Key == "g") {
			w.Errorf("a member of %s is muted because of %+v and owed to be told again: %t", g.Key, m.Muted, m.Unmuted)
		}
	}
}

func muteRechecked(w *world) {
	lease := w.lease("a", 1)
	low, high := w.begin(lease, "Low", "g"), w.begin(lease, "High", "h")
	w.begin(lease, "Other", "i")
	w.after(groupWait)
	for _, g := range w.groups("a") {
		switch g.Key {
		case "g":
			w.freeze(g, id(1), low, w.now.Add(24*time.Hour))
		case "h":
			w.freeze(g, id(2), high, w.now.Add(24*time.Hour))
		case "i":
			w.must(w.Freeze(w.ctx, []billwatch.Flush{{Group: g, NextDue: w.now.Add(24 * time.Hour)}}))
		}
	}
	for _, d := range w.deliveries("a") {
		w.delivered(d)
	}
	w.after(time.Hour)
	recheck := func(want string, key string) {
		w.Helper()
		var seen []string
		w.must(w.Recheck(w.ctx, w.now, func(g billwatch.Group, m billwatch.Member) bool {
			seen = append(seen, g.Key+" "+g.Receiver+" "+m.Alert.Key.Rule+" "+string(m.Alert.State)+" "+string(m.Told))
			return g.Key == key
		}))
		if got := strings.Join(seen, ", "); got != want {
			w.Errorf("members are %q, want %q", got, want)
		}
	}
	all := "g ops Low firing firing, h ops High firing firing" // nobody was told of the third
	recheck(all, "")
	w.wantDue("after a look that found nothing", w.now.Add(23*time.Hour))
	recheck(all, "h")
	w.wantDue("after one that found something", w.now)
	h := w.group("a")
	if h.Key != "h" {
		w.Errorf("group %s is due, want h", h.Key)
	}
	recheck(all, "h") // while it is looked at
	w.mute(h, billwatch.Mute{Why: billwatch.MutedInhibited, By: "x"}, false)
	w.wantDue("after one that came while it was looked at", w.now)
	w.end(lease, high, "h")
	recheck("g ops Low firing firing", "")
}

func flushBehind(w *world) {
	lease := w.lease("a", 1)
	w.begin(lease, "Low", "g")
	w.after(groupWait)
	g := w.group("a")
	f := billwatch.Flush{Group: g, Quiet: w.quiet(-1).Version, NextDue: w.now.Add(24 * time.Hour)}
	w.put(w.silenceFor(time.Hour)) // while the group is looked at
	w.must(w.Freeze(w.ctx, []billwatch.Flush{f}))
	w.group("a")
}
