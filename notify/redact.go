package notify

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
)

const (
	maxAnswer = 1024 // bytes of what another side said that are kept
	minTail   = 4    // characters of a cut secret that give it away
	hidden    = "<secret>"
)

// Redact returns what another side said, fit to be stored and shown: secrets
// (also those escaped, or cut off at the text's end) are hidden, control
// characters are spaces, and it is at most 1 KiB long.
func Redact(text string, secrets ...billwatch.Secret) string {
	spellings := spell(secrets)
	for _, s := range spellings {
		text = strings.ReplaceAll(text, s, hidden)
	}
	text = hideCutSecret(text, spellings)
	text = strings.Map(func(r rune) rune {
		if isHarmful(r) || unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return cutBytes(strings.TrimSpace(text), maxAnswer)
}

// spell returns the ways in which secrets may be echoed, the longest first so
// that none is hidden in part only.
func spell(secrets []billwatch.Secret) []string {
	var all []string
	for _, secret := range secrets {
		s := secret.Reveal()
		all = append(all, s, url.QueryEscape(s), url.PathEscape(s))
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			all = append(all, inURL(u)...)
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return slices.Compact(all)
}

// inURL returns the parts that make a URL secret.
func inURL(u *url.URL) []string {
	password, _ := u.User.Password()
	parts := []string{password}
	for _, long := range []string{u.RequestURI(), u.Path, u.RawQuery} {
		if len(long) >= 2*minTail { // "/" or "/hook" is no secret, and would hide half of a text
			parts = append(parts, long)
		}
	}
	return parts
}

// hideCutSecret hides the beginning of a secret at the text's end, where a
// bounded read has cut it.
func hideCutSecret(text string, spellings []string) string {
	for _, s := range spellings {
		for n := min(len(s)-1, len(text)); n >= minTail; n-- {
			if strings.HasSuffix(text, s[:n]) {
				return text[:len(text)-n] + hidden
			}
		}
	}
	return text
}

// isHarmful says whether a character could end a header, drive a terminal or
// turn the reading direction.
func isHarmful(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// cutBytes shortens text to at most n bytes, between characters.
func cutBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const more = "…"
	end := n - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
