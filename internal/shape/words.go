package shape

import (
	"slices"
	"strings"
	"unicode"
)

// errorWords are what texts of errors are made of. They say what is wrong, and
// nothing of whose it is.
const errorWords = `a access account again allowed an and api are argument authenticated authentication authorization
 authorized bad be bearer been billing body cannot client code could credentials currently date deadline denied details
 disabled does endpoint entity error exceeded exhausted exist expired failed field for forbidden format found gateway has
 have header id in internal invalid is it key large later limit malformed many method missing must no not of
 on operation or order organization out page parameter parameters permission permitted please project query quota
 rate request requested requests required resource revoked scope server service slow status support suspended temporarily
 the this timeout timed to token too try type unable unauthenticated unauthorized unavailable unknown unsupported user
 value was with your`

// ofErrors says whether a word is one that errors are made of, whatever its
// case; words may be joined by underscores.
func ofErrors(t string) bool {
	for part := range strings.FieldsFuncSeq(t, func(c rune) bool { return !unicode.IsLetter(c) }) {
		if !slices.Contains(strings.Fields(errorWords), strings.ToLower(part)) {
			return false
		}
	}
	return !strings.ContainsFunc(t, func(c rune) bool { return !unicode.IsLetter(c) && c != '_' && c != '-' && c != '\'' })
}

// ErrorText returns an error's text with an ellipsis for each word that may be
// somebody's.
func ErrorText(s string) string {
	var out strings.Builder
	rest := s
	for _, t := range split(s) {
		i := strings.Index(rest, t)
		out.WriteString(rest[:i])
		rest = rest[i+len(t):]
		if !ofErrors(t) {
			t = "…"
		}
		out.WriteString(t)
	}
	return out.String() + rest
}
