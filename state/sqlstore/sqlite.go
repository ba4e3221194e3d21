package sqlstore

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	readers       = 4
	applicationID = 0x42696C6C // "Bill": tells our file from another program's
	headerSize    = 100
	checkedWhole  = 32 << 20 // a larger file is not read through at start
)

func (s *Store) openSQLite(ctx context.Context, path string, c Config) error {
	if path == "" {
		return errors.New("state: sqlite: names no file")
	}
	s.dialect = dialect{prepare: true, transient: busy, noTable: missing}
	s.turns = &turnstile{}
	if !c.ReadOnly {
		if err := s.hold(ctx, path); err != nil {
			return err
		}
	}
	if err := inspect(path); err != nil {
		return err
	}
	if err := s.connect(path, c); err != nil {
		return err
	}
	if err := s.examine(ctx, path); err != nil {
		return err
	}
	if err := s.migrate(ctx, c); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if c.ReadOnly {
		return nil
	}
	return s.inherit(ctx)
}

// hold takes the file for this process and creates it where it is missing.
func (s *Store) hold(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("%s: create its directory: %w", path, cause(err))
	}
	release, err := holdFile(path)
	if err != nil {
		return err
	}
	s.closing = append(s.closing, release)
	_, err = os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(ctx, path)
	}
	return err
}

// create makes an empty database beside the path and moves it there, so that a
// kill at any moment leaves no half of one: an empty file is then always damage.
func create(ctx context.Context, path string) error {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return fmt.Errorf("%s: is missing, but its -wal is there: restore the file or remove %s-wal to begin anew", path, path)
	}
	fresh := path + ".new"
	for _, name := range []string{fresh, fresh + "-wal", fresh + "-shm", fresh + "-journal"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: create: %w", path, cause(err))
		}
	}
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("%s: create: %w", path, cause(err))
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("%s: create: %w", path, cause(err))
	}
	if err := initialize(ctx, fresh); err != nil {
		return fmt.Errorf("%s: create: %w", path, err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("%s: create: %w", path, cause(err))
	}
	return syncDirectory(filepath.Dir(path))
}

// initialize writes the first page of a database.
func initialize(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", address(path, "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	return errors.Join(err, db.Close())
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// cause drops the path that the error repeats.
func cause(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// inspect looks at the file as SQLite would not: a file without content, or of
// another program, would be taken for a new database and filled.
func inspect(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, cause(err))
	}
	defer file.Close()
	header := make([]byte, headerSize)
	n, err := io.ReadFull(file, header)
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: %w", path, cause(err))
	case n == 0:
		return damaged(path, "is empty, which a state never is")
	case n < headerSize || string(header[:16]) != "SQLite format 3\x00":
		return fmt.Errorf("%s: is not a SQLite database: name another file in the key state", path)
	case binary.BigEndian.Uint32(header[68:]) != applicationID:
		return fmt.Errorf("%s: is a database of another program: name another file in the key state", path)
	}
	return complete(path, file, header)
}

// complete compares the size that the header names with the file's. While there
// is a log the header may be behind it.
func complete(path string, file *os.File, header []byte) error {
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", path, cause(err))
	}
	page := int64(binary.BigEndian.Uint16(header[16:]))
	if page == 1 {
		page = 65536
	}
	if want := page * int64(binary.BigEndian.Uint32(header[28:])); info.Size() < want {
		return damaged(path, fmt.Sprintf("is cut short: %d of %d bytes", info.Size(), want))
	}
	return nil
}

func damaged(path, how string) error {
	return fmt.Errorf("%s: %s: restore it from a backup, or move it away to begin with an empty state", path, how)
}

