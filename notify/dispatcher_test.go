package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func TestToldOnceAndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		s.run(t)
		s.fire("a")
		pass(20 * time.Millisecond)
		calls := s.receivers["ops"].got()
		if len(calls) != 1 || calls[0].at > 10*time.Millisecond {
			t.Fatalf("got %v, want one message at once", calls)
		}
		n := calls[0].n
		if !strings.HasPrefix(n.ID, "ntf_") || len(n.ID) != 30 || n.Message.Text == "" || n.ExternalURL == "" {
			t.Errorf("the notification is not whole: %+v", n)
		}
		pass(23 * time.Hour)
		s.resolve("a")
		pass(time.Hour)
		if got, want := story(s.receivers["ops"].got()), "first a, all_resolved (a)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestWhatCameAndWentBeforeAnybodyWasToldIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		s.fire("a")
		s.resolve("a")
		s.fire("b")
		s.run(t)
		pass(time.Second)
		if got, want := story(s.receivers["ops"].got()), "first b"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if s.untold != 1 {
			t.Errorf("counted %d alerts of which nobody was told, want 1", s.untold)
		}
	})
}

func TestATemplateThatFailsIsCountedAndSaidOnceAndTheMessageGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := integrations("ops")
		all["ops"][0].Overrides = notify.Overrides{Text: "{{ (index .Alerts 7).Rule }}"}
		s := newStageOf(t, all, "ops")
		c := s.config(t)
		var counted []string
		c.Miswrote = func(integration string) { counted = append(counted, integration) }
		s.runWith(t, c)
		s.fire("a")
		pass(time.Second)
		s.resolve("a")
		pass(time.Hour)
		calls := s.receivers["ops"].got()
		if got, want := story(calls), "first a, all_resolved (a)"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		if text := calls[0].n.Message.Text; !strings.Contains(text, "a (blues, a)") || !strings.Contains(text, "out of range") {
			t.Errorf("got %q, want the default text and what went wrong", text)
		}
		if diff := cmp.Diff([]string{"ops/webhook/0", "ops/webhook/0"}, counted); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
		if n := strings.Count(s.log.String(), "a template failed"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
	})
}

func TestAFailureIsTriedAgainWithTheSameIDAndBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		ops := s.receivers["ops"]
		ops.answer = func(_ context.Context, attempt int) (billwatch.Receipt, error) {
			if attempt < 15 {
				return billwatch.Receipt{Done: []string{fmt.Sprint(attempt)}}, notify.Refused(errors.New("connection refused"))
			}
			return billwatch.Receipt{Ref: "42"}, nil
		}
		s.run(t)
		s.fire("a")
		pass(4 * time.Hour)
		calls := ops.got()
		if len(calls) != 15 {
			t.Fatalf("got %d attempts, want 15", len(calls))
		}
		for i, c := range calls[1:] {
			if diff := cmp.Diff(calls[0].n, c.n); diff != "" {
				t.Errorf("attempt %d differs from the first:\n%s", i+2, diff)
			}
			wait := c.at - calls[i].at
			most := min(2*time.Second<<i, 10*time.Minute)
			if wait < most/2 || wait > most {
				t.Errorf("attempt %d came after %s, want between %s and %s", i+2, wait, most/2, most)
			}
		}
		if got := len(calls[14].prior.Done); got != 14 {
			t.Errorf("the last attempt knows of %d recipients that need none, want 14", got)
		}
		if n := strings.Count(s.log.String(), "level=WARN"); n != 1 {
			t.Errorf("a repeated failure is logged %d times:\n%s", n, s.log)
		}
	})
}

