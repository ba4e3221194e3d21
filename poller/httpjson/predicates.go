package httpjson

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/expr-lang/expr/ast"
)

// maxItems is how many elements a predicate is asked about.
const maxItems = 10_000

// loop is one predicate over an array on its way: each element's answer is
// taken until it is done.
type loop struct {
	kind   kind // of what it gives
	choice bool // the predicate is a condition
	start  func() taker
}

// taker takes the answers of a predicate, and gives the result after the last.
type taker interface {
	take(element, answer any, i int) (done bool)
	result() any
}

func loops() map[string]loop {
	return map[string]loop{
		"map":           {array, false, func() taker { return &mapped{} }},
		"filter":        {array, true, func() taker { return &filtered{} }},
		"find":          {anything, true, func() taker { return &found{} }},
		"findIndex":     {number, true, func() taker { return &found{place: true} }},
		"findLast":      {anything, true, func() taker { return &found{last: true} }},
		"findLastIndex": {number, true, func() taker { return &found{last: true, place: true} }},
		"all":           {boolean, true, func() taker { return &counted{say: func(yes, no int) any { return no == 0 }} }},
		"any":           {boolean, true, func() taker { return &counted{say: func(yes, no int) any { return yes > 0 }} }},
		"none":          {boolean, true, func() taker { return &counted{say: func(yes, no int) any { return yes == 0 }} }},
		"one":           {boolean, true, func() taker { return &counted{say: func(yes, no int) any { return yes == 1 }} }},
		"count": {number, true, func() taker {
			return &counted{say: func(yes, no int) any { return json.Number(strconv.Itoa(yes)) }}
		}},
		"sum": {number, false, func() taker { return &mapped{} }},
	}
}

// predicate compiles what goes over an array.
func (c *compiler) predicate(n *ast.BuiltinNode) node {
	l, ok := loops()[n.Name]
	switch {
	case !ok:
		return c.fail(place(n), n.Name+" is not available in mappings", "")
	case c.inner:
		return c.fail(place(n), n.Name+" stands within another predicate", "one goes over one array")
	}
	over := c.node(n.Arguments[0])
	c.wants(over, "in "+n.Name+"(…)", array)
	body := node{at: place(n), eval: func(e *env) (any, error) { return e.element, nil }}
	if len(n.Arguments) > 1 {
		p, ok := n.Arguments[1].(*ast.PredicateNode)
		if !ok || len(n.Arguments) > 2 {
			return c.fail(place(n), n.Name+" takes an array and a predicate", "")
		}
		c.inner = true
		body = c.node(p.Node)
		c.inner = false
	}
	if l.choice {
		c.wants(body, "as the predicate of "+n.Name, boolean)
	}
	run := func(e *env) (any, error) { return l.run(e, over, body) }
	if n.Name != "sum" {
		return node{kind: l.kind, at: place(n), fixed: over.fixed && body.fixed, eval: run}
	}
	return node{kind: number, at: place(n), fixed: over.fixed && body.fixed, eval: func(e *env) (any, error) {
		list, err := run(e)
		if err != nil || isNil(list) {
			return nil, err
		}
		return sum(list.([]any))
	}}
}

func (l loop) run(e *env, over, body node) (any, error) {
	v, err := over.eval(e)
	if err != nil || isNil(v) {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, mismatch(over, v, array)
	}
	if len(list) > maxItems {
		return nil, fmt.Errorf("an array has more than %d elements", maxItems)
	}
	taking := l.start()
	for i, element := range list {
		if err := e.spend(1); err != nil {
			return nil, err
		}
		e.element, e.index = element, i
		answer, err := body.eval(e)
		if l.choice && err == nil {
			answer, err = truth(node{path: "the predicate", eval: func(*env) (any, error) { return answer, nil }}, e)
		}
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		if taking.take(element, answer, i) {
			break
		}
	}
	return taking.result(), nil
}

type mapped struct{ list []any }

func (m *mapped) take(_, answer any, _ int) bool {
	m.list = append(m.list, answer)
	return false
}

func (m *mapped) result() any { return slices.Concat([]any{}, m.list) }

// filtered keeps what a condition holds for. Where it is not known for one
// element, nothing is known of the whole.
type filtered struct {
	list   []any
	unsure bool
}

func (f *filtered) take(element, answer any, _ int) bool {
	f.unsure = isNil(answer)
	if answer == true {
		f.list = append(f.list, element)
	}
	return f.unsure
}

func (f *filtered) result() any {
	if f.unsure {
		return nil
	}
	return slices.Concat([]any{}, f.list)
}

// found looks for the first or the last element.
type found struct {
	last, place bool
	got         any
}

func (f *found) take(element, answer any, i int) bool {
	switch {
	case isNil(answer):
		f.got = nil // it may have been this one
		return !f.last
	case answer == false:
		return false
	case f.place:
		f.got = json.Number(strconv.Itoa(i))
	default:
		f.got = element
	}
	return !f.last
}

func (f *found) result() any { return f.got }

// counted says something of how many a condition holds for, if it is the same
// whatever the unknown ones are.
type counted struct {
	yes, no, unsure int
	say             func(yes, no int) any
}

func (c *counted) take(_, answer any, _ int) bool {
	switch answer {
	case true:
		c.yes++
	case false:
		c.no++
	default:
		c.unsure++
	}
	return false
}

func (c *counted) result() any {
	said := c.say(c.yes, c.no)
	for more := 1; more <= min(c.unsure, 2); more++ { // two decide even of "one"
		if c.say(c.yes+more, c.no+c.unsure-more) != said {
			return nil
		}
	}
	if c.say(c.yes, c.no+c.unsure) != said || c.say(c.yes+c.unsure, c.no) != said {
		return nil
	}
	return said
}
