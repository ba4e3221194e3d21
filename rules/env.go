package rules

import (
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules/forecast"
)

// env is what an expression is evaluated over. What costs something is made
// when a rule first asks for it, and then kept for the account's other rules.
type env struct {
	snap    *billwatch.Snapshot
	prev    *billwatch.Snapshot // nil before the second poll
	vars    map[string]any
	records []billwatch.Record
	now     time.Time

	shared bool   // the snapshot's place is needed for the next account
	listed bool   // only a list row is known: the rest is not sent
	blind  bool   // nothing at all is known
	mixed  string // why amounts cannot be compared now; empty where they can

	history  *forecast.History
	model    *forecast.Model
	modelled bool
}

func (in *Input) env() *env {
	e := &env{}
	in.begin(e)
	return e
}

// begin lays an input out for judging.
func (in *Input) begin(e *env) {
	*e = env{snap: &in.Snapshot, prev: in.Previous, vars: in.Vars, records: in.Records, now: in.Now}
	if p := in.Previous; p != nil && p.Unit != "" && in.Snapshot.Unit != "" && p.Unit != in.Snapshot.Unit {
		e.mixed = fmt.Sprintf("the unit changed from %s to %s", p.Unit, in.Snapshot.Unit)
	}
}

// keep returns the snapshot for those who hold on to it.
func (e *env) keep() *billwatch.Snapshot {
	if e.shared {
		kept := *e.snap
		e.snap, e.shared = &kept, false
	}
	return e.snap
}

func (e *env) past() *forecast.History {
	if e.history == nil {
		h := forecast.Of(e.records, e.now)
		e.history = &h
	}
	return e.history
}

// ahead returns the forecast, nil where neither history nor the provider says
// enough to make one.
func (e *env) ahead() *forecast.Model {
	if e.modelled {
		return e.model
	}
	e.modelled = true
	if e.model = forecast.New(*e.past()); e.model != nil {
		return e.model
	}
	if hourly, ok := e.snap.Spend.Hourly.Get(); ok {
		e.model = forecast.FromRate(hourly.Float64()*24, e.now)
	}
	return e.model
}

// balance returns the balance as a float, or the value that says why not.
func (e *env) balance() (float64, value) {
	v := e.read(variables["balance"], e.snap)
	return v.num, v
}

// read returns a variable's value in a snapshot.
func (e *env) read(x *variable, s *billwatch.Snapshot) value {
	switch {
	case e.blind:
		return value{}
	case s == nil:
		return without(notApplicable, "there is no poll before this one")
	case x.amount && e.mixed != "":
		return without(failed, e.mixed)
	}
	v := x.get(s)
	if v.kind == unknown {
		v.str = x.missing
		if v.why == notSent || e.listed && !x.listed {
			v.why, v.str = notSent, x.unsent
		}
	}
	return v
}

// window returns what happened in a window, or the value that says why it is
// not known.
func (e *env) window(length time.Duration) (forecast.Window, value) {
	if e.mixed != "" {
		return forecast.Window{}, without(failed, e.mixed)
	}
	w, ok := e.past().Window(length)
	if !ok {
		return w, without(notSent, "there is no complete period of history in the window")
	}
	return w, numeric(w.Used)
}

// unread says of a value that it is unknown only because nobody has looked yet,
// so that not even its absence is known.
func (e *env) unread(v value) bool {
	return v.kind == unknown && (e.blind || e.listed && v.why == notSent)
}
