package document

import (
	"regexp"
	"strings"
)

var (
	anyKey  = regexp.MustCompile(`([A-Za-z_-]+)["']?\s*[:=]`)
	lineKey = regexp.MustCompile(`^[\s\-]*["']?[A-Za-z0-9_.-]+["']?\s*:(\s|$)`)
)

// guess returns what to hide of a line in a file that is not valid YAML: what
// follows a secret's key, and the lines that may belong to it.
func (d *Document) guess(line int) []span {
	g := guesser{indent: -1}
	for i := range line - 1 {
		g.read(string(d.lines[i]))
	}
	return g.read(string(d.lines[line-1]))
}

// guesser reads lines from the top.
type guesser struct {
	indent int    // of the secret's key above; -1 for none
	quote  string // the quote that the secret's value has left open
}

func (g *guesser) read(line string) []span {
	text := []rune(line)
	indent := len(text) - len(trimBlank(text)) // a tab is wider than nothing
	if g.quote != "" {
		if strings.Contains(line, g.quote) {
			g.quote = ""
		}
		return []span{{indent, len(text)}}
	}
	if blank(text) {
		return nil
	}
	if g.indent >= 0 && (indent > g.indent || !lineKey.MatchString(line)) {
		return []span{{indent, len(text)}}
	}
	g.indent = -1
	for _, m := range anyKey.FindAllStringSubmatchIndex(line, -1) {
		if !IsSecretKey(line[m[2]:m[3]]) {
			continue
		}
		g.indent = indent
		rest := strings.TrimSpace(line[m[1]:])
		if rest != "" && strings.Contains(`"'`, rest[:1]) && !strings.Contains(rest[1:], rest[:1]) {
			g.quote = rest[:1]
		}
		from := runeSpan(text, 0, m[1]).to
		return []span{{from + len(text[from:]) - len(trimBlank(text[from:])), len(text)}}
	}
	return nil
}
