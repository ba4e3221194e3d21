package notify

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// LeaseHolds says whether a message may still be sent: the context's deadline is
// where the lease of the notification ends. It asks the monotonic clock, since
// after a pause of the process the context itself may not have noticed yet, and
// another replica may have sent the notification meanwhile.
func LeaseHolds(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// A LeaseWatch stands over a request's body. It notes when the body begins to be
// read, since before that nothing can have been taken, and lets nothing be read
// after the lease. Its zero value is ready for one request.
type LeaseWatch struct {
	ctx   context.Context //nolint:containedctx // net/http hands a body's reader none
	began atomic.Bool     // the transport reads in a goroutine of its own
}

// Over puts the watch over the body of a request.
func (w *LeaseWatch) Over(request *http.Request) error {
	open := request.GetBody
	if open == nil {
		return errors.New("request without a body")
	}
	w.ctx = request.Context()
	request.GetBody = func() (io.ReadCloser, error) {
		body, err := open()
		return &leasedBody{body, w}, err
	}
	var err error
	request.Body, err = request.GetBody()
	return err
}

// Began says whether the body began to be read.
func (w *LeaseWatch) Began() bool { return w.began.Load() }

// Unsent says that an answer is not about the message: the headers went out, and
// the body never will.
func (w *LeaseWatch) Unsent() error {
	if w.Began() {
		return nil
	}
	return LeaseHolds(w.ctx)
}

type leasedBody struct {
	io.ReadCloser
	watch *LeaseWatch
}

// Read implements io.Reader.
func (b *leasedBody) Read(p []byte) (int, error) {
	if err := LeaseHolds(b.watch.ctx); err != nil {
		return 0, err
	}
	b.watch.began.Store(true)
	return b.ReadCloser.Read(p)
}
