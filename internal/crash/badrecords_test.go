package crash

import (
	"strings"
	"testing"
	"time"
)

// tell makes records by hand, a moment at a time.
type tell struct {
	records
	now time.Time
}

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// good is a short story in which every promise is kept: an account runs low, is
// filled up, and one receiver hears of it.
func good() *tell {
	t := &tell{now: noon}
	t.settled = true
	t.flips = append(t.flips, flip{"wells/w1", low, t.now, true})
	t.says(low, 1, true)
	t.wait(time.Second)
	t.says(low, 2, true)
	t.send("a", "first", accepted, "Low firing 0 1", "Sticky firing 0 1")
	t.send("b", "first", accepted, "Held firing 1s 2")
	t.wait(time.Second)
	t.flips = append(t.flips, flip{"wells/w1", fine, t.now, true})
	t.says(fine, 3, true)
	t.send("c", "some_resolved", accepted, "Low resolved 0 3", "Sticky firing 0 1")
	t.send("d", "all_resolved", accepted, "Held resolved 1s 3")
	t.wait(time.Second)
	t.says(fine, 4, true)
	t.wait(time.Second)
	t.send("e", "all_resolved", accepted, "Sticky resolved 0 4")
	return t
}

func (t *tell) wait(d time.Duration) { t.now = t.now.Add(d) }

func (t *tell) says(at zone, number int64, whole bool) {
	t.answers = append(t.answers, answer{"wells/w1", zoneFloor[at] + number, t.now, whole})
	t.wait(10 * time.Millisecond)
}

// send adds an attempt; its alerts are a rule, a status, a start after noon and
// the number of an answer.
func (t *tell) send(id, reason string, f fate, alerts ...string) *attempt {
	a := attempt{sink: "hook one", id: id, body: id, came: t.now, done: t.now.Add(time.Millisecond), fate: f}
	a.told = message{group: "g", reason: reason, sentAt: t.now}
	for _, text := range alerts {
		words := strings.Fields(text)
		starts, err := time.ParseDuration(words[2])
		if err != nil {
			starts = 0
		}
		n := news{rule: words[0], account: "wells/w1", status: words[1], starts: noon.Add(starts)}
		for _, said := range t.answers {
			if said.balance%serials == int64(words[3][0]-'0') {
				n.balance = said.balance
			}
		}
		if n.status == "resolved" {
			n.ends = t.now
		}
		a.told.news = append(a.told.news, n)
		if n.rule == "Held" {
			a.told.group = "h"
		}
	}
	t.attempts = append(t.attempts, a)
	t.wait(10 * time.Millisecond)
	return &t.attempts[len(t.attempts)-1]
}

// find returns the attempt of an id.
func (t *tell) find(id string) *attempt {
	for i := range t.attempts {
		if t.attempts[i].id == id {
			return &t.attempts[i]
		}
	}
	return nil
}

// drop takes the attempts of an id out.
func (t *tell) drop(id string) {
	kept := t.attempts[:0]
	for _, a := range t.attempts {
		if a.id != id {
			kept = append(kept, a)
		}
	}
	t.attempts = kept
}

