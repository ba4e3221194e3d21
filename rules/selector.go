package rules

import (
	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"go.yaml.in/yaml/v4"
)

// Selector is a condition that picks accounts, before there is a history.
type Selector struct {
	program *program
}

// CompileSelector compiles a select or match condition. Facts are of the sources
// whose accounts it is about, as far as they are known: then it warns of what
// none of them has.
func CompileSelector(doc *document.Document, n *yaml.Node, facts ...Facts) (*Selector, billwatch.Problems) {
	p, problems := compile(doc, n, scope{selector: true}, boolean)
	if p == nil {
		return nil, problems
	}
	r := &reader{doc: doc, problems: problems, options: Options{Facts: facts}}
	s := &subject{reader: r, rule: &rule{}, nobody: "none of the sources has "}
	if len(facts) == 1 {
		s.nobody = "source " + facts[0].Name + " has no "
	}
	s.expr = r.look(p, "no account is picked", "every account is picked")
	s.lintSources()
	return &Selector{p}, r.problems
}

// String is the condition as it is written.
func (s *Selector) String() string { return s.program.source }

// Match judges an account by what a list row says of it. It is Unknown where
// the condition needs what only the detail has.
func (s *Selector) Match(a billwatch.Account) billwatch.Outcome {
	return s.match(&env{snap: &billwatch.Snapshot{Account: a}, listed: true})
}

// MatchSnapshot judges an account by its snapshot.
func (s *Selector) MatchSnapshot(snap billwatch.Snapshot) billwatch.Outcome {
	return s.match(&env{snap: &snap, now: snap.At})
}

func (s *Selector) match(e *env) billwatch.Outcome {
	v := s.program.root.eval(e)
	if v.kind == unknown && v.why == notApplicable {
		return billwatch.False
	}
	return v.outcome()
}
