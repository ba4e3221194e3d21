package forecast

import (
	"math"
	"time"
)

// horizon is how many days are walked with their weekdays; beyond it they make
// no difference.
const horizon = 52 * week

// Runway returns the days from now until the balance is gone, as quantile q:
// with 0.1 it is gone sooner in one case of ten. It is +Inf without use.
func (m *Model) Runway(balance float64, now time.Time, q float64) float64 {
	if balance <= 0 {
		return 0
	}
	if m.level <= 0 {
		return math.Inf(1)
	}
	w := m.start(now, q)
	low, high := 0, horizon/week
	for low < high { // the first week at whose end it is gone
		mid := (low + high) / 2
		if w.path(w.boundary((mid+1)*week)) > balance {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return w.cross(low*week, balance)
}

// forEver is more days than are left until the year 9999.
const forEver = 365 * 8000

// Use returns what is used in so many days from now; quantile q is that of the
// balance which is left, so 0.1 is high use. For ever takes all there is: +Inf.
func (m *Model) Use(days float64, now time.Time, q float64) float64 {
	switch {
	case days <= 0 || m.level <= 0:
		return 0
	case days > forEver:
		return math.Inf(1)
	}
	w := m.start(now, q)
	return w.path(w.from + days)
}

// walk is the path forward from a moment, at one quantile. Places on it are
// days since the model's end.
type walk struct {
	m        *Model
	from     float64
	z        float64
	excess   float64 // as of the model's end, were that in this week
	sum, sqr float64 // of factors and of their squares, before from
	used     float64 // of the median path, before from
}

func (m *Model) start(now time.Time, q float64) walk {
	since := math.Max(0, now.Sub(m.end).Hours()/24)
	from := math.Mod(since, week) // the week repeats itself, and nothing else depends on the day
	w := walk{m: m, from: from, z: deviations(q), excess: m.excess * ebbed(int(since/week))}
	w.sum, w.sqr = m.sums(from)
	w.used = w.median(from, w.sum)
	return w
}

// deviations returns how many standard deviations above the middle the use is
// at quantile q of the balance. Farther out than three, the path of an account
// of few and great days would not grow with each day.
func deviations(q float64) float64 {
	z := math.Sqrt2 * math.Erfinv(1-2*math.Min(math.Max(q, 0), 1))
	return math.Min(math.Max(z, -3), 3)
}

// sums returns the sum of the factors, and of their squares, from the model's
// end to a place.
func (m *Model) sums(place float64) (sum, sqr float64) {
	days := int(place)
	weeks, i, part := float64(days/week), days%week, place-float64(days)
	sum = weeks*m.before[week] + m.before[i] + part*(m.before[i+1]-m.before[i])
	sqr = weeks*m.squares[week] + m.squares[i] + part*(m.squares[i+1]-m.squares[i])
	return sum, sqr
}

// boundary returns the place of the n-th midnight ahead, the start for 0.
func (w walk) boundary(n int) float64 {
	if n == 0 {
		return w.from
	}
	return math.Floor(w.from) + float64(n)
}

// path returns the use between the start and a place.
func (w walk) path(place float64) float64 {
	sum, sqr := w.m.sums(place)
	used := w.median(place, sum) - w.used
	if used <= 0 {
		return 0
	}
	return used * w.stretch(used, sqr-w.sqr)
}

// median returns the use from the model's end to a place, before which the
// factors have this sum.
func (w walk) median(place, sum float64) float64 {
	used := w.m.level * sum
	if w.excess > 0 {
		days := int(place)
		i, part, left := days%week, place-float64(days), ebbed(days/week)
		inWeek := w.m.ebbing[i] + part*(w.m.ebbing[i+1]-w.m.ebbing[i])
		used += w.excess * (w.m.ebbing[week]*(1-left)/(1-ebbed(1)) + left*inWeek)
	}
	return used
}

// ebbed is what so many weeks leave of an excess.
func ebbed(weeks int) float64 {
	const aWeek = ebb * ebb * ebb * ebb * ebb * ebb * ebb
	left := 1.0
	for range min(weeks, horizon/week) {
		left *= aWeek
	}
	return left
}

// stretch is what the quantile makes of a path that uses so much in the median,
// over days whose factors' squares have this sum.
func (w walk) stretch(used, sqr float64) float64 {
	if w.z == 0 {
		return 1
	}
	if w.m.guessed > 0 {
		return math.Max(0.05, 1+w.m.guessed*w.z/z90)
	}
	noise := spread * w.m.variance * sqr / (used * used)
	return math.Exp(w.z * math.Sqrt(math.Log1p(noise+w.m.doubt)))
}

// cross returns the days from the start until the path passes the balance,
// which it does not do before the n-th midnight.
func (w walk) cross(n int, balance float64) float64 {
	place := w.boundary(n)
	used := w.path(place)
	for n < horizon {
		n++
		next := w.boundary(n)
		after := math.Max(used, w.path(next))
		if after > balance {
			return place - w.from + (next-place)*(balance-used)/(after-used)
		}
		place, used = next, after
	}
	sum, sqr := w.m.sums(place)
	rate := w.m.level * w.stretch(w.median(place, sum)-w.used, sqr-w.sqr)
	return place - w.from + (balance-used)/rate
}
