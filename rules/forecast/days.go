package forecast

import (
	"math"
	"time"
)

// days are the last days of a history, prepared: weekday factors found and a
// lonely burst clipped, with running sums so that each cut costs a few steps.
type days struct {
	n      int
	use    [window]float64
	shape  [window]float64 // the factor of each day
	factor [7]float64      // by time.Weekday
	sumU   [window + 1]float64
	sumF   [window + 1]float64
	sumUU  [window + 1]float64
	sumUF  [window + 1]float64
	sumFF  [window + 1]float64
	burst  int // the day that was clipped; -1 without one
}

func (d *days) prepare(use []float64, end time.Time) {
	d.n, d.factor, d.burst = len(use), [7]float64{1, 1, 1, 1, 1, 1, 1}, -1
	copy(d.use[:], use)
	first := (int(end.UTC().Weekday()) - d.n%week + 2*week) % week
	if d.n >= week {
		d.findWeekdays(first)
	}
	for i, w := 0, first; i < d.n; i, w = i+1, next(w) {
		d.shape[i] = d.factor[w]
	}
	if d.n >= week {
		d.clip()
	}
	for i := range d.n {
		u, f := d.use[i], d.shape[i]
		d.sumU[i+1] = d.sumU[i] + u
		d.sumF[i+1] = d.sumF[i] + f
		d.sumUU[i+1] = d.sumUU[i] + u*u
		d.sumUF[i+1] = d.sumUF[i] + u*f
		d.sumFF[i+1] = d.sumFF[i] + f*f
	}
}

// next is the day of the week after one.
func next(weekday int) int {
	if weekday == week-1 {
		return 0
	}
	return weekday + 1
}

// findWeekdays sets the share that each day of the week has, drawn towards 1
// by a few flat weeks' worth of belief.
func (d *days) findWeekdays(first int) {
	var sum, count [7]float64
	all := 0.0
	for i, w := 0, first; i < d.n; i, w = i+1, next(w) {
		sum[w] += d.use[i]
		count[w]++
		all += d.use[i]
	}
	if all <= 0 {
		return
	}
	mean := all / float64(d.n)
	total := 0.0
	for w := range d.factor {
		d.factor[w] = (sum[w]/mean + belief) / (count[w] + belief)
		total += d.factor[w]
	}
	for w := range d.factor {
		d.factor[w] *= week / total
	}
}

// clip cuts one day that stands out over every other to the second largest: a
// burst that happened once says little of what comes.
func (d *days) clip() {
	top, second, at := 0.0, 0.0, 0
	for i := range d.n {
		x := d.use[i] / d.shape[i]
		switch {
		case x > top:
			top, second, at = x, top, i
		case x > second:
			second = x
		}
	}
	if second > 0 && top > lonely*second {
		d.use[at] = second * d.shape[at]
		d.burst = at
	}
}

// level is the use of an average day, recent days counting more.
func (d *days) level() float64 {
	use, shape, w := 0.0, 0.0, 1.0
	for i := d.n - 1; i >= 0; i-- {
		use += w * d.use[i]
		shape += w * d.shape[i]
		w *= fade
	}
	return use / shape
}

// lately is the use of these days, on an average day; a lonely burst is not of
// them.
func (d *days) lately() float64 {
	use, shape, w := 0.0, 0.0, 1.0
	for i := d.n - 1; i >= max(0, d.n-2*week); i-- {
		if i != d.burst {
			use += w * d.use[i]
			shape += w * d.shape[i]
		}
		w *= haste
	}
	return use / shape
}

// squares is the sum of squared errors of the days from i to j about a level.
func (d *days) squares(i, j int, level float64) float64 {
	uu, uf, ff := d.sumUU[j]-d.sumUU[i], d.sumUF[j]-d.sumUF[i], d.sumFF[j]-d.sumFF[i]
	return math.Max(0, uu-2*level*uf+level*level*ff)
}

func (d *days) mean(i, j int) float64 {
	return (d.sumU[j] - d.sumU[i]) / (d.sumF[j] - d.sumF[i])
}

// variance is that of a day about one level for all of them.
func (d *days) variance() float64 {
	return d.squares(0, d.n, d.mean(0, d.n)) / float64(d.n-1)
}

// cut is a lasting change of use, k days ago.
type cut struct {
	k             int
	before, after float64
	sure          float64 // from 0 to 1
	level         float64 // what the old level becomes by it
	variance      float64 // of a day's use, on the new level
}

// steepest returns the change that stands out most, if one stands out at all.
func (d *days) steepest(level float64) cut {
	best, top := 0, float64(steepest*steepest)
	for k := minAfter; k <= min(maxAfter, d.n-minBefore); k++ {
		at := d.n - k
		before, after := d.mean(0, at), d.mean(at, d.n)
		v := (d.squares(0, at, before) + d.squares(at, d.n, after)) / float64(d.n-2)
		off := after - before
		// 1/k + 1/at is n/(k·at); NaN, of days that are all alike, is no step.
		if z2 := off * off * float64(k*at) / (caution * v * float64(d.n)); z2 > top {
			best, top = k, z2
		}
	}
	if best == 0 {
		return cut{}
	}
	at := d.n - best
	c := cut{k: best, before: d.mean(0, at), after: d.mean(at, d.n), sure: 1 - steepest*steepest/top}
	c.level = level + c.sure*(c.after-level)
	// An account that uses three times as much varies three times as much: the
	// errors of the days before count as they would be now.
	grown := math.Min(math.Max(c.after*c.after/(c.before*c.before), 1.0/sizeable), sizeable)
	c.variance = ((1+c.sure*(grown-1))*d.squares(0, at, c.before) + d.squares(at, d.n, c.after)) / float64(d.n-2)
	return c
}
