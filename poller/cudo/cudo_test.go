package cudo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
)

const key = "ck-0123456789-secret"

func provider(t testing.TB, base, history string, change ...func(*poller.Common)) poller.Provider {
	t.Helper()
	settings := cudo.BillingAccounts().Settings().(*cudo.Config)
	settings.BaseURL, settings.APIKey, settings.History = base, key, history
	common := poller.Common{Source: "gpus", Timeout: 5 * time.Second, UserAgent: "billwatch/test"}
	for _, f := range change {
		f(&common)
	}
	p, err := settings.New(common)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.(io.Closer).Close() })
	return p
}

// serve answers every request alike.
func serve(t testing.TB, status int, body []byte) string {
	return handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
}

func handle(t testing.TB, h http.HandlerFunc) string {
	server := httptest.NewServer(h)
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
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization"))
		switch {
		case r.URL.Query().Get("pageToken") == "" && !strings.Contains(r.URL.Path, "a/b"):
			_, _ = io.WriteString(w, `{"billingAccounts":[],"pageToken":"x/y="}`)
		default:
			_, _ = io.WriteString(w, `{"billingAccounts":[],"id":"a/b","creditBalance":"0","creditBalanceTransactions":[]}`)
		}
	})
	p := provider(t, base, "ledger")
	_, err1 := p.List(t.Context())
	_, err2 := p.Fetch(t.Context(), billwatch.Account{ID: "a/b"})
	_, err3 := p.(poller.Historian).History(t.Context(), "a/b", time.Unix(0, 0))
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"/v1/billing-accounts?pageSize=100",
		"/v1/billing-accounts?pageSize=100&pageToken=x%2Fy%3D",
		"/v1/billing-accounts/a%2Fb",
		"/v1/billing-accounts/a%2Fb", // history needs a balance, and no list gave it
		"/v1/billing-accounts/a%2Fb/credit-balance-transactions?pageSize=100",
	} {
		if want = "GET " + want + " Bearer " + key; i >= len(got) || got[i] != want {
			t.Errorf("request %d: got %s, want %s", i+1, got, want)
		}
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		what, field string
		change      func(*cudo.Config)
	}{
		{"a currency in small letters", "currency", func(c *cudo.Config) { c.Currency = "usd" }},
		{"a currency's sign", "currency", func(c *cudo.Config) { c.Currency = "$" }},
		{"no currency", "currency", func(c *cudo.Config) { c.Currency = "" }},
		{"history from elsewhere", "history", func(c *cudo.Config) { c.History = "invoices" }},
		{"no key", "api_key", func(c *cudo.Config) { c.APIKey = "" }},
		{"a key in a file that is not there", "api_key_file", func(c *cudo.Config) { c.APIKey, c.APIKeyFile = "", "nowhere" }},
		{"no address", "base_url", func(c *cudo.Config) { c.BaseURL = "" }},
	} {
		settings := cudo.BillingAccounts().Settings().(*cudo.Config)
		settings.APIKey = key
		c.change(settings)
		_, err := settings.New(poller.Common{})
		if wrong, ok := errors.AsType[*billwatch.FieldError](err); !ok || wrong.Field != c.field {
			t.Errorf("%s: got %v, want %s", c.what, err, c.field)
		}
	}
}

