package slack

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape makes a text mean nothing to Slack: these three characters begin and
// end mentions, links and commands, and nothing else does.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// clean drops what could drive a terminal or turn the reading direction, and
// keeps line breaks.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		turns := (r >= '\u202A' && r <= '\u202E') || (r >= '\u2066' && r <= '\u2069')
		if turns || (unicode.IsControl(r) && r != '\n' && r != '\t') {
			return -1
		}
		return r
	}, text)
}

// oneLine is clean without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// cut returns the escaped text with at most n characters, entities counted as
// they are written.
func cut(text string, n int) string {
	escaped := escape(text)
	if utf8.RuneCountInString(escaped) <= n {
		return escaped
	}
	var b strings.Builder
	room := n - 1 // for the dots
	for _, r := range text {
		e := escape(string(r))
		if room -= utf8.RuneCountInString(e); room < 0 {
			break
		}
		b.WriteString(e)
	}
	return b.String() + "…"
}

// shortened returns at most n characters of a text that needs no escaping.
func shortened(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

// linker escapes a text and makes links of those addresses in it that are known
// to be ours. Others stay text: a name must not become a link.
type linker struct {
	prefix string          // of the pages; empty without
	known  map[string]bool // runbooks
}

func (l linker) line(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if l.isOurs(word) {
			words[i] = "<" + escape(word) + ">"
			continue
		}
		words[i] = escape(word)
	}
	return strings.Join(words, " ")
}

func (l linker) isOurs(word string) bool {
	if strings.ContainsAny(word, "<>|") {
		return false
	}
	return l.known[word] || (l.prefix != "" && strings.HasPrefix(word, l.prefix))
}

// paragraph escapes a paragraph; one that is too long for a section is cut.
func (l linker) paragraph(text string, n int) string {
	lines := strings.Split(text, "\n")
	room := n
	for i, line := range lines {
		linked := l.line(line)
		size := utf8.RuneCountInString(linked) + 1
		if size > room {
			lines[i] = cut(line, max(1, room-1))
			return strings.Join(lines[:i+1], "\n")
		}
		room -= size
		lines[i] = linked
	}
	return strings.Join(lines, "\n")
}
