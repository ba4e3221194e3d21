// Package shape says what a JSON answer looks like without saying what is in
// it, and makes one of the same shape in which nothing is left of what was.
//
// It knows no API: which texts are words of an API rather than somebody's is
// for the caller to say, and what is not known is hidden.
package shape

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxDepth bounds how deep an answer is looked into.
const maxDepth = 100

// Document is an answer that was read: whole, and nothing but JSON.
type Document struct{ root *node }

type kind uint8

const (
	object kind = iota
	array
	text
	number
	literal // true, false and null
)

// node is a value with its keys in the order in which they came.
type node struct {
	kind kind
	text string // what a text says, or a number or literal as it is written
	keys []string
	kids []*node
}

// Parse reads an answer. Its error shows nothing of it.
func Parse(data []byte) (*Document, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("is empty")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	root, err := read(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("goes on after its value")
	}
	return &Document{root}, nil
}

func read(d *json.Decoder, depth int) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errors.New("is not whole JSON")
	}
	switch t := token.(type) {
	case string:
		return &node{kind: text, text: t}, nil
	case json.Number:
		return &node{kind: number, text: t.String()}, nil
	case json.Delim:
		if depth == maxDepth {
			return nil, fmt.Errorf("is nested more than %d deep", maxDepth)
		}
		return inside(d, t, depth+1)
	case nil:
		return &node{kind: literal, text: "null"}, nil
	}
	return &node{kind: literal, text: fmt.Sprint(token)}, nil
}

// inside reads what an opened object or array holds.
func inside(d *json.Decoder, opened json.Delim, depth int) (*node, error) {
	n := &node{kind: array}
	if opened == '{' {
		n.kind = object
	}
	for d.More() {
		if n.kind == object {
			key, err := d.Token()
			if err != nil {
				return nil, errors.New("is not whole JSON")
			}
			n.keys = append(n.keys, fmt.Sprint(key))
		}
		kid, err := read(d, depth)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("is not whole JSON")
	}
	return n, nil
}

var (
	decimalText = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)
	plainKey    = regexp.MustCompile(`^[@$]?[A-Za-z_][A-Za-z_-]*(\d{1,2}[A-Za-z_-]*)?$`)
)

const maxKey = 40 // longer ones are no names of fields

// isDate says whether a text is a date, with or without a time.
func isDate(s string) bool {
	if len(s) < len(time.DateOnly) || len(s) > 40 {
		return false
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// texts calls f for every text, and for every number as it is written.
func (n *node) texts(f func(string)) {
	if n.kind == text || n.kind == number {
		f(n.text)
	}
	for _, kid := range n.kids {
		kid.texts(f)
	}
}

// looksLikeData says whether an object's key is hardly the name of a field: one
// that is a value elsewhere, or written as no programmer would.
func looksLikeData(key string, values map[string]bool) bool {
	return values[key] || len(key) > maxKey || !plainKey.MatchString(key)
}

// below returns the path of a field.
func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// covers says whether a path is one of those named, what stands in one, or
// what one stands in.
func covers(named []string, path string) bool {
	return slices.ContainsFunc(named, func(name string) bool {
		return name == path || inPath(name, path) || inPath(path, name)
	})
}

func inPath(outer, inner string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "[]"))
}
