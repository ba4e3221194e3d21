package rules

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
)

// constants warns of conditions, and of parts of them, that are never true or
// always. It says whether there was none. A plain true is meant.
func (l *looker) constants() bool {
	root := l.root()
	if got, ok := l.logic.nodes[root]; ok && got.kind != boolean && got.kind != dynamic {
		return true // no condition
	}
	if v, ok := l.logic.constant(root); ok {
		if v.isTrue() {
			return true
		}
		l.warn(root, "condition is always false", l.never)
		return false
	}
	return !l.constant(root)
}

// constant warns of the innermost parts that are constant, and says whether it
// did.
func (l *looker) constant(n ast.Node) bool {
	said := false
	for _, child := range children(n) {
		said = l.constant(child) || said
	}
	got, ok := l.logic.nodes[n]
	if said || !ok || got.fixed || got.kind != boolean {
		return said
	}
	for _, want := range []bool{true, false} {
		if possible, wrong := l.logic.cases(n, want).possible(world{}); !possible {
			l.impossible(n, want, wrong)
			return true
		}
	}
	return false
}

// impossible warns of a part that cannot come to what is wanted.
func (l *looker) impossible(n ast.Node, want bool, wrong *conflict) {
	hint := l.hint(want)
	if wrong != nil && wrong.other != nil && beginning(wrong.at.tree) < beginning(wrong.other.tree) {
		wrong = &conflict{at: wrong.other, other: wrong.at}
	}
	switch {
	case wrong == nil && want:
		l.warn(n, "condition is always false", hint)
	case wrong == nil:
		l.warn(n, "condition is always true", hint)
	case wrong.other == nil:
		l.warn(wrong.at.tree, fmt.Sprintf("%s is %s true: %s", wrong.at.tree, often(wrong.at.negated), wrong.why), hint)
	case want:
		l.warn(wrong.at.tree, fmt.Sprintf("%s and %s cannot both be true", wrong.other, wrong.at), hint)
	default:
		l.warn(wrong.at.tree, fmt.Sprintf("one of %s and %s is always true", wrong.other.tree, wrong.at.tree), hint)
	}
}

func often(always bool) string {
	if always {
		return "always"
	}
	return "never"
}

// hint says what follows for the whole condition.
func (l *looker) hint(want bool) string {
	if possible, _ := l.cases(true).possible(world{}); !possible {
		return l.never
	}
	if possible, _ := l.cases(false).possible(world{}); !possible {
		return l.always
	}
	if want {
		return "this part is never true"
	}
	return "this part is always true where its values are known"
}

// String shows the atom as it stands, turned into its opposite where that is
// what holds.
func (a *atom) String() string {
	if a.negated {
		return fmt.Sprintf("not (%s)", a.tree)
	}
	return a.tree.String()
}
