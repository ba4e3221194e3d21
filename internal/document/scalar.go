package document

import (
	"slices"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// characters returns the place of each character of a scalar's value, and last
// that of its end. It plays the value back against the text of the file.
func (d *Document) characters(n *yaml.Node) []place {
	value := []rune(n.Value)
	p := &playback{lines: d.lines, value: value, places: make([]place, 0, len(value)+1)}
	p.line, p.column = n.Line-1, n.Column-1
	p.skipProperties()
	start := p.here()
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		p.block()
	case n.Style&yaml.SingleQuotedStyle != 0:
		p.column++
		p.flow('\'')
	case n.Style&yaml.DoubleQuotedStyle != 0:
		p.column++
		p.flow('"')
	default:
		p.flow(0)
	}
	last := start
	if len(p.places) > 0 {
		last = p.places[len(p.places)-1]
	}
	for len(p.places) < len(value) { // the text was not as expected
		p.places = append(p.places, last)
	}
	return append(p.places, p.here())
}

// playback walks the file's text and a scalar's value side by side.
type playback struct {
	lines        [][]rune
	value        []rune
	places       []place
	line, column int // from 0
}

func (p *playback) here() place { return place{p.line + 1, p.column + 1} }

func (p *playback) rest() []rune {
	if p.line >= len(p.lines) || p.column >= len(p.lines[p.line]) {
		return nil
	}
	return p.lines[p.line][p.column:]
}

func (p *playback) done() bool { return len(p.places) >= len(p.value) || p.line >= len(p.lines) }

// skipProperties moves over an anchor and a tag, which stand before the text.
func (p *playback) skipProperties() {
	for p.line < len(p.lines) {
		rest := p.rest()
		switch {
		case blank(rest) || rest[0] == '#':
			p.line++
			p.column = 0
		case rest[0] == ' ' || rest[0] == '\t':
			p.column++
		case rest[0] == '!' || rest[0] == '&':
			p.column += word(rest)
		default:
			return
		}
	}
}

func blank(line []rune) bool { return len(trimBlank(line)) == 0 }

func trimBlank(line []rune) []rune {
	i := slices.IndexFunc(line, func(r rune) bool { return r != ' ' && r != '\t' })
	if i < 0 {
		return nil
	}
	return line[i:]
}

func word(line []rune) int {
	if i := slices.IndexFunc(line, unicode.IsSpace); i >= 0 {
		return i
	}
	return len(line)
}

// flow plays a plain or quoted scalar back; quote is 0 for a plain one.
func (p *playback) flow(quote rune) {
	for !p.done() {
		rest := p.rest()
		switch {
		case blank(rest):
			p.fold()
		case quote == '"' && rest[0] == '\\' && len(rest) == 1: // an escaped line break is nothing
			p.nextText()
		case quote == '"' && rest[0] == '\\':
			p.take(escapeLength(rest[1]))
		case quote == '\'' && rest[0] == '\'':
			p.take(2)
		default:
			p.take(1)
		}
	}
	if quote != 0 {
		p.column++
	}
}

func (p *playback) take(width int) {
	p.places = append(p.places, p.here())
	p.column += width
}

func escapeLength(r rune) int {
	switch r {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	return 2
}

// nextText moves to the next line with text and returns how many line breaks
// that took.
func (p *playback) nextText() int {
	breaks := 0
	for {
		p.line++
		breaks++
		p.column = 0
		if p.line >= len(p.lines) || !blank(p.lines[p.line]) {
			break
		}
	}
	if p.line < len(p.lines) {
		p.column = len(p.lines[p.line]) - len(trimBlank(p.lines[p.line]))
	}
	return breaks
}

// fold plays line breaks back: one is a space, each further one a line feed.
func (p *playback) fold() {
	at := p.here()
	for range max(1, p.nextText()-1) {
		if len(p.places) < len(p.value) {
			p.places = append(p.places, at)
		}
	}
}

// block plays a literal or folded block back, whose text begins on the next
// line.
func (p *playback) block() {
	p.feeds() // of empty lines before the first text
	p.column = 0
	p.line++
	indent := p.indent()
	for ; !p.done(); p.line++ {
		text := p.lines[p.line]
		p.column = 0
		if len(text) <= indent {
			continue
		}
		p.column = indent
		for _, r := range text[indent:] {
			if p.done() || p.value[len(p.places)] != r {
				break
			}
			p.take(1)
		}
		p.breaks()
		if p.done() {
			break
		}
	}
}

// indent returns how many columns of each line are not part of the value.
func (p *playback) indent() int {
	value := lineIndent(p.value[len(p.places):])
	for _, line := range p.lines[min(p.line, len(p.lines)):] {
		if !blank(line) {
			return max(0, lineIndent(line)-value)
		}
	}
	return 0
}

// lineIndent counts the spaces before the first text.
func lineIndent(text []rune) int {
	spaces := 0
	for _, r := range text {
		switch r {
		case ' ':
			spaces++
		case '\n':
			spaces = 0
		default:
			return spaces
		}
	}
	return spaces
}

// breaks puts the value's line feeds, or the space of a folded one, at the end
// of the line.
func (p *playback) breaks() {
	if p.next() == ' ' {
		p.places = append(p.places, p.here())
		return
	}
	p.feeds()
}

func (p *playback) feeds() {
	for p.next() == '\n' {
		p.places = append(p.places, p.here())
	}
}

func (p *playback) next() rune {
	if len(p.places) >= len(p.value) {
		return 0
	}
	return p.value[len(p.places)]
}
