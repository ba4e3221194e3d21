package daemon

import (
	"time"

	"github.com/billwatch/billwatch"
)

// seen adds what a poll says of whether its account can be seen. One that was
// read is there and is not stale, unless the provider says that it was deleted.
// An account that is gone is judged by nothing else: it is not as it was, and
// nobody sees how it is.
func (j *judge) seen(evaluations []billwatch.Evaluation, poll billwatch.Poll, standing map[string]billwatch.Alert, now time.Time) []billwatch.Evaluation {
	gone, isGone := standing[billwatch.RuleAccountGone]
	if poll.Snapshot == nil {
		if isGone && gone.State == billwatch.Firing {
			return nil
		}
		return evaluations
	}
	sight := billwatch.AccountSight{Account: poll.Account, Last: poll.Snapshot, Good: now}
	sight.Deleted, _ = poll.Snapshot.DeletedAt.Get()
	if isGone || !sight.Deleted.IsZero() {
		evaluations = append(j.plan.Rules.AccountGone(sight, now), evaluations...)
	}
	if _, stale := standing[billwatch.RuleAccountStale]; stale && sight.Deleted.IsZero() {
		evaluations = append(j.plan.Rules.AccountStale(sight, poll.At.Add(-time.Second), now), evaluations...)
	}
	return evaluations
}
