package notehub_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/notehub"
	"github.com/google/go-cmp/cmp"
)

const (
	jane = "5f4a3c1e-7d7e-4d1a-9b61-0c8a6f1f2a01"
	acme = "a2c9e0b4-30aa-4a6e-8f7d-6f5a4b3c2d1e"
	work = "0d9c8b7a-6f5e-4d3c-8b2a-190807060504"

	notList    = "unreadable: organizations: is missing"
	notHistory = "unreadable: data: is missing"
	noAccount  = "unreadable: uid: is missing"
	janes      = `"account":{"source":"","id":"` + jane + `","name":"Jane's Organization","provider":"","kind":"","owner":"jane@example.com"`
)

// TestExamples says of every example file what each endpoint makes of it.
func TestExamples(t *testing.T) {
	type want struct {
		file                  string
		id                    string // asked for
		list, detail, history string // a short form, or "kind: part of the error"
	}
	failing := func(file, what string) want { return want{file, jane, what, what, what} }
	table := []want{
		{"organizations.200.json", jane, "Jane's Organization|org_admin, Acme Field Sensors|billing_manager, Contract Build|org_member", noAccount, notHistory},
		{"organizations.unknown-role.200.json", jane, "Jane's Organization|org_admin, Acme Field Sensors|org_auditor", noAccount, notHistory},
		{"organizations.empty.200.json", jane, "", noAccount, notHistory},
		{"billing-accounts.200.json", jane, notList, noAccount, notHistory},
		{"organization.essentials.200.json", jane, notList,
			`{` + janes + `,"email":"jane@example.com"},"suspended":false,"state":"active","balance":4180,"unit":"events","plan":{"type":"Essentials","start":"2026-11-01T00:00:00Z"}}`, notHistory},
		{"organization.null-optionals.200.json", jane, notList,
			`{` + janes + `},"suspended":false,"state":"active","balance":4180,"unit":"events","plan":{"type":"Essentials","start":"2026-11-01T00:00:00Z"}}`, notHistory},
		{"organization.suspended.200.json", jane, notList,
			`{` + janes + `},"suspended":true,"state":"suspended","balance":0,"unit":"events","plan":{"type":"Essentials","start":"2026-11-01T00:00:00Z"}}`, notHistory},
		{"organization.negative-balance.200.json", jane, notList,
			`{` + janes + `},"suspended":false,"state":"active","balance":-37,"unit":"events","plan":{"type":"Essentials","start":"2026-11-01T00:00:00Z"}}`, notHistory},
		{"organization.enterprise.200.json", acme, notList,
			`{"account":{"source":"","id":"` + acme + `","name":"Acme Field Sensors","provider":"","kind":"","owner":"ops@example.com","email":"billing@example.com"},"suspended":false,"state":"active","balance":2750000,"unit":"events","plan":{"type":"Enterprise","start":"2026-01-01T00:00:00Z","end":"2027-01-01T00:00:00Z","capacity":12000000}}`, notHistory},
		{"organization.minimal.200.json", work, notList,
			`{"account":{"source":"","id":"` + work + `","name":"Contract Build","provider":"","kind":""},"suspended":null,"state":null,"balance":null,"unit":"events","plan":{"type":null,"start":null,"end":null,"capacity":null}}`, notHistory},
		{"organization.essentials.200.json", acme, notList, "unreadable: uid: is another account's", notHistory},
		{"billing-account.essentials.200.json", jane, notList,
			`{"account":{"source":"","id":"` + jane + `","name":"Jane's Billing Account","provider":"","kind":"","owner":"jane@example.com"},"suspended":false,"state":"active","balance":4180,"unit":"events","plan":{"type":"Essentials","start":"2026-11-01T00:00:00Z"}}`, notHistory},
		{"balance-history.200.json", jane, notList, noAccount, "01-01 15000-5000, 01-02 10000-5000, 01-03 5000-5000"},
		{"balance-history.topup.200.json", jane, notList, noAccount, "10-30 420-180, 10-31 240-180, 11-01 4830-170, 11-02 4650-180, 11-03 4590-60"},
		{"balance-history.gap-duplicate-unsorted.200.json", jane, notList, noAccount, "11-02 4700-200, 11-03 4480-220, 11-05 4100-200"},
		{"balance-history.empty.200.json", jane, notList, noAccount, ""},
		{"balance-history.null.200.json", jane, notList, noAccount, notHistory},
		{"usage-events.200.json", jane, notList, noAccount, "unreadable: data[0]: remaining_event_capacity: is missing"},
		{"oauth2-token.200.json", jane, notList, noAccount, notHistory},
		failing("oauth2-token.401.json", "credential: Client authentication failed"),
		failing("error.400-bad-date.json", "failed: 400 Bad Request: \"The request was malformed"),
		failing("error.401.json", "credential: could not be authorized"),
		failing("error.403-forbidden.json", "not_permitted: was forbidden"),
		{"error.403-suspended.json", jane, "not_permitted: is suspended", "suspended: is suspended", "not_permitted: is suspended"},
		failing("error.404.json", "gone: could not be found"),
		failing("error.429.json", "rate_limited: Too Many Requests"),
		failing("error.500.json", "failed: internal server error"),
		failing("error.502.html", "failed: an HTML page"),
		failing("error.504-query-timeout.json", "failed: took too long"),
	}
	tested := map[string]bool{}
	for _, c := range table {
		tested[c.file] = true
		t.Run(c.file, func(t *testing.T) {
			status, mediaType := statusOf(c.file)
			p := provider(t, notehub.Organizations(), serve(t, status, mediaType, example(t, c.file)))
			l, err := p.List(t.Context())
			check(t, "list   ", c.list, listing(l), err)
			s, err := p.Fetch(t.Context(), billwatch.Account{ID: c.id})
			check(t, "detail ", c.detail, snapshot(t, s), err)
			h, err := p.History(t.Context(), c.id, time.Time{})
			check(t, "history", c.history, records(h), err)
		})
	}
	files, err := os.ReadDir(filepath.Join("testdata", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !tested[f.Name()] {
			t.Errorf("%s is in no row", f.Name())
		}
	}
}

func TestBillingAccountsAreTheSameByAnotherName(t *testing.T) {
	p := provider(t, notehub.BillingAccounts(), serve(t, 200, "application/json", example(t, "billing-accounts.200.json")))
	l, err := p.List(t.Context())
	check(t, "list", "Jane's Billing Account|billing_admin, Acme Field Sensors|billing_manager, Contract Build|billing_member", listing(l), err)
	if got := l.Rows[0].Account; got.Kind != "billing_account" || got.Provider != "notehub" || got.Source != "blues" {
		t.Errorf("got %+v", got)
	}
}

// statusOf reads the status out of a file's name; 200 where there is none.
func statusOf(name string) (status int, mediaType string) {
	mediaType = "application/json"
	if strings.HasSuffix(name, ".html") {
		mediaType = "text/html"
	}
	for part := range strings.SplitSeq(name, ".") {
		if n, err := strconv.Atoi(part[:min(3, len(part))]); err == nil && n >= 100 {
			return n, mediaType
		}
	}
	return http.StatusOK, mediaType
}

// check compares, and prints the row of the table.
func check(t *testing.T, what, want, got string, err error) {
	t.Helper()
	if err != nil {
		t.Logf("%s -> %s: %v", what, poller.KindOf(err), err)
	} else {
		t.Logf("%s -> %s", what, got)
	}
	if kind, says, isError := strings.Cut(want, ": "); isError && !strings.HasPrefix(want, "{") {
		text := strings.ToLower(fmt.Sprint(err))
		if string(poller.KindOf(err)) != kind || !strings.Contains(text, strings.ToLower(says)) {
			t.Errorf("%s: got %v (%s), want %s", what, err, poller.KindOf(err), want)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func listing(l poller.Listing) string {
	var rows []string
	for _, r := range l.Rows {
		rows = append(rows, r.Account.Name+"|"+r.Account.Role)
	}
	return strings.Join(rows, ", ")
}

func snapshot(t *testing.T, s billwatch.Snapshot) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(data), `,"at":"0001-01-01T00:00:00Z"`, "", 1)
}

func records(rs []billwatch.Record) string {
	var words []string
	for _, r := range rs {
		words = append(words, fmt.Sprintf("%s %s-%s", r.Period.Format("01-02"), r.Remaining, r.Used))
	}
	return strings.Join(words, ", ")
}
