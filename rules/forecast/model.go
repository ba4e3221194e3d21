package forecast

import (
	"math"
	"time"
)

// The recipe's numbers, found by measurement on a few hundred real series of
// daily use. They have no unit, so a forecast in events and one in dollars
// behave alike.
const (
	window     = 56   // days that the model looks at
	week       = 7    // days from which weekdays and bursts are told apart
	belief     = 4    // flat weeks that a weekday has to outweigh
	lonely     = 1.5  // times every other day that make a burst which happened once
	fade       = 0.97 // what a day counts for, of the day after it
	spread     = 2.5  // how much more a sum of days varies than its days do
	caution    = 4    // the same, where it has to be told from a step
	steepest   = 2    // standard errors that make a step
	minAfter   = 4    // days after a step
	maxAfter   = 28   // days after which a step is old news
	minBefore  = 5    // days before a step
	sizeable   = 20   // times at most that the days before a step are scaled
	haste      = 0.5  // what a day counts for in the use of these days, of the day after it
	share      = 0.6  // of the excess of these days over the level, that tomorrow has
	calm       = 2    // how much less it is where days vary
	ebb        = 0.9  // what is left of it a day later
	shapeError = 0.05 // what a model never knows, as a share of the path
	youthError = 0.2  // the same, for one day of history
	minDays    = 3    // complete days that make a model
)

// Model is what an account is expected to use, day by day. It depends on its
// history only: the balance changes where the path crosses it, not the path.
type Model struct {
	end      time.Time // of the last complete day
	level    float64   // use of an average day
	excess   float64   // what the first day has beyond it, less by ebb each day
	factor   [7]float64
	before   [8]float64 // sums of factor, from the day that begins at end
	squares  [8]float64 // sums of its squares
	ebbing   [8]float64 // sums of factor, less by ebb each day
	variance float64    // of a day's use about the level
	doubt    float64    // the part of s² that does not shrink with the path
	guessed  float64    // relative half width at p90 of a model made from a rate; 0 otherwise
	step     Step
}

// Step is a lasting change of use.
type Step struct {
	At     time.Time // first day of the new level; zero without a step
	Before float64   // use a day
	After  float64
}

// New returns the model of a history, or nil where there are too few days.
func New(h History) *Model {
	use := h.Use
	if len(use) < minDays {
		return nil
	}
	if len(use) > window {
		use = use[len(use)-window:]
	}
	var d days
	d.prepare(use, h.End)
	m := &Model{end: h.End, level: d.level(), variance: d.variance()}
	count := effective(d.n)
	if best := d.steepest(m.level); best.k > 0 {
		m.level, m.variance = best.level, best.variance
		count += best.sure * min(0, float64(best.k)-count)
		m.step = Step{At: h.End.AddDate(0, 0, -best.k), Before: best.before, After: best.after}
	}
	if d.n < week {
		m.variance = math.Max(m.variance, 0.04*m.level*m.level)
	}
	m.doubt = shapeError*shapeError + youthError*youthError/float64(d.n)
	if m.level > 0 {
		relative := m.variance / (m.level * m.level)
		m.doubt += spread * relative / count
		m.excess = share * math.Max(0, d.lately()-m.level) / (1 + calm*relative)
	}
	m.lay(d.factor)
	return m
}

// effective is how many days a level is made of, when days of the past fade.
func effective(n int) float64 {
	faded := math.Pow(fade, float64(n))
	return (1 + fade) / (1 - fade) * (1 - faded) / (1 + faded)
}

// FromRate returns the model of an account of which only the provider's own
// rate is known.
func FromRate(perDay float64, now time.Time) *Model {
	m := &Model{end: now, level: math.Max(perDay, 0), guessed: 0.4}
	m.lay([7]float64{1, 1, 1, 1, 1, 1, 1})
	return m
}

// lay stores the weekday factors, and their sums from the first day ahead.
func (m *Model) lay(factor [7]float64) {
	m.factor = factor
	first, left := int(m.end.UTC().Weekday()), 1.0
	for i := range week {
		f := factor[(first+i)%week]
		m.ebbing[i+1] = m.ebbing[i] + f*left
		left *= ebb
		m.before[i+1] = m.before[i] + f
		m.squares[i+1] = m.squares[i] + f*f
	}
}

// BurnRate returns the expected use of an average day, once the last days'
// excess has ebbed away.
func (m *Model) BurnRate() float64 { return m.level }

// Weekends returns the use of a day of the weekend as a share of a working
// day's.
func (m *Model) Weekends() float64 {
	weekend := (m.factor[time.Saturday] + m.factor[time.Sunday]) / 2
	return weekend * 5 / (week - 2*weekend)
}

// Step returns the last lasting change of use; its At is zero without one.
func (m *Model) Step() Step { return m.step }

// z90 is how many standard deviations the ninth decile lies off the middle.
const z90 = 1.2815515655446004
