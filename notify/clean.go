package notify

import (
	"strings"
	"unicode"
)

// cleanLine makes a text from outside harmless in every medium: one line, no
// control or direction characters, at most n characters.
func cleanLine(text string, n int) string {
	return clean(text, n, false)
}

// cleanText does the same and keeps line breaks.
func cleanText(text string, n int) string {
	return clean(text, n, true)
}

func clean(text string, n int, lines bool) string {
	if len(text) > 8*n { // long texts are cut before they are looked at
		text = text[:8*n]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if lines {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case unicode.IsSpace(r):
			return ' '
		case isHarmful(r):
			return -1
		}
		return r
	}, text)
	if !lines {
		text = strings.Join(strings.Fields(text), " ")
	}
	return cutRunes(strings.TrimSpace(text), n)
}

// cutRunes shortens text to at most n characters.
func cutRunes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	count := 0
	last := 0 // where the last character that leaves room for the dots ends
	for i := range text {
		if count == n-1 {
			last = i
		}
		if count == n {
			return text[:last] + "…"
		}
		count++
	}
	return text
}