// TestPages says what comes of lists whose pages are not as they should be.
func TestPages(t *testing.T) {
	full := func(ids string, token string) string {
		var rows []string
		for id := range strings.FieldsSeq(ids) {
			rows = append(rows, fmt.Sprintf(`{"id":%q}`, id))
		}
		return `{"billingAccounts":[` + strings.Join(rows, ",") + `],"pageToken":` + token + `}`
	}
	for _, c := range []struct {
		what     string
		pages    map[string]string // by token
		ids      string
		problems string // "|" between them; "" for a complete listing
	}{
		{"one page", map[string]string{"": full("a b", `""`)}, "a b", ""},
		{"a token that is null", map[string]string{"": full("a", `null`)}, "a", ""},
		{"no token at all", map[string]string{"": `{"billingAccounts":[{"id":"a"}]}`}, "a", ""},
		{"two pages", map[string]string{"": full("a", `"2"`), "2": full("b", `""`)}, "a b", ""},
		{"an empty page in the middle", map[string]string{"": full("a", `"2"`), "2": full("", `"3"`), "3": full("c", `""`)}, "a c", ""},
		{"an account on two pages", map[string]string{"": full("a b", `"2"`), "2": full("b c", `""`)}, "a b b c", ""},
		{"the token that was sent comes back", map[string]string{"": full("a", `"2"`), "2": full("b", `"2"`)}, "a b",
			"page 2 of billingAccounts: GET /v1/billing-accounts: 200 OK: pageToken: was there before; the list has no end"},
		{"an older token comes back", map[string]string{"": full("a", `"2"`), "2": full("b", `"3"`), "3": full("c", `"2"`)}, "a b c",
			"page 3 of billingAccounts: GET /v1/billing-accounts: 200 OK: pageToken: was there before; the list has no end"},
		{"a bad row among good ones", map[string]string{"": `{"billingAccounts":[{"id":"a"},{"id":7},null,{"id":"b","state":1},{"id":"c"}],"pageToken":"2"}`, "2": full("d", `""`)}, "a c d",
			"row 2 on page 1 of billingAccounts: id: is a number, not a string|row 3 on page 1 of billingAccounts: the answer is null, not a JSON object|" +
				"row 4 on page 1 of billingAccounts: state: is a number, not a string"},
		{"a later page without its array", map[string]string{"": full("a", `"2"`), "2": `{"pageToken":""}`}, "a",
			"page 2 of billingAccounts: GET /v1/billing-accounts: 200 OK: billingAccounts: is missing"},
		{"a later page whose array is null", map[string]string{"": full("a", `"2"`), "2": `{"billingAccounts":null}`}, "a",
			"page 2 of billingAccounts: GET /v1/billing-accounts: 200 OK: billingAccounts: is not an array"},
		{"a later page that is an array", map[string]string{"": full("a", `"2"`), "2": `[{"id":"b"}]`}, "a",
			"page 2 of billingAccounts: GET /v1/billing-accounts: 200 OK: the answer is an array, not a JSON object"},
		{"a later page that is cut", map[string]string{"": full("a", `"2"`), "2": `{"billingAccounts":[{"id":"b"},`}, "a",
			"page 2 of billingAccounts: GET /v1/billing-accounts: 200 OK: the answer is not valid JSON: it ends too early"},
		{"a later page with a token that is none", map[string]string{"": full("a", `"2"`), "2": full("b", `3`)}, "a",
			"page 2 of billingAccounts: GET /v1/billing-accounts: 200 OK: pageToken: is not a string"},
		{"a token that fits no address", map[string]string{"": full("a", `"2"`), "2": full("b", `"`+strings.Repeat("x", 5000)+`"`)}, "a",
			"page 2 of billingAccounts: GET /v1/billing-accounts: 200 OK: pageToken: is longer than 4096 bytes"},
		{"a later page that is not there", map[string]string{"": full("a", `"2"`)}, "a",
			"page 2 of billingAccounts: GET /v1/billing-accounts: 404 Not Found"},
	} {
		t.Run(c.what, func(t *testing.T) {
			asked, places := 0, 0
			base := handle(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				body, found := c.pages[r.URL.Query().Get("pageToken")]
				if !found {
					w.WriteHeader(http.StatusNotFound)
				}
				_, _ = io.WriteString(w, body)
			})
			p := provider(t, base, "snapshots", func(c *poller.Common) {
				c.Ask = func(context.Context) error { places++; return nil }
			})
			l, err := p.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var ids, problems []string
			for _, row := range l.Rows {
				ids = append(ids, row.Account.ID)
			}
			for _, problem := range l.Problems {
				problems = append(problems, problem.Error())
			}
			if got := strings.Join(ids, " "); got != c.ids {
				t.Errorf("got rows %q, want %q", got, c.ids)
			}
			if got := strings.Join(problems, "|"); got != c.problems || l.Complete != (c.problems == "") {
				t.Errorf("got problems %q, complete %v, want %q", got, l.Complete, c.problems)
			}
			if asked != places {
				t.Errorf("%d requests took %d places in the budget", asked, places)
			}
		})
	}
}

