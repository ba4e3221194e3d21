package daemon

import "sync"

// turns gives each source one judge at a time: the rounds and the watcher move
// the same alerts. The zero turns is ready.
type turns struct {
	mu     sync.Mutex
	gates  map[string]*sync.Mutex
	looked map[string]*judge // by whom all that stands on a source's accounts was looked at
}

// alone waits until nobody else judges the source, and returns how to let go.
func (t *turns) alone(source string) (leave func()) {
	t.mu.Lock()
	gate := t.gates[source]
	if gate == nil {
		if t.gates == nil {
			t.gates = map[string]*sync.Mutex{}
		}
		gate = &sync.Mutex{}
		t.gates[source] = gate
	}
	t.mu.Unlock()
	gate.Lock()
	return gate.Unlock
}

// firstLook says whether what stands on the source's accounts is still to be
// looked at.
func (t *turns) firstLook(source string, by *judge) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.looked[source] != by
}

func (t *turns) lookedAt(source string, by *judge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.looked == nil {
		t.looked = map[string]*judge{}
	}
	t.looked[source] = by
}
