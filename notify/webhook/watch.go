package webhook

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"
)

// A watch hands a body out and notes when that begins: before, nothing can have
// been taken. It refuses to begin after the context's deadline, which is where
// the lease of the notification ends, so that a process that was stopped in
// between does not send what another has sent meanwhile.
type watch struct {
	ctx   context.Context //nolint:containedctx // the body's reader is called by net/http, which hands it none
	body  []byte
	began atomic.Bool // the transport reads in a goroutine of its own
}

func (w *watch) open() io.ReadCloser { return &watched{watch: w, rest: bytes.NewReader(w.body)} }

func (w *watch) reopen() (io.ReadCloser, error) { return w.open(), nil }

// mayBegin says whether the lease still holds, by the monotonic clock: after a
// pause the context itself may not have noticed yet.
func (w *watch) mayBegin() error {
	if deadline, ok := w.ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return w.ctx.Err()
}

// unsent says that an answer is not about the message: the headers went out, and
// the body never will.
func (w *watch) unsent() error {
	if w.began.Load() {
		return nil
	}
	return w.mayBegin()
}

type watched struct {
	watch *watch
	rest  *bytes.Reader
}

// Read implements io.Reader.
func (r *watched) Read(p []byte) (int, error) {
	if err := r.watch.mayBegin(); err != nil {
		return 0, err
	}
	r.watch.began.Store(true)
	return r.rest.Read(p)
}

// Close implements io.Closer.
func (r *watched) Close() error { return nil }
