package notifytest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// Answer is how the other side takes the messages that come from now on.
type Answer string

// The answers that a notifier must tell apart.
const (
	Accept        Answer = "accepts"
	RefuseForGood Answer = "refuses for good"
	RefuseForNow  Answer = "refuses for now"
	Throttle      Answer = "asks to be left alone for a minute"
	Vanish        Answer = "takes the message and is cut off before it answers"
	Silence       Answer = "takes the message and never answers"
	Echo          Answer = "refuses for good and repeats all that it was told"
)

// Side is the other side of a notifier's conversations: a real server.
type Side struct {
	Notifier notify.Notifier
	Set      func(Answer)
	Close    func()          // nobody listens any more
	Taken    func() []string // the messages as they arrived, whatever was answered
	Secrets  []string        // must not appear in errors and answers

	// Check says what is wrong with a message as it arrived; it reads as
	// strictly as the real thing.
	Check func(message string) error

	// CannotThrottle is set where the medium has no word for Throttle.
	CannotThrottle bool
}

// Run checks a notifier against everything that notify.Notifier promises. start
// is called for each check and stops its server when the test ends.
func Run(t *testing.T, start func(t *testing.T) Side) {
	checks := map[string]func(*testing.T, Side){
		"nil means accepted":                           accepted,
		"each refusal is told apart":                   classes,
		"an answer that never came leaves it open":     unclear,
		"nobody there is certainly not taken":          nobody,
		"the context's end is obeyed":                  ends,
		"a deadline that has passed sends nothing":     passed,
		"no secret is said":                            secrets,
		"many at once":                                 concurrent,
		"the same content on each attempt":             same,
		"hostile names are harmless":                   hostile,
		"many alerts fit":                              many,
		"a notification without alerts is no accident": empty,
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) { check(t, start(t)) })
	}
}

// Send makes one attempt with a bound of its own.
func Send(t *testing.T, to notify.Notifier, n billwatch.Notification) (billwatch.Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return to.Notify(ctx, n, billwatch.Receipt{})
}

func accepted(t *testing.T, s Side) {
	s.Set(Accept)
	for _, n := range []billwatch.Notification{Notification(), Resolved()} {
		receipt, err := Send(t, s.Notifier, n)
		if err != nil {
			t.Fatalf("Notify = %v, want nil", err)
		}
		if receipt.Answer == "" || len(receipt.Answer) > 1024 {
			t.Errorf("Receipt.Answer = %q, want what the other side said, in 1 KiB", receipt.Answer)
		}
	}
	taken := s.Taken()
	if len(taken) != 2 {
		t.Fatalf("the other side took %d messages, want 2", len(taken))
	}
	for _, message := range taken {
		if err := s.Check(message); err != nil {
			t.Errorf("message is wrong: %v\n%s", err, message)
		}
	}
}

func classes(t *testing.T, s Side) {
	cases := []struct {
		answer                      Answer
		permanent, refused, throttl bool
	}{
		{RefuseForGood, true, true, false},
		{RefuseForNow, false, true, false},
		{Throttle, false, true, true},
		{Echo, true, true, false},
	}
	for _, c := range cases {
		if c.answer == Throttle && s.CannotThrottle {
			continue
		}
		s.Set(c.answer)
		_, err := Send(t, s.Notifier, Notification())
		if err == nil {
			t.Errorf("the other side %s: Notify = nil, want an error", c.answer)
			continue
		}
		after, destination, throttled := notify.Throttle(err)
		got := []bool{notify.IsPermanent(err), notify.IsRefused(err), throttled}
		if diff := cmp.Diff([]bool{c.permanent, c.refused, c.throttl}, got); diff != "" {
			t.Errorf("the other side %s: permanent, refused, throttled (-want +got):\n%s\nerror: %v", c.answer, diff, err)
		}
		if throttled && (after != time.Minute || destination == "") {
			t.Errorf("throttled for %v at %q, want a minute at somewhere", after, destination)
		}
		if to, ok := s.Notifier.(notify.Addressed); throttled && ok && to.Destination() != destination {
			t.Errorf("throttled at %q, but goes to %q: who else goes there is not held up", destination, to.Destination())
		}
	}
}

func unclear(t *testing.T, s Side) {
	s.Set(Vanish)
	_, err := Send(t, s.Notifier, Notification())
	if err == nil || notify.IsRefused(err) {
		t.Fatalf("the other side %s: Notify = %v, want an error that is not refused", Vanish, err)
	}
	if got := len(s.Taken()); got != 1 {
		t.Errorf("%d messages were taken in one attempt, want 1", got)
	}
}

