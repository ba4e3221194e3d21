package httpjson

import (
	"github.com/billwatch/billwatch/internal/expression"
	"github.com/expr-lang/expr/ast"
)

// mistake is what is wrong with a mapping, and at which character.
type mistake struct {
	at            int
	message, hint string
}

// parse reads a mapping. What the language has and mappings do not is refused
// by the compiler, which knows the places.
func parse(source string) (ast.Node, *mistake) {
	tree, wrong := expression.Parse(source)
	if wrong != nil {
		return nil, &mistake{wrong.At, wrong.Message, wrong.Hint}
	}
	return tree, nil
}
