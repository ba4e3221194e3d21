package httpjson

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// Expr is a mapping as it stands in the settings: an expression over an answer.
type Expr string

// mapping is a compiled Expr.
type mapping struct {
	field string // its key, "fields.balance"
	text  string
	root  node
	used  []string
}

// newMapping compiles a mapping; it is nil where there is none.
func newMapping(field string, e Expr, scope []string, want ...kind) (*mapping, error) {
	if e == "" {
		return nil, nil
	}
	root, used, wrong := compile(string(e), scope, want...)
	if wrong != nil {
		return nil, &billwatch.FieldError{Field: field, Err: fmt.Errorf("%s", wrong.message), Hint: wrong.hint, Offset: wrong.at}
	}
	return &mapping{field: field, text: string(e), root: root, used: used}, nil
}

// uses says whether the mapping reads a variable.
func (m *mapping) uses(variable string) bool {
	if m == nil {
		return false
	}
	for _, path := range m.used {
		if path == variable || strings.HasPrefix(path, variable+".") {
			return true
		}
	}
	return false
}

// fails adds which mapping it was; an answer's own words are not among it.
func (m *mapping) fails(err error) error {
	return fmt.Errorf("%s: %w (mapped as %s)", m.field, err, short(m.text))
}

// eval returns what the mapping gives.
func (m *mapping) eval(e env) (any, error) {
	e.steps = 0
	v, err := m.root.eval(&e)
	if err != nil {
		return nil, m.fails(err)
	}
	return v, nil
}

// getter reads a field of an object by the rules that hold for every provider.
type getter[T any] func(o *poller.Object, name string) billwatch.Value[T]

// read returns what the mapping gives, as a field takes it. A field that is not
// mapped does not apply.
func read[T any](m *mapping, e env, get getter[T]) (billwatch.Value[T], error) {
	if m == nil {
		return billwatch.Value[T]{}, nil
	}
	v, err := m.eval(e)
	if err != nil {
		return billwatch.Value[T]{}, err
	}
	got, err := convert(v, get)
	if err != nil {
		return billwatch.Value[T]{}, m.fails(err)
	}
	return got, nil
}

const slot = "x" // the field that a value is read back from

func convert[T any](v any, get getter[T]) (billwatch.Value[T], error) {
	if v == (notApplicable{}) {
		return billwatch.Value[T]{}, nil
	}
	o, err := poller.ParseObject([]byte(`{"` + slot + `":` + raw(v) + `}`))
	if err != nil {
		return billwatch.Value[T]{}, err
	}
	got := get(o, slot)
	if err := o.Err(); err != nil {
		return billwatch.Value[T]{}, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), slot+": "))
	}
	return got, nil
}

// raw writes a value as JSON, of arrays and objects only what matters: a number
// may lie in {"value": …}.
func raw(v any) string {
	switch v := v.(type) {
	case bool:
		return fmt.Sprint(v)
	case json.Number:
		if s := v.String(); json.Valid([]byte(s)) {
			return s
		}
		return `"` + v.String() + `"` // .5 is a decimal, though no number of JSON
	case string:
		quoted, err := json.Marshal(v)
		if err != nil {
			return "null"
		}
		return string(quoted)
	case []any:
		return "[]"
	case map[string]any:
		if inner, ok := v["value"]; ok {
			if kindOf(inner) == object { // it would not be looked into
				inner = []any{}
			}
			return `{"value":` + raw(inner) + `}`
		}
		if len(v) > 0 {
			return `{"":0}`
		}
		return "{}"
	}
	return "null"
}
