package sqlstore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/internal/pgtest"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// each runs a test on an empty SQLite file and an empty PostgreSQL database.
func each(t *testing.T, test func(t *testing.T, dsn string, query func(sentence string))) {
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "billwatch.db")
		test(t, "sqlite:"+path, func(sentence string) { query(t, "sqlite", path, sentence) })
	})
	t.Run("Postgres", func(t *testing.T) {
		dsn := pgtest.URL(t)
		test(t, dsn, func(sentence string) { query(t, "pgx", dsn, sentence) })
	})
}

func TestMigrationsRunTwice(t *testing.T) {
	each(t, func(t *testing.T, dsn string, query func(string)) {
		for range 2 {
			if err := open(t, sqlstore.Config{DSN: dsn}).Close(); err != nil {
				t.Fatal(err)
			}
		}
		// As if the program had been killed between the schema and its number:
		// there is no such moment, so the number alone is never missing.
		query("SELECT version FROM schema_oldest")
	})
}

func TestAnOlderSchemaIsNotMigratedUnasked(t *testing.T) {
	each(t, func(t *testing.T, dsn string, _ func(string)) {
		if !strings.HasPrefix(dsn, "sqlite:") {
			if _, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn, ReadOnly: true}); err == nil {
				t.Error("an empty database was opened for looking")
			}
		}
		_, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn, NoMigrate: true})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("this program needs %d:", newest(t))) {
			t.Errorf("an empty database without migrating: %v", err)
		}
		open(t, sqlstore.Config{DSN: dsn}).Close()
		open(t, sqlstore.Config{DSN: dsn, NoMigrate: true})
	})
}

// newest is the number of the last migration.
func newest(t *testing.T) int64 {
	t.Helper()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	slices.Sort(files)
	number, _, _ := strings.Cut(filepath.Base(files[len(files)-1]), "_")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestANewerSchemaRunsUnlessItSaysOtherwise(t *testing.T) {
	each(t, func(t *testing.T, dsn string, query func(string)) {
		open(t, sqlstore.Config{DSN: dsn}).Close()
		query("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)")
		open(t, sqlstore.Config{DSN: dsn}).Close()
		query("UPDATE schema_oldest SET version = 98")
		_, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn})
		var old *sqlstore.TooOldError
		if !errors.As(err, &old) || *old != (sqlstore.TooOldError{Schema: 99, Oldest: 98, Own: newest(t)}) {
			t.Errorf("a schema that needs program 98: %v", err)
		}
	})
}

func TestMigratorsWaitForEachOther(t *testing.T) {
	dsn := pgtest.URL(t)
	errs := make(chan error)
	for range 4 {
		go func() {
			store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn})
			if err == nil {
				err = store.Close()
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestErrorsKeepThePasswordToThemselves(t *testing.T) {
	for _, dsn := range []string{
		"postgres://user:hunter2@127.0.0.1:1/db",
		"postgres://user:hunter2@127.0.0.1:notaport/db",
		"postgres://user:hunter2%zz@127.0.0.1/db",
		"postgres://user:hunter2@[::1/db",
		"postgres://user:hunter2@127.0.0.1:1/db?sslmode=hunter2",
		"mysql://user:hunter2@127.0.0.1/db",
		"hunter2",
	} {
		_, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want an error without the password", dsn, err)
		}
	}
}
