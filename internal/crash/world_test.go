package crash

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/billwatch/billwatch/internal/pgserver"
)

// configuration is that of every watcher. Its rules are the conditions of holds.
const configuration = `
state: %q
listen: 127.0.0.1:0
log: { format: text }
sources:
  wells: { type: notehub, base_url: %q, token: notehub-secret, interval: 1s, timeout: 3s }
  pumps:
    type: http-json
    base_url: %q
    token: pumps-secret
    interval: 1s
    timeout: 3s
    unit: events
    list: { path: /v2/accounts, items: response.organizations, id: item.uid, name: item.name }
    fields: { balance: item.credits }
receivers:
  one:
    webhook: { url: %q, allow_private: true, timeout: %s }
    email: { to: [ops@example.com], from: billwatch@example.com, smarthost: %q, tls: none, timeout: 5s, storm_limit: 1000, text: %q }
  two:
    webhook: { url: %q, allow_private: true, timeout: %s }
route:
  receiver: one
  group_by: [alertname, account]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 24h
  routes:
    - { receiver: two, group_by: [alertname], group_wait: 1s, group_interval: 4s, repeat_interval: 8s, continue: true }
    - { receiver: one }
builtin_rules: { disabled: [AccountSuspended, RunsOutSoon, SourceDown, AccountStale, AccountGone] }
rules:
  - { alert: Low, expr: balance < 5000000, labels: { severity: warning } }
  - { alert: Empty, expr: balance < 1000000, labels: { severity: critical } }
  - { alert: Held, expr: balance < 5000000, for: 1s, labels: { severity: warning } }
  - { alert: Sticky, expr: balance < 5000000, keep_firing_for: 1s, labels: { severity: warning } }
`

// world is everything outside the watcher.
type world struct {
	ledger  ledger
	sources *sources
	hooks   [2]*sink
	mail    *mailbox
	dir     string
	rng     *rand.Rand // of whoever kills

	mu    sync.Mutex
	armed *trigger
	lives []*life
}

// trigger kills at an event that sources and receivers see.
type trigger struct {
	event string
	times int // how many more of it to let pass
	delay time.Duration
	kill  func()
	done  chan struct{}
}

// manners are the habits that the configuration gives the sinks.
var manners = map[string]habits{
	"hook one": {interval: time.Second, repeat: 24 * time.Hour, timeout: impatience},
	"mail":     {interval: time.Second, repeat: 24 * time.Hour, timeout: 5 * time.Second},
	"hook two": {interval: 4 * time.Second, repeat: 8 * time.Second, timeout: impatience},
}

