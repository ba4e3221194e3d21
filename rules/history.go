package rules

import (
	"math"
	"time"
)

// never is the moment at which a balance ends that does not end.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func burnRate(e *env, a *arguments) value {
	w, v := e.window(a[0].dur)
	if v.kind == unknown {
		return v
	}
	return numeric(w.Rate())
}

func used(e *env, a *arguments) value {
	w, v := e.window(a[0].dur)
	if v.kind == unknown {
		return v
	}
	return numeric(w.Used)
}

func topUps(e *env, a *arguments) value {
	w, v := e.window(a[0].dur)
	if v.kind == unknown {
		return v
	}
	return numeric(w.TopUps)
}

func runwayDays(e *env, a *arguments) value {
	balance, v := e.balance()
	m := e.ahead()
	switch {
	case v.kind == unknown:
		return v
	case m == nil:
		return without(notSent, "there are fewer than 3 days of history")
	}
	return numeric(m.Runway(balance, e.now, a[0].num))
}

func exhaustsAt(e *env, a *arguments) value {
	days := runwayDays(e, a)
	if days.kind == unknown {
		return days
	}
	return momentary(after(e.now, days.num))
}

// after returns the moment so many days later, never where that is too far.
func after(now time.Time, days float64) time.Time {
	if days > 365*7000 {
		return never
	}
	whole, part := math.Modf(days)
	at := now.AddDate(0, 0, int(whole)).Add(time.Duration(part * float64(day)))
	if at.After(never) {
		return never
	}
	return at
}

func balanceIn(e *env, a *arguments) value {
	balance, v := e.balance()
	m := e.ahead()
	switch {
	case v.kind == unknown:
		return v
	case m == nil:
		return without(notSent, "there are fewer than 3 days of history")
	}
	return numeric(balance - m.Use(a[0].num, e.now, a[1].num))
}

func percentLeft(e *env, _ *arguments) value {
	balance, v := e.balance()
	if v.kind == unknown {
		return v
	}
	full := e.read(variables["plan.capacity"], e.snap)
	if full.kind == unknown {
		peak, ok := e.past().Peak(balance)
		if !ok {
			return without(notSent, "there is neither a capacity nor a history")
		}
		full = numeric(peak)
	}
	if full.num <= 0 {
		return without(notSent, "the capacity is 0")
	}
	return numeric(math.Min(100, math.Max(0, 100*balance/full.num)))
}

func daysUntil(e *env, a *arguments) value {
	if !a[0].at.Before(never) {
		return numeric(math.Inf(1))
	}
	seconds := float64(a[0].at.Unix()-e.now.Unix()) + float64(a[0].at.Nanosecond()-e.now.Nanosecond())/1e9
	return numeric(seconds / day.Seconds())
}

func changed(e *env, a *arguments) value {
	if e.prev == nil {
		return truth(false)
	}
	x := variables[a[0].str]
	was, is := e.read(x, e.prev), e.read(x, e.snap)
	return comparisonOf("!=").compare(was, is)
}

func historyDays(e *env, _ *arguments) value { return numeric(float64(e.past().Days())) }

func usageAnomaly(e *env, _ *arguments) value {
	if e.mixed != "" {
		return without(failed, e.mixed)
	}
	off, ok := e.past().Anomaly()
	if !ok {
		return without(notSent, "there are too few days of history")
	}
	return numeric(off)
}
