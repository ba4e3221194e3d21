package poller

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// onceAgain keeps count of what the transport repeats by itself: a GET whose
// connection broke is sent again over each idle one that there is, and every
// time it is a request to the other side. One repetition is allowed, and takes
// its place in the budget.
type onceAgain struct {
	next http.RoundTripper
	ask  func(context.Context) error
}

var errAgain = errors.New("the connection broke, also at the second attempt")

// RoundTrip sends the request. Its empty body, which sends nothing, is there to
// be asked for again: the transport does so before it repeats a request of
// which the other side may have seen something.
func (o onceAgain) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := req.WithContext(req.Context()) // a copy: the caller's is not ours to change
	repeated := false
	sent.Body = io.NopCloser(empty{})
	sent.GetBody = func() (io.ReadCloser, error) {
		if repeated {
			return nil, errAgain
		}
		repeated = true
		return io.NopCloser(empty{}), o.ask(sent.Context())
	}
	return o.next.RoundTrip(sent)
}

// empty is a body without content that is not http.NoBody.
type empty struct{}

// Read is at its end.
func (empty) Read([]byte) (int, error) { return 0, io.EOF }
