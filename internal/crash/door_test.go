package crash

import (
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// door is where a receiver listens. Now and then nobody does for a while, as when
// a receiver is started again: a connection is refused then.
type door struct {
	address string
	ledger  *ledger
	serve   func(net.Listener) error // returns when the listener is closed
	rng     *rand.Rand
	calm    chan struct{} // closed once it is to stay open
}

func newDoor(t *testing.T, l *ledger, seed uint64, serve func(net.Listener) error) *door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{
		address: listener.Addr().String(), ledger: l, serve: serve,
		rng: rand.New(rand.NewPCG(seed, 5)), calm: make(chan struct{}),
	}
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		d.swing(listener, ended)
	}()
	t.Cleanup(func() { close(ended); <-stopped })
	return d
}

// swing opens and closes until all is calm, and closes in the end.
func (d *door) swing(listener net.Listener, ended <-chan struct{}) {
	for {
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = d.serve(listener)
		}()
		select {
		case <-d.calm:
			<-ended
		case <-ended:
		case <-time.After(time.Duration(2000+d.rng.IntN(6000)) * time.Millisecond):
		}
		from := time.Now()
		_ = listener.Close()
		<-served
		select {
		case <-ended:
			return
		case <-time.After(time.Duration(200+d.rng.IntN(1300)) * time.Millisecond):
		}
		if listener = d.open(ended); listener == nil {
			return
		}
		d.ledger.write(func(r *records) { r.shut = append(r.shut, span{from, time.Now()}) })
	}
}

// open listens again where it did. Somebody's connection may have that port for
// a moment.
func (d *door) open(ended <-chan struct{}) net.Listener {
	for {
		listener, err := net.Listen("tcp", d.address)
		if err == nil {
			return listener
		}
		select {
		case <-ended:
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (d *door) calmDown() { close(d.calm) }
