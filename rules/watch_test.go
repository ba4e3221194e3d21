package rules_test

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

// TestWhatCannotBeSeenSaysWhatHelps: to top up is no help with any of it.
func TestWhatCannotBeSeenSaysWhatHelps(t *testing.T) {
	set, problems := rules.Load(nil, rules.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	account, last := acme().Account, acme()
	long := now.Add(-time.Hour)
	for _, c := range []struct {
		what, want string
		got        []billwatch.Evaluation
	}{
		{"a source that is down", "run billwatch probe blues: it shows what the API answers, and what helps",
			set.SourceDown(billwatch.Account{Source: "blues"}, billwatch.SourceSight{Good: long}, true, now)},
		{"an account that is not read", "run billwatch probe blues --account app:1: it shows what the API answers, and what helps",
			set.AccountStale(billwatch.AccountSight{Account: account, Good: long, Since: long, Last: &last}, now, now)},
		{"an account that is gone", "run billwatch probe blues --accounts: it shows what the credential still sees",
			set.AccountGone(billwatch.AccountSight{Account: account, Gone: true, Last: &last}, now)},
		{"an account that was deleted", "make sure that nothing uses it any more",
			set.AccountGone(billwatch.AccountSight{Account: account, Deleted: long, Last: &last}, now)},
	} {
		if e := only(t, c.got); e.Outcome != billwatch.True || e.Annotations["action"] != c.want {
			t.Errorf("%s: %s, %q", c.what, e.Outcome, e.Annotations["action"])
		}
	}
}
