package poller

import (
	"math/big"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// longestGap is how far back a pause between two snapshots is filled.
const longestGap = 92 * day

// Derive returns the balance records that follow from a new snapshot of an
// account whose provider has no history: those to add to, or to replace in, the
// ones that are there. previous is the last good snapshot before it, nil for
// none. A record is of one UTC day, the running one included.
//
// What the balance fell by is use, a rise is a top-up and no use. A fall over
// several days is spread by elapsed time. A day has a record when it was
// watched from its beginning, so that no part of a day passes for a whole one.
// An unknown balance says nothing, nor does that of a suspended account, and a
// change of unit starts anew.
func Derive(records []billwatch.Record, previous *billwatch.Snapshot, now billwatch.Snapshot) []billwatch.Record {
	if previous == nil || previous.Unit != now.Unit {
		return nil
	}
	suspended, _ := now.Suspended.Get()
	from, knownFrom := amount(previous.Balance)
	to, knownTo := amount(now.Balance)
	if suspended || !knownFrom || !knownTo {
		return nil
	}
	d := &derivation{stored: records, from: from, to: to, since: previous.At.UTC(), until: now.At.UTC()}
	if gap := d.until.Add(-longestGap); d.since.Before(gap) {
		d.since = gap
	}
	d.since = earlier(d.since, d.until) // the clock may have been set back
	return d.days()
}

func amount(v billwatch.Value[billwatch.Decimal]) (*big.Rat, bool) {
	d, known := v.Get()
	if !known {
		return nil, false
	}
	return exact(d)
}

// exact returns the number that the decimal's text says; its digits are
// bounded.
func exact(d billwatch.Decimal) (*big.Rat, bool) { return new(big.Rat).SetString(d.String()) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// derivation is one step from a snapshot to the next.
type derivation struct {
	stored       []billwatch.Record
	from, to     *big.Rat
	since, until time.Time
}

// days returns a record for each day that the step touches, as far as that day
// was watched from its beginning.
func (d *derivation) days() []billwatch.Record {
	fall := new(big.Rat).Sub(d.from, d.to)
	if fall.Sign() < 0 {
		fall = new(big.Rat)
	}
	digits := max(digitsOf(d.from), digitsOf(d.to))
	var changed []billwatch.Record
	spread := new(big.Rat) // of the fall, so far
	for begin := d.since.Truncate(day); !begin.After(d.until); begin = begin.Add(day) {
		end := begin.Add(day)
		upTo, remaining := fall, d.to
		if !end.After(d.until) {
			upTo = rounded(new(big.Rat).Mul(fall, d.part(end)), digits)
			remaining = new(big.Rat).Sub(d.from, upTo)
		}
		used := new(big.Rat).Sub(upTo, spread)
		spread = upTo
		if r, ok := d.record(begin, used, remaining); ok {
			changed = append(changed, r)
		}
	}
	return changed
}

// part is how much of the step has passed at a moment within it.
func (d *derivation) part(at time.Time) *big.Rat {
	whole := int64(d.until.Sub(d.since))
	if whole <= 0 {
		return big.NewRat(1, 1)
	}
	return big.NewRat(int64(at.Sub(d.since)), whole)
}

// record adds to a day's record, or begins one; not for a day whose beginning
// nobody saw.
func (d *derivation) record(begin time.Time, used, remaining *big.Rat) (billwatch.Record, bool) {
	i, there := slices.BinarySearchFunc(d.stored, begin, func(r billwatch.Record, t time.Time) int { return r.Period.Compare(t) })
	var was billwatch.Record
	if there {
		was = d.stored[i]
		before, ok := exact(was.Used)
		if !ok {
			return billwatch.Record{}, false
		}
		used = new(big.Rat).Add(before, used)
	} else if begin.Before(d.since) {
		return billwatch.Record{}, false
	}
	r := billwatch.Record{Period: begin}
	var errs [2]error
	r.Used, errs[0] = decimalOf(used)
	r.Remaining, errs[1] = decimalOf(remaining)
	return r, errs[0] == nil && errs[1] == nil && (!there || r != was)
}

// digitsOf returns how many digits the number has after the point.
func digitsOf(r *big.Rat) int {
	n, _ := r.FloatPrec()
	return n
}

func rounded(r *big.Rat, digits int) *big.Rat {
	cut, _ := new(big.Rat).SetString(r.FloatString(digits))
	return cut
}

// decimalOf returns the number exactly; one with more digits than a Decimal
// holds is refused.
func decimalOf(r *big.Rat) (billwatch.Decimal, error) {
	return billwatch.ParseDecimal(r.FloatString(digitsOf(r)))
}
