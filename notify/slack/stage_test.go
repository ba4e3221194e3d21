package slack_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/slack"
	"github.com/billwatch/billwatch/notify/slack/slacktest"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// stage is a dispatcher over a real store and a workspace, with a clock of its
// own.
type stage struct {
	*testing.T
	*slacktest.Workspace
	config slack.Config
	router *notify.Router
	store  *sqlstore.Store
	lease  billwatch.Lease
	chart  []byte
	path   string // of the state

	mu     sync.Mutex
	now    time.Time
	killed bool
	wake   chan struct{}
	stop   context.CancelFunc
	ended  chan struct{}
	holder int
}

func newStage(t *testing.T, change func(*slack.Config)) *stage {
	t.Helper()
	w := slacktest.New("https://billwatch.example.com/")
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	s := &stage{T: t, Workspace: w, config: byToken(server.URL), now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), wake: make(chan struct{}, 1)}
	s.config.Title = `{{ .Status }}:{{ range .Alerts }} {{ if eq .Status "resolved" }}not {{ end }}{{ .Labels.account }}{{ end }}`
	change(&s.config)
	s.path = filepath.Join(t.TempDir(), "state.db")
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + s.path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	s.store = store
	s.must(store.Renew(t.Context(), "poller", s.now, s.now.Add(1000*time.Hour)))
	slot, err := store.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: "poller", Slot: 1, Now: s.now})
	s.must(err)
	s.lease = slot.Lease
	s.start()
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// start starts a process that tells, with what it is configured to.
func (s *stage) start() {
	s.Helper()
	n := build(s.T, s.config)
	zero := time.Duration(0)
	router, err := notify.NewRouter(&notify.Route{Receiver: "ops", GroupWait: &zero}, map[string][]notify.Integration{"ops": {{
		Name: "ops/slack/0", Receiver: "ops", Type: "slack", SendResolved: true, RetryFor: 24 * time.Hour, StormLimit: 20,
		Notifier: n, Chart: s.config.WantsChart(), Overrides: s.config.Overrides(),
	}}})
	s.must(err)
	templates, err := notify.NewTemplates(notify.TemplatesConfig{ExternalURL: "https://billwatch.example.com"})
	s.must(err)
	s.holder++
	d, err := notify.NewDispatcher(notify.DispatcherConfig{
		Store: mortal{s.store, s}, Waker: waker{s.store, s.wake}, Router: router, Templates: templates, Holder: fmt.Sprint("teller", s.holder),
		Now: s.clock, Log: slog.New(slog.DiscardHandler),
		Chart: func(context.Context, billwatch.Notification) ([]byte, error) { return s.chart, nil },
	})
	s.must(err)
	s.router = router
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := d.Run(ctx); err != nil {
			s.Error(err)
		}
	}()
	s.stop, s.ended = cancel, ended
	s.Cleanup(func() { cancel(); <-ended })
}

// kill ends the process; nothing that it does from now on is stored.
func (s *stage) kill() {
	s.mu.Lock()
	s.killed = true
	s.mu.Unlock()
}

