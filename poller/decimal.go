package poller

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/billwatch/billwatch"
)

// Decimal returns an exact number as it was written: {"value": "57.92"},
// "57.92" or 57.92. An empty text and an object without a value are not sent.
func (o *Object) Decimal(name string) billwatch.Value[billwatch.Decimal] {
	value, err := o.decimal(name)
	if err != nil {
		o.fail(name, "%v", err)
	}
	return value
}

// TryDecimal is Decimal for a field whose form nobody promises: what is no
// decimal is not sent.
func (o *Object) TryDecimal(name string) billwatch.Value[billwatch.Decimal] {
	value, _ := o.decimal(name)
	return value
}

func (o *Object) decimal(name string) (billwatch.Value[billwatch.Decimal], error) {
	none := billwatch.NotSent[billwatch.Decimal]()
	raw, sent := o.get(name)
	if sent && raw[0] == '{' {
		inner := Object{}
		if err := json.Unmarshal(raw, &inner.fields); err != nil {
			return none, err
		}
		raw, sent = inner.get("value")
	}
	if !sent {
		return none, nil
	}
	text := string(raw)
	switch kindOfValue(raw) {
	case "a string":
		if err := json.Unmarshal(raw, &text); err != nil {
			return none, err
		}
		if text == "" {
			return none, nil
		}
	case "a number":
	default:
		return none, fmt.Errorf("is %s, not a decimal number", kindOfValue(raw))
	}
	number, err := billwatch.ParseDecimal(text)
	if err != nil {
		return none, errors.New(clip(err.Error(), 100))
	}
	return billwatch.Known(number), nil
}
