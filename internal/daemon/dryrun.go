package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// DryRun is what a look at the accounts would come to, with nothing sent and
// nothing written.
type DryRun struct {
	Sources       []DryRunSource
	Polls         []billwatch.Poll // one an account, in the order of their names
	Evaluations   []billwatch.Evaluation
	Notifications []billwatch.Notification
	Feeds         []notify.FeedPreview // what Alertmanagers would be pushed, which group and silence for themselves
	At            time.Time            // of the look

	// Alerts is what would stand afterwards, where a state was taken along; nil
	// where every outcome is shown as if it had held for as long as it must.
	Alerts []billwatch.Alert
}

// DryRunSource is how a source answered.
type DryRunSource struct {
	Name string
	Err  error // the first thing that could not be read
}

// Failed says whether a source or an account could not be read.
func (r DryRun) Failed() bool {
	for _, source := range r.Sources {
		if source.Err != nil {
			return true
		}
	}
	return slices.ContainsFunc(r.Polls, func(p billwatch.Poll) bool { return p.Snapshot == nil })
}

// Look polls every source of the plan once and judges what came: from what
// stands in the store where there is one, which is only read, and else as if
// nobody had been told of anything.
func Look(ctx context.Context, p Plan, store *sqlstore.Store, now func() time.Time) (DryRun, error) {
	run := lookAround(ctx, p, now)
	if store == nil {
		run.judge(p, nil, run.At)
		return run, nil
	}
	return run, run.replay(ctx, p, store)
}

// ReadAll polls every source of the plan once. The error joins what could not
// be listed.
func ReadAll(ctx context.Context, p Plan, now func() time.Time) ([]billwatch.Poll, error) {
	run := lookAround(ctx, p, now)
	var failed []error
	for _, source := range run.Sources {
		if source.Err != nil {
			failed = append(failed, fmt.Errorf("source %s: %w", source.Name, source.Err))
		}
	}
	return run.Polls, errors.Join(failed...)
}

func lookAround(ctx context.Context, p Plan, now func() time.Time) DryRun {
	run := DryRun{Sources: make([]DryRunSource, len(p.Sources))}
	rounds := make([][]billwatch.Poll, len(p.Sources))
	var wg sync.WaitGroup
	for i, source := range p.Sources {
		wg.Go(func() {
			rounds[i], run.Sources[i] = lookAt(ctx, source)
		})
	}
	wg.Wait()
	for _, polls := range rounds {
		run.Polls = append(run.Polls, polls...)
	}
	run.At = now()
	return run
}

// replay takes the polls along the road from a copy of the state, and notes
// what would be told before the next poll of the slowest source.
func (r *DryRun) replay(ctx context.Context, p Plan, store *sqlstore.Store) error {
	stage, err := NewReplay(ctx, ReplayConfig{
		Plan: p, Start: r.At,
		Judged: func(e billwatch.Evaluation) { r.Evaluations = append(r.Evaluations, e) },
		Told:   func(n billwatch.Notification) { r.Notifications = append(r.Notifications, n) },
	})
	if err != nil {
		return err
	}
	defer stage.Close()
	if err := stage.From(ctx, store); err != nil {
		return err
	}
	until := r.At
	for _, source := range p.Sources {
		var polls []billwatch.Poll
		for _, poll := range r.Polls {
			if poll.Account.Source == source.Name {
				polls = append(polls, poll)
			}
		}
		if err := stage.Poll(ctx, source.Name, r.At, polls); err != nil {
			return err
		}
		if _, next := source.Timing.Slot(source.Name, r.At); next.After(until) {
			until = next
		}
	}
	if r.Alerts, err = stage.Alerts(ctx); err != nil {
		return err
	}
	if r.Alerts == nil {
		r.Alerts = []billwatch.Alert{}
	}
	r.Feeds = notify.PreviewFeeds(p.Router, p.Fallback, r.Alerts)
	return stage.Until(ctx, until.Add(-time.Second))
}

// Judge judges snapshots that were read elsewhere; previous are the ones before
// them, as far as they are known.
func Judge(p Plan, polls []billwatch.Poll, previous map[billwatch.AccountKey]*billwatch.Snapshot, now time.Time) DryRun {
	run := DryRun{Polls: polls, At: now}
	run.judge(p, previous, now)
	return run
}

// lookAt makes one round and keeps the last word on each account, with its
// history.
func lookAt(ctx context.Context, source *poller.Source) ([]billwatch.Poll, DryRunSource) {
	var polls []billwatch.Poll
	round := source.Round(ctx, nil, func(p billwatch.Poll) {
		same := func(q billwatch.Poll) bool { return q.Account.ID == p.Account.ID }
		if i := slices.IndexFunc(polls, same); i >= 0 {
			polls[i] = p
			return
		}
		polls = append(polls, p)
	})
	slices.SortStableFunc(polls, func(a, b billwatch.Poll) int {
		return strings.Compare(a.Account.Title(), b.Account.Title())
	})
	result := DryRunSource{Name: source.Name, Err: round.Err}
	if result.Err == nil && len(round.Problems) > 0 {
		result.Err = rowError(round.Problems[0])
	}
	return polls, result
}

// rowError is a row of a listing that could not be read.
type rowError string

func (e rowError) Error() string { return string(e) }

// judge takes the polls along the road as if nobody had been told of anything.
// An outcome that must hold for a while first is shown as if it had.
func (r *DryRun) judge(p Plan, previous map[billwatch.AccountKey]*billwatch.Snapshot, now time.Time) {
	j := newJudge(p)
	var firing []billwatch.Alert
	for _, poll := range r.Polls {
		known := billwatch.Knowledge{Previous: previous[poll.Account.Key()]}
		poll, vars := j.dressed(poll, known.Previous)
		evaluations, _ := j.evaluate(subject{poll, known, vars}, nil, now)
		r.Evaluations = append(r.Evaluations, evaluations...)
		v := verdict{}
		for _, e := range evaluations {
			e.For = 0
			j.note(&v, billwatch.Alert{Key: billwatch.AlertKey{Rule: e.Rule, Account: e.Account}}, e, now)
		}
		for _, alert := range v.alerts {
			if alert.State == billwatch.Firing {
				firing = append(firing, alert)
			}
		}
	}
	r.Notifications = notify.Preview(p.Router, p.Templates, firing, now)
	r.Feeds = notify.PreviewFeeds(p.Router, p.Fallback, firing)
}