// restart starts another process once the leases of the killed one have ended.
func (s *stage) restart() {
	s.stop()
	<-s.ended
	s.mu.Lock()
	s.killed = false
	s.mu.Unlock()
	s.pass(time.Minute)
	s.start()
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) pass(d time.Duration) {
	s.mu.Lock()
	s.now = s.now.Add(d)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// mortal is a store that a killed process no longer reaches.
type mortal struct {
	*sqlstore.Store
	stage *stage
}

func (m mortal) Settle(ctx context.Context, e billwatch.Settlement) error {
	m.stage.mu.Lock()
	killed := m.stage.killed
	m.stage.mu.Unlock()
	if killed {
		return billwatch.ErrLeaseLost
	}
	return m.Store.Settle(ctx, e)
}

type waker struct {
	*sqlstore.Store
	wake chan struct{}
}

func (w waker) Wake() <-chan struct{} { return w.wake }

// fire lets the rule fire for an account, and resolve lets it resolve.
func (s *stage) fire(account string) { s.commit(account, billwatch.Inactive, billwatch.Firing) }

func (s *stage) resolve(account string) { s.commit(account, billwatch.Firing, billwatch.Resolved) }

func (s *stage) commit(account string, from, to billwatch.AlertState) {
	s.Helper()
	now := s.clock()
	balance := billwatch.DecimalOf(812)
	a := billwatch.Alert{
		Key:   billwatch.AlertKey{Rule: "CapacityLow", Account: billwatch.AccountKey{Source: "blues", ID: account}},
		State: to, StartsAt: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC),
		Labels: billwatch.Labels{"alertname": "CapacityLow", "source": "blues", "account": account, "account_name": account, "severity": "critical"},
		Snapshot: &billwatch.Snapshot{
			Account: billwatch.Account{Source: "blues", ID: account, Name: account}, At: now, Unit: "events", Balance: billwatch.Known(balance),
		},
	}
	a.Fingerprint = a.Labels.Fingerprint()
	if to == billwatch.Resolved {
		a.EndsAt = now
	}
	s.must(s.store.Commit(s.Context(), billwatch.Batch{
		Lease: s.lease, Now: now, Alerts: []billwatch.Alert{a},
		Transitions: []billwatch.Transition{{Alert: a, From: from, To: to, At: now}}, Due: s.router.Due(a, now),
	}))
	s.pass(0)
}

// told waits until so many notifications are finished.
func (s *stage) told(n int) {
	s.Helper()
	s.until(fmt.Sprintf("%d notifications are finished", n), func(rows []sqlstore.NotificationRow) bool {
		finished := 0
		for _, r := range rows {
			if r.Status != sqlstore.StatusPending && r.Status != sqlstore.StatusSuperseded {
				finished++
			}
		}
		return finished >= n
	})
}

// failed waits until an attempt at the newest notification has failed.
func (s *stage) failed() {
	s.Helper()
	s.until("an attempt has failed", func(rows []sqlstore.NotificationRow) bool { return len(rows) > 0 && rows[0].Error != "" })
}

// called waits until a method was called so many times.
func (s *stage) called(method string, n int) {
	s.Helper()
	s.until(fmt.Sprintf("%s is called %d times", method, n), func([]sqlstore.NotificationRow) bool {
		count := 0
		for _, c := range s.Calls() {
			if c.Method == method {
				count++
			}
		}
		return count >= n
	})
}

// rest waits a little: a server on a real connection stands in no bubble.
func rest(d time.Duration) { <-time.NewTimer(d).C }

func (s *stage) until(what string, is func([]sqlstore.NotificationRow) bool) {
	s.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		rows, err := s.store.Notifications(s.Context(), 100)
		s.must(err)
		if is(rows) {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("waited in vain until %s:\n%s", what, s.channel())
		}
		s.pass(0)
		rest(5 * time.Millisecond)
	}
}

// channel shows the channel as people see it: messages by their first line and
// colour, replies below theirs.
func (s *stage) channel() string {
	var lines []string
	all := s.Messages()
	for _, m := range all {
		if m.Thread != "" {
			continue
		}
		lines = append(lines, line(m))
		for _, r := range all {
			if r.Thread == m.TS {
				lines = append(lines, "  "+line(r))
			}
		}
	}
	return strings.Join(lines, "\n")
}

func line(m slacktest.Message) string {
	if m.File != nil {
		return fmt.Sprintf("[%s, %d bytes]", m.File.Title, len(m.File.Content))
	}
	colour := map[string]string{"#cf222e": "red", "#bf8700": "amber", "#1a7f37": "green"}[m.Frames[0].Color]
	title := m.Text
	for _, b := range m.Blocks {
		if b.Type == "header" {
			title = b.Text.Text
		}
	}
	if m.Edits > 0 {
		title += " (edited)"
	}
	return colour + " " + title
}

// charts counts the pictures that are kept in the state.
func (s *stage) charts() (n int) {
	s.Helper()
	db, err := sql.Open("sqlite", s.path)
	s.must(err)
	defer db.Close()
	s.must(db.QueryRowContext(s.Context(), "SELECT count(*) FROM notifications WHERE chart <> ''").Scan(&n))
	return n
}
