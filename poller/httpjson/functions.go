package httpjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/poller"
	"github.com/expr-lang/expr/ast"
)

// maxJoined bounds a text that is put together.
const maxJoined = 1 << 20

// function is what a mapping may call. A nil among its arguments makes its
// result nil, and it is not called.
type function struct {
	takes []kind // of each argument; the last holds for all further ones
	least int    // arguments
	most  int
	gives kind
	call  func(args []any) (any, error)
}

func functions() map[string]function {
	texts := []kind{text}
	return map[string]function{
		"float":      {[]kind{anything}, 1, 1, number, toFloat},
		"int":        {[]kind{anything}, 1, 1, number, toInt},
		"decimal":    {[]kind{anything}, 1, 1, number, toDecimal},
		"string":     {[]kind{anything}, 1, 1, text, toString},
		"abs":        {[]kind{number}, 1, 1, number, onNumber(func(r *big.Rat) *big.Rat { return r.Abs(r) })},
		"floor":      {[]kind{number}, 1, 1, number, onNumber(floor)},
		"ceil":       {[]kind{number}, 1, 1, number, onNumber(ceil)},
		"round":      {[]kind{number}, 1, 1, number, onNumber(round)},
		"min":        {[]kind{anything}, 1, 100, number, extreme(-1)},
		"max":        {[]kind{anything}, 1, 100, number, extreme(1)},
		"len":        {[]kind{anything}, 1, 1, number, length},
		"first":      {[]kind{array}, 1, 1, anything, func(args []any) (any, error) { return down(args[0], json.Number("0"), "") }},
		"last":       {[]kind{array}, 1, 1, anything, func(args []any) (any, error) { return down(args[0], json.Number("-1"), "") }},
		"keys":       {[]kind{object}, 1, 1, array, keys},
		"values":     {[]kind{object}, 1, 1, array, values},
		"lower":      {texts, 1, 1, text, onText(strings.ToLower)},
		"upper":      {texts, 1, 1, text, onText(strings.ToUpper)},
		"trim":       {texts, 1, 1, text, onText(strings.TrimSpace)},
		"trimPrefix": {texts, 2, 2, text, onTexts(strings.TrimPrefix)},
		"trimSuffix": {texts, 2, 2, text, onTexts(strings.TrimSuffix)},
		"replace":    {texts, 3, 3, text, replace},
		"split":      {texts, 2, 2, array, split},
		"date":       {texts, 1, 1, text, toDate},
		"unix":       {[]kind{number}, 1, 1, text, unix},
	}
}

func (c *compiler) call(n *ast.CallNode) node {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return c.fail(place(n), "there are no methods in mappings", "write name(…) or … | name()")
	}
	known := functions()
	f, ok := known[callee.Value]
	if !ok {
		hint := ""
		if near := document.Suggest(callee.Value, slices.Sorted(maps.Keys(known))); near != "" {
			hint = "did you mean " + near + "?"
		}
		return c.fail(place(n), "there is no function "+callee.Value, hint)
	}
	if len(n.Arguments) < f.least || len(n.Arguments) > f.most {
		return c.fail(place(n), fmt.Sprintf("%s takes %s, not %d", callee.Value, howMany(f.least, f.most), len(n.Arguments)), "")
	}
	args, fixed := make([]node, len(n.Arguments)), true
	for i, a := range n.Arguments {
		args[i] = c.node(a)
		fixed = fixed && args[i].fixed
		if want := f.takes[min(i, len(f.takes)-1)]; want != anything {
			c.takes(callee.Value, args[i], want)
		}
	}
	return node{kind: f.gives, at: place(n), fixed: fixed, eval: func(e *env) (any, error) {
		return f.run(e, callee.Value, args)
	}}
}

// takes reports an argument that can only be of another kind.
func (c *compiler) takes(name string, arg node, want kind) {
	before := c.wrong
	c.wants(arg, "in "+name+"(…)", want)
	if before == nil && c.wrong != nil && c.wrong.hint == "" {
		c.wrong.hint = functionHint(name, arg.kind)
	}
}

// functionHint says what else to call with a value of the kind.
func functionHint(name string, got kind) string {
	switch {
	case name == "date" && got == number:
		return "unix(…) makes a date of seconds, unix(… / 1000) of milliseconds"
	case name == "unix" && got == text:
		return "date(…) reads a date, unix(decimal(…)) seconds in quotes"
	}
	return ""
}

func withHint(err error, hint string) error {
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, hint)
}

