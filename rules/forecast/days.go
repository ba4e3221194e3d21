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
}

func newDays(use []float64, end time.Time) *days {
	d := &days{n: len(use), factor: [7]float64{1, 1, 1, 1, 1, 1, 1}}
	copy(d.use[:], use)
	first := (int(end.UTC().Weekday()) - d.n%week + 2*week) % week
	if d.n >= week {
		d.findWeekdays(first)
	}
	for i := range d.n {
		d.shape[i] = d.factor[(first+i)%week]
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
	return d
}

// findWeekdays sets the share that each day of the week has, drawn towards 1
// by a few flat weeks' worth of belief.
func (d *days) findWeekdays(first int) {
	var sum, count [7]float64
	mean := 0.0
	for i := range d.n {
		mean += d.use[i] / float64(d.n)
	}
	if mean <= 0 {
		return
	}
	for i := range d.n {
		w := (first + i) % week
		sum[w] += d.use[i] / mean
		count[w]++
	}
	total := 0.0
	for w := range d.factor {
		d.factor[w] = (sum[w] + belief) / (count[w] + belief)
		total += d.factor[w]
	}
	for w := range d.factor {
		d.factor[w] *= week / total
	}
}

// clip cuts one day that is over twice every other to the second largest: a
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
	if second > 0 && top > 2*second {
		d.use[at] = second * d.shape[at]
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
	level         float64 // what the old level becomes by it
	variance      float64
}

// steepest returns the change that stands out most, if one stands out at all.
func (d *days) steepest(level float64) cut {
	var best cut
	top := float64(steepest)
	for k := minAfter; k <= min(maxAfter, d.n-minBefore); k++ {
		at := d.n - k
		before, after := d.mean(0, at), d.mean(at, d.n)
		v := (d.squares(0, at, before) + d.squares(at, d.n, after)) / float64(d.n-2)
		z := math.Abs(after-before) / math.Sqrt(spread*v*(1/float64(k)+1/float64(at)))
		if z > top { // NaN, of days that are all alike, is not
			top = z
			best = cut{k: k, before: before, after: after, variance: v}
		}
	}
	if best.k > 0 {
		sure := 1 - steepest*steepest/(top*top)
		best.level = level + sure*(best.after-level)
	}
	return best
}
