// Package crash holds the crash test: the real program, with failing sources and
// receivers around it, is killed again and again, and what the receivers wrote
// down must show that nothing was lost, told twice, out of order or untrue.
package crash

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/billwatch/billwatch/internal/pgserver"
)

var (
	kills = flag.Int("crash.kills", 50, "how often the crash test kills, on each database")
	wait  = flag.Duration("crash.patience", 0, "how long what is owed may take to arrive in the end; by the number of kills where 0")
	seed  = flag.Uint64("crash.seed", 0, "seed of the crash test; the time where 0")
)

// built is where TestMain put the program; tests only read it.
var built string

func binary(t *testing.T) string {
	t.Helper()
	return built
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withBinary(m.Run))
}

func withBinary(run func() int) int {
	dir, err := os.MkdirTemp("", "billwatch-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "billwatch")
	if out, err := exec.Command("go", "build", "-o", built, "../../cmd/billwatch").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return run()
}

func randomness() uint64 {
	if *seed != 0 {
		return *seed
	}
	return uint64(time.Now().UnixNano())
}

func TestKilledAtAnyMomentOnSQLite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state", "billwatch.db")
	story{kills: *kills, replicas: 1, trouble: 12, make: func(w *world) { w.lockFile(t, file) }}.run(t, "sqlite:"+file, nil)
}

func TestKilledAtAnyMomentOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	story{kills: *kills, replicas: 2, trouble: 20, make: func(w *world) { w.breakDatabase(t, server) }}.run(t, server.URL, server)
}

// newServer starts a PostgreSQL that keeps what it committed over its own crash.
func newServer(t *testing.T) *pgserver.Server {
	t.Helper()
	server, err := pgserver.Start(t.Context(), os.Stderr, "synchronous_commit=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

// story is one run of the crash test.
type story struct {
	kills    int
	replicas int
	trouble  int // the database gets some at each so many-th kill
	make     func(*world)
}

func (s story) run(t *testing.T, state string, server *pgserver.Server) {
	chance := randomness()
	t.Logf("seed %d", chance)
	w := newWorld(t, state, chance)
	began := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		w.drive(stop, chance)
	}()
	still := make(chan struct{})
	go w.watchTheMachine(still)
	replicas := make([]*life, s.replicas)
	for i := range replicas {
		replicas[i] = w.start(t)
	}
	for i := range s.kills {
		victim := w.rng.IntN(len(replicas))
		w.killSometime(replicas[victim])
		if i%s.trouble == s.trouble-1 {
			s.make(w)
		}
		if server != nil {
			inherit(t, server.URL, replicas[victim])
		}
		for k, l := range replicas {
			if l.ended() {
				w.wantKilled(t, l)
				replicas[k] = w.start(t)
			}
		}
	}
	close(stop)
	<-stopped
	w.settle(t, s.patience(), replicas)
	close(still)
	w.report(t, began)
}

// breakDatabase crashes the server and starts it again a while later.
func (w *world) breakDatabase(t *testing.T, server *pgserver.Server) {
	t.Helper()
	from := time.Now()
	server.Crash()
	pass(time.Duration(100+w.rng.IntN(1500)) * time.Millisecond)
	if err := server.Again(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ledger.write(func(r *records) { r.outages = append(r.outages, span{from, time.Now()}) })
}

// lockFile keeps the state file from being written for a while, as a backup or
// a person with a database shell does.
func (w *world) lockFile(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	from := time.Now()
	held, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Logf("the state file was not to be had: %v", err)
		return
	}
	pass(time.Duration(300+w.rng.IntN(2500)) * time.Millisecond)
	if err := held.Rollback(); err != nil {
		t.Error(err)
	}
	w.ledger.write(func(r *records) { r.outages = append(r.outages, span{from, time.Now()}) })
}

// wantKilled wants a process to have ended by our hand, or for want of a
// database at its start.
func (w *world) wantKilled(t *testing.T, l *life) {
	t.Helper()
	if code := l.cmd.ProcessState.ExitCode(); code != -1 && code != 2 {
		t.Errorf("a process ended by itself with status %d:\n%s", code, l.out)
	}
}

// patience is how long what is owed may take to arrive once nothing fails any
// more. What was tried often has a long way to its next attempt, and an attempt
// that a kill ended counts: after many kills that is ten minutes.
func (s story) patience() time.Duration {
	if *wait > 0 {
		return *wait
	}
	if s.kills > 100 {
		return 11 * time.Minute
	}
	return 100 * time.Second
}

// settle lets everything become quiet, then ends the processes in order.
func (w *world) settle(t *testing.T, patience time.Duration, replicas []*life) {
	t.Helper()
	w.calmDown()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) && !w.settled() {
		pass(200 * time.Millisecond)
	}
	pass(3 * time.Second) // what should not come would come now
	w.ledger.write(func(r *records) { r.settled = true })
	for _, l := range replicas {
		_ = l.cmd.Process.Signal(os.Interrupt)
		<-l.done
		if code := l.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("exit status %d, want 0:\n%s", code, l.out)
		}
	}
}

