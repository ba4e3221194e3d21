package simulate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/simulate"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/notehub"
)

const token = "demo-token"

// world is a simulated API with a clock that a test turns.
type world struct {
	mu    sync.Mutex
	start time.Time
	now   time.Time
	api   http.Handler
}

func newWorld(t *testing.T, start time.Time) (*world, *httptest.Server) {
	w := &world{start: start, now: start}
	w.api = simulate.NewNotehub(simulate.Config{Now: w.clock, Start: start, Token: token, Seed: 7})
	server := httptest.NewServer(w.api)
	t.Cleanup(server.Close)
	return w, server
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) turn(since time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.start.Add(since)
}

// get asks the API without a network.
func (w *world) get(t *testing.T, uri string, into any) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, uri, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	if into != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), into); err != nil {
			t.Fatalf("%s: %v", uri, err)
		}
	}
	return rec.Code
}

type detail struct {
	UID       string
	Name      string
	Suspended bool
	Plan      struct {
		Type     string
		Balance  int64      `json:"current_balance"`
		Capacity int64      `json:"event_capacity"`
		End      *time.Time `json:"end_date"`
	}
}

type history struct {
	Data []struct {
		Period    time.Time
		Remaining int64 `json:"remaining_event_capacity"`
		Used      int64 `json:"total_event_capacity_used"`
	}
}

func (w *world) accounts(t *testing.T) map[string]detail {
	t.Helper()
	var list struct{ Organizations []struct{ UID string } }
	w.get(t, "/v1/organizations", &list)
	details := map[string]detail{}
	for _, row := range list.Organizations {
		var d detail
		if w.get(t, "/v1/organizations/"+row.UID, &d) == http.StatusOK {
			details[d.Name] = d
		}
	}
	return details
}

// starts are moments of the week and the year at which the story must hold.
func starts() []time.Time {
	return []time.Time{
		time.Date(2026, 11, 24, 10, 17, 0, 0, time.UTC),
		time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC),
		time.Date(2026, 12, 31, 22, 45, 12, 345, time.UTC),
		time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	}
}

func TestTheFirstFiveHours(t *testing.T) {
	for _, start := range starts() {
		w, _ := newWorld(t, start)
		balance := func(name string, at time.Duration) int64 {
			w.turn(at)
			return w.accounts(t)[name].Plan.Balance
		}
		suspended := func(at time.Duration) bool {
			w.turn(at)
			return w.accounts(t)["Foxglove Agritech"].Suspended
		}
		status := func(at time.Duration) int {
			w.turn(at)
			return w.get(t, "/v1/organizations", nil)
		}
		for _, c := range []struct {
			what  string
			holds bool
		}{
			{"there are a dozen", len(w.accounts(t)) == 12},
			{"one is low at once", balance("Cedar Street Labs", 0) == 180},
			{"one begins above 1,000", balance("Dune Solar", 0) == 1450},
			{"and runs low within two hours", balance("Dune Solar", 2*time.Hour) < 1000},
			{"and is topped up before five", balance("Dune Solar", 4*time.Hour+20*time.Minute) > 9000},
			{"one begins with enough", balance("Elm Fleet Trackers", 0) == 900},
			{"and runs dry within three hours", balance("Elm Fleet Trackers", 3*time.Hour) == 0},
			{"one is not suspended at first", !suspended(89 * time.Minute)},
			{"and is at an hour and a half", suspended(91 * time.Minute)},
			{"and is lifted at three", !suspended(181 * time.Minute)},
			{"the API works before the outage", status(209*time.Minute) == 200},
			{"fails in it", status(215*time.Minute) == 503},
			{"and works after half an hour", status(241*time.Minute) == 200},
			{"a plan ends within three days", w.accounts(t)["Harbor Lights"].Plan.End.Before(start.Add(72 * time.Hour))},
		} {
			if !c.holds {
				t.Errorf("%s: it does not hold that %s", start, c.what)
			}
		}
	}
}

