package sqlstore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// holdVariable makes the test's own program hold a state file until it is
// killed, as a second process.
const holdVariable = "BILLWATCH_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdVariable); path != "" {
		hold(path)
		return
	}
	m.Run()
}

func hold(path string) {
	store, err := sqlstore.Open(context.Background(), sqlstore.Config{DSN: "sqlite:" + path})
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		return
	}
	defer store.Close()
	os.Stdout.WriteString("held\n")
	bufio.NewReader(os.Stdin).ReadString('\n') // for ever: nobody writes
}

func open(t *testing.T, c sqlstore.Config) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// made is the path of a state that was opened and closed once.
func made(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "billwatch.db")
	if err := open(t, sqlstore.Config{DSN: "sqlite:" + path}).Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestASecondProcessIsToldWhoHoldsTheFile(t *testing.T) {
	path := made(t)
	holder := exec.CommandContext(t.Context(), os.Args[0])
	holder.Env = append(os.Environ(), holdVariable+"="+path)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if said, _ := bufio.NewReader(out).ReadString('\n'); said != "held\n" {
		t.Fatalf("the first process says %q", said)
	}

	_, err = sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + path})
	var held *sqlstore.HeldError
	if !errors.As(err, &held) || held.Path != path || held.PID != holder.Process.Pid {
		t.Errorf("while process %d has the file: %v", holder.Process.Pid, err)
	}
	looker := open(t, sqlstore.Config{DSN: "sqlite:" + path, ReadOnly: true})
	if _, err := looker.Alerts(t.Context()); err != nil {
		t.Errorf("looking only while another process has the file: %v", err)
	}

	holder.Process.Kill()
	holder.Wait()
	open(t, sqlstore.Config{DSN: "sqlite:" + path})
}

func TestTheFileIsForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "state?#%.db")
	store := open(t, sqlstore.Config{DSN: "sqlite:" + path})
	if err := store.Renew(t.Context(), "a", time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, file := range []struct {
		path string
		mode os.FileMode
	}{{filepath.Dir(dir), 0o700}, {dir, 0o700}, {path, 0o600}, {path + "-wal", 0o600}, {path + "-shm", 0o600}, {path + ".lock", 0o600}} {
		info, err := os.Stat(file.path)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != file.mode {
			t.Errorf("%s has mode %o, want %o", file.path, info.Mode().Perm(), file.mode)
		}
	}
}

func TestWhatIsNoStateIsRefusedAndLeftAlone(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
		want   string
	}{
		{"an empty file", func(t *testing.T, path string) { write(t, path, nil) }, "is empty"},
		{"an empty file with a log", func(t *testing.T, path string) {
			write(t, path, nil)
			write(t, path+"-wal", []byte("log"))
		}, "is empty"},
		{"a log without its file", func(t *testing.T, path string) {
			write(t, path+"-wal", []byte("log"))
			remove(t, path)
		}, "its -wal is there"},
		{"a text", func(t *testing.T, path string) { write(t, path, []byte("state: sqlite:billwatch.db\n")) }, "is not a SQLite database"},
		{"a long text", func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("x"), 10000)) }, "is not a SQLite database"},
		{"a database of another program", func(t *testing.T, path string) {
			remove(t, path)
			query(t, "sqlite", path, "CREATE TABLE cookies (name TEXT)")
		}, "is a database of another program"},
		{"a file that was cut", func(t *testing.T, path string) {
			if err := os.Truncate(path, 8192); err != nil {
				t.Fatal(err)
			}
		}, "is cut short"},
		{"a file with a bad page", func(t *testing.T, path string) {
			content := read(t, path)
			copy(content[4096:], bytes.Repeat([]byte{0x5A}, 3*4096))
			write(t, path, content)
		}, "is damaged"},
		{"a directory", func(t *testing.T, path string) {
			remove(t, path)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is a directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := made(t)
			test.damage(t, path)
			before, _ := os.ReadFile(path)
			_, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + path})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), path+":") {
				t.Errorf("got %v, want an error that begins with the path and says %q", err, test.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestAKilledFirstStartLeavesNothingInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "billwatch.db")
	write(t, path+".new", nil)
	write(t, path+".new-wal", []byte("half"))
	open(t, sqlstore.Config{DSN: "sqlite:" + path})
}

func TestADirectoryThatTakesNoFileIsNamed(t *testing.T) {
	for _, path := range []string{"/proc/billwatch.db", "/proc/state/billwatch.db"} {
		_, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + path})
		if err == nil || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("got %v, want an error that begins with %s", err, path)
		}
	}
}

func TestLookingOnlyCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "billwatch.db")
	if _, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + path, ReadOnly: true}); err == nil {
		t.Error("a state that is not there was opened")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("looking left %v", left)
	}
	path = made(t)
	looker := open(t, sqlstore.Config{DSN: "sqlite:" + path, ReadOnly: true})
	if err := looker.Renew(t.Context(), "a", time.Now(), time.Now()); err == nil {
		t.Error("a state that was opened for looking was written")
	}
}

func TestWhatADeadProcessClaimedIsFreeAtOnce(t *testing.T) {
	path := made(t)
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	slot := func(store *sqlstore.Store, holder string, n int64) billwatch.Slot {
		t.Helper()
		if err := store.Renew(t.Context(), holder, now, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		got, err := store.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: holder, Slot: n, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := open(t, sqlstore.Config{DSN: "sqlite:" + path})
	slot(first, "first", 1)
	first.Close()
	second := open(t, sqlstore.Config{DSN: "sqlite:" + path})
	if got := slot(second, "second", 2); !got.Taken || got.Lease.Epoch != 2 {
		t.Errorf("after a restart the source is still its dead holder's: %+v", got)
	}
}

func TestAFullDiskIsNotReadyUntilItIsNot(t *testing.T) {
	path := made(t)
	store := open(t, sqlstore.Config{DSN: "sqlite:" + path})
	now := time.Now()
	query(t, "sqlite", path, "CREATE TRIGGER full BEFORE INSERT ON replicas BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
	if err := store.Renew(t.Context(), "a", now, now); err == nil {
		t.Fatal("written although the database refuses")
	}
	if err := store.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("ping while the database refuses: %v", err)
	}
	query(t, "sqlite", path, "DROP TRIGGER full")
	if err := store.Renew(t.Context(), "a", now, now); err != nil {
		t.Fatal(err)
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("ping after it recovered: %v", err)
	}
}
