package daemon

import (
	"cmp"
	"context"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// Explained is why a rule says of an account what it says, and the rest of the
// way to whoever would be told.
type Explained struct {
	Account  billwatch.Account
	Poll     billwatch.Poll // what was read
	Rule     rules.Explanation
	Alert    billwatch.Alert // after this poll; inactive where nothing stands
	At       time.Time
	FiresAt  time.Time // of a pending alert: the moment until which it must hold
	Waits    time.Duration
	Routes   []Routed
	Blocks   []Block   // what keeps it from being told, while it fires or once it does
	NextSend time.Time // when it would be told next; zero for never
	Reason   string    // why it would be told then, one of the Why constants

	told []billwatch.Notification
}

// Routed is where an alert would go.
type Routed struct {
	Receiver, Integration string
	Group                 billwatch.Labels
	Pushed                bool // to a feed, which groups for itself
}

// farEnough is how far ahead the next message is looked for.
const farEnough = 31 * 24 * time.Hour

// ExplainConfig is what an explanation is made from.
type ExplainConfig struct {
	Plan  Plan
	Store *sqlstore.Store // where what stands is kept; nil for an empty state
	Rule  string
	Poll  billwatch.Poll // of the account
	Now   time.Time

	// Previous is what the poll before read; what the store has where it is nil.
	Previous *billwatch.Snapshot
}

// recalled is a replay's store that remembers of an account what it is told to,
// not what it saw last.
type recalled struct {
	*sqlstore.Store
	previous *billwatch.Snapshot // nil for what it saw
}

// Know returns what is known, with what it is told to remember.
func (r *recalled) Know(ctx context.Context, source string, ids []string) (map[string]billwatch.Knowledge, error) {
	all, err := r.Store.Know(ctx, source, ids)
	if r.previous == nil || err != nil {
		return all, err
	}
	if known, ok := all[r.previous.Account.ID]; ok && source == r.previous.Account.Source {
		known.Previous = r.previous
		all[r.previous.Account.ID] = known
	}
	return all, nil
}

// Explain takes the account's poll along the road from a copy of what stands of
// it, and says what came of the rule. It is false where the rule was not judged.
func Explain(ctx context.Context, c ExplainConfig) (Explained, bool, error) {
	return c.explain(ctx, func(stage *Replay) error {
		if c.Store == nil {
			return nil
		}
		return c.Store.CopyAccount(ctx, stage.store, c.rests())
	})
}

// explain does so on a stage that prepare makes ready.
func (c ExplainConfig) explain(ctx context.Context, prepare func(*Replay) error) (Explained, bool, error) {
	poll := c.Poll
	x := Explained{Account: poll.Account, Poll: poll, At: c.Now}
	stage, err := NewReplay(ctx, ReplayConfig{
		Plan: c.Plan, Start: c.Now, Keep: true,
		Told: func(n billwatch.Notification) { x.told = append(x.told, n) },
	})
	if err != nil {
		return x, false, err
	}
	defer stage.Close()
	if err := prepare(stage); err != nil {
		return x, false, err
	}
	stage.memory.previous = c.Previous
	key := billwatch.AlertKey{Rule: c.Rule, Account: poll.Account.Key()}
	if err := stage.Poll(ctx, poll.Account.Source, c.Now, []billwatch.Poll{poll}); err != nil {
		return x, false, err
	}
	stage.memory.previous = nil // it looks back on this poll from here on
	found := false
	if x.Rule, found = stage.Explain(c.Rule, poll.Account.Key()); !found {
		return x, false, nil
	}
	x.Waits = x.Rule.Evaluation.For
	if x.Alert, err = stage.alert(ctx, key); err != nil {
		return x, true, err
	}
	return x, true, x.lookAhead(ctx, stage, key)
}

// rests is what the explanation needs of the state.
func (c ExplainConfig) rests() sqlstore.AccountCopy {
	rests := sqlstore.AccountCopy{Account: c.Poll.Account.Key(), Inhibition: c.Plan.Router.Inhibition().Text()}
	rests.Groups = c.Plan.Router.Due(c.Plan.wouldFire(c.Rule, c.Poll), c.Now)
	return rests
}

// wouldFire is the alert of a rule as it would be, if it fired.
func (p Plan) wouldFire(rule string, poll billwatch.Poll) billwatch.Alert {
	dressed, _ := newJudge(p).dressed(poll, nil)
	return billwatch.Alert{
		Key: billwatch.AlertKey{Rule: rule, Account: poll.Account.Key()}, State: billwatch.Firing,
		Labels: p.Rules.LabelsOf(rule, dressed.Account),
	}
}

// alert returns what stands under a key.
func (r *Replay) alert(ctx context.Context, key billwatch.AlertKey) (billwatch.Alert, error) {
	standing, err := r.Alerts(ctx)
	for _, a := range standing {
		if a.Key == key {
			return a, err
		}
	}
	return billwatch.Alert{Key: key}, err
}

// routes is where an alert goes.
func routes(p Plan, alert billwatch.Alert, now time.Time) []Routed {
	var all []Routed
	for _, due := range p.Router.Due(alert, now) {
		all = append(all, Routed{due.Receiver, due.Integration, due.Labels, false})
	}
	for _, in := range p.Router.Fed(alert.Labels) {
		all = append(all, Routed{Receiver: in.Receiver, Integration: in.Name, Pushed: true})
	}
	return all
}

// lookAhead lets time pass as if the account stayed as it is, until somebody is
// told of the alert.
func (x *Explained) lookAhead(ctx context.Context, stage *Replay, key billwatch.AlertKey) error {
	alert, p, poll := x.Alert, stage.c.Plan, x.Poll
	if alert.State == billwatch.Pending {
		x.FiresAt = alert.PendingFrom.Add(x.Waits)
		later := poll
		later.At = x.FiresAt
		if err := stage.Poll(ctx, poll.Account.Source, x.FiresAt, []billwatch.Poll{later}); err != nil {
			return err
		}
		var err error
		if alert, err = stage.alert(ctx, key); err != nil {
			return err
		}
	}
	if alert.State != billwatch.Firing { // where it would go, if it fired
		would := p.wouldFire(key.Rule, poll)
		alert.State, alert.Labels = would.State, would.Labels
	}
	x.Routes = routes(p, alert, x.At)
	if x.Alert.State == billwatch.Inactive {
		return nil
	}
	var err error
	if x.Blocks, err = stage.blocks(ctx, alert); err != nil {
		return err
	}
	for end := x.At.Add(farEnough); ; {
		for _, n := range x.told {
			for _, a := range n.Alerts {
				if a.Key == key {
					x.NextSend, x.Reason = n.FrozenAt, n.Reason
					return nil
				}
			}
		}
		x.told = nil
		if stage.due.IsZero() || stage.due.After(end) {
			return nil
		}
		if err := stage.Until(ctx, stage.due); err != nil {
			return err
		}
	}
}

// Explanation is how an explanation is shown, by the command and over HTTP alike.
type Explanation = web.Explanation

// Shown is the explanation as it is shown to whoever asks.
func (x Explained) Shown() Explanation {
	e := x.Rule.Evaluation
	out := web.Explanation{
		Version: "1", Rule: x.Rule.Rule, Source: x.Account.Source, Account: x.Account.ID, Name: x.Account.Title(), At: x.At,
		Applies: x.Rule.Applies, Outcome: e.Outcome, Reason: e.Reason, Detail: e.Detail, Expr: x.Rule.Expr,
		Parts: []web.ExplainedPart{}, Decides: x.Rule.Decides, Distance: x.Rule.Distance, Reached: x.Rule.Reached, Until: x.Rule.Until, Where: x.Rule.Where,
		State: cmp.Or(string(x.Alert.State), "inactive"), For: web.ExplainedFor{Seconds: x.Waits.Seconds(), FiresAt: shownTime(x.FiresAt)},
		Route: []web.ExplainedRoute{}, NextSend: shownTime(x.NextSend), Why: x.Reason,
	}
	switch x.Alert.State {
	case billwatch.Pending:
		out.Since = shownTime(x.Alert.PendingFrom)
	case billwatch.Firing:
		out.Since = shownTime(x.Alert.StartsAt)
	}
	for _, p := range x.Rule.Parts {
		out.Parts = append(out.Parts, web.ExplainedPart(p))
	}
	for _, b := range x.Blocks {
		out.Blocked = append(out.Blocked, b.shown())
	}
	for _, r := range x.Routes {
		out.Route = append(out.Route, web.ExplainedRoute(r))
	}
	return out
}
