package notehub_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/notehub"
)

const token = "pat-0123456789-secret"

// reader is all that a provider of this package can do.
type reader interface {
	poller.Provider
	poller.Historian
	poller.Refresher
}

func provider(t testing.TB, typ poller.Type, base string) reader {
	t.Helper()
	settings := typ.Settings().(*notehub.Config)
	settings.BaseURL, settings.Token = base, token
	p, err := settings.New(poller.Common{Source: "blues", Timeout: 5 * time.Second, UserAgent: "billwatch/test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.(io.Closer).Close() })
	return p.(reader)
}

// serve answers every request alike.
func serve(t testing.TB, status int, mediaType string, body []byte) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func example(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRequests(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization"))
		body := `{"organizations":[],"data":[],"uid":"a/b"}`
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	p := provider(t, notehub.Organizations(), server.URL)
	since := time.Date(2026, 8, 26, 12, 30, 0, 0, time.UTC)
	_, err1 := p.List(t.Context())
	_, err2 := p.Fetch(t.Context(), billwatch.Account{ID: "a/b"})
	_, err3 := p.History(t.Context(), "a/b", since)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /v1/organizations Bearer " + token,
		"GET /v1/organizations/a%2Fb Bearer " + token,
		"GET /v1/organizations/a%2Fb/balance-history?startDate=1787747400 Bearer " + token,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDatesAreWrittenAsTheAPIWantsThem(t *testing.T) {
	for _, c := range []struct {
		what    string
		accepts func(string) bool
		want    []string // of two reads
		fails   bool
	}{
		{"Unix seconds", func(s string) bool { return !strings.Contains(s, "T") }, []string{"0", "0"}, false},
		{"RFC 3339, remembered", func(s string) bool { return strings.Contains(s, "T") },
			[]string{"0", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"}, false},
		{"neither", func(string) bool { return false },
			[]string{"0", "1970-01-01T00:00:00Z", "0", "1970-01-01T00:00:00Z"}, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			var got []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				start := r.URL.Query().Get("startDate")
				got = append(got, start)
				if !c.accepts(start) {
					w.WriteHeader(http.StatusBadRequest)
				}
				_, _ = io.WriteString(w, `{"data":[]}`)
			}))
			defer server.Close()
			p := provider(t, notehub.Organizations(), server.URL)
			for range 2 {
				if _, err := p.History(t.Context(), "a", time.Unix(0, 0)); (err != nil) != c.fails {
					t.Errorf("got %v", err)
				}
			}
			if strings.Join(got, " ") != strings.Join(c.want, " ") {
				t.Errorf("asked %v, want %v", got, c.want)
			}
		})
	}
}

func TestOnlyASuspendedAccountIsSuspended(t *testing.T) {
	json := func(text string) string { return `{"err":"` + text + `","code":403,"status":"Forbidden"}` }
	for _, c := range []struct {
		what, mediaType, body string
		status                int
		suspended             bool
	}{
		{"a billing account", "application/json", json("this billing account is suspended"), 403, true},
		{"an organization, in capitals", "application/json", json("Organization IS SUSPENDED"), 403, true},
		{"an organization by name", "application/json", json("organization Acme is suspended, see notehub.io"), 403, true},
		{"an account without more", "application/json", `{"err":"account is suspended"}`, 403, true},
		{"a token", "application/json", json("this access token is suspended"), 403, false},
		{"a token of an account", "application/json", json("the token of this account is suspended"), 403, false},
		{"an API key of an organization", "application/json", json("the API key of the organization is suspended"), 403, false},
		{"a person", "application/json", json("you are suspended"), 403, false},
		{"another 403", "application/json", json("The requested action was forbidden"), 403, false},
		{"an HTML page", "text/html", "<p>this billing account is suspended</p>", 403, false},
		{"an HTML page that calls itself JSON", "application/json", "<p>this billing account is suspended</p>", 403, false},
		{"a 401", "application/json", json("this billing account is suspended"), 401, false},
		{"a 500", "application/json", json("this billing account is suspended"), 500, false},
		{"a cut body", "application/json", `{"err":"this billing account is suspended"`, 403, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := provider(t, notehub.Organizations(), serve(t, c.status, c.mediaType, []byte(c.body)))
			account := billwatch.Account{ID: "a", Name: "A", Role: "org_admin"}
			s, err := p.Fetch(t.Context(), account)
			if got := poller.KindOf(err) == poller.Suspended; got != c.suspended || err == nil {
				t.Errorf("got %v", err)
			}
			if suspended, _ := s.Suspended.Get(); suspended != c.suspended {
				t.Errorf("got %+v", s)
			}
			if c.suspended && (s.Account.Name != "A" || s.Balance.IsKnown() || s.Balance.IsZero() || s.State.IsKnown()) {
				t.Errorf("only the suspension is known, got %+v", s)
			}
			if _, err := p.List(t.Context()); poller.KindOf(err) == poller.Suspended {
				t.Error("a suspended listing is no news of an account")
			}
			if _, err := p.History(t.Context(), "a", time.Now()); poller.KindOf(err) == poller.Suspended {
				t.Error("a suspended history is no news of an account")
			}
		})
	}
}

func TestAMissingEndpointNamesTheOtherType(t *testing.T) {
	base := serve(t, http.StatusNotFound, "application/json", example(t, "error.404.json"))
	_, err := provider(t, notehub.Organizations(), base).List(t.Context())
	if poller.KindOf(err) != poller.Gone || !strings.Contains(err.Error(), "notehub-billing-accounts") {
		t.Errorf("got %v", err)
	}
	_, err = provider(t, notehub.BillingAccounts(), base).List(t.Context())
	if err == nil || strings.Contains(err.Error(), "notehub-billing-accounts") {
		t.Errorf("got %v", err)
	}
}

func TestABadRowLeavesTheGoodOnes(t *testing.T) {
	body := `{"organizations":[{"uid":"a","name":"A","role":"org_admin"},{"name":"no uid"},{"uid":7},{"uid":"b","name":9},null,` +
		`{"uid":"c"},{"uid":"d","name":""},{"uid":"e","role":{}},{"uid":"..","name":"climber"}]}`
	l, err := provider(t, notehub.Organizations(), serve(t, 200, "application/json", []byte(body))).List(t.Context())
	if err != nil || l.Complete {
		t.Fatalf("got %v, complete %v", err, l.Complete)
	}
	var ids []string
	for _, row := range l.Rows {
		ids = append(ids, row.Account.ID)
	}
	if got := strings.Join(ids, " "); got != "a c d .." {
		t.Errorf("got rows %s", got)
	}
	for i, want := range []string{
		"row 2 of organizations: uid: is missing",
		"row 3 of organizations: uid: is a number, not a string",
		"row 4 of organizations: name: is a number, not a string",
		"row 5 of organizations: the answer is null, not a JSON object",
		"row 8 of organizations: role: is an object, not a string",
	} {
		if i >= len(l.Problems) || l.Problems[i].Error() != want {
			t.Errorf("got problems %v, want %q", l.Problems, want)
		}
	}
}

func TestTheTokenIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old\n")
	var accepted string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+accepted {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"organizations":[]}`)
	}))
	defer server.Close()
	settings := notehub.Organizations().Settings().(*notehub.Config)
	settings.BaseURL, settings.TokenFile = server.URL, filepath.Base(file)
	made, err := settings.New(poller.Common{Source: "blues", Dir: filepath.Dir(file)})
	if err != nil {
		t.Fatal(err)
	}
	source := &poller.Source{Name: "blues", Provider: made, Timing: poller.Timing{Interval: time.Minute}, Now: time.Now}
	round := func() billwatch.Round {
		return source.Round(context.WithoutCancel(t.Context()), nil, func(billwatch.Poll) {})
	}
	accepted = "old"
	if r := round(); r.Err != nil {
		t.Fatal(r.Err)
	}
	accepted = "new"
	if r := round(); poller.KindOf(r.Err) != poller.Credential {
		t.Fatalf("got %v", r.Err)
	}
	write("Bearer new\n")
	if r := round(); r.Err != nil {
		t.Fatalf("the new token was not taken: %v", r.Err)
	}
}

func TestPersonalDataStayOutOfErrors(t *testing.T) {
	body := bytes.ReplaceAll(example(t, "organization.enterprise.200.json"), []byte(`2750000`), []byte(`"2,750,000"`))
	_, err := provider(t, notehub.Organizations(), serve(t, 200, "application/json", body)).
		Fetch(t.Context(), billwatch.Account{ID: "a2c9e0b4-30aa-4a6e-8f7d-6f5a4b3c2d1e"})
	if err == nil || strings.Contains(err.Error(), "@example.com") || !strings.Contains(err.Error(), `plan.current_balance: "2,750,000" is not a whole number`) {
		t.Errorf("got %v", err)
	}
}

func TestAKeptAnswerIsRead(t *testing.T) {
	decoder := provider(t, notehub.Organizations(), "http://localhost:1").(poller.Decoder)
	s, err := decoder.Decode(example(t, "organization.enterprise.200.json"))
	want := billwatch.Account{
		ID: "a2c9e0b4-30aa-4a6e-8f7d-6f5a4b3c2d1e", Name: "Acme Field Sensors", Provider: "notehub", Kind: "organization",
		Owner: "ops@example.com", Email: "billing@example.com",
	}
	if balance, _ := s.Balance.Get(); err != nil || balance.String() != "2750000" || !reflect.DeepEqual(s.Account, want) {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, name := range []string{"organizations.200.json", "error.401.json", "error.502.html"} {
		if s, err := decoder.Decode(example(t, name)); err == nil {
			t.Errorf("%s was read as %+v", name, s)
		}
	}
}

func TestOneBadRecordFailsTheHistory(t *testing.T) {
	const good = `{"period":"2026-01-01","remaining_event_capacity":5,"total_event_capacity_used":1}`
	for row, says := range map[string]string{
		`{"remaining_event_capacity":5,"total_event_capacity_used":1}`:                                 "data[1]: period: is missing",
		`{"period":"2026-01-02","total_event_capacity_used":1}`:                                        "data[1]: remaining_event_capacity: is missing",
		`{"period":"2026-01-02","remaining_event_capacity":5}`:                                         "data[1]: total_event_capacity_used: is missing",
		`{"period":"2026-01-02","remaining_event_capacity":5.5,"total_event_capacity_used":1}`:         "data[1]: remaining_event_capacity: 5.5 is not a whole number",
		`{"period":"2026-13-45","remaining_event_capacity":5,"total_event_capacity_used":1}`:           `data[1]: period: "2026-13-45" is not a date`,
		`{"period":1767225600000,"remaining_event_capacity":5,"total_event_capacity_used":1}`:          "data[1]: period: is a number, not a string",
		`{"period":"0001-01-01T00:00:00Z","remaining_event_capacity":5,"total_event_capacity_used":1}`: "data[1]: period: is missing",
		`null`: "data[1]: the answer is null",
	} {
		h, err := notehub.DecodeHistory([]byte(`{"data":[`+good+`,`+row+`]}`), time.Unix(0, 0))
		if err == nil || !strings.HasPrefix(err.Error(), says) || len(h) > 0 {
			t.Errorf("%s: got %v, %v, want %s", row, h, err, says)
		}
	}
}

func TestSettingsWithoutAFamilyAreOfOrganizations(t *testing.T) {
	base := serve(t, http.StatusOK, "application/json", example(t, "organizations.200.json"))
	c := notehub.Config{Token: token}
	if _, err := c.New(poller.Common{}); err == nil || !strings.Contains(err.Error(), "base_url") {
		t.Errorf("got %v", err)
	}
	c.BaseURL = base
	p, err := c.New(poller.Common{Source: "blues"})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := p.List(t.Context()); err != nil || len(l.Rows) == 0 || l.Rows[0].Account.Kind != "organization" {
		t.Errorf("got %+v, %v", l, err)
	}
}
