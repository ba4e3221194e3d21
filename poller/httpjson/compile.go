package httpjson

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/billwatch/billwatch/internal/document"
	"github.com/expr-lang/expr/ast"
)

// The variables of a mapping.
const (
	varItem     = "item"
	varResponse = "response"
	varNone     = "not_applicable"
)

// node is a compiled part of a mapping.
type node struct {
	kind  kind
	at    int    // its first character
	path  string // as errors name it, "item.plan"; empty where it is no path
	fixed bool   // the same whatever it is evaluated over
	eval  func(*env) (any, error)
}

// env is what a mapping is evaluated over.
type env struct {
	item, response any
	element        any // of the array that a predicate is asked about
	index          int
	steps          int
}

// maxSteps bounds the work of one mapping over one account, and with it the
// memory that it takes.
const maxSteps = 2_000_000

// spend counts work.
func (e *env) spend(steps int) error {
	if e.steps += steps; e.steps > maxSteps {
		return fmt.Errorf("takes more than %d steps", maxSteps)
	}
	return nil
}

// compiler checks one mapping and compiles it on the way.
type compiler struct {
	scope []string // the variables that are there
	inner bool     // within a predicate
	wrong *mistake // the first
	used  []string // the paths that begin with a variable: "response.meta.next"
}

// compile turns a text into a node of one of the kinds that are wanted.
func compile(source string, scope []string, want ...kind) (node, []string, *mistake) {
	tree, wrong := parse(source)
	if wrong != nil {
		return node{}, nil, wrong
	}
	c := &compiler{scope: scope}
	root := c.node(tree)
	if c.wrong == nil && root.kind != anything && root.kind != nothing && !slices.Contains(want, root.kind) {
		c.fail(0, "must give "+orOf(want)+", not "+root.kind.String(), mend(want, root.kind))
	}
	return root, c.used, c.wrong
}

// mend names the function that makes what is wanted of what there is.
func mend(want []kind, got kind) string {
	switch {
	case got == number && slices.Contains(want, text):
		return "string(…) makes a text of a number, unix(…) a date of seconds"
	case got == text && slices.Contains(want, number):
		return "decimal(…) reads a number out of a text"
	}
	return ""
}

func orOf(kinds []kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.String()
	}
	return strings.Join(names, " or ")
}

// fail notes the first mistake; what it returns fits everywhere.
func (c *compiler) fail(at int, message, hint string) node {
	if c.wrong == nil {
		c.wrong = &mistake{at, message, hint}
	}
	return node{at: at, eval: func(*env) (any, error) { return nil, nil }}
}

func place(n ast.Node) int { return n.Location().From }

func (c *compiler) node(n ast.Node) node { //nolint:gocyclo // a case a kind of node
	switch n := n.(type) {
	case *ast.NilNode:
		return literal(n, nil)
	case *ast.BoolNode:
		return literal(n, n.Value)
	case *ast.StringNode:
		return literal(n, n.Value)
	case *ast.IntegerNode:
		return literal(n, json.Number(strconv.Itoa(n.Value)))
	case *ast.FloatNode:
		return c.float(n)
	case *ast.IdentifierNode:
		return c.variable(n)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.ChainNode:
		return c.node(n.Node)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.BuiltinNode:
		return c.predicate(n)
	case *ast.CallNode:
		return c.call(n)
	}
	return c.unavailable(n)
}

func (c *compiler) unavailable(n ast.Node) node {
	what := "this is"
	switch n.(type) {
	case *ast.VariableDeclaratorNode:
		what = "let is"
	case *ast.SequenceNode:
		what = "; is"
	case *ast.SliceNode:
		what = "slices are"
	case *ast.MapNode:
		what = "objects in braces are"
	}
	return c.fail(place(n), what+" not available in mappings", "")
}

func literal(n ast.Node, v any) node {
	return node{kind: kindOf(v), at: place(n), fixed: true, eval: func(*env) (any, error) { return v, nil }}
}

func (c *compiler) float(n *ast.FloatNode) node {
	v, err := floating(strconv.FormatFloat(n.Value, 'g', -1, 64))
	if err != nil {
		return c.fail(place(n), err.Error(), "")
	}
	return literal(n, v)
}

func (c *compiler) variable(n *ast.IdentifierNode) node {
	v := node{at: place(n), path: n.Value}
	if n.Value == varNone {
		none := literal(n, notApplicable{})
		none.path = ""
		return none
	}
	if !slices.Contains(c.scope, n.Value) {
		return c.unknown(n)
	}
	c.used = append(c.used, n.Value)
	v.eval = func(e *env) (any, error) { return e.item, nil }
	if n.Value == varResponse {
		v.eval = func(e *env) (any, error) { return e.response, nil }
	}
	return v
}

