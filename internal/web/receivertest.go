package web

import (
	"context"
	"net/http"
	"time"
)

// TestMessage is what became of a test message to one integration of a receiver.
type TestMessage struct {
	Integration string `json:"integration"`
	Accepted    bool   `json:"accepted"`
	Answer      string `json:"answer,omitempty"` // what the other side said
	Error       string `json:"error,omitempty"`  // why it was not accepted
}

// testTimeout bounds the answer about a test, whose attempts are bounded
// themselves; the server's own bound is later.
const testTimeout = 25 * time.Second

// testReceiver sends a test message by each integration of a receiver, and
// answers what became of them: 200 whether or not they were accepted.
func (a API) testReceiver(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), testTimeout)
	defer cancel()
	name := r.PathValue("name")
	sent, err := a.Test(ctx, name)
	if err != nil {
		problem(w, http.StatusServiceUnavailable, "the store cannot be asked at present")
		return
	}
	if len(sent) == 0 {
		problem(w, http.StatusNotFound, "no receiver of that name in the configuration that is in force")
		return
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version  string        `json:"version"`
		Receiver string        `json:"receiver"`
		Messages []TestMessage `json:"messages"`
	}{"1", name, sent})
}
