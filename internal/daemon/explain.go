package daemon

import (
	"context"
	"time"

	"github.com/billwatch/billwatch"
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
	NextSend time.Time // when it would be told next; zero for never
	Reason   string    // why it would be told then, one of the Why constants
}

// Routed is where an alert would go.
type Routed struct {
	Receiver, Integration string
	Group                 billwatch.Labels
}

// farEnough is how far ahead the next message is looked for.
const farEnough = 31 * 24 * time.Hour

// Explain reads an account's poll along the road from a copy of the state, nil
// for an empty one, and says what came of a rule. It is false where there is no
// such rule.
func Explain(ctx context.Context, p Plan, store *sqlstore.Store, rule string, poll billwatch.Poll, now time.Time) (Explained, bool, error) {
	x := Explained{Account: poll.Account, Poll: poll, At: now}
	var told []billwatch.Notification
	stage, err := NewReplay(ctx, ReplayConfig{
		Plan: p, Start: now, Keep: true,
		Told: func(n billwatch.Notification) { told = append(told, n) },
	})
	if err != nil {
		return x, false, err
	}
	defer stage.Close()
	if store != nil {
		if err := stage.From(ctx, store); err != nil {
			return x, false, err
		}
	}
	key := billwatch.AlertKey{Rule: rule, Account: poll.Account.Key()}
	if err := stage.Poll(ctx, poll.Account.Source, now, []billwatch.Poll{poll}); err != nil {
		return x, false, err
	}
	found := false
	if x.Rule, found = stage.Explain(rule, poll.Account.Key()); !found {
		return x, false, nil
	}
	x.Waits = x.Rule.Evaluation.For
	if x.Alert, err = stage.alert(ctx, key); err != nil {
		return x, true, err
	}
	return x, true, x.lookAhead(ctx, stage, p, key, poll, &told)
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

// lookAhead lets time pass as if the account stayed as it is, until somebody is
// told of the alert.
func (x *Explained) lookAhead(ctx context.Context, stage *Replay, p Plan, key billwatch.AlertKey, poll billwatch.Poll, told *[]billwatch.Notification) error {
	alert := x.Alert
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
		alert.State, alert.Labels = billwatch.Firing, p.Rules.LabelsOf(key.Rule, stage.pipeline.judge.dressed(poll).Account)
	}
	for _, due := range p.Router.Due(alert, x.At) {
		x.Routes = append(x.Routes, Routed{due.Receiver, due.Integration, due.Labels})
	}
	if x.Alert.State == billwatch.Inactive {
		return nil
	}
	for end := x.At.Add(farEnough); ; {
		for _, n := range *told {
			for _, a := range n.Alerts {
				if a.Key == key {
					x.NextSend, x.Reason = n.FrozenAt, n.Reason
					return nil
				}
			}
		}
		*told = nil
		if stage.due.IsZero() || stage.due.After(end) {
			return nil
		}
		if err := stage.Until(ctx, stage.due); err != nil {
			return err
		}
	}
}
