package simulate

import (
	"net/http"
	"path"
	"slices"
	"sync"
	"time"
)

// Fault is a way in which an API fails: it answers in place of next, or does
// something to next's answer.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Trouble is when a fault happens, and to which requests.
type Trouble struct {
	Fault    Fault
	Path     string    // as path.Match has it, "/v1/organizations/*"; any where empty
	Times    int       // how many requests it meets; all where 0
	From, To time.Time // by the clock; always where both are zero
}

// Faults is an http.Handler that stands before an API and lets it fail on
// demand. It counts the requests, failed or not. It is safe for concurrent use.
type Faults struct {
	api http.Handler
	now func() time.Time

	mu       sync.Mutex
	troubles []*Trouble
	requests map[string]int // by path
}

// NewFaults stands before an API that has no trouble yet.
func NewFaults(api http.Handler, now func() time.Time) *Faults {
	return &Faults{api: api, now: now, requests: make(map[string]int)}
}

// Add adds trouble; where several fit a request, it meets the first.
func (f *Faults) Add(troubles ...Trouble) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range troubles {
		f.troubles = append(f.troubles, &t)
	}
}

// Clear ends all trouble, that to come included.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.troubles = nil
}

// Requests returns how many requests came for the paths that fit a pattern of
// path.Match; for all where it is empty.
func (f *Faults) Requests(pattern string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := 0
	for asked, n := range f.requests {
		if matches(pattern, asked) {
			sum += n
		}
	}
	return sum
}

// ServeHTTP lets the API answer, or the first fault that fits.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fault := f.meet(r.URL.Path); fault != nil {
		fault(w, r, f.api)
		return
	}
	f.api.ServeHTTP(w, r)
}

// meet counts a request and returns what it meets, or nil.
func (f *Faults) meet(asked string) Fault {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests[asked]++
	for i, t := range f.troubles {
		if !matches(t.Path, asked) || !t.during(now) {
			continue
		}
		switch {
		case t.Times == 1:
			f.troubles = slices.Delete(f.troubles, i, i+1)
		case t.Times > 1:
			t.Times--
		}
		return t.Fault
	}
	return nil
}

func (t *Trouble) during(now time.Time) bool {
	return t.From.IsZero() && t.To.IsZero() || !now.Before(t.From) && now.Before(t.To)
}

func matches(pattern, asked string) bool {
	if pattern == "" {
		return true
	}
	ok, err := path.Match(pattern, asked)
	return ok && err == nil
}
