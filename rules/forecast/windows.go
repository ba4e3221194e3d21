package forecast

import (
	"math"
	"time"
)

// Window is what happened in the last complete periods of an account.
type Window struct {
	Used   float64
	TopUps float64
	Days   float64 // that it covers
}

// Rate returns the mean use a day.
func (w Window) Rate() float64 { return w.Used / w.Days }

// Window counts whole periods back from the end of the last complete one, as
// many as fit; over fewer records it is what there is. It is false where not
// even one fits.
func (h History) Window(length time.Duration) (Window, bool) {
	var w Window
	left := length
	for i := len(h.periods) - 1; i >= 0; i-- {
		p := h.periods[i]
		took := p.end.Sub(p.start)
		if took > left {
			took = h.ofGap(took, left)
		}
		if took <= 0 {
			break
		}
		w.Used += p.used * float64(took) / float64(p.end.Sub(p.start))
		w.TopUps += p.topUp
		w.Days += took.Hours() / 24
		left -= took
		if p.start.Add(took).Before(p.end) {
			break
		}
	}
	return w, w.Days > 0
}

// ofGap returns how much of a gap that is too long falls into a window.
func (h History) ofGap(gap, left time.Duration) time.Duration {
	if gap < h.usual*3/2 {
		return 0 // a single period, and those are taken whole
	}
	return left / h.usual * h.usual
}

// Days returns how many whole days of history there are.
func (h History) Days() int { return len(h.Use) }

// Peak returns the highest balance since the last top-up, given the balance
// now. It is false without history.
func (h History) Peak(balance float64) (float64, bool) {
	n := len(h.periods)
	if n == 0 {
		return 0, false
	}
	if balance > h.periods[n-1].remaining { // topped up in the running period
		return balance, true
	}
	peak := balance
	for i := n - 1; i >= 0; i-- {
		p := h.periods[i]
		peak = math.Max(peak, p.remaining)
		if p.topUp > 0 {
			return peak, true
		}
	}
	first := h.periods[0]
	return math.Max(peak, first.remaining+first.used), true
}

// Anomaly returns how far the last complete day's use lies from what the days
// before it let expect, in units of the distance from there to the ninth
// decile. It is false where there is too little history.
func (h History) Anomaly() (float64, bool) {
	n := len(h.Use)
	if n == 0 {
		return 0, false
	}
	begin := h.End.Add(-day)
	m := New(History{End: begin, Use: h.Use[:n-1]})
	if m == nil {
		return 0, false
	}
	expected, high := m.Use(1, begin, 0.5), m.Use(1, begin, 0.1)
	off := h.Use[n-1] - expected
	if off == 0 {
		return 0, true
	}
	if high <= expected { // no use was expected
		return math.Inf(1), true
	}
	return off / (high - expected), true
}