func howMany(least, most int) string {
	switch {
	case most == 1:
		return "one argument"
	case least == most:
		return strconv.Itoa(least) + " arguments"
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

func (f function) run(e *env, name string, args []node) (any, error) {
	values, missing := make([]any, len(args)), false
	for i, arg := range args {
		v, err := arg.eval(e)
		if err != nil {
			return nil, err
		}
		if err := e.spend(1 + weight(v)); err != nil {
			return nil, err
		}
		want := f.takes[min(i, len(f.takes)-1)]
		if !isNil(v) && want != anything && kindOf(v) != want {
			return nil, withHint(mismatch(arg, v, want), functionHint(name, kindOf(v)))
		}
		values[i], missing = v, missing || isNil(v)
	}
	if missing {
		return nil, nil
	}
	v, err := f.call(values)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, e.spend(weight(v))
}

func toFloat(args []any) (any, error) {
	switch v := args[0].(type) {
	case json.Number:
		return floating(v.String())
	case string:
		return floating(v)
	}
	return nil, fmt.Errorf("%s is not a number", kindOf(args[0]))
}

// toInt and toDecimal read what a field of a snapshot reads: 5000.0, "5000" and
// {"value": "57.92"} among it.
func toInt(args []any) (any, error) { return exactly(args[0], (*poller.Object).Integer) }

func toDecimal(args []any) (any, error) { return exactly(args[0], (*poller.Object).Decimal) }

func exactly(v any, get func(*poller.Object, string) billwatch.Value[billwatch.Decimal]) (any, error) {
	got, err := convert(v, get)
	if n, known := got.Get(); known && err == nil {
		return json.Number(n.String()), nil
	}
	return nil, err
}

func toString(args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return nil, fmt.Errorf("%s is not made a text", kindOf(args[0]))
}

func onNumber(do func(*big.Rat) *big.Rat) func([]any) (any, error) {
	return func(args []any) (any, error) {
		r, err := rational(args[0].(json.Number))
		if err != nil {
			return nil, err
		}
		return numeral(do(r))
	}
}

func floor(r *big.Rat) *big.Rat { // Euclid's division rounds down by a positive divisor
	return new(big.Rat).SetInt(new(big.Int).Div(r.Num(), r.Denom()))
}

func ceil(r *big.Rat) *big.Rat { return new(big.Rat).Neg(floor(r.Neg(r))) }

// round takes a half away from zero.
func round(r *big.Rat) *big.Rat {
	half := big.NewRat(1, 2)
	if r.Sign() < 0 {
		return ceil(r.Sub(r, half))
	}
	return floor(r.Add(r, half))
}

// extreme returns the least or the greatest of numbers, or of an array of them.
func extreme(sign int) func([]any) (any, error) {
	return func(args []any) (any, error) {
		if list, ok := args[0].([]any); ok && len(args) == 1 {
			args = list
		}
		var best any
		for _, a := range args {
			n, ok := a.(json.Number)
			switch {
			case isNil(a):
				return nil, nil
			case !ok:
				return nil, fmt.Errorf("%s is not a number", kindOf(a))
			case best == nil:
				best = n
				continue
			}
			order, err := compare(n, best.(json.Number))
			if err != nil {
				return nil, err
			}
			if order == sign {
				best = n
			}
		}
		return best, nil
	}
}

// sum adds numbers exactly; where one is not there, the sum is not known.
func sum(list []any) (any, error) {
	total := new(big.Rat)
	for i, v := range list {
		n, ok := v.(json.Number)
		switch {
		case isNil(v):
			return nil, nil
		case !ok:
			return nil, fmt.Errorf("sum: element %d is %s, not a number", i, kindOf(v))
		}
		r, err := rational(n)
		if err != nil {
			return nil, err
		}
		total.Add(total, r)
	}
	return numeral(total)
}

func length(args []any) (any, error) {
	n := 0
	switch v := args[0].(type) {
	case string:
		n = len([]rune(v))
	case []any:
		n = len(v)
	case map[string]any:
		n = len(v)
	default:
		return nil, fmt.Errorf("%s has no length", kindOf(v))
	}
	return json.Number(strconv.Itoa(n)), nil
}

func keys(args []any) (any, error) {
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(args[0].(map[string]any))) {
		list = append(list, name)
	}
	return list, nil
}

func values(args []any) (any, error) {
	of := args[0].(map[string]any)
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, of[name])
	}
	return list, nil
}

func onText(do func(string) string) func([]any) (any, error) {
	return func(args []any) (any, error) { return do(args[0].(string)), nil }
}

func onTexts(do func(s, other string) string) func([]any) (any, error) {
	return func(args []any) (any, error) { return do(args[0].(string), args[1].(string)), nil }
}

func replace(args []any) (any, error) {
	s, from, to := args[0].(string), args[1].(string), args[2].(string)
	if from == "" {
		return nil, errors.New("there is nothing to be replaced")
	}
	if len(s)+strings.Count(s, from)*len(to) > maxJoined {
		return nil, errors.New("the text becomes too long")
	}
	return strings.ReplaceAll(s, from, to), nil
}

func split(args []any) (any, error) {
	s, by := args[0].(string), args[1].(string)
	if by == "" {
		return nil, errors.New("there is nothing to split by")
	}
	if strings.Count(s, by) >= maxItems {
		return nil, fmt.Errorf("there are more than %d parts", maxItems)
	}
	list := []any{}
	for part := range strings.SplitSeq(s, by) {
		list = append(list, part)
	}
	return list, nil
}

// toDate reads what a field of a snapshot reads; one that says nothing is nil.
func toDate(args []any) (any, error) {
	got, err := convert(args[0], (*poller.Object).Time)
	if at, known := got.Get(); known && err == nil {
		return at.Format(time.RFC3339Nano), nil
	}
	return nil, err
}

// unix makes a date of seconds since 1970.
func unix(args []any) (any, error) {
	r, err := rational(args[0].(json.Number))
	if err != nil {
		return nil, err
	}
	seconds := floor(r)
	const last = 253402300799 // of the year 9999
	if !seconds.Num().IsInt64() || seconds.Num().Int64() < 0 || seconds.Num().Int64() > last {
		return nil, errors.New("the time is out of range; milliseconds are divided by 1000")
	}
	if r.Sign() == 0 {
		return nil, nil // 1970 is how an API says that there is no date
	}
	rest, _ := r.Sub(r, seconds).Float64()
	at := time.Unix(seconds.Num().Int64(), int64(rest*1e9)).UTC()
	return at.Format(time.RFC3339Nano), nil
}
