package main_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/billwatch/billwatch/internal/daemon"
	"github.com/billwatch/billwatch/internal/pgtest"
)

// door is an address at which somebody counts who comes.
type door struct {
	net.Listener
	came atomic.Int64
}

func newDoor(t *testing.T) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			d.came.Add(1)
			conn.Close()
		}
	}()
	return d
}

// ownTables change while a service does nothing but live: it renews its lease.
var ownTables = []string{"replicas"}

// contents is every row of every table of a state, by table.
func contents(t *testing.T, state string) map[string][]string {
	t.Helper()
	driver, dsn, tables := "pgx", state, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
	if path, ok := strings.CutPrefix(state, "sqlite:"); ok {
		driver, dsn, tables = "sqlite", "file:"+path+"?mode=ro", `SELECT name FROM sqlite_schema WHERE type = 'table'`
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := map[string][]string{}
	for _, name := range column(t, db, tables) {
		if !slices.Contains(ownTables, name) {
			all[name] = column(t, db, "SELECT * FROM "+name)
			slices.Sort(all[name])
		}
	}
	return all
}

// column returns the rows that a sentence finds, each as one text.
func column(t *testing.T, db *sql.DB, sentence string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), sentence)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		values := make([]any, len(names))
		places := make([]any, len(names))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		if len(values) == 1 {
			all = append(all, fmt.Sprint(values[0]))
			continue
		}
		all = append(all, fmt.Sprintf("%v", values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestLookingSendsAndWritesNothing looks at the state of a running service with
// every command that only looks: nothing is written, and no receiver sees so
// much as a connection.
func TestLookingSendsAndWritesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, state string }{
		{"SQLite", "sqlite:" + filepath.Join(t.TempDir(), "state", "billwatch.db")},
		{"Postgres", pgtest.URL(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			notehub, _ := vendors(t)
			hook, mail := newDoor(t), newDoor(t)
			w := &world{dir: t.TempDir()}
			w.write(t, "billwatch.yaml", fmt.Sprintf(`
state: %q
listen: 127.0.0.1:0
sources:
  blues: { type: notehub, base_url: %q, token: %s, interval: 24h }
receivers:
  everybody:
    webhook: { url: "http://%s/x", allow_private: true }
    email: { to: [ops@example.com], from: billwatch@example.com, smarthost: %q, tls: none }
route: { receiver: everybody, group_by: [alertname], group_wait: 0s }
rules:
  - { alert: Low, expr: balance < 2000 }
  - { alert: Slowly, expr: balance < 2000, for: 3h }
`, c.state, notehub, vendorToken, hook.Addr(), mail.Addr()))
			w.look(t, "run", "--once", "--no-notify") // its messages are owed
			service := w.start(t, "--no-notify")
			until(t, service, "its beginning", func() bool { return service.address() != "" })
			before := settled(t, c.state)
			for _, needed := range []string{"snapshots", "records", "alerts", "alert_groups", "transitions"} {
				if len(before[needed]) == 0 {
					t.Fatalf("the service left nothing in %s: it has %d tables", needed, len(before))
				}
			}
			for _, command := range [][]string{
				{"dry-run"}, {"dry-run", "-o", "json"}, {"backtest"}, {"backtest", "--stored"}, {"explain", "Low", "Cedar Street Labs"},
				{"explain", "Low", "Cedar Street Labs", "--url", "http://" + service.address()},
			} {
				said := w.look(t, command...)
				if command[0] == "dry-run" && len(command) == 1 && !strings.Contains(said, "--- to everybody/") {
					t.Errorf("dry-run tells nobody, so that it could not have sent:\n%s", said)
				}
				if diff := cmp.Diff(before, contents(t, c.state)); diff != "" {
					t.Errorf("%s changed the state (-before +after):\n%s", strings.Join(command, " "), diff)
				}
			}
			w.explainsAlike(t, service.address())
			if hook.came.Load() != 0 || mail.came.Load() != 0 {
				t.Errorf("the receivers saw %d and %d connections, want none", hook.came.Load(), mail.came.Load())
			}
			service.kill()
			<-service.done
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			sends := exec.CommandContext(ctx, binary(t), "run", "--once", "--deadline", "2s")
			sends.Dir = w.dir
			said, _ := sends.CombinedOutput() // the doors are shut in its face
			if hook.came.Load() == 0 || mail.came.Load() == 0 {
				t.Errorf("nobody came to the doors when something was sent, so that they count nothing:\n%s", said)
			}
		})
	}
}

// settled is what a state holds once the service has nothing more to do.
func settled(t *testing.T, state string) map[string][]string {
	t.Helper()
	beat := time.NewTicker(1500 * time.Millisecond) // longer than the service needs for its next step
	defer beat.Stop()
	for was := contents(t, state); ; {
		<-beat.C
		is := contents(t, state)
		if cmp.Equal(was, is) {
			return is
		}
		was = is
	}
}

// explainsAlike asks the running service why, and compares that with what the
// command finds out by itself.
func (w *world) explainsAlike(t *testing.T, address string) {
	t.Helper()
	ask := []string{"explain", "Low", "Cedar Street Labs", "-o", "json"}
	own, asked := w.look(t, ask...), w.look(t, append(ask, "--url", "http://"+address)...)
	var mine, its daemon.Explanation
	for text, into := range map[string]*daemon.Explanation{own: &mine, asked: &its} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err, text)
		}
	}
	if mine.State != "firing" || mine.Name != "Cedar Street Labs" || len(mine.Route) != 2 {
		t.Errorf("explained as %s", own)
	}
	its.At, its.NextSend, mine.NextSend = mine.At, nil, nil // moments apart
	if diff := cmp.Diff(mine, its); diff != "" {
		t.Errorf("the service explains otherwise (-command +service):\n%s", diff)
	}
	for _, wrong := range [][]string{{"Lo", "Cedar Street Labs"}, {"Low", "Cedar Stret Labs"}} {
		cmd := exec.CommandContext(t.Context(), binary(t), append([]string{"explain", "--url", "http://" + address}, wrong...)...)
		said, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(said), "\n  hint: did you mean ") {
			t.Errorf("explain %v: status %d, %s", wrong, cmd.ProcessState.ExitCode(), said)
		}
	}
}

// look runs a command that must end well, and returns what it printed.
func (w *world) look(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), args...)
	cmd.Dir = w.dir
	var talk strings.Builder
	cmd.Stderr = &talk
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, said, talk.String())
	}
	return string(said)
}