func TestBalancesAndHistoryAgree(t *testing.T) {
	for _, start := range starts() {
		w, _ := newWorld(t, start)
		for _, at := range []time.Duration{0, 59 * time.Minute, 5*time.Hour + 13*time.Second, 26 * time.Hour, 61 * time.Hour, 40 * 24 * time.Hour} {
			w.turn(at)
			rises := 0
			for name, d := range w.accounts(t) {
				var h history
				w.get(t, "/v1/organizations/"+d.UID+"/balance-history", &h)
				last := h.Data[len(h.Data)-1]
				if !last.Period.Equal(w.clock().Truncate(24*time.Hour)) || last.Remaining != d.Plan.Balance {
					t.Errorf("%s at %s: balance %d, the last record is %+v", name, at, d.Plan.Balance, last)
				}
				if len(h.Data) < 90 {
					t.Errorf("%s: %d days of history", name, len(h.Data))
				}
				for i := 1; i < len(h.Data); i++ {
					topUp := h.Data[i].Remaining - h.Data[i-1].Remaining + h.Data[i].Used
					if topUp < 0 || h.Data[i].Remaining < 0 || h.Data[i].Used < 0 || h.Data[i].Period.Sub(h.Data[i-1].Period) != 24*time.Hour {
						t.Errorf("%s: %+v follows %+v", name, h.Data[i], h.Data[i-1])
					}
					if topUp > 0 {
						rises++
					}
				}
			}
			if rises == 0 {
				t.Errorf("at %s nobody was ever topped up", at)
			}
		}
	}
}

func TestUseNeverRunsBackwards(t *testing.T) {
	w, _ := newWorld(t, starts()[0])
	before := map[string]int64{}
	for at := time.Duration(0); at < 30*time.Hour; at += 7 * time.Minute {
		w.turn(at)
		for name, d := range w.accounts(t) {
			var h history
			day := w.clock().Truncate(24 * time.Hour)
			w.get(t, fmt.Sprintf("/v1/organizations/%s/balance-history?startDate=%d", d.UID, day.Unix()), &h)
			if len(h.Data) != 1 {
				t.Fatalf("%s: %d records since midnight", name, len(h.Data))
			}
			key := name + day.String()
			if used := h.Data[0].Used; used < before[key] {
				t.Errorf("%s at %s: used %d, before %d", name, at, used, before[key])
			}
			before[key] = h.Data[0].Used
		}
	}
}

func TestTwoRunsAreAlike(t *testing.T) {
	a, _ := newWorld(t, starts()[0])
	b, _ := newWorld(t, starts()[0])
	a.turn(time.Hour)
	a.accounts(t) // what was asked before changes nothing
	for _, at := range []time.Duration{0, 3 * time.Hour, 50 * time.Hour} {
		a.turn(at)
		b.turn(at)
		if x, y := fmt.Sprintf("%+v", a.accounts(t)["Granite Rail"].Plan.Balance), fmt.Sprintf("%+v", b.accounts(t)["Granite Rail"].Plan.Balance); x != y {
			t.Errorf("at %s: %s and %s", at, x, y)
		}
	}
}

