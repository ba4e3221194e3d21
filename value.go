package billwatch

import (
	"encoding/json"
	"fmt"
)

type presence uint8

const (
	notApplicable presence = iota
	notSent
	known
)

// Value is a fact about an account in one of three states: known, not sent
// (the provider should have said it and did not) or not applicable (this kind
// of account has none). The zero Value is not applicable: a field that a
// provider leaves alone is one that it does not have. In JSON a known value is
// itself, one not sent is null, and one not applicable is left out (omitzero).
type Value[T any] struct {
	value    T
	presence presence
}

// Known returns a Value that holds v.
func Known[T any](v T) Value[T] { return Value[T]{value: v, presence: known} }

// NotSent returns the Value of a field that the provider should have sent.
func NotSent[T any]() Value[T] { return Value[T]{presence: notSent} }

// Get returns the value and whether it is known.
func (v Value[T]) Get() (T, bool) { return v.value, v.presence == known }

// IsKnown says whether there is a value.
func (v Value[T]) IsKnown() bool { return v.presence == known }

// IsZero says whether the value is not applicable; encoding/json leaves such
// fields out.
func (v Value[T]) IsZero() bool { return v.presence == notApplicable }

// String shows the value as itself, and as nothing where there is none.
func (v Value[T]) String() string {
	if v.presence != known {
		return ""
	}
	return fmt.Sprint(v.value)
}

// MarshalJSON writes the value, or null where there is none.
func (v Value[T]) MarshalJSON() ([]byte, error) {
	if v.presence != known {
		return []byte("null"), nil
	}
	return json.Marshal(v.value)
}

// UnmarshalJSON reads what MarshalJSON wrote; null is a value not sent.
func (v *Value[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*v = NotSent[T]()
		return nil
	}
	var read T
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	*v = Known(read)
	return nil
}
