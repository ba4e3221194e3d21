package notify

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	firstRetry = 2 * time.Second // at most this long after the first attempt
	maxBackoff = 10 * time.Minute
	maxPause   = time.Hour // of what another side asks for
	retryFor   = 24 * time.Hour
)

// attempt tries once. What it returns is fit to be stored: bounded, and with
// what the attempts before had reached. A notifier that panics has failed, with
// an unknown outcome; it does not take the others with it.
func attempt(ctx context.Context, to Notifier, n billwatch.Notification, prior billwatch.Receipt) (receipt billwatch.Receipt, err error) {
	defer func() {
		if r := recover(); r != nil {
			receipt, err = prior, fmt.Errorf("the notifier broke: %v", r)
		}
	}()
	receipt, err = to.Notify(ctx, n, prior)
	receipt.Answer = Redact(receipt.Answer)
	if receipt.Ref == "" {
		receipt.Ref = prior.Ref
	}
	for _, done := range prior.Done {
		if !slices.Contains(receipt.Done, done) {
			receipt.Done = append(receipt.Done, done)
		}
	}
	return receipt, err
}

// settle says what an attempt came to: delivered, to be tried again and when,
// or failed for good.
func settle(d billwatch.Delivery, in Integration, receipt billwatch.Receipt, err error, now time.Time) billwatch.Settlement {
	s := billwatch.Settlement{Delivery: d, Receipt: receipt, Outcome: billwatch.Delivered, At: now}
	if err == nil {
		return s
	}
	s.Error = Redact(err.Error())
	s.Ambiguous = !IsRefused(err)
	s.Outcome = billwatch.Retry
	s.NextAt = now.Add(backoff(d.Attempt - d.Unended))
	if after, destination, ok := Throttle(err); ok {
		if after > 0 {
			s.NextAt = now.Add(min(after, maxPause))
		}
		s.PauseUntil, s.Destination = s.NextAt, destination
		if to, ok := in.Notifier.(Addressed); ok && destination == "" {
			s.Destination = to.Destination()
		}
		s.Destination = cmp.Or(s.Destination, in.Name)
	}
	switch {
	case IsPermanent(err):
		s.Outcome = billwatch.Failed
	case !now.Before(d.FirstTry.Add(cmp.Or(in.RetryFor, retryFor))):
		s.Outcome, s.Forget = billwatch.Failed, true
	}
	if s.Outcome == billwatch.Failed {
		s.NextAt = time.Time{}
	}
	return s
}

// backoff returns how long to wait after so many attempts that ended: one to two seconds,
// doubling to ten minutes, never the same for two that failed together.
func backoff(attempts int) time.Duration {
	most := maxBackoff
	if attempts < 10 {
		most = min(firstRetry<<max(0, attempts-1), maxBackoff)
	}
	return most/2 + rand.N(most/2)
}
