package slacktest

import (
	"fmt"
	"net/http"
)

// Fault is how a method fails the next times.
type Fault struct {
	Method string // "chat.postMessage", "upload"; empty for any
	Times  int    // how often; once where zero
	Status int    // of the answer, such as 429 or 503; 200 where zero
	After  string // the header Retry-After; empty for none
	Word   string // of {"ok": false, "error": …}; empty for no body
	Cut    bool   // it is done, and the connection ends before the answer
	Do     func() // called before anything else; may be nil
}

// Break lets a method fail.
func (w *Workspace) Break(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.Times = max(f.Times, 1)
	w.faults = append(w.faults, &f)
}

func (w *Workspace) fault(method string) *Fault {
	for _, f := range w.faults {
		if f.Times > 0 && (f.Method == "" || f.Method == method) {
			f.Times--
			return f
		}
	}
	return nil
}

func (f *Fault) name() string {
	switch {
	case f.Word != "":
		return f.Word
	case f.Cut:
		return "cut"
	}
	return fmt.Sprint(f.Status)
}

// answer says whether the request is served after all.
func (f *Fault) answer(rw http.ResponseWriter, c *call) bool {
	if f.Do != nil {
		f.Do()
	}
	switch {
	case f.Cut:
		c.serve(discard{})
		if h, ok := rw.(http.Hijacker); ok {
			if connection, _, err := h.Hijack(); err == nil {
				connection.Close()
			}
		}
		return false
	case f.Word == "" && f.Status == 0:
		return true
	}
	if f.After != "" {
		rw.Header().Set("Retry-After", f.After)
	}
	if f.Word == "" {
		rw.WriteHeader(f.Status)
		return false
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(max(f.Status, http.StatusOK))
	fmt.Fprintf(rw, `{"ok":false,"error":%q}`, f.Word)
	return false
}

// discard is where the answer of a cut connection goes.
type discard struct{}

// Header implements http.ResponseWriter.
func (discard) Header() http.Header { return http.Header{} }

// Write implements http.ResponseWriter.
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (discard) WriteHeader(int) {}
