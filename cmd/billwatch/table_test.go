package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/daemon"
)

func TestWrappedLinesFit(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"what fits stays", "  one two", "  one two"},
		{"what does not goes on below", "  one two three four", "  one two\n    three four"},
		{"a word that never fits stands alone", "a bcdefghijklmnopqrstuvwxyz c", "a\n    bcdefghijklmnopqrstuvwxyz\n    c"},
		{"characters count, not bytes", "äöü äöü äöü äö", "äöü äöü äöü äö"},
		{"nothing", "", ""},
	} {
		if got := wrapped(c.text, 14, "    "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestADryRunFitsATerminal has many rules fire on accounts with long names.
func TestADryRunFitsATerminal(t *testing.T) {
	account := billwatch.Account{Source: "a-source-of-a-long-name", ID: "a1", Name: strings.Repeat("Very Long Organization ", 4)}
	balance, err := billwatch.ParseDecimal("123456789012345.67")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	run := daemon.DryRun{At: at, Polls: []billwatch.Poll{{Account: account, At: at,
		Snapshot: &billwatch.Snapshot{Account: account, Unit: "events", Balance: billwatch.Known(balance)}}}}
	for i := range 12 {
		e := billwatch.Evaluation{Rule: fmt.Sprintf("CapacityOfTheOrganizationLow%d", i), Account: account.Key(), Outcome: billwatch.True, For: time.Hour}
		run.Evaluations = append(run.Evaluations, e)
		e.Rule, e.Outcome, e.Reason, e.Detail = e.Rule+"B", billwatch.Unknown, billwatch.ReasonNotSent, "spend.monthly was not sent"
		run.Evaluations = append(run.Evaluations, e)
	}
	var out strings.Builder
	if err := printDryRun(&out, run); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for i := range 12 {
		if name := fmt.Sprintf("CapacityOfTheOrganizationLow%d (once it held 1h)", i); !strings.Contains(strings.Join(strings.Fields(out.String()), " "), name) {
			t.Errorf("%s is not shown:\n%s", name, out.String())
		}
	}
}
