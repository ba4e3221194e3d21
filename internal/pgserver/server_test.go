package pgserver

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTheServerIsThereAndGoesAway(t *testing.T) {
	if installed() == "" {
		// Only where the tests were given a server of another machine, and then
		// this program starts none.
		t.Log("no PostgreSQL here, so none is started")
		return
	}
	s, err := Start(t.Context(), &strings.Builder{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() }) // the second time there is nothing left
	db, err := sql.Open("pgx", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE one"); err != nil {
		t.Errorf("create a database: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	s.Crash()
	if err := Answers(t.Context(), s.URL, 200*time.Millisecond); err == nil {
		t.Errorf("it still answers after its crash")
	}
	if err := s.Again(t.Context()); err != nil {
		t.Fatal(err)
	}
	stranger := strings.Replace(s.URL, "@", "x@", 1)
	if err := Answers(t.Context(), stranger, time.Second); err == nil {
		t.Errorf("it let in a stranger with a wrong password")
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := Answers(t.Context(), s.URL, 200*time.Millisecond); err == nil {
		t.Errorf("it still answers after the stop")
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
}

func TestTheNewestCompleteVersionIsFound(t *testing.T) {
	for dir, want := range map[string]int{
		"/usr/lib/postgresql/9.6/bin": 0,
		"/usr/lib/postgresql/15/bin":  15,
		"/usr/lib/postgresql/17/bin":  17,
	} {
		if got := version(dir); got != want {
			t.Errorf("version of %s: got %d, want %d", dir, got, want)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "initdb"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if complete(dir) {
		t.Errorf("a folder with initdb alone counts as complete")
	}
	if err := os.WriteFile(filepath.Join(dir, "postgres"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if !complete(dir) {
		t.Errorf("a folder with initdb and postgres does not count as complete")
	}
}

// TestNothingIsLeftBehind is killed as somebody kills a test: by a signal that
// lets nothing be cleaned up.
func TestNothingIsLeftBehind(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("only Linux can promise that")
		return
	}
	if os.Getenv("PGSERVER_TEST_STARTS") != "" {
		child := exec.Command("sleep", "60")
		if _, err := StartTied(child); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("child %d\n", child.Process.Pid)
		<-t.Context().Done()
	}
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run", t.Name())
	parent.Env = append(os.Environ(), "PGSERVER_TEST_STARTS=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "child %d\n", &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the child is not there: %v", err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	for range 100 {
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(state), ") Z ") {
			return // gone, or dead and waiting for somebody to ask how it ended
		}
		<-time.After(20 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("child %d outlives its parent", pid)
}
