package ruletest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules/ruletest"
)

// listener notes what of the past a poll brings.
type listener struct {
	stage
	records [][]billwatch.Record
	derives []bool
}

func (l *listener) Poll(_ context.Context, _ string, _ time.Time, polls []billwatch.Poll) error {
	l.records, l.derives = append(l.records, polls[0].Records), append(l.derives, polls[0].Derive)
	return nil
}

func loaded(t *testing.T, text string) *ruletest.Test {
	t.Helper()
	doc, problems := document.Parse("t.yaml", []byte("rule_files: [r.yaml]\ntests:\n  - "+text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	file, problems := ruletest.Load(doc)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return &file.Tests[0]
}

func TestHistoryIsTheDaysBeforeTheStartAndToldOnce(t *testing.T) {
	l := &listener{}
	test := loaded(t, "{ name: it, start: 2026-03-04, history: { used: '100 200 50' }, series: { balance: '1000' }, expect: [{ at: 1h, alerts: [] }] }")
	if _, err := test.Run(t.Context(), l, func() []billwatch.Notification { return nil }); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range l.records[0] {
		got = append(got, fmt.Sprintf("%s used %s, left %s", r.Period.Format(time.DateOnly), r.Used, r.Remaining))
	}
	want := []string{"2026-03-01 used 100, left 1250", "2026-03-02 used 200, left 1050", "2026-03-03 used 50, left 1000"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(l.records) != 2 || len(l.records[1]) != 0 {
		t.Errorf("%d polls, the second brings %v; want two, and nothing", len(l.records), l.records)
	}
	if !l.derives[0] || !l.derives[1] {
		t.Error("use does not follow from the balances, as it does where a provider has no history")
	}
}

func TestAMessageTooManyIsAFailure(t *testing.T) {
	told := []billwatch.Notification{{Receiver: "ops", Status: billwatch.Firing}, {Receiver: "night", Status: billwatch.Firing}}
	for _, c := range []struct {
		name, expect string
		ok           bool
	}{
		{"both", "[{ receiver: ops }, { receiver: night }]", true},
		{"both, in any order", "[{ receiver: night }, { receiver: ops }]", true},
		{"one of two", "[{ receiver: ops }]", false},
		{"three of two", "[{ receiver: ops }, { receiver: night }, {}]", false},
		{"none", "[]", false},
		{"one that says little stands before one that says all", "[{ status: firing }, { receiver: ops }]", true},
		{"two that say little stand before one that says all", "[{}, { status: firing }, { receiver: ops }]", false},
	} {
		test := loaded(t, "{ name: it, expect: [{ at: 0h, notifications: "+c.expect+" }] }")
		result, err := test.Run(t.Context(), &stage{}, func() []billwatch.Notification { return told })
		if err != nil {
			t.Fatal(err)
		}
		if result.OK() != c.ok {
			t.Errorf("%s: ok is %v, want %v: %+v", c.name, result.OK(), c.ok, result.Failures)
		}
		if f := result.Failures; !c.ok && c.name == "one of two" && !strings.Contains(strings.Join(f[0].Got, "\n"), "to night firing") {
			t.Errorf("the message too many is not shown: %v", f[0].Got)
		}
	}
}

// slowStage tells of everything half a minute after the poll.
type slowStage struct {
	stage
	told []billwatch.Notification
}

func (s *slowStage) Until(_ context.Context, moment time.Time) error {
	if moment.Minute() > 0 && len(s.told) == 0 {
		s.told = append(s.told, billwatch.Notification{Receiver: "ops", Status: billwatch.Firing})
	}
	return nil
}

func TestAMessageBetweenTwoPollsIsSeenAtTheNextExpectation(t *testing.T) {
	for expect, ok := range map[string]bool{
		"{ at: 0h, notifications: [] }, { at: 1m, notifications: [{ receiver: ops }] }, { at: 2m, notifications: [] }": true,
		"{ at: 1m, notifications: [] }": false,
		"{ at: 1m, notifications: [] }, { at: 2m, notifications: [{ receiver: ops }] }":   false,
		"{ at: 1m, alerts: [] }, { at: 2m, notifications: [] }":                           true,
		"{ at: 1m, alerts: [] }, { at: 2m, notifications: [{ receiver: ops }] }":          false,
		"{ at: 1m, notifications: [{ receiver: ops }] }, { at: 1m, notifications: [{}] }": false,
	} {
		s := &slowStage{}
		test := loaded(t, "{ name: it, expect: ["+expect+"] }")
		result, err := test.Run(t.Context(), s, func() []billwatch.Notification { return s.told })
		if err != nil {
			t.Fatal(err)
		}
		if result.OK() != ok {
			t.Errorf("%s: ok is %v, want %v: %+v", expect, result.OK(), ok, result.Failures)
		}
	}
}
