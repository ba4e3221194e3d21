package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// ruleErrors notes which rules fail on which accounts now, and which no longer
// do. Since when one fails stays as it is, unless the rule is another one now.
func (t *tx) ruleErrors(ctx context.Context, b billwatch.Batch) error {
	for _, f := range b.Failing {
		k := f.Key.Account
		if _, err := t.exec(ctx, `
			INSERT INTO rule_errors (source, account, rule, rule_sum, since_at, detail) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (source, account, rule) DO UPDATE SET
				since_at = CASE WHEN rule_errors.rule_sum = excluded.rule_sum THEN rule_errors.since_at ELSE excluded.since_at END,
				rule_sum = excluded.rule_sum, detail = excluded.detail`,
			k.Source, k.ID, f.Key.Rule, f.Sum, b.Now, shorten(f.Detail)); err != nil {
			return fmt.Errorf("rule %s, which fails on %s: %w", f.Key.Rule, k, err)
		}
	}
	for _, k := range b.Mended {
		if _, err := t.exec(ctx, `DELETE FROM rule_errors WHERE source = $1 AND account = $2 AND rule = $3`,
			k.Account.Source, k.Account.ID, k.Rule); err != nil {
			return fmt.Errorf("rule %s, which no longer fails on %s: %w", k.Rule, k.Account, err)
		}
	}
	return nil
}

// failing returns the rules that fail on an account, each with the sum of the
// rule that failed.
func (t *tx) failing(ctx context.Context, source, id string) (map[string]string, error) {
	failing := map[string]string{}
	err := t.each(ctx, func(rows *sql.Rows) error {
		var rule, sum string
		err := rows.Scan(&rule, &sum)
		failing[rule] = sum
		return err
	}, `SELECT rule, rule_sum FROM rule_errors WHERE source = $1 AND account = $2`, source, id)
	return failing, err
}

// BrokenRules returns which rules fail on evaluation, by source, and the alerts
// that stand on rules. An account that is gone or left out is not counted:
// nobody looks at it.
func (s *Store) BrokenRules(ctx context.Context) ([]billwatch.RuleErrors, []billwatch.Alert, error) {
	var broken []billwatch.RuleErrors
	var standing []billwatch.Alert
	err := s.read(ctx, func(t *tx) error {
		broken = nil
		err := t.each(ctx, func(rows *sql.Rows) error {
			var b billwatch.RuleErrors
			err := rows.Scan(&b.Rule, &b.Sum, &b.Source, &b.Accounts, stamp(&b.Since), &b.Account, &b.Detail)
			broken = append(broken, b)
			return err
		}, `
			SELECT e.rule, e.rule_sum, e.source, count(*), MIN(e.since_at), MIN(e.account), MIN(e.detail)
			FROM rule_errors e JOIN accounts a ON a.source = e.source AND a.account = e.account
			WHERE a.gone = 0 AND a.excluded = 0
			GROUP BY e.rule, e.rule_sum, e.source ORDER BY e.rule, e.source`)
		if err != nil {
			return err
		}
		standing, err = t.standing(ctx, `WHERE source = '' ORDER BY rule, account`)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look for rules that fail: %w", err)
	}
	return broken, standing, nil
}

// forgetRuleErrors drops those that nobody has looked at for so long that the
// rule, the source or the account must be gone.
func (t *tx) forgetRuleErrors(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM rule_errors WHERE since_at < $1 AND NOT EXISTS (
		SELECT 1 FROM accounts a WHERE a.source = rule_errors.source AND a.account = rule_errors.account AND a.gone = 0 AND a.excluded = 0)`, before)
	return err
}
