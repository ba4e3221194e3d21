package rules

import (
	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v4"
)

// lint warns of what a rule says and cannot mean. Each family of checks is a
// file of its own. What one has found, the later ones do not find again: only a
// condition that is sound by itself is compared with others.
func (r *reader) lint(n *yaml.Node, out *rule) {
	s := &subject{reader: r, rule: out, entry: n, nobody: "no source that the rule looks at has "}
	s.expr = r.look(out.expr, "the rule can never fire", "the rule fires wherever its values are known")
	s.where = r.look(out.where, "the rule looks at no account", "it leaves no account out")
	s.until = r.look(out.until, "an alert never resolves", "it changes nothing")
	s.value = r.look(out.shownBy, "", "")
	for _, l := range s.all() {
		l.thresholds()
	}
	s.lintWhere()
	s.lintUntil()
	s.lintTiming()
	s.lintLabels()
	s.lintSources()
}

// subject is one rule under the looking-glass. What it does not have is nil.
type subject struct {
	*reader
	rule  *rule
	entry *yaml.Node

	nobody string // how it is said that no source has something

	expr, where, until, value *looker
}

// all returns what the rule has.
func (s *subject) all() []*looker {
	var all []*looker
	for _, l := range []*looker{s.where, s.expr, s.until, s.value} {
		if l != nil {
			all = append(all, l)
		}
	}
	return all
}

// lintWhere compares the condition that picks accounts with expr.
func (s *subject) lintWhere() {
	if s.where == nil || !s.where.sound || !s.expr.sound {
		return
	}
	both := s.where.cases(true).and(s.expr.cases(true))
	if ok, _ := both.possible(world{}); !ok {
		s.where.sound = false
		s.where.warn(s.where.root(), "no account that where picks can meet expr", s.expr.never)
	}
}

// looker looks into one compiled expression.
type looker struct {
	doc     *document.Document
	program *program
	logic   *logic
	never   string // what follows from its never being true
	always  string // and from its always being true
	sound   bool   // neither is so
	into    *billwatch.Problems
}

// look makes a looker, and warns of what is constant; nil where there is no
// such expression.
func (r *reader) look(p *program, never, always string) *looker {
	if p == nil {
		return nil
	}
	l := &looker{doc: r.doc, program: p, logic: newLogic(p), never: never, always: always, into: &r.problems}
	l.sound = l.constants()
	return l
}

func (l *looker) root() ast.Node { return l.program.parts[0].tree }

func (l *looker) cases(want bool) cases { return l.logic.cases(l.root(), want) }

func (l *looker) warn(at ast.Node, message, hint string) {
	p := l.doc.ErrorAt(l.program.scalar, beginning(at), message, hint)
	p.Severity = billwatch.SeverityWarning
	*l.into = append(*l.into, p)
}

// beginning returns the first character of a part; an operator's own place is
// in the middle of it.
func beginning(n ast.Node) int {
	at := place(n)
	switch n := n.(type) {
	case *ast.MemberNode:
		return min(at, beginning(n.Node))
	case *ast.ChainNode:
		return beginning(n.Node)
	case *ast.CallNode:
		return min(at, beginning(n.Callee))
	}
	for _, child := range children(n) {
		at = min(at, beginning(child))
	}
	return at
}
