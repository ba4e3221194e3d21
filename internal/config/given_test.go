package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

func TestEntriesAreJudgedOverWhatWasSeen(t *testing.T) {
	c, problems := load(t, write(t, sound+`
accounts:
  - { match: account.id == "a", labels: { tier: none }, vars: { floor: 1, note: listed } }
  - { match: plan.type == "Big", labels: { tier: big }, vars: { floor: 9 } }
  - { match: account.owner == "late", vars: { late: true } }
`))
	if problems != "" {
		t.Fatal(problems)
	}
	account := billwatch.Account{ID: "a"}
	with := func(plan billwatch.Value[string]) *billwatch.Snapshot {
		return &billwatch.Snapshot{Plan: billwatch.Plan{Type: plan}}
	}
	big, small, unsent := with(billwatch.Known("Big")), with(billwatch.Known("Small")), with(billwatch.NotSent[string]())
	for _, k := range []struct {
		what  string
		seen  []*billwatch.Snapshot
		tier  string
		floor any
		late  any
	}{
		{"a listing's row alone leaves it open", nil, "none", rules.Undecided{}, rules.Undecided{}},
		{"the detail decides", []*billwatch.Snapshot{big, small}, "big", 9, nil},
		{"against it, too", []*billwatch.Snapshot{small, big}, "none", 1, nil},
		{"the poll before does where this one lacks it", []*billwatch.Snapshot{unsent, big}, "big", 9, nil},
		{"and where this one failed", []*billwatch.Snapshot{nil, big}, "big", 9, nil},
		{"nothing does", []*billwatch.Snapshot{unsent, unsent}, "none", rules.Undecided{}, nil},
	} {
		got := c.Given(account, k.seen...)
		if got.Labels["tier"] != k.tier || !cmp.Equal(got.Vars["floor"], k.floor) || !cmp.Equal(got.Vars["late"], k.late) || got.Vars["note"] != "listed" {
			t.Errorf("%s: got %+v, want tier %s, floor %v, late %v", k.what, got, k.tier, k.floor, k.late)
		}
	}
}
