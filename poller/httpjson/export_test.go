package httpjson

import "encoding/json"

// Evaluate compiles a mapping and evaluates it over an answer, which is item
// and response. The mistake's place is -1 where there is none.
func Evaluate(text string, body []byte) (got any, at int, message string, err error) {
	root, _, wrong := compile(text, row(), boolean, number, textKind, array, object)
	if wrong != nil {
		return nil, wrong.at, wrong.message, nil
	}
	v, err := decode(body)
	if err != nil {
		return nil, -1, "", err
	}
	e := env{item: v, response: v}
	got, err = root.eval(&e)
	if got == (notApplicable{}) {
		got = "not applicable"
	}
	if n, ok := got.(json.Number); ok {
		got = "number " + n.String()
	}
	return got, -1, "", err
}

const textKind = text
