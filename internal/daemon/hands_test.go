package daemon

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/rules"
)

// ask asks the daemon over HTTP, as a command does.
func (r *road) ask(method, path, body string) (int, string) {
	r.Helper()
	r.d.Listen = "127.0.0.1:9595"
	r.d.opened.Store(r.store)
	request := httptest.NewRequest(method, "http://localhost:9595"+path, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	got := httptest.NewRecorder()
	web.Handler(&web.Health{}, r.d.metrics, r.d.api()).ServeHTTP(got, request)
	return got.Code, got.Body.String()
}

// fingerprint is that of a rule's alert on a1, as the API shows it.
func (r *road) fingerprint(rule string) string {
	r.Helper()
	code, text := r.ask(http.MethodGet, "/api/v1/alerts", "")
	var list struct {
		Alerts []struct{ Rule, Account, Fingerprint string }
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || code != 200 {
		r.Fatalf("alerts: %d %s", code, text)
	}
	for _, a := range list.Alerts {
		if a.Rule == rule && a.Account == "a1" {
			return a.Fingerprint
		}
	}
	r.Fatalf("no %s: %s", rule, text)
	return ""
}

const twoSeverities = `
rules:
  - { alert: Low, expr: balance < 1000, labels: { severity: warning } }
  - { alert: Empty, expr: balance < 3, labels: { severity: critical } }
`

func TestAnAcknowledgedWarningIsQuietUntilItResolvesAndHidesNothingElse(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, twoSeverities, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
		r.api.lists("a1")
		r.pass(11 * time.Minute)
		r.wantNews("at first", []string{"first: Low a1 firing"}, []string{"Low a1 firing"})

		low := r.fingerprint("Low")
		code, text := r.ask(http.MethodPost, "/api/v1/alerts/"+low+"/acknowledge", `{"author":"Jane","comment":"ordered more"}`)
		if code != 200 || !strings.Contains(text, "silence_id") {
			t.Fatalf("acknowledging: %d %s", code, text)
		}
		all, err := r.store.Silences(t.Context())
		r.must(err)
		if len(all) != 1 || !all[0].UntilResolved || all[0].CreatedBy != "Jane" || all[0].Comment != "ordered more" ||
			!slices.Contains(all[0].Matchers, billwatch.Matcher{Name: "severity", Value: "warning", IsEqual: true}) {
			t.Fatalf("the silence is %+v", all)
		}
		if _, text := r.ask(http.MethodGet, "/api/v1/alerts/"+low, ""); !strings.Contains(text, `"why": "silenced"`) || !strings.Contains(text, all[0].ID) {
			t.Errorf("it is not said to be silenced: %s", text)
		}
		r.starts()
		r.pass(25 * time.Hour)
		r.wantNews("a day later", nil, nil)

		r.balance(1)
		r.pass(6 * time.Minute)
		r.wantNews("once it is empty", []string{"first: Empty a1 firing"}, []string{"Empty a1 firing"})

		r.balance(5000)
		r.pass(6 * time.Minute)
		told, moved := r.news()
		slices.Sort(told)
		if want := []string{"all_resolved: Empty a1 resolved", "all_resolved: Low a1 resolved"}; !slices.Equal(told, want) || len(moved) != 2 {
			t.Errorf("once it is full: told %q, moved %q, want %q", told, moved, want)
		}
		if code, text := r.ask(http.MethodPost, "/api/v1/alerts/"+low+"/acknowledge", `{"author":"Jane"}`); code != 409 || !strings.Contains(text, "does not fire") {
			t.Errorf("acknowledging what is over: %d %s", code, text)
		}
		r.pass(15 * time.Minute)
		_, err = r.store.EndSilences(t.Context(), r.d.Clock.Now(), 10*time.Minute, func(billwatch.Silence, billwatch.Labels) bool { return false })
		r.must(err)
		r.balance(1)
		r.pass(6 * time.Minute)
		if told, _ := r.news(); !slices.Contains(told, "first: Low a1 firing") {
			t.Errorf("the next time it is not told: %q", told)
		}
	})
}

// balance is what the account has from now on.
func (r *road) balance(n int64) {
	r.api.mu.Lock()
	defer r.api.mu.Unlock()
	r.api.shape = func(s *billwatch.Snapshot) { s.Balance = billwatch.Known(billwatch.DecimalOf(n)) }
}

func TestAnAlertIsFoundWithItsMovesAlsoWhenItIsOver(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, twoSeverities, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
		r.api.lists("a1")
		r.pass(6 * time.Minute)
		low := r.fingerprint("Low")
		r.balance(5000)
		r.pass(6 * time.Minute)
		code, text := r.ask(http.MethodGet, "/api/v1/alerts/"+low, "")
		var got struct {
			State       string
			Receivers   []string
			Transitions []struct {
				From, To, Reason string
				At               time.Time
				Snapshot         *billwatch.Snapshot
			}
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || code != 200 {
			t.Fatalf("%d %s", code, text)
		}
		if got.State != "resolved" || len(got.Transitions) != 2 || got.Transitions[0].To != "resolved" || got.Transitions[1].To != "firing" ||
			got.Transitions[1].Snapshot == nil || got.Transitions[0].Reason == "" || len(got.Receivers) == 0 {
			t.Errorf("got %s", text)
		}
		if code, text := r.ask(http.MethodGet, "/api/v1/alerts/0000000000000000", ""); code != 404 {
			t.Errorf("one that never was: %d %s", code, text)
		}
		if _, text := r.ask(http.MethodGet, "/api/v1/alerts", ""); strings.Contains(text, low) {
			t.Errorf("it stands still: %s", text)
		}
	})
}

func TestAccountsAreShownWithoutWhoOwnsThem(t *testing.T) {
	r := newRoad(t, "sqlite:"+t.TempDir()+"/state.db", lowRule, rules.Options{})
	r.api.lists("a1", "b/2")
	r.api.shape = func(s *billwatch.Snapshot) { s.Account.Owner, s.Account.Email = "jane", "jane@example.com" }
	r.pass(6 * time.Minute)
	code, text := r.ask(http.MethodGet, "/api/v1/accounts", "")
	for _, want := range []string{`"id": "a1"`, `"balance": "5"`, `"unit": "events"`, `"Low"`, `"state": "active"`} {
		if code != 200 || !strings.Contains(text, want) {
			t.Errorf("it lacks %s: %d %s", want, code, text)
		}
	}
	_, one := r.ask(http.MethodGet, "/api/v1/alerts/"+r.fingerprint("Low"), "")
	_, all := r.ask(http.MethodGet, "/api/v1/alerts", "")
	for _, shown := range []string{text, one, all} {
		if strings.Contains(shown, "jane") {
			t.Errorf("somebody's name is shown: %s", shown)
		}
	}
	for path, want := range map[string]int{"/api/v1/accounts/blues/a1/forget": 409, "/api/v1/accounts/blues/x/forget": 404,
		"/api/v1/accounts/blues/b%2F2/forget": 409, "/api/v1/accounts/blues/..%2F..%2Fx/forget": 404} {
		if code, text := r.ask(http.MethodPost, path, ""); code != want {
			t.Errorf("%s: %d %s, want %d", path, code, text, want)
		}
	}
	if code, _ := r.ask(http.MethodPost, "/api/v2/alerts", "[]"); code != 405 {
		t.Errorf("an alert from elsewhere: %d, want 405", code)
	}
}
