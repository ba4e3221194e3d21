package sqlstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema to what this program knows. A newer schema is left
// alone, and refused only where its migrations say that this program is too old.
func (s *Store) migrate(ctx context.Context, c Config) error {
	steps, err := s.steps()
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	has, own, err := s.versions(ctx, steps)
	if err != nil {
		return err
	}
	if has >= own {
		return nil
	}
	if c.NoMigrate || c.ReadOnly {
		return &OlderError{Schema: has, Own: own}
	}
	if _, err := steps.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func (s *Store) steps() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if s.turns != nil {
		return goose.NewProvider(goose.DialectSQLite3, s.writer, files)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, s.writer, files, goose.WithSessionLocker(locker))
}

// versions returns the schema of the database and of this program.
func (s *Store) versions(ctx context.Context, steps *goose.Provider) (has, own int64, err error) {
	for _, source := range steps.ListSources() {
		own = max(own, source.Version)
	}
	var oldest int64
	err = s.read(ctx, func(t *tx) error {
		return t.row(ctx, `SELECT (SELECT MAX(version) FROM schema_oldest), (SELECT MAX(version_id) FROM goose_db_version)`).Scan(&oldest, &has)
	})
	if s.dialect.noTable(err) {
		return 0, own, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the schema's version: %w", err)
	}
	if oldest > own {
		return has, own, &TooOldError{Schema: has, Oldest: oldest, Own: own}
	}
	return has, own, nil
}
