package document

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// text returns a scalar's text. A number is taken as it is written; true and
// false are not, as they are hardly meant as texts.
func (dec *decoder) text(n *yaml.Node) (string, bool) {
	if !dec.is(n, yaml.ScalarNode) {
		return "", false
	}
	if n.ShortTag() == "!!bool" && !dec.d.fromElsewhere(n) {
		dec.fail(n, "put it in quotes", "must be a text, not true or false")
		return "", false
	}
	return n.Value, true
}

func (dec *decoder) duration(n *yaml.Node, into *time.Duration) {
	if n.Kind != yaml.ScalarNode {
		dec.fail(n, "", "must be a duration, not %s", kindName(n.Kind))
		return
	}
	parsed, err := ParseDuration(n.Value)
	if err != nil {
		hint := "such as 90s, 15m, 1h30m or 7d"
		if _, err := strconv.ParseUint(n.Value, 10, 64); err == nil && !dec.d.secret[placeOf(n)] {
			hint = "it needs a unit: " + n.Value + "s, " + n.Value + "m"
		}
		dec.fail(n, hint, "%s is not a duration", dec.d.Quote(n))
		return
	}
	*into = parsed
}

func (dec *decoder) location(n *yaml.Node, into **time.Location) {
	text, ok := dec.text(n)
	if !ok {
		return
	}
	zone, err := time.LoadLocation(text)
	if err != nil || text == "" {
		dec.fail(n, "such as UTC or Europe/Berlin", "%s is not a time zone", dec.d.Quote(n))
		return
	}
	*into = zone
}

func (dec *decoder) unmarshal(n *yaml.Node, into encoding.TextUnmarshaler) {
	text, ok := dec.text(n)
	if !ok {
		return
	}
	if err := into.UnmarshalText([]byte(text)); err != nil {
		if dec.d.secret[placeOf(n)] { // the error may quote it
			dec.fail(n, "", "%s is not valid", dec.d.Quote(n))
			return
		}
		dec.fail(n, "", "%s", err)
	}
}

func (dec *decoder) scalar(n *yaml.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if text, ok := dec.text(n); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		dec.boolean(n, v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		dec.integer(n, v)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
		if !isNumber(n) || err != nil {
			dec.fail(n, "", "must be a number, not %s", describe(n))
			return
		}
		v.SetFloat(f)
	default:
		dec.fail(n, "", "cannot be set")
	}
}

func (dec *decoder) boolean(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		dec.fail(n, "", "must be true or false, not %s", describe(n))
		return
	}
	v.SetBool(strings.EqualFold(n.Value, "true"))
}

func (dec *decoder) integer(n *yaml.Node, v reflect.Value) {
	i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
	switch {
	case !isNumber(n):
		dec.fail(n, "", "must be a whole number, not %s", describe(n))
	case err != nil:
		dec.fail(n, "", "must be a whole number that is not too large")
	default:
		v.SetInt(i)
	}
}

func isNumber(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!int" || n.ShortTag() == "!!float")
}

// plain returns a node as string, bool, int, float64, []any or map[string]any.
func (dec *decoder) plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = dec.plain(c)
		}
		return list
	case yaml.MappingNode:
		m := map[string]any{}
		for k, value := range Pairs(n) {
			m[k.Value] = dec.plain(value)
		}
		return m
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		return number(n.Value)
	}
	return n.Value
}

// number returns an int where the text is one, else a float; a text that is
// neither stays one.
func number(text string) any {
	if i, err := strconv.Atoi(text); err == nil {
		return i
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return text
}
