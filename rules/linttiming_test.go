package rules_test

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch/rules"
)

func TestDurationsThatFitNothing(t *testing.T) {
	const hardly = " (the rule can hardly fire; keep_firing_for keeps it in sight)"
	const anyway = " (it lasts until the next poll in any case)"
	five := rules.Options{Facts: []rules.Facts{{Name: "slow", Interval: time.Hour}, {Name: "fast", Interval: 5 * time.Minute}, {Name: "daily"}}}
	lintAll(t, five, []lintCase{
		{"a change, at once", `expr: changed("plan.type")`, ""},
		{"a change, kept in sight", "expr: changed(\"plan.type\")\nkeep_firing_for: 1d", ""},
		{"a change that lasts", "expr: changed(\"plan.type\")\nfor: 15m", "4:10: expr is true at a single poll, and never for 15m" + hardly},
		{"a change among other things", "expr: balance < 5 && changed(\"plan.type\")\nfor: 1h30m", "4:10: expr is true at a single poll, and never for 1h30m" + hardly},
		{"a change or something else", "expr: balance < 5 || changed(\"plan.type\")\nfor: 15m", ""},
		{"no change", "expr: \"!changed('plan.type')\"\nfor: 15m", ""},
		{"the first poll", "expr: previous == nil && balance < 5\nfor: 15m", "4:10: expr is true at a single poll, and never for 15m" + hardly},
		{"shorter than a source's interval", "expr: suspended\nfor: 5m\nsources: [slow]", "4:10: for is shorter than the 1h between two polls" + anyway},
		{"as long as it", "expr: suspended\nfor: 1h\nsources: [slow]", ""},
		{"shorter than that of every source", "expr: suspended\nkeep_firing_for: 90s\nsources: [slow, fast]", "4:22: keep_firing_for is shorter than the 5m between two polls" + anyway},
		{"shorter than that of some", "expr: suspended\nfor: 5m\nsources: [slow, fast]", ""},
		{"beside a schedule nothing is said", "expr: suspended\nfor: 1m", ""},
	})
}
