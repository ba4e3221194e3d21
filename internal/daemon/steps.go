package daemon

import (
	"context"
	"errors"
	"fmt"
)

// step is one thing that runs for as long as the process does.
type step struct {
	name string
	run  func(ctx context.Context) error // until ctx ends; an error ends them all
}

type runningStep struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// runSteps starts the steps in order and ends them in the opposite order, each
// awaited before the next is told, once ctx ends or one of them fails.
func runSteps(ctx context.Context, steps []step) error {
	alive, fail := context.WithCancel(ctx)
	defer fail()
	running := make([]*runningStep, len(steps))
	for i, s := range steps {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := &runningStep{cancel: cancel, ended: make(chan struct{})}
		running[i] = r
		go func() {
			defer close(r.ended)
			if err := s.run(own); err != nil && own.Err() == nil {
				r.err = named(s.name, err)
			}
			fail()
		}()
	}
	<-alive.Done()
	var failed []error
	for i := len(running) - 1; i >= 0; i-- {
		running[i].cancel()
		<-running[i].ended
		failed = append(failed, running[i].err)
	}
	return errors.Join(failed...)
}

// named says which step failed, but for a failed start, which speaks for itself.
func named(step string, err error) error {
	if _, ok := errors.AsType[*StartError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", step, err)
}
