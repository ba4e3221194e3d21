package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// What is wanted of an account that is gone.
const (
	forgetNot    = 0
	forgetWanted = 1
	forgotten    = 2 // its source lists it still, as one that was deleted
)

// ForgetAccount notes that an account that is gone is to be forgotten: whoever
// holds its source does it, even if this process ends at once. An error wraps
// billwatch.ErrNoAccount where it is not known, billwatch.ErrNotGone where it is
// not gone.
func (s *Store) ForgetAccount(ctx context.Context, k billwatch.AccountKey) error {
	err := s.write(ctx, mark, func(t *tx) error {
		if _, err := t.exec(ctx, `UPDATE accounts SET forget = 1 WHERE source = $1 AND account = $2 AND forget = 0
			AND (gone = 1 OR deleted_at <> 0)`, k.Source, k.ID); err != nil {
			return err
		}
		var forget int
		err := t.row(ctx, `SELECT forget FROM accounts WHERE source = $1 AND account = $2`, k.Source, k.ID).Scan(&forget)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && forget == forgotten:
			return billwatch.ErrNoAccount
		case err == nil && forget == forgetNot:
			return billwatch.ErrNotGone
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("forget %s: %w", k, err)
	}
	return nil
}

// absent is an account that is gone, or was.
type absent struct {
	id     string
	gone   bool      // missing from its listings
	is     bool      // gone, or deleted as its provider says
	since  time.Time // as far as that is noted
	forget int
}

// Forgettable returns the accounts of a source that are to be forgotten: because
// somebody wants it, or because they were gone before a moment. It notes since
// when accounts are gone, and that those that are back are not.
func (s *Store) Forgettable(ctx context.Context, l billwatch.Lease, now, before time.Time) ([]string, error) {
	var all []absent
	err := s.read(ctx, func(t *tx) (err error) {
		all, err = t.absent(ctx, l.Source)
		return err
	})
	if err == nil && slices.ContainsFunc(all, absent.news) {
		err = s.write(ctx, mark, func(t *tx) (err error) {
			if err = t.hold(ctx, l, nil); err != nil {
				return err
			}
			all, err = t.noteAbsent(ctx, l.Source, now)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("look for accounts of %s to forget: %w", l.Source, err)
	}
	var ids []string
	for _, a := range all {
		if a.is && (a.forget == forgetWanted || a.forget == forgotten && a.gone || a.forget == forgetNot && !a.since.IsZero() && !a.since.After(before)) {
			ids = append(ids, a.id)
		}
	}
	return ids, nil
}

// news says whether something is to be noted.
func (a absent) news() bool { return a.is && a.since.IsZero() || !a.is }

func (t *tx) absent(ctx context.Context, source string) ([]absent, error) {
	var all []absent
	err := t.each(ctx, func(rows *sql.Rows) error {
		var a absent
		var gone, deleted int
		err := rows.Scan(&a.id, &gone, &deleted, stamp(&a.since), &a.forget)
		a.gone, a.is = gone != 0, gone != 0 || deleted != 0
		all = append(all, a)
		return err
	}, `SELECT account, gone, CASE WHEN deleted_at = 0 THEN 0 ELSE 1 END, gone_at, forget FROM accounts
		WHERE source = $1 AND (gone = 1 OR deleted_at <> 0 OR gone_at <> 0 OR forget <> 0) ORDER BY account`, source)
	return all, err
}

func (t *tx) noteAbsent(ctx context.Context, source string, now time.Time) ([]absent, error) {
	if _, err := t.exec(ctx, `UPDATE accounts SET gone_at = $2 WHERE source = $1 AND gone_at = 0 AND (gone = 1 OR deleted_at <> 0)`, source, now); err != nil {
		return nil, err
	}
	if _, err := t.exec(ctx, `UPDATE accounts SET gone_at = 0, forget = 0
		WHERE source = $1 AND gone = 0 AND deleted_at = 0 AND (gone_at <> 0 OR forget <> 0)`, source); err != nil {
		return nil, err
	}
	return t.absent(ctx, source)
}

// errBack says that an account that was to be forgotten is back: then nothing of
// the transaction is true.
var errBack = errors.New("is back, and not forgotten")

// dropAccounts removes accounts that are gone. Should one come back it is new. One
// that its source lists still must be remembered as forgotten.
func (t *tx) dropAccounts(ctx context.Context, source string, ids []string) error {
	for _, id := range ids {
		removed, err := t.exec(ctx, `DELETE FROM accounts WHERE source = $1 AND account = $2 AND gone = 1`, source, id)
		if err != nil {
			return err
		}
		if removed == 0 {
			kept, err := t.exec(ctx, `UPDATE accounts SET forget = 2 WHERE source = $1 AND account = $2 AND deleted_at <> 0`, source, id)
			if err != nil {
				return err
			}
			if kept == 0 {
				return fmt.Errorf("account %s: %w", id, errBack)
			}
			continue
		}
		for _, sentence := range []string{
			`DELETE FROM snapshots WHERE source = $1 AND account = $2`,
			`DELETE FROM records WHERE source = $1 AND account = $2`,
			`DELETE FROM rule_errors WHERE source = $1 AND account = $2`,
		} {
			if _, err := t.exec(ctx, sentence, source, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Forgetting says whether an account is still to be forgotten.
func (s *Store) Forgetting(ctx context.Context, k billwatch.AccountKey) (bool, error) {
	var wanted int
	err := s.read(ctx, func(t *tx) error {
		return t.row(ctx, `SELECT count(*) FROM accounts WHERE source = $1 AND account = $2 AND forget = 1`, k.Source, k.ID).Scan(&wanted)
	})
	if err != nil {
		return false, fmt.Errorf("look whether %s is forgotten: %w", k, err)
	}
	return wanted > 0, nil
}
