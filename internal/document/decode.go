package document

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"go.yaml.in/yaml/v4"
)

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Decode fills a struct, to whose fields `yaml:"key"` gives their keys
// (`yaml:",inline"` takes an embedded struct's keys for its own), and reports
// every unknown key and wrong type. What is not in the file, or null, keeps its
// value, so that defaults are set before. Fields of type yaml.Node are filled
// with the node, for later. A text that was grafted is taken for a list,
// separated by commas, where one is wanted.
func (d *Document) Decode(n *yaml.Node, into any) billwatch.Problems {
	dec := &decoder{d: d}
	dec.value(n, reflect.ValueOf(into).Elem())
	return dec.problems
}

// Keys returns the keys that Decode knows of a struct, or of a pointer to one;
// or those of a struct that lies below some keys of it.
func Keys(of any, below ...string) []string {
	t := structOf(reflect.TypeOf(of))
	for _, key := range below {
		if t == nil {
			return nil
		}
		i := slices.IndexFunc(fieldsOf(t), func(f field) bool { return f.key == key })
		if i < 0 {
			return nil
		}
		t = structOf(t.FieldByIndex(fieldsOf(t)[i].index).Type)
	}
	if t == nil {
		return nil
	}
	var keys []string
	for _, f := range fieldsOf(t) {
		keys = append(keys, f.key)
	}
	return keys
}

// structOf returns the struct that a type is or points to; nil where it is none.
func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

type decoder struct {
	d        *Document
	problems billwatch.Problems
}

func (dec *decoder) fail(n *yaml.Node, hint, format string, args ...any) {
	dec.problems = append(dec.problems, dec.d.Error(n, fmt.Sprintf(format, args...), hint))
}

func (dec *decoder) value(n *yaml.Node, v reflect.Value) {
	switch into := v.Addr().Interface().(type) {
	case *yaml.Node:
		*into = *n
		return
	case **yaml.Node:
		*into = n
		return
	}
	if IsNull(n) {
		return
	}
	switch into := v.Addr().Interface().(type) {
	case *time.Duration:
		dec.duration(n, into)
	case **time.Location:
		dec.location(n, into)
	case *billwatch.Secret:
		if text, ok := dec.text(n); ok {
			*into = billwatch.Secret(text)
		}
	case *billwatch.Labels:
		dec.labels(n, into)
	case encoding.TextUnmarshaler:
		dec.unmarshal(n, into)
	default:
		dec.kind(n, v)
	}
}

func (dec *decoder) kind(n *yaml.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		dec.value(n, v.Elem())
	case reflect.Struct:
		dec.structure(n, v)
	case reflect.Slice:
		dec.slice(n, v)
	case reflect.Map:
		dec.mapping(n, v)
	case reflect.Interface:
		if plain := dec.plain(n); plain != nil {
			v.Set(reflect.ValueOf(plain))
		}
	default:
		dec.scalar(n, v)
	}
}

// field is a struct's field and the key that fills it.
type field struct {
	key   string
	index []int
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		tag, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || tag == "-" || options == "inline" {
			continue
		}
		if len(f.Index) > 1 && !inlined(t, f.Index) {
			continue
		}
		if tag == "" {
			tag = strings.ToLower(f.Name)
		}
		fields = append(fields, field{tag, f.Index})
	}
	return fields
}

func inlined(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		if _, options, _ := strings.Cut(t.FieldByIndex(index[:i]).Tag.Get("yaml"), ","); options != "inline" {
			return false
		}
	}
	return true
}

func (dec *decoder) structure(n *yaml.Node, v reflect.Value) {
	if !dec.is(n, yaml.MappingNode) {
		return
	}
	known := map[string][]int{}
	for _, f := range fieldsOf(v.Type()) {
		known[f.key] = f.index
	}
	for k, value := range Pairs(n) {
		index, ok := known[k.Value]
		if !ok {
			dec.problems = append(dec.problems, dec.d.UnknownKey(k, Keys(v.Interface())))
			continue
		}
		dec.value(value, v.FieldByIndex(index))
	}
}

// UnknownKey returns the problem of a key that is none of the known ones.
func (d *Document) UnknownKey(key *yaml.Node, known []string) billwatch.Problem {
	hint := ""
	if near := Suggest(key.Value, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	return d.Error(key, "unknown key "+quoteKey(key.Value), hint)
}

func (dec *decoder) slice(n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.ScalarNode && n.Line < 0 {
		n = listed(n)
	}
	if !dec.is(n, yaml.SequenceNode) {
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		if IsNull(c) && v.Type().Elem() != reflect.TypeFor[yaml.Node]() {
			dec.fail(c, "", "list item is empty")
			continue
		}
		dec.value(c, list.Index(i))
	}
	v.Set(list)
}

// listed takes a text that came from elsewhere for a list, separated by commas.
func listed(n *yaml.Node) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column}
	for item := range strings.SplitSeq(n.Value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list.Content = append(list.Content, &yaml.Node{
				Kind: yaml.ScalarNode, Tag: plainTagOf(item), Value: item, Line: n.Line, Column: n.Column,
			})
		}
	}
	return list
}

func (dec *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if !dec.is(n, yaml.MappingNode) {
		return
	}
	m := reflect.MakeMap(v.Type())
	for k, value := range Pairs(n) {
		element := reflect.New(v.Type().Elem()).Elem()
		dec.value(value, element)
		m.SetMapIndex(reflect.ValueOf(k.Value).Convert(v.Type().Key()), element)
	}
	v.Set(m)
}

// is says whether a node has the kind that is wanted, and fails where not.
func (dec *decoder) is(n *yaml.Node, kind yaml.Kind) bool {
	if n.Kind == kind {
		return true
	}
	dec.fail(n, "", "must be %s, not %s", kindName(kind), describe(n))
	return false
}

func kindName(kind yaml.Kind) string {
	switch kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a text"
}

// describe says what a node is, without its value, which may be a secret.
func describe(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return kindName(n.Kind)
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	}
	return "a text"
}

func (dec *decoder) labels(n *yaml.Node, into *billwatch.Labels) {
	if !dec.is(n, yaml.MappingNode) {
		return
	}
	labels := billwatch.Labels{}
	for k, value := range Pairs(n) {
		if !labelName.MatchString(k.Value) {
			dec.fail(k, "letters, digits and _, not beginning with a digit", "%s is not a label name", quoteKey(k.Value))
			continue
		}
		if IsNull(value) {
			dec.fail(k, "", "label %s has no value", quoteKey(k.Value))
			continue
		}
		if text, ok := dec.text(value); ok {
			labels[k.Value] = text
		}
	}
	*into = labels
}