func (c *compiler) unknown(n *ast.IdentifierNode) node {
	if n.Value == varItem || n.Value == varResponse {
		return c.fail(place(n), n.Value+" is not there yet", "here there is "+strings.Join(c.scope, " and "))
	}
	hint := "there is " + strings.Join(c.scope, " and ")
	if near := document.Suggest(n.Value, append([]string{varNone}, c.scope...)); near != "" {
		hint = "did you mean " + near + "?"
	}
	return c.fail(place(n), "unknown name "+n.Value, hint)
}

func (c *compiler) pointer(n *ast.PointerNode) node {
	switch {
	case !c.inner:
		return c.fail(place(n), "# stands in predicates only", "such as filter(item.grants, .active)")
	case n.Name == "":
		return node{at: place(n), path: "#", eval: func(e *env) (any, error) { return e.element, nil }}
	case n.Name == "index":
		return node{kind: number, at: place(n), eval: func(e *env) (any, error) { return json.Number(strconv.Itoa(e.index)), nil }}
	}
	return c.fail(place(n), "#"+n.Name+" is not available in mappings", "")
}

// member compiles a step down: of nothing there is nothing, and so on.
func (c *compiler) member(n *ast.MemberNode) node {
	of, key := c.node(n.Node), c.node(n.Property)
	if of.kind != anything && of.kind != object && of.kind != array && of.kind != nothing {
		return c.fail(key.at, of.kind.String()+" has no members", "")
	}
	got := node{at: of.at, fixed: of.fixed && key.fixed}
	if name, ok := n.Property.(*ast.StringNode); ok && of.path != "" {
		got.path = of.path + "." + name.Value
		c.used = append(c.used, got.path)
	}
	got.eval = func(e *env) (any, error) {
		if err := e.spend(1); err != nil {
			return nil, err
		}
		from, err := of.eval(e)
		if err != nil || isNil(from) {
			return nil, err
		}
		step, err := key.eval(e)
		if err != nil || isNil(step) {
			return nil, err
		}
		return down(from, step, of.path)
	}
	return got
}

func down(from, step any, path string) (any, error) {
	if path == "" {
		path = "what is before ." + fmt.Sprint(step)
	}
	switch from := from.(type) {
	case map[string]any:
		if name, ok := step.(string); ok {
			return from[name], nil
		}
		return nil, fmt.Errorf("%s is an object; its members have names, not numbers", path)
	case []any:
		i, err := index(step)
		if err != nil {
			return nil, fmt.Errorf("%s is an array: %w", path, err)
		}
		if i < 0 {
			i += len(from)
		}
		if i < 0 || i >= len(from) {
			return nil, nil
		}
		return from[i], nil
	}
	return nil, fmt.Errorf("%s is %s and has no members", path, kindOf(from))
}

// index returns a whole number as the place in an array; negative ones count
// from its end.
func index(v any) (int, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, fmt.Errorf("its elements have numbers, not names")
	}
	r, err := rational(n)
	if err != nil {
		return 0, err
	}
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, fmt.Errorf("it has no element %s", short(n.String()))
	}
	return int(r.Num().Int64()), nil
}

func (c *compiler) conditional(n *ast.ConditionalNode) node {
	when, then, other := c.node(n.Cond), c.node(n.Exp1), c.node(n.Exp2)
	c.wants(when, "left of ?", boolean)
	k := then.kind
	if other.kind != k {
		k = anything
	}
	return node{kind: k, at: when.at, fixed: when.fixed && then.fixed && other.fixed, eval: func(e *env) (any, error) {
		v, err := truth(when, e)
		switch {
		case err != nil || isNil(v):
			return nil, err
		case v == true:
			return then.eval(e)
		}
		return other.eval(e)
	}}
}

// array compiles a list in brackets; an element that is not there is nil in it.
func (c *compiler) array(n *ast.ArrayNode) node {
	elements := make([]node, len(n.Nodes))
	fixed := true
	for i, e := range n.Nodes {
		elements[i] = c.node(e)
		fixed = fixed && elements[i].fixed
	}
	return node{kind: array, at: place(n), fixed: fixed, eval: func(e *env) (any, error) {
		list := make([]any, len(elements))
		if err := e.spend(len(list)); err != nil {
			return nil, err
		}
		for i, element := range elements {
			v, err := element.eval(e)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	}}
}

// wants reports a part that can only be of another kind.
func (c *compiler) wants(n node, where string, kinds ...kind) {
	if n.kind != anything && n.kind != nothing && !slices.Contains(kinds, n.kind) {
		c.fail(n.at, fmt.Sprintf("%s must stand %s, not %s", orOf(kinds), where, n.kind), "")
	}
}

// truth evaluates a condition: true, false or nil.
func truth(n node, e *env) (any, error) {
	v, err := n.eval(e)
	if err != nil || isNil(v) || kindOf(v) == boolean {
		return v, err
	}
	return nil, mismatch(n, v, boolean)
}

func mismatch(n node, v any, want ...kind) error {
	name := n.path
	if name == "" {
		name = "a part of it"
	}
	return fmt.Errorf("%s is %s, not %s", name, kindOf(v), orOf(want))
}
