package notifytest

import (
	"errors"
	"slices"

	"github.com/billwatch/billwatch"
)

// Fields returns the names of all wrong settings that a joined error reports,
// sorted.
func Fields(err error) []string {
	var found []string
	var walk func(error)
	walk = func(err error) {
		var field *billwatch.FieldError
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range many.Unwrap() {
				walk(one)
			}
		} else if errors.As(err, &field) {
			found = append(found, field.Field)
		}
	}
	walk(err)
	slices.Sort(found)
	return found
}
