package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// What an expression may come to at most.
const (
	maxText   = 16 << 10 // bytes
	maxNodes  = 2_000
	maxNested = 200 // brackets within brackets
)

// mistake is what is wrong with an expression, and at which character.
type mistake struct {
	at            int
	message, hint string
}

// parse reads an expression. What the language has and rules do not is
// refused by the compiler, which knows the places.
func parse(source string) (ast.Node, *mistake) {
	if strings.TrimSpace(source) == "" {
		return nil, &mistake{0, "expression is empty", ""}
	}
	if len(source) > maxText {
		return nil, &mistake{0, fmt.Sprintf("expression is longer than %d KiB", maxText>>10), ""}
	}
	if !utf8.ValidString(source) {
		return nil, &mistake{0, "expression is not valid UTF-8", ""}
	}
	if at := tooDeep(source); at >= 0 {
		return nil, &mistake{at, fmt.Sprintf("more than %d brackets within brackets", maxNested), ""}
	}
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	for name := range config.Builtins {
		config.Disabled[name] = true // all functions are our own
	}
	tree, err := parser.ParseWithConfig(source, config)
	if err == nil {
		return tree.Node, nil
	}
	return nil, explainSyntax(source, err)
}

// tooDeep returns the character at which brackets are nested too deep, -1
// where they are not: the parser calls itself for each.
func tooDeep(source string) int {
	depth, at := 0, -1
	var inside quotes
	for _, r := range source {
		at++
		if inside.text(r) {
			continue
		}
		switch {
		case strings.ContainsRune("([{", r):
			depth++
		case strings.ContainsRune(")]}", r):
			depth--
		}
		if depth > maxNested {
			return at
		}
	}
	return -1
}

// quotes follows an expression character by character.
type quotes struct {
	open    rune // the quote that began a text; 0 outside of one
	escaped bool
}

// text says whether a character belongs to a text in quotes.
func (q *quotes) text(r rune) bool {
	switch {
	case q.escaped:
		q.escaped = false
	case q.open == 0:
		if !strings.ContainsRune("\"'`", r) {
			return false
		}
		q.open = r
	case r == q.open:
		q.open = 0
	default:
		q.escaped = r == '\\' && q.open != '`'
	}
	return true
}

// tokenText is what a parser's message says of a token.
var tokenText = regexp.MustCompile(`unexpected token \w+\((.*)\)`)

// explainSyntax puts a parser's error into our words.
func explainSyntax(source string, err error) *mistake {
	var located *file.Error
	if !errors.As(err, &located) {
		return &mistake{0, err.Error(), ""}
	}
	at, message, hint := located.From, located.Message, ""
	message = strings.TrimPrefix(message, "compilation failed: ")
	switch {
	case strings.Contains(message, "exceeds maximum allowed nodes"):
		message = fmt.Sprintf("expression has more than %d parts", maxNodes)
	case strings.HasPrefix(message, "unexpected token EOF"):
		message, hint = "expression ends too early", "something is missing after this"
	case strings.HasPrefix(message, "unexpected token"):
		token := tokenText.FindStringSubmatch(message)
		if token == nil {
			break
		}
		message = "unexpected " + token[1]
		switch token[1] {
		case `"="`:
			hint = "two values are compared with =="
		case `"if"`, `"let"`:
			message, hint = strings.Trim(token[1], `"`)+" is not available in rules", ""
		}
	case strings.Contains(message, "integer literal"):
		message = "integer is too large"
	case strings.Contains(message, "float literal"):
		message = "number is too large"
	}
	if unsupported := refusedWord(source, at); unsupported != "" {
		message, hint = unsupported, ""
	}
	return &mistake{min(at, utf8.RuneCountInString(source)), message, hint}
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