func newWorld(t *testing.T, state string, seed uint64) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), rng: rand.New(rand.NewPCG(seed, 0))}
	w.sources = newSources(t, &w.ledger, seed, w.event)
	w.hooks[0] = newSink(t, "hook one", &w.ledger, seed+1, w.event)
	w.hooks[1] = newSink(t, "hook two", &w.ledger, seed+2, w.event)
	w.mail = newMailbox(t, "mail", &w.ledger, seed, w.event)
	text := fmt.Sprintf(configuration, state, w.sources.URL+"/wells", w.sources.URL+"/pumps",
		"http://"+w.hooks[0].door.address+"/one", impatience, w.mail.door.address, mailText,
		"http://"+w.hooks[1].door.address+"/two", impatience)
	if err := os.WriteFile(filepath.Join(w.dir, "billwatch.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// event is called by sources and receivers, in the instant in which it happens.
func (w *world) event(name string) {
	w.mu.Lock()
	armed := w.armed
	if armed == nil || armed.event != name {
		w.mu.Unlock()
		return
	}
	if armed.times > 0 {
		armed.times--
		w.mu.Unlock()
		return
	}
	w.armed = nil
	w.mu.Unlock()
	pass(armed.delay)
	armed.kill()
	close(armed.done)
}

// pass lets real time go by. The watcher is another process, which no bubble of
// testing/synctest holds, and a kill is to come at a moment, not after an event.
func pass(d time.Duration) { <-time.After(d) }

// probing is how long a turn of the probe sleeps, and longest how long it may
// take altogether before a machine is said to stand still.
const (
	probing = 10 * time.Millisecond
	longest = 60 * time.Millisecond
)

// watchTheMachine writes down by how much a disk or a processor is too busy for
// marks to be made in their time: what is promised is promised of a machine that
// runs.
func (w *world) watchTheMachine(stop <-chan struct{}) {
	file, err := os.Create(filepath.Join(w.dir, "probe"))
	if err != nil {
		return
	}
	defer file.Close()
	for {
		began := time.Now()
		select {
		case <-stop:
			return
		case <-time.After(probing):
		}
		_, _ = file.WriteAt([]byte("probe"), 0) // it is the time that counts
		_ = file.Sync()
		to := time.Now()
		if from := began.Add(probing); to.After(from) {
			w.ledger.write(func(r *records) { r.late = append(r.late, span{from, to}) })
		}
	}
}

// killSometime kills at an event, or when its time is over without one.
func (w *world) killSometime(l *life) {
	at := &trigger{done: make(chan struct{}), kill: func() { w.kill(l) }}
	limit := time.Duration(100+w.rng.IntN(1200)) * time.Millisecond
	switch w.rng.IntN(8) {
	case 0, 1:
		at.event, at.times = "accepted", w.rng.IntN(6)
		limit = 2 * time.Second
	case 2:
		at.event, at.times, at.delay = "attempt", w.rng.IntN(6), time.Duration(w.rng.IntN(3))*time.Millisecond
		limit = 2 * time.Second
	case 3:
		at.event, at.times, at.delay = "answered", w.rng.IntN(6), time.Duration(w.rng.IntN(60))*time.Millisecond
		limit = 2 * time.Second
	case 4: // a life that gets something done, or the same messages would be in flight all the time
		limit = 2*time.Second + time.Duration(w.rng.IntN(1500))*time.Millisecond
	}
	if w.rng.IntN(8) > 0 { // else it may be killed while it starts
		l.begin()
	}
	w.mu.Lock()
	w.armed = at
	w.mu.Unlock()
	select {
	case <-at.done:
		return
	case <-l.done:
	case <-time.After(limit):
	}
	w.mu.Lock()
	fired := w.armed != at
	w.armed = nil
	w.mu.Unlock()
	if fired {
		<-at.done
		return
	}
	w.kill(l)
}

func (w *world) kill(l *life) {
	w.ledger.write(func(r *records) { r.kills = append(r.kills, time.Now()) })
	_ = l.cmd.Process.Signal(syscall.SIGKILL) // it may have ended by itself
	<-l.done
}

// life is one process of the watcher.
type life struct {
	cmd  *exec.Cmd
	out  *bounded
	done <-chan struct{}
}

// bounded keeps the end of what a process says.
type bounded struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.b.Len() > 1<<20 {
		b.b.Next(b.b.Len() / 2)
	}
	return b.b.Write(p)
}

func (b *bounded) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (w *world) start(t *testing.T) *life {
	t.Helper()
	l := &life{cmd: exec.Command(binary(t), "run"), out: &bounded{}}
	l.cmd.Dir = w.dir
	l.cmd.Stdout, l.cmd.Stderr = l.out, l.out
	var err error
	if l.done, err = pgserver.StartTied(l.cmd); err != nil {
		t.Fatal(err)
	}
	w.lives = append(w.lives, l)
	t.Cleanup(func() { _ = l.cmd.Process.Signal(syscall.SIGKILL); <-l.done })
	return l
}

// begin waits until the process has begun: on a busy machine that takes longer
// than its life is to last.
func (l *life) begin() {
	for i := 0; i < 500 && !l.ended() && !strings.Contains(l.out.String(), "listening"); i++ {
		pass(20 * time.Millisecond)
	}
}

func (l *life) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// drive changes the accounts until stopped: the steady ones when all were told.
func (w *world) drive(stop <-chan struct{}, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 4))
	zones := []zone{fine, low, empty}
	next := map[string]time.Time{}
	for {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		for _, account := range accounts {
			at := w.sources.zone(account)
			if time.Now().Before(next[account]) || steady[account] && !w.ledger.knows(account, at) {
				continue
			}
			to := at
			for to == at {
				to = zones[rng.IntN(len(zones))]
			}
			w.sources.move(account, to)
			next[account] = time.Now().Add(time.Duration(200+rng.IntN(2000)) * time.Millisecond)
		}
	}
}

// calmDown lets nothing fail any more.
func (w *world) calmDown() {
	w.sources.calmDown()
	w.hooks[0].calmDown()
	w.hooks[1].calmDown()
	w.mail.calmDown()
}

// settled says whether everybody knows of every account what is so, and nothing
// that was begun is open.
func (w *world) settled() bool {
	return !slices.ContainsFunc(accounts, func(account string) bool {
		return !w.ledger.knows(account, w.sources.zone(account))
	}) && !w.ledger.owes()
}

// inherit lets the leases of a killed process end at once, which on PostgreSQL
// takes 30 s: they are then as if that time were over.
func inherit(t *testing.T, url string, l *life) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	holder := fmt.Sprintf("%%-%d-%%", l.cmd.Process.Pid)
	for _, sentence := range []string{
		`UPDATE replicas SET expires_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 1 WHERE holder LIKE $1`,
		`UPDATE alert_groups SET due_at = 1 WHERE claim LIKE $1`,
		`UPDATE notifications SET next_at = 1 WHERE status = 'pending' AND claim LIKE $1`,
	} {
		for range 20 { // the database may be recovering from a crash
			if _, err = db.ExecContext(t.Context(), sentence, holder); err == nil {
				break
			}
			pass(50 * time.Millisecond)
		}
		if err != nil {
			t.Logf("leases of a killed process end by themselves: %v", err)
			return
		}
	}
}
