package httpjson

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

// What a mapping may come to at most.
const (
	maxText   = 16 << 10 // bytes
	maxNodes  = 2_000
	maxNested = 200 // brackets within brackets
	maxRegexp = 512 // characters
)

// mistake is what is wrong with a mapping, and at which character.
type mistake struct {
	at            int
	message, hint string
}

// parse reads a mapping. What the language has and mappings do not is refused
// by the compiler, which knows the places.
func parse(source string) (ast.Node, *mistake) {
	if strings.TrimSpace(source) == "" {
		return nil, &mistake{0, "is empty", ""}
	}
	if len(source) > maxText {
		return nil, &mistake{0, fmt.Sprintf("is longer than %d KiB", maxText>>10), ""}
	}
	if !utf8.ValidString(source) {
		return nil, &mistake{0, "is not valid UTF-8", ""}
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
	return nil, explain(source, err)
}

// tooDeep returns the character at which brackets or signs are nested too deep,
// -1 where they are not: the parser calls itself for each.
func tooDeep(source string) int {
	depth, at := 0, -1
	open, escaped := rune(0), false
	for _, r := range source {
		at++
		switch {
		case escaped:
			escaped = false
		case open != 0:
			escaped = r == '\\' && open != '`'
			if r == open {
				open = 0
			}
		case strings.ContainsRune("\"'`", r):
			open = r
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

// tokenText is what a parser's message says of a token.
var tokenText = regexp.MustCompile(`unexpected token \w+\((.*)\)`)

// explain puts a parser's error into our words.
func explain(source string, err error) *mistake {
	located, ok := errors.AsType[*file.Error](err)
	if !ok {
		return &mistake{0, err.Error(), ""}
	}
	message, hint := strings.TrimPrefix(located.Message, "compilation failed: "), ""
	token := tokenText.FindStringSubmatch(message)
	switch {
	case strings.Contains(message, "exceeds maximum allowed nodes"):
		message = fmt.Sprintf("has more than %d parts", maxNodes)
	case strings.HasPrefix(message, "unexpected token EOF"), strings.Contains(message, "unexpected end of expression"):
		message, hint = "ends too early", "something is missing after this"
	case token != nil && token[1] == `"="`:
		message, hint = `unexpected "="`, "two values are compared with =="
	case token != nil:
		message = "unexpected " + token[1]
	case strings.Contains(message, "integer literal"), strings.Contains(message, "float literal"):
		message = "number is too large"
	}
	return &mistake{min(located.From, utf8.RuneCountInString(source)), message, hint}
}