func (s *Store) connect(path string, c Config) error {
	sync := "_pragma=synchronous(FULL)"
	if c.Volatile {
		sync = "_pragma=synchronous(OFF)"
	}
	common := []string{"_pragma=busy_timeout(5000)", "_pragma=foreign_keys(1)", sync}
	reading := append([]string{"_pragma=query_only(1)"}, common...)
	writing := append([]string{"_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=journal_size_limit(67108864)"}, common...)
	if c.ReadOnly {
		reading = append(reading, "mode=ro")
		writing = reading
	}
	var err error
	if s.writer, err = sql.Open("sqlite", address(path, writing...)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s.closing = append(s.closing, s.writer.Close)
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = sql.Open("sqlite", address(path, reading...)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s.closing = append(s.closing, s.reader.Close)
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	return nil
}

// address is the file as SQLite wants it named; a path may hold ? and #.
func address(path string, settings ...string) string {
	name := "file:" + (&url.URL{Path: path}).EscapedPath()
	for i, setting := range settings {
		name += string("?&"[min(i, 1)]) + setting
	}
	return name
}

// examine reads the database through where that is quick, and opens it in any
// case: a broken one must be refused at start.
func (s *Store) examine(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, cause(err))
	}
	check := "PRAGMA quick_check(1)"
	if info.Size() > checkedWhole {
		check = "SELECT 'ok' FROM (SELECT count(*) FROM sqlite_schema)"
	}
	var said string
	err = s.writer.QueryRowContext(ctx, check).Scan(&said)
	switch {
	case corrupt(err):
		return damaged(path, "is damaged")
	case err != nil:
		return fmt.Errorf("%s: %w", path, unwritable(path, err))
	case said != "ok":
		return damaged(path, "is damaged ("+said+")")
	}
	return nil
}

// unwritable finds out why SQLite could not open a file that is there: it needs
// to write into the directory too.
func unwritable(path string, err error) error {
	probe, probeErr := os.CreateTemp(filepath.Dir(path), ".billwatch-*")
	if probeErr != nil {
		return fmt.Errorf("directory %s: %w", filepath.Dir(path), cause(probeErr))
	}
	return errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}

// inherit takes over what an earlier process on this file held. It is dead: the
// file is ours.
func (s *Store) inherit(ctx context.Context) error {
	return s.write(ctx, mark, func(t *tx) error {
		for _, sentence := range []string{
			`UPDATE replicas SET expires_at = -ABS(expires_at)`, // until when it may have lived
			`UPDATE alert_groups SET due_at = 1, claim = '' WHERE claim <> ''`,
			`UPDATE notifications SET next_at = 1, claim = '', unended = unended + 1 WHERE status = 'pending' AND claim <> ''`,
		} {
			if _, err := t.exec(ctx, sentence); err != nil {
				return fmt.Errorf("take over what an earlier process held: %w", err)
			}
		}
		return nil
	})
}

func code(err error) int {
	var failed *sqlite.Error
	if errors.As(err, &failed) {
		return failed.Code()
	}
	return sqlite3.SQLITE_OK
}

func busy(err error) bool {
	primary := code(err) & 0xFF
	return primary == sqlite3.SQLITE_BUSY || primary == sqlite3.SQLITE_LOCKED
}

func corrupt(err error) bool {
	primary := code(err) & 0xFF
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB
}

// holdFile locks a side file until release is called or the process ends,
// however it ends: the kernel lets go of it. The database itself cannot be
// locked so, because SQLite's own locks would be lost when it is closed.
func holdFile(path string) (release func() error, err error) {
	side := path + ".lock"
	file, err := os.OpenFile(side, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", side, cause(err))
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		var holder int
		if errors.Is(err, syscall.EWOULDBLOCK) {
			if _, err := fmt.Fscan(file, &holder); err != nil {
				holder = 0 // it has the lock and has not signed yet
			}
			return nil, errors.Join(&HeldError{Path: path, PID: holder}, file.Close())
		}
		return nil, errors.Join(fmt.Errorf("%s: lock: %w", side, err), file.Close())
	}
	if err := errors.Join(file.Truncate(0), writeAt(file, fmt.Sprintln(os.Getpid()))); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", side, cause(err)), file.Close())
	}
	return file.Close, nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

func missing(err error) bool {
	return err != nil && strings.Contains(err.Error(), "no such table")
}