func TestTheProviderReadsIt(t *testing.T) {
	w, server := newWorld(t, starts()[0])
	settings := notehub.Organizations().Settings().(*notehub.Config)
	settings.BaseURL, settings.Token = server.URL, token
	p, err := settings.New(poller.Common{Source: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	s := &poller.Source{
		Name: "demo", Provider: p, Timing: poller.Timing{Interval: 5 * time.Minute},
		Now: w.clock, Log: slog.New(slog.DiscardHandler),
	}
	known := map[string]billwatch.Remembered{}
	round := func(at time.Duration) (ok, failed, suspended, records int, r billwatch.Round) {
		w.turn(at)
		var list []billwatch.Remembered
		for _, k := range known {
			list = append(list, k)
		}
		r = s.Round(t.Context(), list, func(p billwatch.Poll) {
			k := known[p.Account.ID]
			k.Account = p.Account
			if p.Snapshot == nil {
				failed++
				return
			}
			if !p.HistoryAsked {
				ok++
			}
			if on, _ := p.Snapshot.Suspended.Get(); on {
				suspended++
			}
			k.Last, records = p.Snapshot, records+len(p.Records)
			if p.HistoryAsked {
				k.HistoryAsked, k.HistoryThrough = p.At, p.At.Truncate(24*time.Hour)
			}
			known[p.Account.ID] = k
		})
		return ok, failed, suspended, records, r
	}
	if ok, failed, suspended, records, r := round(0); r.Err != nil || ok != 12 || failed+suspended > 0 || records != 12*90 {
		t.Errorf("at first: %d ok, %d failed, %d suspended, %d records, %v", ok, failed, suspended, records, r.Err)
	}
	if ok, failed, suspended, _, r := round(2 * time.Hour); r.Err != nil || ok != 12 || failed > 0 || suspended != 1 {
		t.Errorf("later: %d ok, %d failed, %d suspended, %v", ok, failed, suspended, r.Err)
	}
	if ok, failed, _, _, r := round(215 * time.Minute); poller.KindOf(r.Err) != poller.Failed || ok > 0 || failed != 12 {
		t.Errorf("in the outage: %d ok, %d failed, %v", ok, failed, r.Err)
	}
	_, failed, _, _, r := round(27 * time.Hour) // one is told by a refusal
	pumps := 0
	for _, k := range known {
		if on, _ := k.Last.Suspended.Get(); on {
			pumps++
			if k.Account.Name != "Iron Valley Pumps" || !k.Last.Balance.IsKnown() {
				t.Errorf("got %+v", k.Last)
			}
		}
	}
	if r.Err != nil || failed > 0 || pumps != 1 {
		t.Errorf("refused: %d failed, %d suspended, %v", failed, pumps, r.Err)
	}
}

func TestWhatTheAPIRefuses(t *testing.T) {
	w, server := newWorld(t, starts()[0])
	for uri, want := range map[string]int{
		"/v1/organizations/nobody":                 404,
		"/v1/organizations/nobody/balance-history": 404,
		"/v1/billing-accounts/nobody":              404,
		"/v1/devices":                              404,
	} {
		if got := w.get(t, uri, nil); got != want {
			t.Errorf("%s: got %d, want %d", uri, got, want)
		}
	}
	for _, d := range w.accounts(t) {
		if got := w.get(t, "/v1/organizations/"+d.UID+"/balance-history?startDate=2026-11-01", nil); got != 400 {
			t.Errorf("a date: got %d", got)
		}
		break
	}
	resp, err := http.Get(server.URL + "/v1/organizations")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("without a token: got %d", resp.StatusCode)
	}
}

func TestTheInboxCountsAMessageOnce(t *testing.T) {
	var told []string
	inbox := &simulate.Inbox{OnMessage: func(m simulate.Message) { told = append(told, m.ID) }}
	post := func(method, id, body string) int {
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		if id != "" {
			r.Header.Set("webhook-id", id)
		}
		rec := httptest.NewRecorder()
		inbox.ServeHTTP(rec, r)
		return rec.Code
	}
	const first = `{"version":"1","id":"ntf_1","reason":"first","status":"firing","receiver":"ops","group_labels":{"alertname":"CapacityLow"},
		"sent_at":"2026-11-24T10:00:00Z","truncated":0,"alerts":[{"status":"firing","starts_at":"2026-11-24T09:59:00Z","ends_at":null,
		"labels":{"alertname":"CapacityLow"},"annotations":{"summary":"low"},"value":812,"unit":"events","account":{"source":"demo","id":"a","name":"A"}}]}`
	second := strings.Replace(strings.Replace(first, "ntf_1", "ntf_2", 1), `"account":{"source":"demo","id":"a","name":"A"}`, `"account":null`, 1)
	for _, c := range []struct {
		method, id, body string
		status           int
	}{
		{"POST", "ntf_1", first, 204},
		{"POST", "ntf_1", first, 204},
		{"POST", "", first, 204},
		{"POST", "ntf_2", second, 204},
		{"POST", "ntf_3", "{}", 400},
		{"POST", "ntf_3", "oops", 400},
		{"POST", "ntf_3", strings.Repeat(" ", 5<<20), 400},
		{"GET", "", "", 405},
	} {
		if got := post(c.method, c.id, c.body); got != c.status {
			t.Errorf("%s %q %.20s: got %d, want %d", c.method, c.id, c.body, got, c.status)
		}
	}
	if got := fmt.Sprint(inbox.Counts(), inbox.Duplicates(), told); got != "map[ops:2] 2 [ntf_1 ntf_2]" {
		t.Errorf("got %s", got)
	}
	messages := inbox.Messages()
	if len(messages) != 2 || messages[0].Alerts[0].Account.Name != "A" || messages[1].Alerts[0].Account != nil ||
		*messages[0].Alerts[0].Value != 812 || !bytes.Equal(messages[0].Body, []byte(first)) {
		t.Errorf("got %+v", messages)
	}
}
