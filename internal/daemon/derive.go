package daemon

import (
	"slices"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// derived returns the poll with the records that follow from its snapshot and
// the one before, where the provider has none itself. A change of unit leaves
// none of the old records: they count something else.
func derived(poll billwatch.Poll, known billwatch.Knowledge) billwatch.Poll {
	if !poll.Derive || poll.Snapshot == nil || len(poll.Records) > 0 {
		return poll
	}
	if was := known.Previous; was != nil && was.Unit != poll.Snapshot.Unit {
		poll.RecordsFrom = time.Unix(0, 0)
		return poll
	}
	poll.Records = poller.Derive(known.Records, known.Previous, *poll.Snapshot)
	return poll
}

// recordsWith returns the stored records as the poll leaves them.
func recordsWith(poll billwatch.Poll, stored []billwatch.Record) []billwatch.Record {
	if !poll.RecordsFrom.IsZero() {
		stored = slices.DeleteFunc(slices.Clone(stored), func(r billwatch.Record) bool {
			return !r.Period.Before(poll.RecordsFrom)
		})
	}
	return merged(stored, poll.Records)
}
