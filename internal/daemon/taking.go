package daemon

import "sync"

// taking is the wish that the configuration of this process be the one in force,
// kept until the store has granted it. The zero taking is ready.
type taking struct {
	mu   sync.Mutex
	now  wish
	bell chan struct{}
}

// wish is one state of it; a later wish has a higher number.
type wish struct {
	wanted bool
	number int
}

// ask says that a new configuration was read on purpose.
func (t *taking) ask() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = wish{true, t.now.number + 1}
	select {
	case t.ring() <- struct{}{}:
	default:
	}
}

func (t *taking) ring() chan struct{} {
	if t.bell == nil {
		t.bell = make(chan struct{}, 1)
	}
	return t.bell
}

// asked tells of a wish that was not there before.
func (t *taking) asked() <-chan struct{} {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ring()
}

func (t *taking) wish() wish {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// granted ends a wish, unless there is a newer one.
func (t *taking) granted(w wish) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == w {
		t.now.wanted = false
	}
}
