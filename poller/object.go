package poller

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// maxText is how many characters of a foreign text are kept.
const maxText = 256

// Object is a JSON object that is read field by field. A field that is missing
// or null is not sent; one of a wrong type or with an impossible value is an
// error that names it; fields that nobody asks for are ignored. Names are
// matched exactly.
type Object struct {
	fields map[string]json.RawMessage
	path   string // of its fields, "plan."
	err    *error // the first one, shared with the objects inside
}

// ParseObject reads data, which must be one JSON object and nothing else.
func ParseObject(data []byte) (*Object, error) {
	if err := mustBegin(data, '{', "a JSON object"); err != nil {
		return nil, err
	}
	o := &Object{err: new(error)}
	if err := json.Unmarshal(data, &o.fields); err != nil {
		return nil, fmt.Errorf("the answer is not valid JSON: %w", err)
	}
	return o, nil
}

// mustBegin says what came instead of a value that begins with first.
func mustBegin(data []byte, first byte, want string) error {
	text := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(text) == 0:
		return fmt.Errorf("the answer is empty, not %s", want)
	case text[0] == first:
		return nil
	case text[0] == '<':
		return errors.New("the answer is " + Markup(text))
	}
	return fmt.Errorf("the answer is %s, not %s", kindOfValue(text), want)
}

// kindOfValue names a JSON value without showing it: it may be personal.
func kindOfValue(raw []byte) string {
	switch c := raw[0]; {
	case c == '"':
		return "a string"
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == 't' || c == 'f':
		return "a boolean"
	case c == 'n':
		return "null"
	case c == '-' || (c >= '0' && c <= '9'):
		return "a number"
	}
	return "no JSON"
}

// Err returns the first wrong field of this object and those inside.
func (o *Object) Err() error { return *o.err }

// get returns a field that was sent.
func (o *Object) get(name string) (json.RawMessage, bool) {
	raw, found := o.fields[name]
	return raw, found && string(raw) != "null"
}

func (o *Object) fail(name, format string, args ...any) {
	if *o.err == nil {
		*o.err = fmt.Errorf("%s%s: %s", o.path, name, fmt.Sprintf(format, args...))
	}
}

// Object returns a nested object; an empty one where it was not sent.
func (o *Object) Object(name string) *Object {
	inner := &Object{path: o.path + name + ".", err: o.err}
	raw, sent := o.get(name)
	if !sent {
		return inner
	}
	if raw[0] != '{' {
		o.fail(name, "is %s, not an object", kindOfValue(raw))
		return inner
	}
	if err := json.Unmarshal(raw, &inner.fields); err != nil {
		o.fail(name, "%v", err)
	}
	return inner
}

// Array returns the elements of an array, which must be there.
func (o *Object) Array(name string) []json.RawMessage {
	raw, sent := o.get(name)
	if !sent {
		o.fail(name, "is missing")
		return nil
	}
	if raw[0] != '[' {
		o.fail(name, "is %s, not an array", kindOfValue(raw))
		return nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		o.fail(name, "%v", err)
	}
	return elements
}

// ID returns an identity, which must be there and is kept as it is.
func (o *Object) ID(name string) string {
	id, known := o.string(name)
	switch {
	case !known || id == "":
		o.fail(name, "is missing")
	case len(id) > 4*maxText || strings.ContainsRune(id, 0):
		o.fail(name, "is no usable identity")
	}
	return id
}

// Text returns a string, made storable and not overly long.
func (o *Object) Text(name string) billwatch.Value[string] {
	text, known := o.string(name)
	if !known {
		return billwatch.NotSent[string]()
	}
	text = strings.ReplaceAll(text, "\x00", "\uFFFD") // PostgreSQL refuses it
	return billwatch.Known(shorten(text, maxText))
}

func (o *Object) string(name string) (text string, known bool) {
	raw, sent := o.get(name)
	if !sent {
		return "", false
	}
	if raw[0] != '"' {
		o.fail(name, "is %s, not a string", kindOfValue(raw))
		return "", false
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		o.fail(name, "%v", err)
		return "", false
	}
	return text, true
}

// Bool returns a boolean; nothing else passes for one.
func (o *Object) Bool(name string) billwatch.Value[bool] {
	raw, sent := o.get(name)
	switch {
	case !sent:
		return billwatch.NotSent[bool]()
	case string(raw) == "true":
		return billwatch.Known(true)
	case string(raw) == "false":
		return billwatch.Known(false)
	}
	o.fail(name, "is %s, not true or false", kindOfValue(raw))
	return billwatch.NotSent[bool]()
}

// Integer returns a whole number, also one written 5000.0, 5e3 or "5000".
func (o *Object) Integer(name string) billwatch.Value[billwatch.Decimal] {
	raw, sent := o.get(name)
	if !sent || string(raw) == "{}" {
		return billwatch.NotSent[billwatch.Decimal]()
	}
	n, err := wholeNumber(raw)
	if err != nil {
		o.fail(name, "%v", err)
		return billwatch.NotSent[billwatch.Decimal]()
	}
	return billwatch.Known(billwatch.DecimalOf(n))
}

func wholeNumber(raw json.RawMessage) (int64, error) {
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return 0, err
		}
	}
	shown := shorten(text, 40)
	wrong := func(format string) (int64, error) { return 0, fmt.Errorf(format, shown) }
	if text == "" || (text[0] != '-' && (text[0] < '0' || text[0] > '9')) || !json.Valid([]byte(text)) || strings.TrimSpace(text) != text {
		return 0, fmt.Errorf("%s is not a whole number", clip(string(raw), 40))
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	if strings.Trim(mantissa, "-0.") == "" { // a zero, whatever its exponent
		if text[0] == '-' {
			return wrong("%s is not a whole number")
		}
		return 0, nil
	}
	if _, err := billwatch.ParseDecimal(text); err != nil { // bounds the exponent, before it is worked out
		return wrong("%s is out of range")
	}
	exact, ok := new(big.Rat).SetString(text)
	switch {
	case !ok || !exact.IsInt():
		return wrong("%s is not a whole number")
	case !exact.Num().IsInt64():
		return wrong("%s is out of range")
	}
	return exact.Num().Int64(), nil
}

// Time returns a date with or without a time, a fraction and an offset, in UTC.
// An empty text and Go's zero time are not sent.
func (o *Object) Time(name string) billwatch.Value[time.Time] {
	text, known := o.string(name)
	if !known || text == "" {
		return billwatch.NotSent[time.Time]()
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t.IsZero() {
			return billwatch.NotSent[time.Time]()
		}
		return billwatch.Known(t.UTC())
	}
	o.fail(name, "%q is not a date", clip(text, 40))
	return billwatch.NotSent[time.Time]()
}