func TestHowAttemptsEnd(t *testing.T) {
	cause := errors.New("no")
	for _, c := range []struct {
		name  string
		err   error
		after time.Duration // since the notification was frozen
		want  string
	}{
		{"accepted", nil, 0, "delivered"},
		{"a permanent refusal ends it, and it counts as told", notify.Permanent(cause), 0, "failed"},
		{"refused: tried again, may be replaced", notify.Refused(cause), 0, "retry"},
		{"no answer: it may have arrived", context.DeadlineExceeded, 0, "retry ambiguous"},
		{"any other error may hide an arrival", cause, 0, "retry ambiguous"},
		{"throttled: as long as asked", notify.Throttled(cause, 90*time.Second, "#ops"), 0, "retry in 1m30s pause #ops 1m30s"},
		{"throttled: at most an hour", notify.Throttled(cause, 99999*time.Hour, "#ops"), 0, "retry in 1h0m0s pause #ops 1h0m0s"},
		{"throttled without a destination", notify.Throttled(cause, time.Minute, ""), 0, "retry in 1m0s pause ops/webhook/0 1m0s"},
		{"wrapped kinds count", fmt.Errorf("post: %w", notify.Permanent(cause)), 0, "failed"},
		{"after retry_for it counts as untold", notify.Refused(cause), 24 * time.Hour, "failed forget"},
		{"and is tried until then", notify.Refused(cause), 24*time.Hour - time.Second, "retry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "ops")
				s.receivers["ops"].answer = func(context.Context, int) (billwatch.Receipt, error) { return billwatch.Receipt{}, c.err }
				s.store.outbox = []*outboxRow{{
					n: billwatch.Notification{ID: "ntf_1", FrozenAt: time.Now().Add(-c.after)}, at: place{"ops/webhook/0", "k"},
				}}
				s.run(t)
				pass(time.Millisecond)
				s.mu.Lock()
				defer s.mu.Unlock()
				if got := ending(s.settled[0], c.err); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
}

// ending says how an attempt was settled. The time of a retry is told only
// where the other side chose it.
func ending(e billwatch.Settlement, err error) string {
	text := e.Outcome
	if e.Ambiguous {
		text += " ambiguous"
	}
	if e.Forget {
		text += " forget"
	}
	if after, _, ok := notify.Throttle(err); ok && after > 0 {
		text += " in " + time.Until(e.NextAt).Round(time.Second).String()
	}
	if e.Destination != "" {
		text += " pause " + e.Destination + " " + time.Until(e.PauseUntil).Round(time.Second).String()
	}
	return text
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		ops := s.receivers["ops"]
		ops.answer = func(_ context.Context, attempt int) (billwatch.Receipt, error) {
			if attempt == 1 {
				return billwatch.Receipt{}, notify.Throttled(errors.New("429"), 10*time.Minute, "")
			}
			return billwatch.Receipt{}, nil
		}
		s.run(t)
		s.fire("a")
		pass(10*time.Minute - time.Second)
		if n := len(ops.got()); n != 1 {
			t.Fatalf("%d attempts before Retry-After, want 1", n)
		}
		pass(2 * time.Second)
		if n := len(ops.got()); n != 2 {
			t.Errorf("%d attempts after Retry-After, want 2", n)
		}
	})
}

func TestOrderWithinAGroupIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		ops := s.receivers["ops"]
		ops.answer = func(ctx context.Context, attempt int) (billwatch.Receipt, error) {
			if attempt <= 3 {
				<-ctx.Done() // takes it, perhaps, and never says so
				return billwatch.Receipt{}, ctx.Err()
			}
			return billwatch.Receipt{}, nil
		}
		s.run(t)
		s.fire("a")
		pass(time.Second)
		s.resolve("a")
		pass(time.Hour)
		want := "first a, first a, first a, first a, all_resolved (a)"
		if got := story(ops.got()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestASlowReceiverDoesNotDelayAFastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "slow", "fast")
		s.receivers["slow"].answer = func(ctx context.Context, _ int) (billwatch.Receipt, error) {
			<-ctx.Done()
			return billwatch.Receipt{}, ctx.Err()
		}
		s.run(t)
		for i := range 50 { // each rule is a group of its own
			s.commit(firing(labels(fmt.Sprintf("alertname=Low%d source=blues", i)), time.Now()))
			pass(time.Second)
		}
		calls := s.receivers["fast"].got()
		if len(calls) != 50 {
			t.Fatalf("the fast one got %d of 50", len(calls))
		}
		for _, c := range calls {
			if late := s.start.Add(c.at).Sub(c.n.FrozenAt); late > 10*time.Millisecond {
				t.Errorf("%s came %s late", c.n.GroupKey, late)
			}
		}
	})
}

func TestSendsAreBoundedPerIntegration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		ops := s.receivers["ops"]
		ops.answer = func(ctx context.Context, _ int) (billwatch.Receipt, error) {
			pause := time.NewTimer(time.Second)
			<-pause.C
			return billwatch.Receipt{}, nil
		}
		s.run(t)
		for i := range 20 {
			s.commit(firing(labels(fmt.Sprintf("alertname=Low%d", i)), time.Now()))
		}
		pass(500 * time.Millisecond)
		if n := len(ops.got()); n != 4 {
			t.Errorf("%d messages on their way at once, want 4", n)
		}
		pass(5 * time.Second)
		if n := len(ops.got()); n != 20 {
			t.Errorf("%d of 20 arrived in 5 s by fours", n)
		}
	})
}

func TestAnAttemptEndsWithItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		var took time.Duration
		s.receivers["ops"].answer = func(ctx context.Context, _ int) (billwatch.Receipt, error) {
			began := time.Now()
			<-ctx.Done()
			took = time.Since(began)
			return billwatch.Receipt{}, ctx.Err()
		}
		s.run(t)
		s.fire("a")
		pass(16 * time.Second)
		if took != 15*time.Second {
			t.Errorf("took %s, want 15s", took)
		}
	})
}

func TestNothingIsSentOnALeaseThatHasRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "ops")
		var slept atomic.Bool
		s.store.claimed = func() { // the process is stopped when it has its claim
			if slept.CompareAndSwap(false, true) {
				pause := time.NewTimer(26 * time.Second)
				<-pause.C
			}
		}
		s.run(t)
		s.fire("a")
		pass(27 * time.Second)
		calls := s.receivers["ops"].got()
		if len(calls) != 1 || calls[0].at < 26*time.Second {
			t.Errorf("got %v, want one message, sent on a lease of its own", calls)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if first := s.settled[0]; first.Outcome != billwatch.Retry || first.Ambiguous {
			t.Errorf("what was not sent is settled as %s, ambiguous %v", first.Outcome, first.Ambiguous)
		}
	})
}
