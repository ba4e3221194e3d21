package httpjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/billwatch/billwatch/poller"
)

// A value of a mapping is what JSON has, numbers as they were written: nil,
// bool, string, json.Number, []any and map[string]any; and notApplicable.

// notApplicable is what an account of this kind does not have, as opposed to
// nil, which it has and the API did not send. To every operation it is nil.
type notApplicable struct{}

// kind is what a part of a mapping can give, as far as that is known before
// any answer came.
type kind uint8

const (
	anything kind = iota
	nothing       // nil, always
	boolean
	number
	text
	array
	object
)

// String names a value of the kind.
func (k kind) String() string {
	return [...]string{"anything", "nil", "true or false", "a number", "a text", "an array", "an object"}[k]
}

func kindOf(v any) kind {
	switch v.(type) {
	case bool:
		return boolean
	case json.Number:
		return number
	case string:
		return text
	case []any:
		return array
	case map[string]any:
		return object
	}
	return nothing
}

func isNil(v any) bool { return kindOf(v) == nothing }

// maxValues bounds what one answer is decoded into: each value takes far more
// memory than the two bytes that it may be written with.
const maxValues = 500_000

// decode reads one whole JSON value, and nothing after it.
func decode(data []byte) (any, error) {
	if n := countValues(data); n > maxValues {
		return nil, fmt.Errorf("the answer holds more than %d values", maxValues)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	switch err := decoder.Decode(&v); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the answer is empty")
	case err != nil && bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("<")):
		return nil, errors.New("the answer is " + poller.Markup(data))
	case err != nil:
		return nil, fmt.Errorf("the answer is not valid JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body goes on after its value")
	}
	return v, nil
}

// countValues counts the values of a JSON text, roughly: each comes after a
// bracket, a comma or nothing.
func countValues(data []byte) int {
	n, quoted := 1, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}
