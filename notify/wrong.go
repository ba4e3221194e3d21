package notify

import (
	"errors"

	"github.com/billwatch/billwatch"
)

// Wrong says what is wrong with a setting, and how to mend it; the hint may be
// empty.
func Wrong(field, what, hint string) error {
	return &billwatch.FieldError{Field: field, Err: errors.New(what), Hint: hint}
}
