package rules

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	tree "text/template/parse"
)

// What a template may come to at most.
const (
	maxRendered = 16 << 10 // bytes of text, of a template or of one call
	maxWrites   = 10_000   // pieces of text, and rounds of loops
	maxPieces   = 64       // verbs or arguments of one call
)

var (
	errTooLong = errors.New("text is too long")
	tooWide    = regexp.MustCompile(`%[^a-zA-Z%]*([0-9]{4}|\*)`)
)

// boundedFunctions stand for those of text/template that make long texts of
// short ones.
func boundedFunctions() template.FuncMap {
	return template.FuncMap{
		"print":   func(args ...any) (string, error) { return joined(args, fmt.Sprint) },
		"println": func(args ...any) (string, error) { return joined(args, fmt.Sprintln) },
		"printf": func(format string, args ...any) (string, error) {
			if strings.Count(format, "%") > maxPieces || tooWide.MatchString(format) {
				return "", errTooLong
			}
			return joined(args, func(args ...any) string { return fmt.Sprintf(format, args...) })
		},
	}
}

func joined(args []any, join func(...any) string) (string, error) {
	if len(args) > maxPieces {
		return "", errTooLong
	}
	text := join(args...)
	if len(text) > maxRendered {
		return "", errTooLong
	}
	return text, nil
}

// bounded keeps what is written to it, and refuses too much. Loops write at
// each round, be it nothing, so that they end.
type bounded struct {
	strings.Builder
	writes int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.writes++; b.writes > maxWrites || b.Len()+len(p) > maxRendered {
		return 0, errTooLong
	}
	return b.Builder.Write(p)
}

// unbounded returns what in a template could take for ever: templates that call
// templates, and loops over anything but a field. The other loops it makes
// write at each round.
func unbounded(t *template.Template) string {
	if len(t.Templates()) > 1 {
		return "define"
	}
	if t.Tree == nil {
		return ""
	}
	return unboundedList(t.Root)
}

func unboundedList(list *tree.ListNode) string {
	if list == nil {
		return ""
	}
	for _, n := range list.Nodes {
		if found := unboundedNode(n); found != "" {
			return found
		}
	}
	return ""
}

func unboundedNode(n tree.Node) string {
	switch n := n.(type) {
	case *tree.TemplateNode:
		return "template"
	case *tree.IfNode:
		return cmp.Or(unboundedList(n.List), unboundedList(n.ElseList))
	case *tree.WithNode:
		return cmp.Or(unboundedList(n.List), unboundedList(n.ElseList))
	case *tree.RangeNode:
		if !overField(n.Pipe) {
			return "range over what is no field"
		}
		found := cmp.Or(unboundedList(n.List), unboundedList(n.ElseList))
		round := &tree.TextNode{NodeType: tree.NodeText, Pos: n.Pos}
		n.List.Nodes = append([]tree.Node{round}, n.List.Nodes...)
		return found
	}
	return ""
}

func overField(p *tree.PipeNode) bool {
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	_, ok := p.Cmds[0].Args[0].(*tree.FieldNode)
	return ok
}