// report judges the records, and says what they come to.
func (w *world) report(t *testing.T, began time.Time) {
	t.Helper()
	r := w.ledger.records
	breaches := review(r, manners)
	byKind := map[string]int{}
	for _, b := range breaches {
		byKind[b.what]++
		if byKind[b.what] <= 5 {
			t.Errorf("%s: %s", b.what, b.text)
		}
	}
	f := count(r)
	t.Logf("%d kills, %d troubles of the database, %d times that the machine stood still, %d that a receiver was not there, %d answers, %d transitions told, %d notifications in %d attempts, "+
		"%d lost, %d duplicates with the same id, %d with another, %.0f s",
		len(r.kills), len(r.outages), standstills(r), len(r.shut), len(r.answers), f.transitions, f.notifications, len(r.attempts),
		byKind[lost], f.duplicates, byKind[twice], time.Since(began).Seconds())
	if t.Failed() {
		w.keep(t)
	}
}

// keep writes what the last processes said to where a person can read it.
func (w *world) keep(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "billwatch-crash-log-") //nolint:usetesting // a person reads it after the test
	if err != nil {
		t.Log(err)
		return
	}
	for i, l := range w.lives[max(0, len(w.lives)-200):] {
		name := filepath.Join(dir, fmt.Sprintf("%04d-%d.log", i, l.cmd.Process.Pid))
		if err := os.WriteFile(name, []byte(l.out.String()), 0o600); err != nil {
			t.Log(err)
		}
	}
	var all strings.Builder
	for _, a := range w.ledger.attempts {
		fmt.Fprintf(&all, "%s %s %s %s %s %s %+v\n", clock(a.came), clock(a.done), a.sink, a.id, a.fate, a.told.reason, a.told.news)
	}
	for _, f := range w.ledger.flips {
		fmt.Fprintf(&all, "%s flip %s %s\n", clock(f.at), f.account, f.to)
	}
	for _, at := range w.ledger.kills {
		fmt.Fprintf(&all, "%s kill\n", clock(at))
	}
	if err := os.WriteFile(filepath.Join(dir, "records"), []byte(all.String()), 0o600); err != nil {
		t.Log(err)
	}
	t.Logf("what the processes said is in %s", dir)
}

// standstills counts the turns of the probe that took far too long.
func standstills(r records) int {
	n := 0
	for _, s := range r.late {
		if s.to.Sub(s.from) > longest-probing {
			n++
		}
	}
	return n
}

type figures struct{ transitions, notifications, duplicates int }

// count counts what arrived: transitions are counted at each receiver.
func count(r records) figures {
	var f figures
	ids := map[string]bool{}
	news := map[string]bool{}
	for _, a := range r.attempts {
		if a.fate != accepted {
			continue
		}
		if id := a.sink + a.id; ids[id] {
			f.duplicates++
		} else {
			ids[id] = true
			f.notifications++
		}
		for _, n := range a.told.news {
			if key := fmt.Sprint(a.sink, n.alert(), n.starts.UnixMicro(), n.status); !news[key] {
				news[key] = true
				f.transitions++
			}
		}
	}
	return f
}
