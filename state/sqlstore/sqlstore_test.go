package sqlstore_test

import (
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

func TestConformanceOnPostgres(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Opener { return opener(t, pgtest.URL(t)) })
}

func opener(t *testing.T, dsn string) statetest.Opener {
	return func() (statetest.Store, error) { return sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn}) }
}
