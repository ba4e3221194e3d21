package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/billwatch/billwatch/internal/document"
	"go.yaml.in/yaml/v4"
)

// lintTiming warns of durations that do not fit what the condition asks, or how
// often it is asked.
func (s *subject) lintTiming() {
	out := s.rule
	if out.pending > 0 && s.expr.sound && s.expr.passing() {
		s.warn(document.Get(s.entry, "for"), "expr is true at a single poll, and never for "+short(out.pending),
			"the rule can hardly fire; keep_firing_for keeps it in sight")
		return
	}
	shortest := s.options.shortest(out.sources)
	for _, d := range []struct {
		key    string
		length time.Duration
	}{{"for", out.pending}, {"keep_firing_for", out.keep}} {
		if d.length > 0 && d.length < shortest {
			s.warn(document.Get(s.entry, d.key), fmt.Sprintf("%s is shorter than the %s between two polls", d.key, short(shortest)),
				"it lasts until the next poll in any case")
		}
	}
}

func (r *reader) warn(n *yaml.Node, message, hint string) {
	r.problems = append(r.problems, r.doc.Warn(n, message, hint))
}

// short is a duration as people write it.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

// passing says whether a condition can be true at one poll only: each way leads
// over a change, or over there being no poll before.
func (l *looker) passing() bool {
	ways := l.cases(true)
	found := false
	for _, all := range ways.all {
		if (world{}).conflict(all) != nil {
			continue
		}
		found = true
		passes := false
		for _, a := range all {
			changes := a.op == opIs && a.val.isTrue() && strings.HasPrefix(a.term, "changed(")
			passes = passes || changes || a.op == opNil && a.val.isTrue() && a.term == "previous"
		}
		if !passes {
			return false
		}
	}
	return found && !ways.open
}
