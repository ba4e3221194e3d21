package shape

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Field is one place in an answer and what stood there.
type Field struct {
	Path  string   `json:"path"`            // "organizations[].uid"; a key that looks like data is *
	Types []string `json:"types"`           // "string(24)", "integer", "date", "null", in the order met
	Seen  int      `json:"seen"`            // how often it was there
	Of    int      `json:"of"`              // how often what it stands in was there
	Words []string `json:"words,omitempty"` // that stood there, where it holds one of few
}

const maxWords = 8

// Fields returns the fields of answers to one question, each below what it
// stands in and otherwise in the order in which they came first. At the paths
// named, the words that stood there are told.
func Fields(answers []*Document, words []string) []Field {
	w := &walk{at: map[string]*place{}, values: map[string]bool{}, words: words}
	for _, d := range answers {
		d.root.texts(func(s string) { w.values[s] = true })
	}
	if len(answers) == 0 {
		return nil
	}
	for _, d := range answers {
		w.visit("", "", d.root)
	}
	return w.fields(nil, "")
}

func (w *walk) fields(all []Field, path string) []Field {
	p := w.at[path]
	if path != "" || len(p.types) > 1 || p.types[0].name != "object" { // which every answer is
		f := Field{Path: path, Seen: p.seen, Of: p.seen, Words: p.words}
		if outer := w.at[p.inside]; path != "" && outer.objects > 0 {
			f.Of = outer.objects
		}
		for _, t := range p.types {
			f.Types = append(f.Types, t.String())
		}
		all = append(all, f)
	}
	for _, inner := range p.fields {
		all = w.fields(all, inner)
	}
	return all
}

// Missing returns which of the named paths were never there although what they
// stand in was.
func Missing(named []string, fields []Field) []string {
	var missing []string
	for _, name := range named {
		outer := ""
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			outer = name[:i]
		}
		there, open := false, outer == "" && len(fields) > 0
		for _, f := range fields {
			there = there || f.Path == name || inPath(name, f.Path)
			open = open || f.Path == outer && slices.Contains(f.Types, "object")
		}
		if open && !there {
			missing = append(missing, name)
		}
	}
	return missing
}

// Named says whether a path is one of those named, or belongs to one.
func Named(named []string, path string) bool { return covers(named, path) }

type walk struct {
	at     map[string]*place
	values map[string]bool
	words  []string // the paths of which the words are told
}

type place struct {
	inside  string   // the path of what it stands in
	fields  []string // the paths of what stands in it
	seen    int
	objects int // how often it was an object
	types   []*typed
	words   []string
}

// typed is a class of values, with the least and the greatest length.
type typed struct {
	name      string
	sized     bool
	low, high int
}

// String returns "string(3-24)", "array[12]" or the name.
func (t *typed) String() string {
	if !t.sized {
		return t.name
	}
	size := fmt.Sprint(t.low)
	if t.high != t.low {
		size = fmt.Sprintf("%d-%d", t.low, t.high)
	}
	if t.name == "array" {
		return "array[" + size + "]"
	}
	return t.name + "(" + size + ")"
}

func (w *walk) visit(inside, path string, n *node) {
	p := w.at[path]
	if p == nil {
		p = &place{inside: inside}
		w.at[path] = p
		if outer := w.at[inside]; outer != p {
			outer.fields = append(outer.fields, path)
		}
	}
	p.seen++
	p.add(class(n))
	if n.kind == text && slices.Contains(w.words, path) {
		p.word(n.text)
	}
	switch n.kind {
	case object:
		p.objects++
		for i, kid := range n.kids {
			key := n.keys[i]
			if looksLikeData(key, w.values) {
				key = "*"
			}
			w.visit(path, below(path, key), kid)
		}
	case array:
		for _, kid := range n.kids {
			w.visit(path, path+"[]", kid)
		}
	}
}

// word keeps a text that is but one word, as long as they are few.
func (p *place) word(s string) {
	if word.MatchString(s) && !slices.Contains(p.words, s) && len(p.words) < maxWords {
		p.words = append(p.words, s)
	}
}

func (p *place) add(t typed) {
	for _, known := range p.types {
		if known.name == t.name {
			known.low, known.high = min(known.low, t.low), max(known.high, t.high)
			return
		}
	}
	p.types = append(p.types, &t)
}

// signed tells negative numbers apart: whether there are any is worth knowing.
func signed(text, name string) string {
	if strings.HasPrefix(text, "-") {
		return "negative " + name
	}
	return name
}

// class says what kind of value a node is.
func class(n *node) typed {
	switch n.kind {
	case object:
		return typed{name: "object"}
	case array:
		return typed{"array", true, len(n.kids), len(n.kids)}
	case number:
		if strings.ContainsAny(n.text, ".eE") {
			return typed{name: signed(n.text, "number")}
		}
		return typed{name: signed(n.text, "integer")}
	case text:
		switch length := utf8.RuneCountInString(n.text); {
		case decimalText.MatchString(n.text):
			return typed{name: signed(n.text, "decimal text")}
		case isDate(n.text):
			return typed{name: "date"}
		default:
			return typed{"string", true, length, length}
		}
	case literal:
		if n.text != "null" {
			return typed{name: "boolean"}
		}
	}
	return typed{name: "null"}
}
