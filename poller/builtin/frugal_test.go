package builtin_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/billwatch/billwatch/poller/notehub"
)

const day = 24 * time.Hour

// api is a provider's side of the wire, which counts.
type api struct {
	accounts int
	page     int           // rows a page; all where 0
	delay    time.Duration // by which a record is late
	text     bool          // wants dates as RFC 3339
	token    string        // refuses any other; any where empty
	fail     func(path string) int
	now      func() time.Time

	mu        sync.Mutex
	kinds     map[string]int
	histories map[string]int // by account
	starts    []string
	list      []byte
}

func (a *api) count(kind, account, start string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kinds[kind]++
	if kind == "history" {
		a.histories[account]++
		a.starts = append(a.starts, start)
	}
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	w.Header().Set("Content-Type", "application/json")
	kind := map[int]string{2: "list", 3: "detail", 4: "history"}[len(parts)]
	id := ""
	if len(parts) > 2 {
		id = parts[2]
	}
	start := r.URL.Query().Get("startDate")
	a.count(kind, id, start)
	if a.fail != nil {
		if status := a.fail(r.URL.Path); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	if a.token != "" && r.Header.Get("Authorization") != "Bearer "+a.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case parts[1] == "billing-accounts":
		a.cudo(w, r.URL.Query().Get("pageToken"))
	case kind == "list":
		w.Write(a.list)
	case kind == "detail":
		fmt.Fprintf(w, `{"uid":%q,"name":"N","suspended":false,"plan":{"type":"Essentials","current_balance":5000}}`, id)
	default:
		a.history(w, start)
	}
}

