package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// hands is a service with a store, and a clock that stands.
type hands struct {
	t       *testing.T
	store   *sqlstore.Store
	now     time.Time
	api     web.API
	refused string
}

func newHands(t *testing.T) *hands {
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	h := &hands{t: t, store: store, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	h.api = web.API{Now: func() time.Time { return h.now }, Silences: func() web.SilenceBook { return h.store }}
	return h
}

// ask sends a request; a body is JSON.
func (h *hands) ask(method, path, body string) (int, string) {
	h.t.Helper()
	request := httptest.NewRequest(method, "http://localhost:9595"+path, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	h.api.Refused = h.refused
	got := httptest.NewRecorder()
	web.Handler(&web.Health{}, web.NewMetrics("test"), h.api).ServeHTTP(got, request)
	return got.Code, got.Body.String()
}

const wantedSilence = `{"matchers":[{"name":"account","value":"a1","isRegex":false}],"startsAt":"2026-03-01T12:00:00.000Z",` +
	`"endsAt":"2026-03-01T14:00:00.000Z","createdBy":"jane","comment":"ordered","annotations":{"ticket":"7"},"fromTheFuture":1}`

func (h *hands) silence(body string) string {
	h.t.Helper()
	code, text := h.ask(http.MethodPost, "/api/v2/silences", body)
	var made struct{ SilenceID string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || code != 200 || made.SilenceID == "" {
		h.t.Fatalf("making a silence: %d %s", code, text)
	}
	return made.SilenceID
}

func TestASilenceIsMadeChangedAndEndedAsInAlertmanager(t *testing.T) {
	h := newHands(t)
	id := h.silence(wantedSilence)
	code, text := h.ask(http.MethodGet, "/api/v2/silence/"+id, "")
	for _, want := range []string{
		`"id": "` + id + `"`, `"state": "active"`, `"startsAt": "2026-03-01T12:00:00Z"`, `"endsAt": "2026-03-01T14:00:00Z"`,
		`"isEqual": true`, `"isRegex": false`, `"createdBy": "jane"`, `"ticket": "7"`, `"updatedAt": "2026-03-01T12:00:00Z"`,
	} {
		if code != 200 || !strings.Contains(text, want) {
			t.Errorf("it lacks %s: %d %s", want, code, text)
		}
	}
	h.now = h.now.Add(time.Minute)
	longer := strings.Replace(strings.Replace(wantedSilence, "14:00", "15:00", 1), `{"matchers"`, `{"id":"`+id+`","matchers"`, 1)
	if same := h.silence(longer); same != id {
		t.Errorf("a longer one is %s, want the same id %s", same, id)
	}
	other := h.silence(strings.Replace(longer, "a1", "a2", 1))
	if other == id {
		t.Error("one with other matchers has the old id")
	}
	if _, text := h.ask(http.MethodGet, "/api/v2/silence/"+id, ""); !strings.Contains(text, `"state": "expired"`) {
		t.Errorf("the one that it replaces is not over: %s", text)
	}
	if code, text := h.ask(http.MethodDelete, "/api/v2/silence/"+other, ""); code != 200 || text != "" {
		t.Errorf("ending it: %d %q", code, text)
	}
	if _, text := h.ask(http.MethodGet, "/api/v2/silences?expired=false", ""); strings.TrimSpace(text) != "[]" {
		t.Errorf("what is left: %s", text)
	}
}

func TestSilencesAreFilteredByTheirMatchersAndStates(t *testing.T) {
	h := newHands(t)
	first := h.silence(wantedSilence)
	second := h.silence(strings.NewReplacer("a1", "a2", "14:00", "13:00").Replace(wantedSilence))
	third := h.silence(strings.NewReplacer("a1", "a3", "12:00:00", "12:30:00").Replace(wantedSilence))
	ended := h.silence(strings.NewReplacer("a1", "a4").Replace(wantedSilence))
	h.ask(http.MethodDelete, "/api/v2/silence/"+ended, "")
	for query, want := range map[string][]string{
		"":                                  {second, first, third, ended},
		"?filter=account%3D%22a1%22":        {first},
		"?filter=account%3Da1&filter=x%3Dy": {},
		"?filter=account%3D~%22a1%22":       {}, // it is no regular expression
		"?active=false":                     {third, ended},
		"?pending=false&expired=false":      {second, first},
	} {
		code, text := h.ask(http.MethodGet, "/api/v2/silences"+query, "")
		var got []struct{ ID string }
		if err := json.Unmarshal([]byte(text), &got); err != nil || code != 200 || len(got) != len(want) {
			t.Errorf("%s: %d, %d silences, want %d", query, code, len(got), len(want))
			continue
		}
		for i := range want {
			if got[i].ID != want[i] {
				t.Errorf("%s: the one in place %d is %s, want %s", query, i, got[i].ID, want[i])
			}
		}
	}
}

func TestASilenceThatMakesNoSenseIsRefused(t *testing.T) {
	h := newHands(t)
	change := func(was, is string) string { return strings.Replace(wantedSilence, was, is, 1) }
	for _, c := range []struct {
		what, method, path, body string
		want                     int
		says                     string
	}{
		{"no JSON", "POST", "/api/v2/silences", `{"matchers`, 400, "parsing silence body"},
		{"no body", "POST", "/api/v2/silences", "", 400, "parsing silence body"},
		{"JSON that is too deep", "POST", "/api/v2/silences", strings.Repeat(`[`, 200_000), 400, "parsing silence body"},
		{"a list", "POST", "/api/v2/silences", `[]`, 400, "parsing silence body"},
		{"too long a body", "POST", "/api/v2/silences", wantedSilence + strings.Repeat(" ", 1<<20), 413, "1 MiB"},
		{"without a start", "POST", "/api/v2/silences", change("startsAt", "began"), 422, "startsAt in body is required"},
		{"without a matcher", "POST", "/api/v2/silences", change(`{"name":"account","value":"a1","isRegex":false}`, ""), 422, "at least 1 items"},
		{"without a matcher's value", "POST", "/api/v2/silences", change(`"value":"a1",`, ""), 422, "matchers.0.value in body is required"},
		{"that ends before it begins", "POST", "/api/v2/silences", change("14:00", "11:00"), 400, "endsAt: must be after the start"},
		{"that is over", "POST", "/api/v2/silences", strings.NewReplacer("T12:00", "T09:00", "14:00", "11:00").Replace(wantedSilence), 400, "must not be in the past"},
		{"that matches everything", "POST", "/api/v2/silences", change(`"a1","isRegex":false`, `".*","isRegex":true`), 400, "must not match the empty string"},
		{"whose regular expression is broken", "POST", "/api/v2/silences", change(`"a1","isRegex":false`, `"(","isRegex":true`), 400, "regular expression"},
		{"whose regular expression is too long", "POST", "/api/v2/silences", change(`"a1","isRegex":false`, `"`+strings.Repeat("x", 513)+`","isRegex":true`), 400, "longer than 512 characters"},
		{"with too many matchers", "POST", "/api/v2/silences", change(`{"name":"account"`, strings.Repeat(`{"name":"b","value":"c","isRegex":false},`, 50)+`{"name":"account"`), 400, "more than 50"},
		{"with a book of annotations", "POST", "/api/v2/silences", change(`"ticket":"7"`, `"ticket":"`+strings.Repeat("7", 9000)+`"`), 400, "annotations"},
		{"of an id that is none", "POST", "/api/v2/silences", change(`{"matchers"`, `{"id":"6b1f2c1e-5d0e-4c0b-9f60-2f6f3a0c9d11","matchers"`), 404, "silence not found"},
		{"one that is not there", "GET", "/api/v2/silence/6b1f2c1e-5d0e-4c0b-9f60-2f6f3a0c9d11", "", 404, ""},
		{"ending one that is not there", "DELETE", "/api/v2/silence/6b1f2c1e-5d0e-4c0b-9f60-2f6f3a0c9d11", "", 404, ""},
		{"no id at all", "GET", "/api/v2/silence/x", "", 422, "must be of type uuid"},
		{"a filter that is none", "GET", "/api/v2/silences?filter=%7B%3D", "", 400, "matcher"},
		{"a state that is none", "GET", "/api/v2/silences?active=perhaps", "", 422, "active in query must be of type boolean"},
	} {
		code, text := h.ask(c.method, c.path, c.body)
		if code != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d %.200s, want %d and %q", c.what, code, text, c.want, c.says)
		}
	}
	if all, err := h.store.Silences(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%d silences were made, %v", len(all), err)
	}
}

func TestNobodyMakesOrEndsASilenceFromElsewhere(t *testing.T) {
	h := newHands(t)
	id := h.silence(wantedSilence)
	h.refused = "not from here"
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/api/v2/silences", wantedSilence},
		{"DELETE", "/api/v2/silence/" + id, ""},
	} {
		if code, text := h.ask(c.method, c.path, c.body); code != 403 || !strings.Contains(text, "not from here") {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, text)
		}
	}
	h.refused = ""
	for what, change := range map[string]func(*http.Request){
		"a page elsewhere":        func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a name that is not ours": func(r *http.Request) { r.Host = "evil.example" },
	} {
		request := httptest.NewRequest(http.MethodDelete, "http://localhost:9595/api/v2/silence/"+id, http.NoBody)
		change(request)
		got := httptest.NewRecorder()
		web.Handler(&web.Health{}, web.NewMetrics("test"), h.api).ServeHTTP(got, request)
		if got.Code != 403 && got.Code != 421 {
			t.Errorf("%s: %d", what, got.Code)
		}
	}
	if kept, err := h.store.Silence(t.Context(), id); err != nil || !kept.EndsAt.Equal(h.now.Add(2*time.Hour)) {
		t.Errorf("the silence is now %+v, %v", kept, err)
	}
	h.api.Silences = func() web.SilenceBook { return nil }
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/api/v2/silences", wantedSilence}, {"DELETE", "/api/v2/silence/" + id, ""},
		{"GET", "/api/v2/silences", ""}, {"GET", "/api/v2/silence/" + id, ""},
	} {
		if code, text := h.ask(c.method, c.path, c.body); code != 503 {
			t.Errorf("without a store, %s %s: %d %s", c.method, c.path, code, text)
		}
	}
}