func TestAFirstPageThatIsWrongIsNoListing(t *testing.T) {
	for body, says := range map[string]string{
		``: "is empty", `null`: "is null", `[]`: "is an array", `{}`: "billingAccounts: is missing", `<html>`: "an HTML page",
		`{"billingAccounts":null}`: "is not an array", `{"billingAccounts":{}}`: "is not an array", `{"billingAccounts":"a"}`: "is not an array",
		`{"billingAccounts":[]} x`: "goes on", `{"billingAccounts":[{"id":"a"}`: "ends too early", `{"billingAccounts":[],"pageToken":1}`: "is not a string",
		`{"billingAccounts":[],"billingAccounts":[]}`: "is there twice", `{"code":16,"message":"invalid API key"}`: "billingAccounts: is missing",
	} {
		l, err := provider(t, serve(t, 200, []byte(body)), "snapshots").List(t.Context())
		if poller.KindOf(err) != poller.Unreadable || !strings.Contains(err.Error(), says) || len(l.Rows) > 0 || l.Complete {
			t.Errorf("%s: got %v, %v, want %q", body, l, err, says)
		}
	}
}

func TestAListWithoutEndEnds(t *testing.T) {
	asked := 0
	base := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = fmt.Fprintf(w, `{"billingAccounts":[{"id":"a%d"}],"pageToken":"%d"}`, asked, asked)
	})
	l, err := provider(t, base, "snapshots").List(t.Context())
	if err != nil || l.Complete || asked != cudo.MaxPages || len(l.Rows) != cudo.MaxPages || len(l.Problems) != 1 ||
		!strings.Contains(l.Problems[0].Error(), "more than 1000 pages") {
		t.Errorf("%d requests, %d rows, complete %v, %v, %v", asked, len(l.Rows), l.Complete, l.Problems, err)
	}
}

func TestAnEndedContextIsNoShortListing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("pageToken") != "" {
			cancel()
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, `{"billingAccounts":[{"id":"a"}],"pageToken":"2"}`)
	})
	if l, err := provider(t, base, "snapshots").List(ctx); !errors.Is(err, context.Canceled) || len(l.Rows) > 0 {
		t.Errorf("got %v, %v", l, err)
	}
}

// TestALaterPagesRefusalIsObeyed: the accounts before it were seen, the others
// are not missing, and the source rests as long as it was told.
func TestALaterPagesRefusalIsObeyed(t *testing.T) {
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("pageToken") == "" {
			_, _ = io.WriteString(w, `{"billingAccounts":[{"id":"a"}],"pageToken":"2"}`)
			return
		}
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	budget := poller.NewBudget(0, clock)
	source := &poller.Source{
		Name: "gpus", Now: clock, Budget: budget, Timing: poller.Timing{Interval: time.Minute},
		Provider: provider(t, base, "snapshots", func(c *poller.Common) { c.Ask = budget.Ask }),
	}
	var polls []string
	round := source.Round(t.Context(), nil, func(p billwatch.Poll) { polls = append(polls, p.Account.ID) })
	if round.Err != nil || round.Complete || strings.Join(polls, " ") != "a" || len(round.Problems) != 1 ||
		!strings.Contains(round.Problems[0], "429 Too Many Requests") {
		t.Errorf("polled %v, got %+v", polls, round)
	}
	if got := budget.Paused(); !got.Equal(now.Add(2 * time.Minute)) {
		t.Errorf("the source rests until %s", got)
	}
}

func TestAKeptAnswerIsRead(t *testing.T) {
	decoder := provider(t, "http://localhost:1", "snapshots").(poller.Decoder)
	s, err := decoder.Decode(example(t, "billing-account.odd-decimals.200.json"))
	if balance, _ := s.Balance.Get(); err != nil || balance.String() != "1.5e2" || s.Account.Name != "Acme prepaid" {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err := decoder.Decode(example(t, "error.404-grpc-gateway.json")); err == nil {
		t.Errorf("an error was read as %+v", s)
	}
}

func TestTheKeyIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, `{"billingAccounts":[{"id":"a"}]}`)
	})
	settings := cudo.BillingAccounts().Settings().(*cudo.Config)
	settings.BaseURL, settings.APIKeyFile = base, file
	p, err := settings.New(poller.Common{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.List(t.Context()); poller.KindOf(err) != poller.Credential {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(file, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := p.(poller.Refresher).Refresh(); !changed || err != nil {
		t.Errorf("got %v, %v", changed, err)
	}
	if l, err := p.List(t.Context()); err != nil || len(l.Rows) != 1 {
		t.Errorf("got %v, %v", l, err)
	}
}

// statusOf reads the status out of a file's name.
func statusOf(name string) int {
	for part := range strings.SplitSeq(name, ".") {
		if n, err := strconv.Atoi(part[:min(3, len(part))]); err == nil && n >= 100 {
			return n
		}
	}
	return http.StatusOK
}
