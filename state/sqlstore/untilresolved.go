package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// following is a silence until resolved that is active, and how its alerts did.
type following struct {
	silence   billwatch.Silence
	matched   bool      // it has matched a firing alert
	unmatched time.Time // since when it matches none; zero while it does
	matches   bool      // it does now
}

// EndSilences ends the silences until resolved that have matched a firing alert,
// and then none for as long as the grace. It returns when one may end next; zero
// where none is about to.
func (s *Store) EndSilences(ctx context.Context, now time.Time, grace time.Duration,
	matches func(billwatch.Silence, billwatch.Labels) bool,
) (time.Time, error) {
	var all []following
	err := s.read(ctx, func(t *tx) (err error) {
		if all, err = t.followed(ctx, now); err != nil {
			return err
		}
		for i := range all {
			if all[i].matches, err = t.firing(ctx, all[i].silence, matches); err != nil {
				return err
			}
		}
		return nil
	})
	var next time.Time
	for _, f := range all {
		if err != nil {
			break
		}
		var ends time.Time
		ends, err = s.follow(ctx, f, now, grace)
		next = earliest(next, ends)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("look for silences whose alerts resolved: %w", err)
	}
	return next, nil
}

// followed returns the active silences until resolved.
func (t *tx) followed(ctx context.Context, now time.Time) ([]following, error) {
	var all []following
	err := t.each(ctx, func(rows *sql.Rows) error {
		var f following
		var matched int
		var starts, ends time.Time
		err := rows.Scan(document(&f.silence), stamp(&starts), stamp(&ends), &matched, stamp(&f.unmatched))
		f.silence.StartsAt, f.silence.EndsAt, f.matched = starts, ends, matched > 0
		all = append(all, f)
		return err
	}, `SELECT body, starts_at, ends_at, matched, unmatched_at FROM silences
		WHERE until_resolved = 1 AND starts_at <= $1 AND ends_at > $1 ORDER BY id`, now)
	return all, err
}

// firing says whether an alert fires that the silence is about. One that was
// made from an alert names its rule and its account, and then only that one is
// looked at.
func (t *tx) firing(ctx context.Context, s billwatch.Silence, matches func(billwatch.Silence, billwatch.Labels) bool) (bool, error) {
	columns := map[string]string{billwatch.LabelAlert: "rule", billwatch.LabelSource: "source", billwatch.LabelAccount: "account"}
	var where strings.Builder
	var args []any
	for _, m := range s.Matchers {
		if column := columns[m.Name]; column != "" && m.IsEqual && !m.IsRegex && m.Value != "" {
			args = append(args, m.Value)
			fmt.Fprintf(&where, " AND %s = $%d", column, len(args))
		}
	}
	found := false
	err := t.each(ctx, func(rows *sql.Rows) error {
		var alert struct {
			Labels billwatch.Labels `json:"labels"`
		}
		err := rows.Scan(document(&alert))
		found = found || matches(s, alert.Labels)
		return err
	}, `SELECT body FROM alerts WHERE state = 'firing'`+where.String(), args...)
	return found, err
}

// follow notes how the alerts of a silence do, ends it where it is time, and
// returns when that may be; zero where nothing says so.
func (s *Store) follow(ctx context.Context, f following, now time.Time, grace time.Duration) (time.Time, error) {
	switch {
	case f.matches && f.matched && f.unmatched.IsZero(), !f.matches && !f.matched:
		return time.Time{}, nil
	case f.matches:
		return time.Time{}, s.note(ctx, f.silence.ID, time.Time{})
	case f.unmatched.IsZero():
		return now.Add(grace), s.note(ctx, f.silence.ID, now)
	case now.Before(f.unmatched.Add(grace)):
		return f.unmatched.Add(grace), nil
	}
	return time.Time{}, s.ExpireSilence(ctx, f.silence.ID, now)
}

// note remembers that a silence has matched an alert, and since when it does no
// longer.
func (s *Store) note(ctx context.Context, id string, unmatched time.Time) error {
	return s.write(ctx, mark, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE silences SET matched = 1, unmatched_at = $2 WHERE id = $1`, id, unmatched)
		return err
	})
}
