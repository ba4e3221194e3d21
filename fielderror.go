package billwatch

// FieldError is a wrong setting: which one, and what is wrong with it. Join
// several with errors.Join.
type FieldError struct {
	Field  string // its key, "timeout"; dotted when it lies deeper
	Err    error
	Hint   string // how to mend it; may be empty
	Offset int    // the character of its value at which it is wrong, from 0
}

// Error returns "field: what is wrong".
func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }
