package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/billwatch/billwatch/internal/pgtest"
	"github.com/billwatch/billwatch/state/sqlstore"
	"github.com/billwatch/billwatch/state/statetest"
)

func TestConformanceOnSQLite(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Opener {
		return opener(t, "sqlite:"+filepath.Join(t.TempDir(), "state", "billwatch.db"))
	})
}

// The tests share one database, because making one is slower than most of them.
func TestConformanceOnPostgres(t *testing.T) {
	dsn := pgtest.URL(t)
	statetest.Run(t, func(t *testing.T) statetest.Opener {
		empty(t, dsn)
		return opener(t, dsn)
	})
}

// empty deletes all rows but those that say which schema it is.
func empty(t *testing.T, dsn string) {
	t.Helper()
	query(t, "pgx", dsn, `DO $$
		DECLARE name text;
		BEGIN
			FOR name IN SELECT tablename FROM pg_tables
				WHERE schemaname = 'public' AND tablename NOT IN ('goose_db_version', 'schema_oldest')
			LOOP EXECUTE 'DELETE FROM ' || quote_ident(name); END LOOP;
		END $$`)
}

// query runs a sentence past the store.
func query(t *testing.T, driver, dsn, sentence string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), sentence); err != nil {
		t.Fatalf("%s: %v", sentence, err)
	}
}

func opener(t *testing.T, dsn string) statetest.Opener {
	return func() (statetest.Store, error) { return sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn}) }
}