func nobody(t *testing.T, s Side) {
	s.Close()
	_, err := Send(t, s.Notifier, Notification())
	if !notify.IsRefused(err) || notify.IsPermanent(err) {
		t.Fatalf("nobody listens: Notify = %v, want an error that is refused and not permanent", err)
	}
}

func ends(t *testing.T, s Side) {
	s.Set(Silence)
	contexts := map[string]func() (context.Context, context.CancelFunc){
		"a deadline": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), time.Second)
		},
		"a shutdown": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		},
	}
	for name, start := range contexts {
		ctx, cancel := start()
		began := time.Now()
		_, err := s.Notifier.Notify(ctx, Notification(), billwatch.Receipt{})
		if err == nil || notify.IsRefused(err) {
			t.Errorf("%s while the other side is silent: Notify = %v, want an error that is not refused", name, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: Notify returned after %v, want soon after the context's end", name, took)
		}
		cancel()
	}
}

func passed(t *testing.T, s Side) {
	s.Set(Accept)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	cancelled, stop := context.WithCancel(t.Context())
	stop()
	for _, ctx := range []context.Context{late, cancelled} {
		_, err := s.Notifier.Notify(ctx, Notification(), billwatch.Receipt{})
		if !notify.IsRefused(err) || notify.IsPermanent(err) {
			t.Errorf("Notify = %v, want an error that is refused and not permanent", err)
		}
	}
	if got := len(s.Taken()); got != 0 {
		t.Errorf("%d messages were sent, want none", got)
	}
}

func secrets(t *testing.T, s Side) {
	if len(s.Secrets) == 0 {
		t.Fatal("Side.Secrets is empty: a notifier has some")
	}
	check := func(what Answer, receipt billwatch.Receipt, err error) {
		t.Helper()
		said := fmt.Sprintf("%v %+v %+v %#v", err, receipt, s.Notifier, s.Notifier)
		for _, secret := range s.Secrets {
			if strings.Contains(said, secret) {
				t.Errorf("%s: %q is said in: %.2000s", what, secret, said)
			}
		}
	}
	for _, answer := range []Answer{Accept, RefuseForGood, RefuseForNow, Vanish, Echo} {
		s.Set(answer)
		receipt, err := Send(t, s.Notifier, Notification())
		check(answer, receipt, err)
	}
	s.Close()
	receipt, err := Send(t, s.Notifier, Notification())
	check("is gone", receipt, err)
}

func concurrent(t *testing.T, s Side) {
	const count = 16
	s.Set(Accept)
	var wg sync.WaitGroup
	for i := range count {
		wg.Go(func() {
			n := named(fmt.Sprintf("ntf_concurrent%02d", i), "Account")
			if _, err := Send(t, s.Notifier, n); err != nil {
				t.Errorf("Notify of %s = %v, want nil", n.ID, err)
			}
		})
	}
	wg.Wait()
	if got := len(s.Taken()); got != count {
		t.Errorf("%d messages were taken, want %d", got, count)
	}
}

func same(t *testing.T, s Side) {
	for _, answer := range []Answer{RefuseForNow, Vanish, Accept} {
		s.Set(answer)
		_, err := Send(t, s.Notifier, Notification())
		if (err == nil) != (answer == Accept) {
			t.Fatalf("the other side %s: Notify = %v", answer, err)
		}
	}
	taken := s.Taken()
	for _, message := range taken[1:] {
		if diff := cmp.Diff(taken[0], message); diff != "" {
			t.Errorf("a later attempt sent something else (-first +later):\n%s", diff)
		}
	}
}

func hostile(t *testing.T, s Side) {
	s.Set(Accept)
	for what, n := range Hostile() {
		before := len(s.Taken())
		if _, err := Send(t, s.Notifier, n); err != nil {
			t.Errorf("a name with %s: Notify = %v, want nil", what, err)
			continue
		}
		taken := s.Taken()
		if len(taken) != before+1 {
			t.Errorf("a name with %s: %d messages were taken, want 1", what, len(taken)-before)
			continue
		}
		if err := s.Check(taken[before]); err != nil {
			t.Errorf("a name with %s: %v\n%.2000s", what, err, taken[before])
		}
	}
}

func many(t *testing.T, s Side) {
	s.Set(Accept)
	if _, err := Send(t, s.Notifier, Many(500)); err != nil {
		t.Fatalf("Notify about 500 alerts = %v, want nil", err)
	}
	if err := s.Check(s.Taken()[0]); err != nil {
		t.Errorf("message about 500 alerts: %v", err)
	}
}

func empty(t *testing.T, s Side) {
	s.Set(Accept)
	n := billwatch.Notification{ID: "ntf_empty", Reason: billwatch.WhyTest, Status: billwatch.Firing}
	if _, err := Send(t, s.Notifier, n); err != nil {
		t.Errorf("Notify = %v, want nil", err)
	}
}
