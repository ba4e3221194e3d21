package document

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
	"go.yaml.in/yaml/v4"
)

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || strings.Contains(err.Error(), "no documents in stream")
}

// badBytes finds what no YAML file may hold. The bytes are not echoed.
func (d *Document) badBytes(data []byte) *billwatch.Problem {
	if !utf8.Valid(data) {
		p := d.unparsed(d.placeOfByte(data, invalidAt(data)), "text is not UTF-8", "save the file as UTF-8")
		return &p
	}
	for i, b := range data {
		if b == 0 {
			p := d.unparsed(d.placeOfByte(data, i), "NUL byte", "")
			return &p
		}
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' || b == 0x7f {
			p := d.unparsed(d.placeOfByte(data, i), fmt.Sprintf("control character U+%04X", b), "")
			return &p
		}
	}
	return nil
}

func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

func (d *Document) placeOfByte(data []byte, i int) place {
	before := splitLines(append(slices.Clone(data[:i]), 'x'))
	return place{len(before), len(before[len(before)-1])}
}

// syntax turns the parser's error into a problem. The parser's own words are
// used only where they are fixed ones: others quote from the file, which may
// be a secret.
func (d *Document) syntax(err error) billwatch.Problems {
	var wrong *yaml.LoadError
	if !errors.As(err, &wrong) {
		return billwatch.Problems{d.unparsed(place{}, "not valid YAML", "")}
	}
	at := place{wrong.Mark.Line, wrong.Mark.Column}
	context := place{wrong.ContextMark.Line, wrong.ContextMark.Column}
	unfinished := wrong.ContextMsg == "while scanning a simple key" || strings.Contains(wrong.Message, "unexpected end of stream")
	if context.line > 0 && (unfinished || at.line > len(d.lines)) {
		at = context
	}
	if at.line > len(d.lines) {
		at.line = len(d.lines)
		at.column = len(d.lines[at.line-1]) + 1
	}
	message, hint := explainSyntax(wrong, d.at(at))
	if at.line > 0 && strings.Contains(string(d.lines[at.line-1]), "${") {
		hint = `within { } or [ ] a variable needs quotes: "${NAME}"`
	}
	return billwatch.Problems{d.unparsed(at, message, hint)}
}

// at returns the character at a place, 0 where there is none.
func (d *Document) at(p place) rune {
	if p.line < 1 || p.line > len(d.lines) || p.column < 1 || p.column > len(d.lines[p.line-1]) {
		return 0
	}
	return d.lines[p.line-1][p.column-1]
}

// syntaxWords is what the parser says, in the words of somebody who looks at
// the file; in order, the first that is contained counts.
func syntaxWords() [][3]string {
	return [][3]string{
		{"exceeded max depth", "nested deeper than 100 levels", ""},
		{"unknown anchor", "alias to an anchor that is not defined above", "a text that begins with * needs quotes"},
		{"alias data", "alias to an anchor that is not defined above", ""},
		{"found unexpected end of stream", "quote is never closed", ""},
		{"could not find expected ':'", "line is neither a key with its value nor part of the line above", "write key: value, with a space after the colon"},
		{"mapping values are not allowed", "a colon where no key can be", "put a text that holds a colon in quotes, and check the indentation"},
		{"did not find expected key", "indentation does not fit the lines above", ""},
		{"did not find expected '-' indicator", "indentation does not fit the list above", ""},
		{"did not find expected ',' or ']'", "list in [ ] is not closed", ""},
		{"did not find expected ',' or '}'", "mapping in { } is not closed", ""},
		{"did not find expected node content", "value is missing, or a bracket is not closed", ""},
		{"did not find expected <document start>", "text after the end of the document", ""},
		{"sequence entries are not allowed", "list item where no list can be", "put the list on lines of its own"},
		{"unknown escape character", "unknown escape in double quotes", `write \\ for a backslash, or use single quotes`},
		{"undefined tag handle", "unknown tag", "a text that begins with ! needs quotes"},
	}
}

func explainSyntax(err *yaml.LoadError, at rune) (message, hint string) {
	if at == '\t' || strings.Contains(err.Message, "tab") {
		return "tab in the indentation", "indent with spaces"
	}
	if strings.Contains(err.Message, "cannot start any token") {
		return fmt.Sprintf("a value cannot begin with %c", at), "put it in quotes"
	}
	for _, words := range syntaxWords() {
		if strings.Contains(err.Message, words[0]) {
			return words[1], words[2]
		}
	}
	return "not valid YAML", ""
}
