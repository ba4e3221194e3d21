package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/billwatch/billwatch/internal/pgtest"
)

// world is everything outside the process: providers, receivers, a database.
type world struct {
	moments *moments
	notehub *notehub
	slack   *httptest.Server
	hook    *httptest.Server
	mail    string
	boxes   map[string]*inbox

	dir string
}

func newWorld(t *testing.T, state string) *world {
	t.Helper()
	m := &moments{}
	w := &world{moments: m, notehub: newNotehub(t, m), dir: t.TempDir(),
		boxes: map[string]*inbox{"slack": {}, "hook": {}, "mail": {}}}
	w.slack = newSlack(t, m, w.boxes["slack"])
	w.hook = newHook(t, m, w.boxes["hook"])
	w.mail = newMailServer(t, m, w.boxes["mail"])
	w.write(t, "notehub-token", token)
	w.write(t, "slack-token", slackToken)
	w.write(t, "billwatch.yaml", fmt.Sprintf(`
state: %q
listen: 127.0.0.1:0
sources:
  blues: { type: notehub, base_url: %q, token_file: notehub-token, interval: 1s, timeout: 5s }
receivers:
  everybody:
    slack: { token_file: slack-token, channel: "#billing", api_url: %q }
    email: { to: [ops@example.com], from: billwatch@example.com, smarthost: %q, tls: none }
    webhook: { url: %q, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, allow_private: true }
route: { receiver: everybody, group_by: [alertname, account], group_wait: 0s, group_interval: 1s }
builtin_rules: { disabled: [RunsOutSoon, AccountSuspended] }
rules:
  - alert: OrganizationSuspended
    expr: suspended
    labels: { severity: critical }
    annotations: { summary: "{{ .Account.Name }} is suspended" }
`, state, w.notehub.URL, w.slack.URL+"/", w.mail, w.hook.URL))
	return w
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// change edits the configuration.
func (w *world) change(t *testing.T, old, now string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "billwatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(text), old, now)
	if changed == string(text) {
		t.Fatalf("the configuration has no %q", old)
	}
	w.write(t, "billwatch.yaml", changed)
}

// process is one life of the program.
type process struct {
	cmd  *exec.Cmd
	out  *lockedBuffer
	done chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (w *world) start(t *testing.T, flags ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary(t), append([]string{"run"}, flags...)...), out: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Dir = w.dir
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.cmd.Wait()
	}()
	t.Cleanup(func() { p.kill(); <-p.done })
	return p
}

func (p *process) kill() { p.cmd.Process.Signal(syscall.SIGKILL) }

// stop ends the process as Kubernetes does, and returns its exit status.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(25 * time.Second):
		t.Fatalf("still running 25 s after SIGTERM:\n%s", p.out)
	}
	return p.cmd.ProcessState.ExitCode()
}

// patience is how long a condition may take to come true: on PostgreSQL the
// leases of a killed process end after 30 s, its source's and then its message's.
const patience = 90 * time.Second

// until waits for a condition of the world outside.
func until(t *testing.T, p *process, what string, holds func() bool) {
	t.Helper()
	deadline, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-p.done:
			if !holds() {
				t.Fatalf("ended before %s; the process said:\n%s", what, p.out)
			}
		case <-deadline.Done():
			t.Fatalf("waited %s for %s; the process said:\n%s", patience, what, p.out)
		}
	}
}

// everybodyWasTold says whether each receiver took a message of that status.
func (w *world) everybodyWasTold(status string) func() bool {
	return func() bool {
		for _, box := range w.boxes {
			if count(box.all(), status) == 0 {
				return false
			}
		}
		return true
	}
}

func count(took []told, status string) int {
	n := 0
	for _, m := range took {
		if m.status == status {
			n++
		}
	}
	return n
}

// databases runs a story on SQLite and on PostgreSQL.
func databases(t *testing.T, story func(t *testing.T, state string)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		story(t, "sqlite:"+filepath.Join(t.TempDir(), "state", "billwatch.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		story(t, pgtest.URL(t))
	})
}

