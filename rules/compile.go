package rules

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v4"
)

// node is a compiled part of an expression.
type node struct {
	kind  kind
	at    int              // its first character
	fixed bool             // the same whatever it is evaluated over
	eval  func(*env) value // nil where kind is list, absent or broken
}

func (n node) constant() value { return n.eval(&env{}) }

// program is a compiled expression.
type program struct {
	root   node
	scalar *yaml.Node
	source string
	asked  *asked
	fields []string // the variables it names
	parts  []part   // its conditions and numbers, outermost first
	shown  func(*env) value
}

// scope is what an expression may name.
type scope struct {
	vars     []string // the accounts' own variables; nil where they are not known
	selector bool     // judged before there is a history
}

// compiler checks one expression and compiles it on the way; it goes on after a
// mistake, to report all of them.
type compiler struct {
	doc      *document.Document
	scalar   *yaml.Node
	scope    scope
	program  *program
	problems billwatch.Problems
}

// compile turns a scalar into a program that gives the kind that is wanted.
func compile(doc *document.Document, scalar *yaml.Node, s scope, want kind) (*program, billwatch.Problems) {
	c := &compiler{doc: doc, scalar: scalar, scope: s, program: &program{source: scalar.Value, scalar: scalar}}
	if scalar.Kind != yaml.ScalarNode || document.IsNull(scalar) {
		return nil, billwatch.Problems{doc.Error(scalar, "must be an expression", "")}
	}
	tree, wrong := parse(scalar.Value)
	if wrong != nil {
		c.fail(wrong.at, wrong.message, wrong.hint)
		return nil, c.problems
	}
	c.program.asked = askedIn(tree)
	root := c.node(tree)
	switch {
	case root.kind == broken || root.kind == want || root.kind == dynamic:
	case want == boolean:
		c.fail(root.at, fmt.Sprintf("must be a condition, not %s", root.kind), "compare it with something")
	default:
		c.fail(root.at, fmt.Sprintf("must be %s, not %s", want, root.kind), "")
	}
	if c.problems.Errors() > 0 {
		return nil, c.problems
	}
	c.program.root = root
	return c.program, c.problems
}

func (c *compiler) warn(at int, message, hint string) {
	p := c.doc.ErrorAt(c.scalar, at, message, hint)
	p.Severity = billwatch.SeverityWarning
	c.problems = append(c.problems, p)
}

func (c *compiler) fail(at int, message, hint string) node {
	c.problems = append(c.problems, c.doc.ErrorAt(c.scalar, at, message, hint))
	return node{kind: broken, at: at}
}

// refuse reports a part of the language that rules do not have.
func (c *compiler) refuse(n ast.Node, what string) node {
	return c.fail(place(n), what+" are not available in rules", "")
}

func place(n ast.Node) int { return n.Location().From }

// part is a sub-expression, as an explanation shows it.
type part struct {
	tree ast.Node
	node node
}

func (c *compiler) node(n ast.Node) node {
	i := len(c.program.parts)
	c.program.parts = append(c.program.parts, part{})
	got := c.part(n)
	c.program.parts[i] = part{n, got}
	return got
}

func (c *compiler) part(n ast.Node) node {
	switch n := n.(type) {
	case *ast.BoolNode:
		return literal(n, truth(n.Value))
	case *ast.IntegerNode:
		return c.integer(n)
	case *ast.FloatNode:
		return literal(n, numeric(n.Value))
	case *ast.StringNode:
		return literal(n, textual(n.Value))
	case *ast.NilNode:
		return node{kind: absent, at: place(n), fixed: true}
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode:
		return c.name(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.ArrayNode:
		return c.fail(place(n), "a list may only stand right of in", "")
	}
	return c.unavailable(n)
}

// unavailable refuses what the language has and rules do not.
func (c *compiler) unavailable(n ast.Node) node {
	switch n := n.(type) {
	case *ast.BuiltinNode:
		return c.fail(place(n), fmt.Sprintf("%s is not available in rules", n.Name), "a condition has no loops")
	case *ast.PredicateNode, *ast.PointerNode:
		return c.refuse(n, "closures")
	case *ast.VariableDeclaratorNode:
		return c.fail(c.wordBefore("let", place(n)), "let is not available in rules", "")
	case *ast.SequenceNode:
		return c.fail(place(n.Nodes[len(n.Nodes)-1]), "; is not available in rules", "join two conditions with && or ||")
	case *ast.SliceNode:
		return c.refuse(n, "slices")
	case *ast.MapNode:
		return c.refuse(n, "maps")
	case *ast.BytesNode:
		return c.refuse(n, "bytes")
	}
	return c.fail(place(n), "this is not available in rules", "")
}

// integer compiles a whole number; rules see floats, which hold no more than 53
// bits of it.
func (c *compiler) integer(n *ast.IntegerNode) node {
	if int64(n.Value) > 1<<53 {
		c.warn(place(n), "numbers beyond 2^53 are compared inexactly", "")
	}
	return literal(n, numeric(float64(n.Value)))
}

// wordBefore returns where a word begins that stands before a place.
func (c *compiler) wordBefore(word string, at int) int {
	before := string([]rune(c.scalar.Value)[:at])
	if i := strings.LastIndex(before, word); i >= 0 {
		return utf8.RuneCountInString(before[:i])
	}
	return at
}

func literal(n ast.Node, v value) node {
	return node{kind: v.kind, at: place(n), fixed: true, eval: func(*env) value { return v }}
}

func (c *compiler) conditional(n *ast.ConditionalNode) node {
	if !n.Ternary {
		return c.fail(place(n.Cond), "if is not available in rules", "write condition ? one : other")
	}
	when, then, other := c.node(n.Cond), c.operand(n.Exp1), c.operand(n.Exp2)
	at := when.at
	if !c.wants(when, boolean, "left of ?") || then.kind == broken || other.kind == broken {
		return node{kind: broken, at: at}
	}
	k := then.kind
	switch {
	case k == dynamic:
		k = other.kind
	case other.kind != k && other.kind != dynamic:
		return c.fail(other.at, fmt.Sprintf("is %s where the other side of : is %s", other.kind, then.kind), "")
	}
	return node{kind: k, at: at, fixed: when.fixed && then.fixed && other.fixed, eval: func(e *env) value {
		switch v := when.eval(e); {
		case v.isTrue():
			return then.eval(e)
		case v.isFalse():
			return other.eval(e)
		case v.kind == unknown:
			return v
		default:
			return wrongKind(v, boolean)
		}
	}}
}

// operand compiles a part that must have a value.
func (c *compiler) operand(n ast.Node) node {
	got := c.node(n)
	if got.kind == absent {
		return c.fail(got.at, "nil can only be compared, with == or !=", "")
	}
	return got
}

// wants reports a part of the wrong kind.
func (c *compiler) wants(n node, k kind, where string) bool {
	if n.kind == absent {
		c.fail(n.at, "nil can only be compared, with == or !=", "")
		return false
	}
	if n.kind == k || n.kind == dynamic {
		return true
	}
	if n.kind != broken {
		c.fail(n.at, fmt.Sprintf("%s must stand %s, not %s", k, where, n.kind), "")
	}
	return false
}

// wrongKind is what a variable of the account's own gives where it has a value
// of a kind that does not fit.
func wrongKind(v value, want kind) value {
	return without(failed, fmt.Sprintf("%s is %s, not %s", v, v.kind, want))
}

// suggest returns a hint that names the nearest known word, or the other hint.
func suggest(word string, known []string, otherwise string) string {
	if near := document.Suggest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}
