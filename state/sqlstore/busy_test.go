package sqlstore_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/billwatch/billwatch/state/sqlstore"
)

// outsider opens the state file as a backup or a person with a shell does.
func outsider(t *testing.T, path, settings string) *sql.Tx {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM replicas`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return tx
}

// Longer than the database itself waits, which is 5 s.
func TestAWriterFromOutsideIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "billwatch.db")
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + path})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	holds := outsider(t, path, "?_txlock=immediate")
	const longer = 6 * time.Second
	time.AfterFunc(longer, func() { _ = holds.Rollback() })
	began := time.Now()
	if err := store.Renew(t.Context(), "one", began, began.Add(time.Minute)); err != nil {
		t.Errorf("a write gave up on a file that was busy for %s: %v", longer, err)
	}
	if waited := time.Since(began); waited < longer {
		t.Errorf("the file was written after %s, while another held it", waited)
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("not ready after that: %v", err)
	}
}

func TestAReaderFromOutsideLetsTheLogGrowOnlyWhileItReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "billwatch.db")
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + path, Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	now := time.Now()
	write := func(times int) int64 {
		for i := range times {
			if err := store.Renew(t.Context(), "one", now, now.Add(time.Duration(i)*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		log, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return log.Size()
	}
	alone := write(2000)
	reads := outsider(t, path, "")
	while := write(4000)
	if while <= alone {
		t.Fatalf("the log has %d bytes with a reader and %d without: the test's reader holds nothing up", while, alone)
	}
	if err := reads.Rollback(); err != nil {
		t.Fatal(err)
	}
	if after := write(4000); after > while+while/10 {
		t.Errorf("the log went on growing from %d to %d bytes when the reader had gone", while, after)
	}
}
