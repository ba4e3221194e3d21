package notify

import (
	"sync/atomic"

	"github.com/billwatch/billwatch"
)

// Credential is what a notifier shows to the other side, read again when that
// refuses it: a file's secret may have been renewed. It is safe for concurrent
// use, and prints nothing of what it holds.
type Credential[T any] struct {
	read    func() (T, error)
	same    func(a, b T) bool
	present atomic.Pointer[T]
}

// NewCredential reads a credential for the first time.
func NewCredential[T any](read func() (T, error), same func(a, b T) bool) (*Credential[T], error) {
	first, err := read()
	if err != nil {
		return nil, err
	}
	c := &Credential[T]{read: read, same: same}
	c.present.Store(&first)
	return c, nil
}

// NewSecret is NewCredential for a single secret.
func NewSecret(read func() (billwatch.Secret, error)) (*Credential[billwatch.Secret], error) {
	return NewCredential(read, func(a, b billwatch.Secret) bool { return a == b })
}

// Load returns the present credential, for one attempt.
func (c *Credential[T]) Load() *T { return c.present.Load() }

// Renewed reads the credential again after the other side refused the one that
// was used, and says whether there is another one now. What cannot be read
// leaves the present one in place.
func (c *Credential[T]) Renewed(used *T) bool {
	read, err := c.read()
	if err != nil || c.same(read, *used) {
		return c.present.Load() != used
	}
	c.present.Store(&read)
	return true
}
