// Package expression reads the language of expr-lang.org within bounds: of the
// text, of its parts, of brackets within brackets, of patterns. What a part
// means, and which parts there are, is said by those who compile the tree: rules
// see floats, mappings what JSON says.
package expression

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// What an expression may come to at most.
const (
	MaxText   = 16 << 10 // bytes
	maxNodes  = 2_000
	maxNested = 200 // brackets within brackets
	maxRegexp = 512 // characters
)

// Mistake is what is wrong with an expression, and at which character.
type Mistake struct {
	At            int
	Message, Hint string
	Whole         bool   // Message goes on where the expression's name stands before it: "is empty"
	Token         string // that nobody expected; empty where it is not that
}

// Parse reads an expression. No function of the language's own is known in it.
func Parse(source string) (ast.Node, *Mistake) {
	whole := func(message string) (ast.Node, *Mistake) { return nil, &Mistake{Message: message, Whole: true} }
	switch {
	case strings.TrimSpace(source) == "":
		return whole("is empty")
	case len(source) > MaxText:
		return whole(fmt.Sprintf("is longer than %d KiB", MaxText>>10))
	case !utf8.ValidString(source):
		return whole("is not valid UTF-8")
	}
	if at := tooDeep(source); at >= 0 {
		return nil, &Mistake{At: at, Message: fmt.Sprintf("more than %d brackets within brackets", maxNested)}
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
	return nil, explain(source, err)
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

// explain puts a parser's error into our words.
func explain(source string, err error) *Mistake {
	located, ok := errors.AsType[*file.Error](err)
	if !ok {
		return &Mistake{Message: err.Error()}
	}
	wrong := &Mistake{
		At:      min(located.From, utf8.RuneCountInString(source)),
		Message: strings.TrimPrefix(located.Message, "compilation failed: "),
	}
	token := tokenText.FindStringSubmatch(wrong.Message)
	switch said := wrong.Message; {
	case strings.Contains(said, "exceeds maximum allowed nodes"):
		wrong.Message, wrong.Whole = fmt.Sprintf("has more than %d parts", maxNodes), true
	case strings.HasPrefix(said, "unexpected token EOF"), strings.Contains(said, "unexpected end of expression"):
		wrong.Message, wrong.Hint, wrong.Whole = "ends too early", "something is missing after this", true
	case token != nil:
		wrong.Token = strings.Trim(token[1], `"`)
		wrong.Message = "unexpected " + token[1]
		if wrong.Token == "=" {
			wrong.Hint = "two values are compared with =="
		}
	case strings.Contains(said, "integer literal"):
		wrong.Message = "integer is too large"
	case strings.Contains(said, "float literal"):
		wrong.Message = "number is too large"
	}
	return wrong
}

// Pattern compiles a regular expression, which takes time in proportion to the
// text, whatever it is.
func Pattern(text string) (*regexp.Regexp, error) {
	if utf8.RuneCountInString(text) > maxRegexp {
		return nil, fmt.Errorf("regular expression is longer than %d characters", maxRegexp)
	}
	compiled, err := regexp.Compile(text)
	if wrong, ok := errors.AsType[*syntax.Error](err); ok { // its text would repeat all of it
		return nil, fmt.Errorf("regular expression: %s", wrong.Code)
	}
	return compiled, err
}