func (a *api) history(w http.ResponseWriter, start string) {
	var since time.Time
	if seconds, err := strconv.ParseInt(start, 10, 64); err == nil && !a.text {
		since = time.Unix(seconds, 0)
	} else if since, err = time.Parse(time.RFC3339, start); err != nil || !a.text {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	rows := []map[string]any{}
	for at := since.UTC().Truncate(day); !at.Add(a.delay).After(a.now()); at = at.Add(day) {
		rows = append(rows, map[string]any{"period": at, "remaining_event_capacity": 5000, "total_event_capacity_used": 10})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": rows})
}

func (a *api) cudo(w http.ResponseWriter, token string) {
	from, _ := strconv.Atoi(token)
	to, next := a.accounts, ""
	if a.page > 0 && from+a.page < a.accounts {
		to = from + a.page
		next = strconv.Itoa(to)
	}
	var rows []string
	for i := from; i < to; i++ {
		rows = append(rows, fmt.Sprintf(`{"id":"a%d","state":"STATE_ACTIVE","creditBalance":{"value":"57.92"}}`, i))
	}
	fmt.Fprintf(w, `{"billingAccounts":[%s],"pageToken":%q}`, strings.Join(rows, ","), next)
}

// world is a source, its API and what the store would remember.
type world struct {
	*api
	t      *testing.T
	source *poller.Source
	server *httptest.Server
	known  map[string]*billwatch.Remembered
	at     time.Time
	last   billwatch.Round
	polls  []billwatch.Poll // of the last round
}

var start = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, a *api, typ string, interval time.Duration) *world {
	t.Helper()
	w := &world{api: a, t: t, known: map[string]*billwatch.Remembered{}, at: start}
	a.kinds, a.histories, a.now = map[string]int{}, map[string]int{}, func() time.Time { return w.at }
	var rows []string
	for i := range a.accounts {
		rows = append(rows, fmt.Sprintf(`{"uid":"a%d","name":"N","role":"org_admin"}`, i))
	}
	a.list = []byte(`{"organizations":[` + strings.Join(rows, ",") + `]}`)
	w.server = httptest.NewServer(a)
	t.Cleanup(w.server.Close)
	w.open(typ, interval, poller.Common{})
	return w
}

// open makes the source anew, as a process that starts does.
func (w *world) open(typ string, interval time.Duration, common poller.Common) {
	w.t.Helper()
	var settings poller.Settings
	switch typ {
	case "cudo":
		c := cudo.BillingAccounts().Settings().(*cudo.Config)
		c.BaseURL, c.APIKey = w.server.URL, "secret"
		settings = c
	default:
		c := notehub.Organizations().Settings().(*notehub.Config)
		c.BaseURL, c.Token = w.server.URL, "secret"
		if common.Dir != "" {
			c.Token, c.TokenFile = "", "token"
		}
		settings = c
	}
	budget := poller.NewBudget(0, w.now)
	common.Source, common.Ask, common.AskHistory = "s", budget.Ask, budget.AskHistory
	provider, err := settings.New(common)
	if err != nil {
		w.t.Fatal(err)
	}
	w.source = &poller.Source{
		Name: "s", Provider: provider, Timing: poller.Timing{Interval: interval}, Concurrency: 16, Budget: budget,
		Now: w.now, Log: slog.New(slog.DiscardHandler),
	}
}

func (w *world) round() {
	known := make([]billwatch.Remembered, 0, len(w.known))
	for _, k := range w.known {
		known = append(known, *k)
	}
	w.polls = nil
	w.last = w.source.Round(w.t.Context(), known, func(p billwatch.Poll) {
		w.polls = append(w.polls, p)
		k := w.known[p.Account.ID]
		if k == nil {
			k = &billwatch.Remembered{Account: p.Account}
			w.known[p.Account.ID] = k
		}
		if p.Snapshot != nil {
			k.Last = p.Snapshot
		}
		if p.HistoryAsked {
			k.HistoryAsked = p.At
		}
		if n := len(p.Records); n > 0 {
			k.HistoryThrough = p.Records[n-1].Period
		}
	})
}

// run makes the rounds of a span of time.
func (w *world) run(span, interval time.Duration) {
	for end := w.at.Add(span); w.at.Before(end); w.at = w.at.Add(interval) {
		w.round()
	}
}

// TestRequestsOfADay counts the requests of a day in steady state, after one in
// which everything was read for the first time. One too many fails it.
func TestRequestsOfADay(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%-8s %8s %9s %7s %7s %8s %7s %7s\n", "provider", "accounts", "interval", "list", "detail", "history", "total", "bound")
	for _, c := range []struct {
		provider string
		accounts int
		page     int
		interval time.Duration
	}{
		{"notehub", 1, 0, 5 * time.Minute},
		{"notehub", 100, 0, time.Hour},
		{"notehub", 10_000, 0, day},
		{"cudo", 1, 100, 5 * time.Minute},
		{"cudo", 100, 100, time.Hour},
		{"cudo", 10_000, 100, 12 * time.Hour},
	} {
		w := newWorld(t, &api{accounts: c.accounts, page: c.page}, c.provider, c.interval)
		w.run(day, c.interval)
		w.mu.Lock()
		first := w.histories
		w.kinds, w.histories = map[string]int{}, map[string]int{}
		w.mu.Unlock()
		w.run(day, c.interval)
		cycles := int(day / c.interval)
		bound := map[string]int{"list": cycles, "detail": cycles * c.accounts, "history": c.accounts}
		if c.provider == "cudo" {
			bound = map[string]int{"list": cycles * ((c.accounts + c.page - 1) / c.page)}
		}
		total, allowed := 0, 0
		for _, kind := range []string{"list", "detail", "history"} {
			if w.kinds[kind] != bound[kind] {
				t.Errorf("%s, %d accounts: %d %s requests a day, want %d", c.provider, c.accounts, w.kinds[kind], kind, bound[kind])
			}
			total, allowed = total+w.kinds[kind], allowed+bound[kind]
		}
		for id, n := range first {
			if n != 1 {
				t.Errorf("%s: history of %s was read %d times on the first day, want once", c.provider, id, n)
			}
		}
		fmt.Fprintf(&table, "%-8s %8d %9s %7d %7d %8d %7d %7d\n", c.provider, c.accounts, strings.TrimSuffix(c.interval.String(), "0s"),
			w.kinds["list"], w.kinds["detail"], w.kinds["history"], total, allowed)
	}
	t.Log("requests of a simulated day\n" + table.String())
}

func TestTheFirstHistoryGoesBackNinetyDaysInUnixSeconds(t *testing.T) {
	w := newWorld(t, &api{accounts: 1}, "notehub", time.Hour)
	w.round()
	if want := strconv.FormatInt(start.Add(-90*day).Unix(), 10); len(w.starts) != 1 || w.starts[0] != want {
		t.Errorf("asked with startDate %v, want once with %s", w.starts, want)
	}
	w.at = start.Add(day)
	w.round()
	if want := strconv.FormatInt(start.Add(-8*day).Unix(), 10); len(w.starts) != 2 || w.starts[1] != want {
		t.Errorf("asked with startDate %v, want from a week before what is known on: %s", w.starts, want)
	}
}

func TestAnAPIThatWantsDatesAsTextIsAskedWronglyOnce(t *testing.T) {
	w := newWorld(t, &api{accounts: 1, text: true}, "notehub", time.Hour)
	w.run(4*day, time.Hour)
	if got := w.kinds["history"]; got != 1+4 {
		t.Fatalf("%d history requests in four days, want one a day and one that was refused: %v", got, w.starts)
	}
	for _, at := range w.starts[1:] {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			t.Errorf("asked with startDate %s after a refusal", at)
		}
	}
}