func TestTheJudgeSeesWhatIsWrong(t *testing.T) {
	one := map[string]habits{"hook one": {interval: time.Second, repeat: 5 * time.Second, timeout: time.Second}}
	tests := []struct {
		what  string // is wrong with the records
		spoil func(t *tell)
		want  string // the promise that it breaks; "" for none
	}{
		{"nothing", func(*tell) {}, ""},
		{"the beginning was never told", func(t *tell) { t.drop("b") }, lost},
		{"the end was never told", func(t *tell) { t.drop("d") }, lost},
		{"an incident was never told at all", func(t *tell) { t.drop("b"); t.drop("d") }, lost},
		{"the end was tried and given up", func(t *tell) { t.find("d").fate = refused }, lost},
		{"an attempt that may have been taken was not made again", func(t *tell) { t.find("d").fate = unanswered }, lost},
		{"a message after a kill comes again", func(t *tell) {
			d := t.find("d")
			t.kills = append(t.kills, d.done.Add(100*time.Millisecond))
			t.send("d", "all_resolved", accepted, "Held resolved 1s 3").told = d.told
		}, ""},
		{"a message comes again without a kill", func(t *tell) {
			d := t.find("d").told
			t.send("d", "all_resolved", accepted, "Held resolved 1s 3").told = d
		}, again},
		{"a message comes again long before a kill", func(t *tell) {
			d := t.find("d")
			t.kills = append(t.kills, d.done.Add(2*time.Second))
			t.send("d", "all_resolved", accepted, "Held resolved 1s 3").told = d.told
		}, again},
		{"a kill while the database is away excuses", func(t *tell) {
			d := t.find("d")
			t.outages = append(t.outages, span{d.done, d.done.Add(time.Second)})
			t.kills = append(t.kills, d.done.Add(900*time.Millisecond))
			t.send("d", "all_resolved", accepted, "Held resolved 1s 3").told = d.told
		}, ""},
		{"a message comes again a little too long before a kill", func(t *tell) {
			d := t.find("d")
			t.late = []span{{d.done.Add(-time.Second), d.done.Add(-time.Millisecond)}, {d.done, d.done.Add(20 * time.Millisecond)}}
			t.kills = append(t.kills, d.done.Add(300*time.Millisecond))
			t.send("d", "all_resolved", accepted, "Held resolved 1s 3").told = d.told
		}, again},
		{"a kill while the machine stands still excuses", func(t *tell) {
			d := t.find("d")
			t.late = []span{{d.done, d.done.Add(400 * time.Millisecond)}, {d.done.Add(500 * time.Millisecond), d.done.Add(800 * time.Millisecond)}}
			t.kills = append(t.kills, d.done.Add(900*time.Millisecond))
			t.send("d", "all_resolved", accepted, "Held resolved 1s 3").told = d.told
		}, ""},
		{"a message comes again with another time in it", func(t *tell) {
			d := t.find("d")
			t.kills = append(t.kills, d.done)
			a := t.send("d", "all_resolved", accepted, "Held resolved 1s 3")
			a.told, a.body = t.find("d").told, "d, later"
		}, otherBytes},
		{"a retry has other bytes", func(t *tell) {
			d := *t.find("d")
			d.fate, d.body = refused, "d, before"
			t.attempts = append(t.attempts[:3], append([]attempt{d}, t.attempts[3:]...)...)
		}, otherBytes},
		{"two send one message", func(t *tell) {
			t.find("d").done = t.now.Add(time.Second)
			a := t.send("d", "all_resolved", refused, "Held resolved 1s 3")
			a.told = t.find("d").told
		}, atOnce},
		{"the end is told under two ids", func(t *tell) {
			t.wait(2 * time.Second)
			t.send("f", "all_resolved", accepted, "Held resolved 1s 3")
		}, twice},
		{"it is told as firing after its end", func(t *tell) {
			t.wait(2 * time.Second)
			t.send("f", "new_alerts", accepted, "Low firing 0 1")
		}, twice},
		{"a message says nothing new", func(t *tell) {
			c := t.find("c").told
			t.find("c").told.news = c.news[1:]
			t.send("f", "some_resolved", accepted, "Low resolved 0 3")
		}, twice},
		{"an incident of which the source knows nothing", func(t *tell) {
			t.wait(2 * time.Second)
			t.send("f", "first", accepted, "Held firing 3s 2")
			t.wait(2 * time.Second)
			t.send("g", "all_resolved", accepted, "Held resolved 3s 4")
		}, twice},
		{"an old message after a newer", func(t *tell) {
			t.wait(time.Second)
			t.send("f", "first", refused, "Low firing 0 1").told.sentAt = noon
		}, outOfOrder},
		{"a balance that was never said", func(t *tell) { t.answers = t.answers[1:] }, groundless},
		{"a balance of an answer that was cut", func(t *tell) { t.answers[2].whole = false }, groundless},
		{"a balance of another account", func(t *tell) { t.answers[2].account = "wells/w2" }, groundless},
		{"a balance that was said only later", func(t *tell) { t.answers[2].at = t.now }, groundless},
		{"resolved by a balance that is low", func(t *tell) { t.find("d").told.news[0].balance = zoneFloor[low] + 2 }, wrong},
		{"firing by a balance that is fine", func(t *tell) {
			t.answers = append(t.answers, answer{"wells/w1", zoneFloor[fine] + 9, noon, true})
			t.find("b").told.news[0].balance = zoneFloor[fine] + 9
		}, wrong},
		{"it ends before it begins", func(t *tell) { t.find("d").told.news[0].ends = noon }, wrong},
		{"it fires before it held for long enough", func(t *tell) {
			t.find("b").told.news[0].starts = noon.Add(500 * time.Millisecond)
		}, tooSoon},
		{"it resolves before it kept firing for long enough", func(t *tell) {
			t.find("e").told.news[0].ends = noon.Add(2100 * time.Millisecond)
		}, tooSoon},
		{"a group's interval is not kept", func(t *tell) { t.find("c").told.sentAt = t.find("a").told.sentAt.Add(200 * time.Millisecond) }, tooSoon},
		{"it repeats too soon", func(t *tell) {
			t.flips = t.flips[:1]
			t.attempts = t.attempts[:2]
			t.wait(-time.Second)
			t.send("f", "repeat", accepted, "Held firing 1s 2")
		}, tooSoon},
		{"it repeats at its time", func(t *tell) {
			t.flips = t.flips[:1]
			t.attempts = t.attempts[:2]
			t.wait(5 * time.Second)
			t.send("f", "repeat", accepted, "Held firing 1s 2")
		}, ""},
		{"a receiver is not left alone", func(t *tell) {
			d := t.find("d")
			d.fate, d.pause = throttled, 3*time.Second
			t.send("d", "all_resolved", accepted, "Held resolved 1s 3").told = d.told
		}, impatient},
		{"a receiver is left alone for long enough", func(t *tell) {
			d := t.find("e")
			d.fate, d.pause = throttled, 3*time.Second
			t.wait(3 * time.Second)
			t.send("e", "all_resolved", accepted, "Sticky resolved 0 4").told = d.told
		}, ""},
		{"a source is not left alone", func(t *tell) {
			t.askings = []asking{
				{source: "wells", at: noon, done: noon, pause: 2 * time.Second},
				{source: "pumps", at: noon.Add(time.Second)},
				{source: "wells", at: noon.Add(1500 * time.Millisecond)},
			}
		}, impatient},
		{"a source's rounds overlap", func(t *tell) {
			t.askings = []asking{
				{source: "wells", at: noon, done: noon, listing: true},
				{source: "wells", at: noon, done: noon.Add(2 * time.Second)},
				{source: "wells", at: noon.Add(time.Second), done: noon.Add(time.Second), listing: true},
			}
		}, byTwo},
		{"the round of one who was killed overlaps", func(t *tell) {
			t.kills = []time.Time{noon.Add(time.Second)}
			t.askings = []asking{
				{source: "wells", at: noon, done: noon.Add(2 * time.Second), listing: true},
				{source: "wells", at: noon.Add(time.Second), done: noon.Add(time.Second), listing: true},
			}
		}, ""},
		{"a source is polled twice in each slot", func(t *tell) {
			for i := range 8 {
				at := noon.Add(time.Duration(i) * 500 * time.Millisecond)
				t.askings = append(t.askings, asking{source: "wells", at: at, done: at, listing: true})
			}
		}, byTwo},
		{"sources are polled once in each slot", func(t *tell) {
			for i := range 8 {
				at := noon.Add(time.Duration(i) * time.Second)
				t.askings = append(t.askings, asking{source: "wells", at: at, done: at, listing: true},
					asking{source: "pumps", at: at, done: at, listing: true})
			}
		}, ""},
		{"something about no rule", func(t *tell) {
			t.wait(2 * time.Second)
			t.send("f", "first", accepted, "SourceDown firing 3s 2")
		}, unspeakable},
		{"a message without an id", func(t *tell) { t.find("d").id = "" }, unspeakable},
		{"a message that says nothing", func(t *tell) { t.find("d").told.news = nil }, unspeakable},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			told := good()
			test.spoil(told)
			breaches := review(told.records, one)
			seen := test.want == "" && len(breaches) == 0
			for _, b := range breaches {
				seen = seen || b.what == test.want
			}
			if !seen {
				t.Errorf("the judge says %q, want %q", breaches, test.want)
			}
		})
	}
}
