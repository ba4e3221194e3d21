package rules

import (
	"fmt"
	"time"

	"github.com/billwatch/billwatch/internal/document"
	"github.com/expr-lang/expr/ast"
)

const (
	maxArguments = 3
	day          = 24 * time.Hour
)

// arguments are what a function is called with.
type arguments [maxArguments]value

// parameter is what a function wants at one place.
type parameter struct {
	name     string
	kind     kind
	standard *value                           // where it may be left out
	constant func(text string) (value, error) // reads a constant text; nil where any expression does
	check    func(v value) (complaint string) // of a value, at load where it is a constant
	known    func() (words []string)          // for suggestions
}

// call compiles the call of a function.
func (c *compiler) call(n *ast.CallNode) node {
	at := place(n)
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return c.fail(at, "methods are not available in rules", "")
	}
	f := functionNamed(callee.Value)
	if f == nil {
		return c.unknownFunction(callee.Value, at)
	}
	if c.scope.selector && f.reads {
		return c.fail(at, f.Name+" is not available here", "accounts are selected by what they are, not by their history")
	}
	if len(n.Arguments) > len(f.params) || len(n.Arguments) < f.required() {
		return c.fail(at, fmt.Sprintf("%s takes %s, not %d", f.Name, f.counts(), len(n.Arguments)), "write "+f.Signature)
	}
	args, fixed, fine := [maxArguments]func(*env) value{}, !f.reads, true
	for i := range f.params {
		given := node{fixed: true}
		if i < len(n.Arguments) {
			given = c.argument(f, &f.params[i], n.Arguments[i])
		} else {
			standard := *f.params[i].standard
			given.eval = func(*env) value { return standard }
		}
		fine = fine && given.kind != broken
		fixed = fixed && given.fixed
		args[i] = given.eval
	}
	if !fine {
		return node{kind: broken, at: at}
	}
	return node{kind: f.result, at: at, fixed: fixed, eval: f.caller(args, fixed)}
}

// caller returns what calls a function: an unknown argument makes an unknown
// answer, as does a wrong one.
func (f *Function) caller(args [maxArguments]func(*env) value, fixed bool) func(*env) value {
	params := f.params
	return func(e *env) value {
		if e.blind && !fixed {
			return value{}
		}
		if e.listed && f.history {
			return without(notSent, "the history was not read")
		}
		var got arguments
		var missing value
		whole := true
		for i := range params {
			got[i] = args[i](e)
			if got[i].kind == unknown {
				if whole {
					missing = got[i]
				}
				missing, whole = worse(missing, got[i]), false
				continue
			}
			if complaint := params[i].complain(got[i]); complaint != "" {
				return without(failed, f.Name+": "+complaint)
			}
		}
		if !whole {
			return missing
		}
		return f.run(e, &got)
	}
}

// complain says what is wrong with a value as this argument.
func (p *parameter) complain(v value) string {
	if v.kind != p.kind {
		return fmt.Sprintf("%s must be %s, not %s", p.name, p.kind, v.kind)
	}
	if p.check == nil {
		return ""
	}
	return p.check(v)
}

func (c *compiler) argument(f *Function, p *parameter, n ast.Node) node {
	if p.constant != nil {
		return c.constantArgument(f, p, n)
	}
	got := c.node(n)
	if got.kind == absent {
		return c.fail(got.at, fmt.Sprintf("%s of %s cannot be nil", p.name, f.Name), "")
	}
	if got.kind == broken || got.kind == dynamic {
		return got
	}
	complaint := ""
	switch {
	case got.kind != p.kind:
		complaint = fmt.Sprintf("%s must be %s, not %s", p.name, p.kind, got.kind)
	case got.fixed:
		if v := got.constant(); v.kind != unknown {
			complaint = p.complain(v)
		}
	}
	if complaint != "" {
		return c.fail(got.at, f.Name+": "+complaint, "write "+f.Signature)
	}
	return got
}

// constantArgument reads an argument that must be written out in quotes.
func (c *compiler) constantArgument(f *Function, p *parameter, n ast.Node) node {
	s, ok := n.(*ast.StringNode)
	if !ok {
		return c.fail(place(n), fmt.Sprintf("%s of %s must be a text in quotes", p.name, f.Name), "write "+f.Example)
	}
	v, err := p.constant(s.Value)
	if err != nil {
		hint := "write " + f.Example
		if p.known != nil {
			hint = suggest(s.Value, p.known(), hint)
		}
		return c.fail(place(s), f.Name+": "+err.Error(), hint)
	}
	if p.known != nil {
		c.track(s.Value, node{})
	}
	return literal(n, v)
}

func (c *compiler) unknownFunction(name string, at int) node {
	if name == "now" {
		return c.fail(at, "now is a variable", "write now, without parentheses")
	}
	if variables[name] != nil {
		return c.fail(at, name+" is a variable", "write "+name+", without parentheses")
	}
	var known []string
	for _, f := range functions() {
		known = append(known, f.Name)
	}
	return c.fail(at, "unknown function "+name, suggest(name, known, ""))
}

// required counts the arguments that must be given.
func (f *Function) required() int {
	n := 0
	for _, p := range f.params {
		if p.standard == nil {
			n++
		}
	}
	return n
}

func (f *Function) counts() string {
	least, most := f.required(), len(f.params)
	switch {
	case most == 0:
		return "no arguments"
	case least == most && most == 1:
		return "1 argument"
	case least == most:
		return fmt.Sprintf("%d arguments", most)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

// windowParameter is a window of an account's history.
func windowParameter(standard string) parameter {
	p := parameter{name: "window", kind: span, constant: readWindow}
	if standard != "" {
		v, _ := readWindow(standard) // one of the table's own
		p.standard = &v
	}
	return p
}

func readWindow(s string) (value, error) {
	d, err := document.ParseDuration(s)
	if err != nil {
		return value{}, fmt.Errorf("window: %w", err)
	}
	if d < day {
		return value{}, fmt.Errorf("window %q is shorter than a day", s)
	}
	return lasting(d), nil
}

func quantileParameter() parameter {
	median := numeric(0.5)
	return parameter{name: "q", kind: number, standard: &median, check: func(v value) string {
		if v.num > 0 && v.num < 1 {
			return ""
		}
		return "q must lie between 0 and 1"
	}}
}

func parameterOf(name string, k kind) parameter { return parameter{name: name, kind: k} }