func TestASuspensionIsToldOnceToEverybodyAndSoIsItsLift(t *testing.T) {
	databases(t, func(t *testing.T, state string) {
		w := newWorld(t, state)
		w.notehub.suspend(true)
		p := w.start(t)
		until(t, p, "the suspension", w.everybodyWasTold("firing"))
		w.notehub.suspend(false)
		until(t, p, "the lift", w.everybodyWasTold("resolved"))
		if status := p.stop(t); status != 0 {
			t.Errorf("exit status %d after SIGTERM, want 0:\n%s", status, p.out)
		}
		w.checkTold(t, false)
		w.checkSecrets(t, p)
	})
}

// checkTold wants one firing and one resolved message at each receiver, in that
// order; messages in flight when the process was killed at most twice, with the
// same id and the same content.
func (w *world) checkTold(t *testing.T, inFlight bool) {
	t.Helper()
	for name, box := range w.boxes {
		var order []string
		text := map[string]string{}
		copies := map[string]int{}
		for _, m := range box.all() {
			if !strings.Contains(m.text, "Jane") || !strings.Contains(m.text, "suspended") {
				t.Errorf("%s was told something else: %q", name, m.text)
			}
			copies[m.id]++
			if copies[m.id] == 1 {
				order, text[m.id] = append(order, m.status), m.text
			} else if text[m.id] != m.text {
				t.Errorf("%s took %s twice, with other content:\n%s\n%s", name, m.id, text[m.id], m.text)
			}
			if copies[m.id] > 1 && (!inFlight || copies[m.id] > 2) {
				t.Errorf("%s took %s %d times", name, m.id, copies[m.id])
			}
		}
		if got := strings.Join(order, " "); got != "firing resolved" {
			t.Errorf("%s was told %q, want %q", name, got, "firing resolved")
		}
	}
}

// checkSecrets wants no credential in what the process printed.
func (w *world) checkSecrets(t *testing.T, p *process) {
	t.Helper()
	for _, secret := range []string{token, slackToken, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		if strings.Contains(p.out.String(), secret) {
			t.Errorf("the process printed the secret %s:\n%s", secret, p.out)
		}
	}
}

// The steps of the road that somebody outside can see, and whether messages may
// be in flight at that step.
var killedAt = []struct {
	moment   string
	inFlight bool
}{
	{"list asked", false},
	{"list answered", false},
	{"detail asked", false},
	{"detail answered", false},
	{"history asked", true}, // history does not hold up what the snapshot said
	{"history answered", true},
	{"slack asked", true},
	{"slack answered", true},
	{"hook asked", true},
	{"hook answered", true},
	{"mail from", true},
	{"mail to", true},
	{"mail read", true},
	{"mail taken", true},
}

func TestKilledAtAnyStepNothingIsLostAndNothingIsToldTwice(t *testing.T) {
	for _, step := range killedAt {
		t.Run(step.moment, func(t *testing.T) {
			t.Parallel()
			databases(t, func(t *testing.T, state string) {
				w := newWorld(t, state)
				w.notehub.suspend(true)
				var first *process
				ready := make(chan struct{})
				w.moments.on(step.moment, func() {
					<-ready
					first.kill()
					<-first.done
				})
				first = w.start(t)
				close(ready)
				until(t, first, step.moment, w.moments.reached)
				<-first.done
				second := w.start(t)
				until(t, second, "the suspension", w.everybodyWasTold("firing"))
				w.notehub.suspend(false)
				until(t, second, "the lift", w.everybodyWasTold("resolved"))
				if status := second.stop(t); status != 0 {
					t.Errorf("exit status %d after SIGTERM, want 0:\n%s", status, second.out)
				}
				w.checkTold(t, step.inFlight)
				w.checkSecrets(t, second)
			})
		})
	}
}
