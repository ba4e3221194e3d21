package document

import (
	"slices"
	"strconv"
	"unicode"

	"github.com/billwatch/billwatch"
	"go.yaml.in/yaml/v4"
)

// Excerpts end here; a caret further right gets none.
const maxExcerpt = 200

// Error returns a mistake at a node; nil means the whole file.
func (d *Document) Error(n *yaml.Node, message, hint string) billwatch.Problem {
	if n == nil {
		return billwatch.Problem{File: d.file, Severity: billwatch.SeverityError, Message: message, Hint: hint}
	}
	if n.Line < 0 {
		return billwatch.Problem{File: d.origins[-1-n.Line], Severity: billwatch.SeverityError, Message: message, Hint: hint}
	}
	return d.unparsed(placeOf(n), message, hint)
}

// ErrorAt returns a mistake at a character of a scalar's value, wherever the
// quoting, folding or indentation of the scalar put it in the file.
func (d *Document) ErrorAt(n *yaml.Node, offset int, message, hint string) billwatch.Problem {
	if n == nil || n.Kind != yaml.ScalarNode || n.Line <= 0 {
		return d.Error(n, message, hint)
	}
	if _, ok := d.replaced[placeOf(n)]; ok { // the value is not what stands in the file
		return d.Error(n, message, hint)
	}
	places := d.characters(n)
	return d.unparsed(places[min(max(offset, 0), len(places)-1)], message, hint)
}

// Warn returns what is no mistake yet.
func (d *Document) Warn(n *yaml.Node, message, hint string) billwatch.Problem {
	p := d.Error(n, message, hint)
	p.Severity = billwatch.SeverityWarning
	return p
}

// Quote returns a scalar's text in quotes, as it stands in the file, for a
// message; of a secret, that it is one.
func (d *Document) Quote(n *yaml.Node) string {
	if d.secret[placeOf(n)] {
		return hidden
	}
	text := n.Value
	if written, ok := d.replaced[placeOf(n)]; ok {
		text = written
	}
	if runes := []rune(text); len(runes) > maxExcerpt {
		text = string(runes[:maxExcerpt]) + "…"
	}
	return strconv.Quote(masked(text))
}

// Replace changes a scalar's value, once; messages go on showing what stands
// in the file. An unquoted scalar's type becomes that of the new text.
func (d *Document) Replace(n *yaml.Node, text string) {
	if _, ok := d.replaced[placeOf(n)]; !ok {
		d.replaced[placeOf(n)] = n.Value
	}
	n.Value = text
	if n.Style == 0 {
		n.Tag = plainTagOf(text)
	}
}

// Graft makes n a node that does not stand in the file; problems with it or
// below it name the origin in the file's stead. A scalar's type is that of an
// unquoted one.
func (d *Document) Graft(n *yaml.Node, origin string, secret bool) {
	d.origins = append(d.origins, origin)
	d.graft(n, -len(d.origins))
	if secret {
		d.secret[placeOf(n)] = true
	}
}

// Only returns the part of a document that stands under some of its keys, as a
// document of the same file.
func (d *Document) Only(keys ...string) *Document {
	part := *d
	part.root = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: d.root.Line, Column: d.root.Column}
	for k, v := range Pairs(d.root) {
		if slices.Contains(keys, k.Value) {
			part.root.Content = append(part.root.Content, k, v)
		}
	}
	return &part
}

func (d *Document) graft(n *yaml.Node, line int) {
	n.Line, n.Column = line, 1
	if n.Kind == yaml.ScalarNode && n.Style == 0 {
		n.Tag = plainTagOf(n.Value)
	}
	for _, c := range n.Content {
		d.graft(c, line)
	}
}

// fromElsewhere says whether a value does not stand in the file, so that
// nobody could have put it in quotes there.
func (d *Document) fromElsewhere(n *yaml.Node) bool {
	_, replaced := d.replaced[placeOf(n)]
	return replaced || n.Line < 0
}

// plainTagOf returns the tag of a text that came from elsewhere: it is never
// null.
func plainTagOf(text string) string {
	switch text {
	case "true", "false":
		return "!!bool"
	}
	switch number(text).(type) {
	case int:
		return "!!int"
	case float64:
		return "!!float"
	}
	return "!!str"
}

func (d *Document) unparsed(at place, message, hint string) billwatch.Problem {
	return billwatch.Problem{
		File: d.file, Line: at.line, Column: at.column, Severity: billwatch.SeverityError,
		Message: message, Hint: hint, Excerpt: d.excerpt(at),
	}
}

// excerpt returns the line of a place: secrets hidden, one printable character
// for each of the line's.
func (d *Document) excerpt(at place) string {
	if at.line < 1 || at.line > len(d.lines) || at.column > maxExcerpt {
		return ""
	}
	line := d.hide(at.line)
	for i, r := range line {
		switch {
		case r == '\t':
			line[i] = ' '
		case !unicode.IsPrint(r):
			line[i] = '\ufffd'
		}
	}
	if len(line) > maxExcerpt {
		line = append(line[:maxExcerpt], '…')
	}
	return string(line)
}