func TestALateRecordIsAskedForOnceAnHour(t *testing.T) {
	w := newWorld(t, &api{accounts: 3, delay: day + 150*time.Minute}, "notehub", 5*time.Minute)
	w.run(day, 5*time.Minute)
	w.mu.Lock()
	w.histories = map[string]int{}
	w.mu.Unlock()
	w.run(day, 5*time.Minute) // the record comes at 2:30
	for id, n := range w.histories {
		if n != 4 {
			t.Errorf("history of %s was asked for %d times, want at 0:00, 1:00, 2:00 and 3:00", id, n)
		}
	}
}

func TestACycleHasAtMostOneRetry(t *testing.T) {
	for _, c := range []struct {
		what string
		fail string // in the path
		once bool   // the listing fails the first time
		want int
	}{
		{"of a listing", "/organizations", false, 2},
		{"of one account among those that fail", "/a", false, 1 + 4 + 1},
		{"of a listing, and then of no account", "/a", true, 2 + 4},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t, &api{accounts: 4}, "notehub", time.Hour)
			w.round()
			w.kinds = map[string]int{}
			listings := 0
			w.fail = func(path string) int {
				if path == "/v1/organizations" {
					if listings++; c.once && listings == 1 {
						return http.StatusServiceUnavailable
					}
				}
				if path == "/v1"+c.fail || strings.Contains(path, c.fail) && c.fail == "/a" {
					return http.StatusServiceUnavailable
				}
				return 0
			}
			w.at = w.at.Add(time.Hour)
			w.round()
			if got := w.kinds["list"] + w.kinds["detail"]; got != c.want {
				t.Errorf("%d requests, want %d", got, c.want)
			}
			if len(w.polls) != 4 {
				t.Errorf("%d of 4 accounts were emitted", len(w.polls))
			}
		})
	}
}

func TestARejectedTokenIsReadAgainOnceAPoll(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	w := newWorld(t, &api{accounts: 3, token: "old"}, "notehub", time.Hour)
	w.open("notehub", time.Hour, poller.Common{Dir: dir})
	w.round()
	if w.last.Err != nil {
		t.Fatal(w.last.Err)
	}
	w.kinds, w.token = map[string]int{}, "new"
	w.round()
	if got := w.kinds["list"] + w.kinds["detail"]; got != 1 || w.last.Err == nil {
		t.Errorf("%d requests with a token that is no longer good and no other in its file, want 1; %v", got, w.last.Err)
	}
	w.kinds = map[string]int{}
	write("new")
	w.round()
	if got := w.kinds["list"] + w.kinds["detail"]; got != 1+1+3 || w.last.Err != nil {
		t.Errorf("%d requests with a new token in its file, want the refused one and a whole round; %v", got, w.last.Err)
	}
	w.kinds, w.token = map[string]int{}, "newer still"
	w.fail = func(path string) int { // only the details are refused
		if strings.Contains(path, "/a") {
			return http.StatusUnauthorized
		}
		return 0
	}
	w.token = ""
	write("another")
	w.round()
	if got := w.kinds["detail"]; got != 3+1 {
		t.Errorf("%d details, want each once and one retry after the token was read again", got)
	}
}
