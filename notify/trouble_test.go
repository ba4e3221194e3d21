package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func TestWhileMarksCannotBeStoredNothingMoreIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		var away atomic.Bool
		away.Store(true)
		s.store.fail = func(op string) error {
			if op == "settle" && away.Load() {
				return errors.New("disk full")
			}
			return nil
		}
		s.run(t)
		s.fire("a")
		pass(time.Minute)
		s.fire("b")
		s.commit(firing(labels("alertname=Other account=c"), time.Now()))
		pass(time.Hour)
		if got := story(s.receivers["ops"].got()); got != "first a" {
			t.Errorf("sent while marks were lost: %s", got)
		}
		if n := strings.Count(s.log.String(), "cannot be marked"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, s.log)
		}
		away.Store(false)
		pass(10 * time.Second)
		got := strings.Split(story(s.receivers["ops"].got()), ", ")
		slices.Sort(got) // two groups have no order
		if diff := cmp.Diff([]string{"first a", "first c", "new_alerts a b"}, got); diff != "" {
			t.Errorf("after the store came back: want -, got +:\n%s", diff)
		}
	})
}

func TestALostLeaseIsNotMarkedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		var tries atomic.Int64
		s.store.fail = func(op string) error {
			if op == "settle" {
				tries.Add(1)
				return fmt.Errorf("settle: %w", billwatch.ErrLeaseLost)
			}
			return nil
		}
		s.run(t)
		s.fire("a")
		pass(time.Second)
		if tries.Load() != 1 || len(s.settled) != 0 {
			t.Errorf("tried %d times, %d settled", tries.Load(), len(s.settled))
		}
	})
}

func TestAStoreThatIsAwayIsAskedAgainQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		var asked atomic.Int64
		var away atomic.Bool
		away.Store(true)
		s.store.fail = func(string) error {
			asked.Add(1)
			if away.Load() {
				return errors.New("connection refused")
			}
			return nil
		}
		s.run(t)
		s.fire("a")
		pass(time.Minute)
		away.Store(false)
		if n := asked.Load(); n > 200 {
			t.Errorf("asked %d times in a minute", n)
		}
		pass(2 * time.Second)
		if got := story(s.receivers["ops"].got()); got != "first a" {
			t.Errorf("got %q after the store came back", got)
		}
		if n := strings.Count(s.log.String(), "level=WARN"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, s.log)
		}
	})
}

func TestShutdownFinishesWhatIsInHandAndClaimsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		ops := s.receivers["ops"]
		ops.answer = func(ctx context.Context, _ int) (billwatch.Receipt, error) {
			pause := time.NewTimer(3 * time.Second)
			select {
			case <-pause.C:
				return billwatch.Receipt{}, nil
			case <-ctx.Done():
				return billwatch.Receipt{}, ctx.Err()
			}
		}
		s.run(t)
		s.fire("a")
		pass(time.Second)
		s.stop()
		s.commit(firing(labels("alertname=Other"), time.Now()))
		<-s.ended
		if took := time.Since(s.start); took != 3*time.Second {
			t.Errorf("ended after %s, want with the send in hand after 3s", took)
		}
		if got := story(ops.got()); got != "first a" {
			t.Errorf("got %s, want what was in hand and no more", got)
		}
		if len(s.settled) != 1 || s.settled[0].Outcome != billwatch.Delivered {
			t.Errorf("the send in hand was settled as %+v", s.settled)
		}
	})
}

func TestShutdownIsBoundedWhenTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		s.store.fail = func(op string) error {
			if op == "settle" {
				return errors.New("disk full")
			}
			return nil
		}
		s.run(t)
		s.fire("a")
		pass(time.Minute)
		s.stop()
		stopped := time.Now()
		<-s.ended
		if took := time.Since(stopped); took > 10*time.Second {
			t.Errorf("took %s to end", took)
		}
	})
}

func TestANotifierThatBreaksTakesNobodyWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "broken", "ops")
		s.receivers["broken"].answer = func(context.Context, int) (billwatch.Receipt, error) {
			var nobody *billwatch.Receipt
			return *nobody, nil
		}
		s.run(t)
		s.fire("a")
		pass(time.Millisecond)
		if got := story(s.receivers["ops"].got()); got != "first a" {
			t.Errorf("got %q", got)
		}
		for _, e := range s.settled {
			if e.Delivery.Notification.Receiver == "broken" && (e.Outcome != billwatch.Retry || !e.Ambiguous) {
				t.Errorf("settled as %s, ambiguous %v", e.Outcome, e.Ambiguous)
			}
		}
	})
}

func TestAnIdleDispatcherHardlyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		s.run(t)
		pass(time.Hour)
		if s.store.claims > 130 {
			t.Errorf("%d claims in an idle hour", s.store.claims)
		}
	})
}

func TestNewDispatcherNeedsItsParts(t *testing.T) {
	if _, err := notify.NewDispatcher(notify.DispatcherConfig{}); err == nil {
		t.Error("a dispatcher without parts is made")
	}
}

func TestAGroupThatCannotBeStoredHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		for _, rule := range []string{"Low", "Poison", "Other"} {
			s.commit(firing(labels("account=a alertname="+rule), time.Now()))
		}
		s.store.refuse = func(f billwatch.Flush) error {
			if f.Group.Labels["alertname"] == "Poison" {
				return errors.New("no")
			}
			return nil
		}
		s.run(t)
		pass(time.Second)
		if got := len(s.receivers["ops"].got()); got != 2 {
			t.Errorf("%d of the two others were told", got)
		}
	})
}

func TestShutdownLosesNoClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		s.store.claimed = func() { // the store is slow to answer
			pause := time.NewTimer(time.Second)
			<-pause.C
		}
		s.run(t)
		s.fire("a")
		pass(500 * time.Millisecond)
		s.stop()
		<-s.ended
		if got := story(s.receivers["ops"].got()); got != "first a" {
			t.Errorf("what was claimed when the end came was sent as %q", got)
		}
	})
}
