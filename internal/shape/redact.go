package shape

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Redactor puts pseudonyms in the place of whatever could be somebody's: the
// same one for the same text, in every answer, address and key. What it keeps
// is structure, types, keys, booleans, nulls, zeros, dates, signs, the number
// of digits, and the words that it was told of. Learn comes before the first
// answer, so that no pseudonym is what was there.
type Redactor struct {
	random *rand.Rand
	seen   map[string]bool   // the words that were there
	values map[string]bool   // whole values that were there
	given  map[string]string // its pseudonyms
	taken  map[string]bool   // pseudonyms in use
	roads  map[string]bool   // segments of addresses that are the API's own
}

// NewRedactor returns a Redactor with a secret seed.
func NewRedactor(seed [32]byte) *Redactor {
	return &Redactor{
		random: rand.New(rand.NewChaCha8(seed)),
		seen:   map[string]bool{}, values: map[string]bool{}, given: map[string]string{}, taken: map[string]bool{}, roads: map[string]bool{},
	}
}

// Learn notes what an answer holds.
func (r *Redactor) Learn(d *Document) {
	d.root.texts(func(s string) {
		r.seen[s], r.values[s] = true, true
		for _, t := range split(s) {
			r.seen[t] = true
		}
	})
}

// LearnRoute notes which segments of addresses are the API's own:
// "/v1/things/{id}" has v1 and things. What stands in an answer, too, is
// somebody's, so that Learn comes before.
func (r *Redactor) LearnRoute(route string) {
	for segment := range strings.SplitSeq(route, "/") {
		if !r.seen[segment] && plainKey.MatchString(segment) {
			r.roads[segment] = true
		}
	}
}

// Route returns a route as it may be shown: with its places, and with the
// segments that are the API's own.
func (r *Redactor) Route(route string) string {
	segments := strings.Split(route, "/")
	for i, s := range segments {
		if !r.roads[s] && !(strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}")) {
			segments[i] = r.Text(s)
		}
	}
	return strings.Join(segments, "/")
}

// Terms is what is known of one answer.
type Terms struct {
	Known  []string // paths of fields that the API is known to have
	Words  []string // paths of fields that hold one of few words, which is kept
	Error  bool     // it is an error: its texts keep the words that errors are made of
	Status string   // the HTTP status, which bodies of errors repeat
}

// Redact returns an answer of the same shape.
func (r *Redactor) Redact(d *Document, terms Terms) []byte {
	var out bytes.Buffer
	r.write(&out, spot{terms: terms}, d.root)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, out.Bytes(), "", "  "); err != nil {
		return append(out.Bytes(), '\n') // cannot be: it was written here
	}
	return append(pretty.Bytes(), '\n')
}

// spot is where in an answer the writing is.
type spot struct {
	terms Terms
	path  string
}

func (r *Redactor) write(out *bytes.Buffer, at spot, n *node) {
	inner := at
	switch n.kind {
	case object:
		out.WriteByte('{')
		for i, kid := range n.kids {
			if i > 0 {
				out.WriteByte(',')
			}
			inner.path = below(at.path, n.keys[i])
			out.Write(quoted(r.key(n.keys[i], inner)))
			out.WriteByte(':')
			r.write(out, inner, kid)
		}
		out.WriteByte('}')
	case array:
		out.WriteByte('[')
		inner.path = at.path + "[]"
		for i, kid := range n.kids {
			if i > 0 {
				out.WriteByte(',')
			}
			r.write(out, inner, kid)
		}
		out.WriteByte(']')
	case text:
		out.Write(quoted(r.value(n.text, at)))
	case number:
		if n.text == at.terms.Status {
			out.WriteString(n.text)
			return
		}
		out.WriteString(r.amount(n.text))
	default:
		out.WriteString(n.text)
	}
}

func quoted(s string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string and a buffer
	return bytes.TrimSpace(b.Bytes())
}

// key keeps what is the name of a field.
func (r *Redactor) key(key string, at spot) string {
	if covers(at.terms.Known, at.path) || !looksLikeData(key, r.values) {
		return key
	}
	return r.Text(key)
}

// word is what may be kept where few words are expected: a single one.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z_]{0,39}$`)

func (r *Redactor) value(s string, at spot) string {
	switch {
	case isDate(s), s == "true", s == "false":
		return s
	case slices.Contains(at.terms.Words, at.path) && word.MatchString(s):
		return s
	case at.terms.Error && s != "":
		return r.each(s, ofErrors)
	}
	return r.Text(s)
}

// Text returns a text with a pseudonym for each of its words.
func (r *Redactor) Text(s string) string { return r.each(s, nil) }

var urlHead = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^/\s?#]*`)

func (r *Redactor) each(s string, keep func(string) bool) string {
	if at := urlHead.FindStringIndex(s); at != nil {
		scheme, _, _ := strings.Cut(s[at[0]:at[1]], "://")
		if scheme != "http" && scheme != "https" {
			scheme = "other"
		}
		return r.each(s[:at[0]], keep) + scheme + "://api.example.com" + r.each(s[at[1]:], keep)
	}
	if decimalText.MatchString(s) {
		return r.amount(s)
	}
	var out strings.Builder
	rest := s
	for _, t := range split(s) {
		i := strings.Index(rest, t)
		before := rest[:i]
		out.WriteString(before)
		rest = rest[i+len(t):]
		switch road := strings.HasSuffix(before, "/") && r.roads[t]; {
		case road, keep != nil && keep(t):
			out.WriteString(t)
		default:
			out.WriteString(r.token(t))
		}
	}
	out.WriteString(rest)
	return out.String()
}

// split returns the words of a text; an identity, an address and a number are
// each one of them.
func split(s string) []string {
	words := strings.FieldsFunc(s, func(c rune) bool {
		return unicode.IsSpace(c) || unicode.IsControl(c) || strings.ContainsRune(`/?&=#,;()"'<>[]{}|\`, c)
	})
	kept := words[:0]
	for _, w := range words {
		if w = strings.Trim(w, ".:!"); strings.ContainsFunc(w, disclosing) {
			kept = append(kept, w)
		}
	}
	return kept
}

// disclosing says whether a character says something.
func disclosing(c rune) bool {
	return !unicode.IsPunct(c) && !unicode.IsSpace(c) && !unicode.IsControl(c)
}

// Path returns the address of a request as it may be shown.
func (r *Redactor) Path(path string) string {
	route, query, found := strings.Cut(path, "?")
	shown := r.Text(route)
	if !found {
		return shown
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return shown + "?…"
	}
	for key, all := range values {
		for i, v := range all {
			if !isDate(v) && !own(key) {
				all[i] = r.Text(v)
			}
		}
	}
	return shown + "?" + values.Encode()
}

// own says whether a parameter is a date or a size of our own choice.
func own(key string) bool { return key == "startDate" || key == "endDate" || key == "pageSize" }
