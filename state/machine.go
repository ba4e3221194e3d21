package state

import (
	"fmt"
	"maps"
	"time"

	"github.com/billwatch/billwatch"
)

// Advance returns the alert as it stands after the evaluation, and the
// transition if it moved. The zero Alert, or one that is resolved, is inactive:
// the next True begins a new one. An Unknown outcome moves nothing, and the
// clocks go on.
func Advance(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
	if a.State != billwatch.Pending && a.State != billwatch.Firing {
		a = billwatch.Alert{Key: billwatch.AlertKey{Rule: e.Rule, Account: e.Account}}
	}
	if e.Ends == "" && a.State == billwatch.Inactive && e.Outcome != billwatch.True {
		return a, nil
	}
	told := a.Annotations
	refresh(&a, e)
	switch a.State {
	case billwatch.Firing:
		next, moved := fromFiring(a, e, now)
		if moved != nil { // what ended is told as it was: "may run out in 3 days", not "in 108"
			next.Annotations, moved.Alert.Annotations = told, told
		}
		return next, moved
	case billwatch.Pending:
		return fromPending(a, e, now)
	default:
		return fromInactive(a, e, now)
	}
}

func fromInactive(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
	if e.Ends != "" {
		return billwatch.Alert{Key: a.Key}, nil
	}
	a.PendingFrom = now
	if e.For > 0 {
		return move(a, billwatch.Pending, now, fmt.Sprintf("condition holds; fires once it has held for %s", e.For))
	}
	return fire(a, now, "condition holds")
}

func fromPending(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
	switch {
	case e.Ends != "":
		return move(a, billwatch.Inactive, now, e.Ends)
	case e.Outcome == billwatch.False:
		return move(a, billwatch.Inactive, now, "condition no longer holds")
	case e.Outcome == billwatch.True && now.Sub(a.PendingFrom) >= e.For:
		return fire(a, now, fmt.Sprintf("condition has held for %s", e.For))
	default:
		return a, nil
	}
}

func fromFiring(a billwatch.Alert, e billwatch.Evaluation, now time.Time) (billwatch.Alert, *billwatch.Transition) {
	if e.Ends != "" {
		return resolve(a, now, e.Ends)
	}
	if e.Outcome == billwatch.True {
		a.FalseFrom = time.Time{}
		return a, nil
	}
	if e.Outcome == billwatch.Unknown {
		return a, nil
	}
	if a.FalseFrom.IsZero() {
		a.FalseFrom = now
	}
	if now.Sub(a.FalseFrom) < e.KeepFiringFor || e.Until != billwatch.True {
		return a, nil
	}
	if e.KeepFiringFor > 0 {
		return resolve(a, now, fmt.Sprintf("condition has not held for %s", e.KeepFiringFor))
	}
	return resolve(a, now, "condition no longer holds")
}

// fire fixes the alert's identity: from here on a changed label names the same
// alert, or people would be told of a second one and never of the first's end.
func fire(a billwatch.Alert, now time.Time, reason string) (billwatch.Alert, *billwatch.Transition) {
	a.StartsAt = now
	a.Fingerprint = a.Labels.Fingerprint()
	return move(a, billwatch.Firing, now, reason)
}

// resolve never lets an alert end before it began, whatever the clock does: a
// receiver such as Alertmanager refuses one that does.
func resolve(a billwatch.Alert, now time.Time, reason string) (billwatch.Alert, *billwatch.Transition) {
	a.EndsAt = now
	if now.Before(a.StartsAt) {
		a.EndsAt = a.StartsAt
	}
	return move(a, billwatch.Resolved, now, reason)
}

func move(a billwatch.Alert, to billwatch.AlertState, now time.Time, reason string) (billwatch.Alert, *billwatch.Transition) {
	from := a.State
	a.State, a.Reason = to, reason
	return a, &billwatch.Transition{Alert: a, From: from, To: to, At: now, Reason: reason}
}

// refresh takes over what the evaluation knows. A True states everything,
// "no value" included; any other outcome leaves what it does not mention, so
// that a failed poll does not empty a standing alert.
func refresh(a *billwatch.Alert, e billwatch.Evaluation) {
	says := e.Outcome == billwatch.True && e.Ends == ""
	if says || e.Value != nil {
		a.Value = e.Value
	}
	if says || e.Annotations != nil {
		a.Annotations = e.Annotations
	}
	if says || e.RunbookURL != "" {
		a.RunbookURL = e.RunbookURL
	}
	if says || e.Forecast != nil {
		a.Forecast = e.Forecast
	}
	if e.Snapshot != nil {
		a.Snapshot = e.Snapshot
	}
	refreshLabels(a, e)
}

func refreshLabels(a *billwatch.Alert, e billwatch.Evaluation) {
	labels := e.Labels
	if labels == nil {
		return
	}
	if a.State != billwatch.Firing {
		a.Labels, a.LabelsBy = labels, e.LabelsBy
		return
	}
	if labels.Fingerprint() == a.Fingerprint { // made in another way, but the same
		a.LabelsBy = e.LabelsBy
	}
	name, found := labels[billwatch.LabelAccountName]
	if !found || a.Labels[billwatch.LabelAccountName] == name {
		return
	}
	renamed := maps.Clone(a.Labels)
	if renamed == nil {
		renamed = billwatch.Labels{}
	}
	renamed[billwatch.LabelAccountName] = name
	a.Labels = renamed
}
