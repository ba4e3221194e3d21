package chart

import (
	"cmp"
	"math"
	"slices"
	"time"
)

const (
	longestPast = 56 * day
	shortPast   = 14 * day
	longAhead   = 45 * day
	shortAhead  = 5 * day
	mostMarked  = 12 // top-ups; more are a smear
)

// view is what is seen in the picture, cut to its edges.
type view struct {
	in        Input
	past      []point
	ups       []topUp
	ahead     []Expected
	threshold *float64
	runsOut   time.Time // zero where it is not seen
	from, to  time.Time
	low, high float64 // of the axis
}

func viewOf(in Input) view {
	v := view{in: in}
	v.past, v.ups = history(in)
	if len(v.past) == 0 {
		return v
	}
	v.frame()
	v.past = thinned(cutBefore(stepped(v.past), v.from))
	v.ahead = v.expected()
	if f := in.Forecast; f != nil && v.balance() > 0 && f.ExhaustAt.After(in.Now) && f.ExhaustAt.Before(v.to) {
		v.runsOut = f.ExhaustAt
	}
	if in.Threshold != nil && drawable(*in.Threshold) {
		v.threshold = in.Threshold
	}
	v.scale()
	v.ups = v.marked()
	return v
}

// marked returns the top-ups that are seen, the largest first: one that is
// hardly a pixel high is a correction.
func (v view) marked() []topUp {
	ups := slices.DeleteFunc(v.ups, func(u topUp) bool {
		return u.at.Before(v.from) || u.amount < (v.high-v.low)/100
	})
	slices.SortStableFunc(ups, func(a, b topUp) int { return cmp.Compare(b.amount, a.amount) })
	return ups[:min(len(ups), mostMarked)]
}

// balance returns the last one known.
func (v view) balance() float64 { return v.past[len(v.past)-1].value }

// frame chooses the days that are shown: ahead up to where it is gone in nine
// cases of ten, unless that is far beyond the middle, and of the past half as
// many again, as far as it is known.
func (v *view) frame() {
	ahead := shortAhead
	if f := v.in.Forecast; f != nil && v.balance() > 0 && len(v.in.Ahead) > 0 {
		days := math.Min(f.Runway.P90*1.08, f.Runway.P50*2.5)
		if longest := longAhead.Hours() / 24; !(days < longest) {
			days = longest
		}
		ahead = max(shortAhead, time.Duration(days*float64(day)))
	}
	known := v.in.Now.Sub(v.past[0].at)
	past := min(max(ahead*3/2, shortPast), longestPast, max(known, ahead/3))
	v.from, v.to = v.in.Now.Add(-past), v.in.Now.Add(ahead)
}

// cutBefore cuts a line at a moment, keeping where it crosses it.
func cutBefore(line []point, from time.Time) []point {
	i := slices.IndexFunc(line, func(p point) bool { return !p.at.Before(from) })
	if i <= 0 {
		return line
	}
	a, b := line[i-1], line[i]
	share := from.Sub(a.at).Seconds() / math.Max(b.at.Sub(a.at).Seconds(), 1e-9)
	return append([]point{{from, a.value + share*(b.value-a.value)}}, line[i:]...)
}

// expected returns the days ahead that are seen and can be drawn, from now on.
// Nothing falls below empty.
func (v view) expected() []Expected {
	if v.balance() <= 0 {
		return nil
	}
	var kept []Expected
	for _, e := range v.in.Ahead {
		if e.At.Before(v.in.Now) || e.At.After(v.to) || !drawable(e.Low) || !drawable(e.Mid) || !drawable(e.High) {
			continue
		}
		e.Low, e.Mid, e.High = math.Max(0, e.Low), math.Max(0, e.Mid), math.Max(0, e.High)
		kept = append(kept, e)
	}
	return kept
}

// scale sets the axis: nothing drawn is outside, and empty is always on it.
func (v *view) scale() {
	for _, p := range v.past {
		v.low, v.high = math.Min(v.low, p.value), math.Max(v.high, p.value)
	}
	for _, e := range v.ahead {
		v.high = math.Max(v.high, e.High)
	}
	if v.threshold != nil {
		v.low, v.high = math.Min(v.low, *v.threshold), math.Max(v.high, *v.threshold)
	}
	room := (v.high - v.low) * 0.1
	if room == 0 {
		room = 1
	}
	v.high += room
	if v.low < 0 {
		v.low -= room
	}
}
