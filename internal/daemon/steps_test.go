package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

func TestStepsEndInTheOppositeOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []string
		until := func(name string) step {
			return step{name, func(ctx context.Context) error {
				<-ctx.Done()
				ended = append(ended, name)
				return nil
			}}
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- runSteps(ctx, []step{until("store"), until("send"), until("poll")}) }()
		synctest.Wait()
		cancel()
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		if want := []string{"poll", "send", "store"}; !slices.Equal(ended, want) {
			t.Errorf("ended %v, want %v", ended, want)
		}
	})
}

func TestAFailedStepEndsTheOthersAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk is full")
		err := runSteps(t.Context(), []step{
			{"serve", func(ctx context.Context) error { <-ctx.Done(); return nil }},
			{"store", func(context.Context) error { return full }},
		})
		if !errors.Is(err, full) || err.Error() != "store: disk is full" {
			t.Errorf("got %v, want store: disk is full", err)
		}
	})
}
