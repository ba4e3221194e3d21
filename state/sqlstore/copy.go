package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// copied is what judging and telling rests on: what stands, what was told, what
// is owed, what is silenced, and of each account its last snapshot and its records.
var copied = []struct{ table, where string }{
	{"accounts", ""},
	{"records", ""},
	{"snapshots", `WHERE EXISTS (SELECT 1 FROM accounts a
		WHERE a.source = snapshots.source AND a.account = snapshots.account AND a.last_seq = snapshots.seq)`},
	{"alerts", ""},
	{"alert_groups", ""},
	{"members", ""},
	{"silences", ""},
	{"notifications", "WHERE status = '" + StatusPending + "'"},
}

// CopyTo copies the present state into an empty store, for somebody who wants
// to see what would become of it. This store is only read, in one moment.
func (s *Store) CopyTo(ctx context.Context, to *Store) error {
	return s.read(ctx, func(from *tx) error {
		return to.write(ctx, batch, func(into *tx) error {
			for _, c := range copied {
				if err := from.copyTable(ctx, into, c.table, c.where); err != nil {
					return fmt.Errorf("copy %s: %w", c.table, err)
				}
			}
			return nil
		})
	})
}

func (t *tx) copyTable(ctx context.Context, into *tx, table, where string, args ...any) error {
	insert := ""
	var values []any
	return t.each(ctx, func(rows *sql.Rows) error {
		if insert == "" {
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			marks := make([]string, len(columns))
			for i := range columns {
				marks[i] = fmt.Sprintf("$%d", i+1)
			}
			insert = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(columns, ", "), strings.Join(marks, ", "))
			values = make([]any, len(columns))
		}
		places := make([]any, len(values))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			return err
		}
		_, err := into.exec(ctx, insert, values...)
		return err
	}, "SELECT * FROM "+table+" "+where, args...)
}
