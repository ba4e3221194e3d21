package rules

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
)

// oldest is how far back history goes.
const oldest = 90 * day

// thresholds warns of numbers that are most likely meant otherwise.
func (l *looker) thresholds() {
	for _, p := range l.program.parts {
		switch n := p.tree.(type) {
		case *ast.BinaryNode:
			l.percentage(n)
		case *ast.CallNode:
			l.window(n)
			l.past(n)
		}
	}
}

// percentage warns of a share where a percentage is meant.
func (l *looker) percentage(n *ast.BinaryNode) {
	for _, s := range [][2]ast.Node{{n.Left, n.Right}, {n.Right, n.Left}} {
		call, ok := s[0].(*ast.CallNode)
		if !ok || callee(call) != "percent_left" {
			continue
		}
		v, ok := l.logic.constant(s[1])
		if ok && v.kind == number && v.num > 0 && v.num < 1 {
			l.warn(s[1], fmt.Sprintf("%s is less than one percent: percent_left() goes from 0 to 100", humanize(v.num)),
				fmt.Sprintf("did you mean %s?", humanize(v.num*100)))
		}
	}
}

// window warns of one that is longer than history is kept.
func (l *looker) window(n *ast.CallNode) {
	f := functionNamed(callee(n))
	if f == nil || len(f.params) == 0 || f.params[0].name != "window" || len(n.Arguments) == 0 {
		return
	}
	text, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return
	}
	if v, err := readWindow(text.Value); err == nil && v.dur > oldest {
		l.warn(text, fmt.Sprintf("window %q is longer than the %d days that are looked back", text.Value, oldest/day), "")
	}
}

// past warns of a forecast of what has been.
func (l *looker) past(n *ast.CallNode) {
	if callee(n) != "forecast" || len(n.Arguments) == 0 {
		return
	}
	if v, ok := l.logic.constant(n.Arguments[0]); ok && v.kind == number && v.num <= 0 {
		l.warn(n.Arguments[0], "a forecast of no days is the balance itself", "")
	}
}
