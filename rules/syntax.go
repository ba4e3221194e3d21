package rules

import (
	"github.com/billwatch/billwatch/internal/expression"
	"github.com/expr-lang/expr/ast"
)

// mistake is what is wrong with an expression, and at which character.
type mistake struct {
	at            int
	message, hint string
}

// parse reads an expression. What the language has and rules do not is
// refused by the compiler, which knows the places; some of it does not even
// parse.
func parse(source string) (ast.Node, *mistake) {
	tree, wrong := expression.Parse(source)
	if wrong == nil {
		return tree, nil
	}
	m := &mistake{wrong.At, wrong.Message, wrong.Hint}
	if wrong.Whole {
		m.message = "expression " + m.message
	}
	if wrong.Token == "if" || wrong.Token == "let" {
		m.message, m.hint = wrong.Token+" is not available in rules", ""
	}
	if unsupported := refusedWord(source, m.at); unsupported != "" {
		m.message, m.hint = unsupported, ""
	}
	return nil, m
}

// refusedWord says of what begins at a character why rules do not have it.
func refusedWord(source string, at int) string {
	rest := []rune(source)
	if at >= len(rest) {
		return ""
	}
	switch {
	case rest[at] == '$':
		return "$env is not available in rules"
	case rest[at] == '#':
		return "closures are not available in rules"
	}
	return ""
}
