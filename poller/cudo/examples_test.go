package cudo_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/google/go-cmp/cmp"
)

const (
	prepaid = `{"account":{"source":"gpus","id":"acme-prepaid","name":"Acme prepaid","provider":"cudo","kind":"billing_account","owner":"ops@example.com"},`
	// spending is what most examples say between their balance and their recharge.
	spending = `"payment_terms":"prepaid","spend":{"hourly":2.4137,"hourly_limit":20,"monthly":412.73,"monthly_limit":2000,"next_invoice":0},`
	standing = `"payment_terms":"prepaid","spend":{"hourly":0,"hourly_limit":20,"monthly":412.73,"monthly_limit":2000,"next_invoice":0},`
	manual   = `"recharge":{"auto":false,"low":25,"high":100,"last_status":null,"last_failure":null,"last_succeeded":null},"deleted_at":null}`
	nothing  = `"recharge":{"auto":null,"low":null,"high":null,"last_status":null,"last_failure":null,"last_succeeded":null},"deleted_at":null}`

	notList   = "unreadable: billingAccounts: is missing"
	notLedger = "unreadable: creditBalanceTransactions: is missing"
	noAccount = "unreadable: id: is missing"
)

// TestExamples says of every example file what each endpoint makes of it.
func TestExamples(t *testing.T) {
	type want struct {
		file                 string
		list, detail, ledger string // a short form, or "kind: part of the error"
	}
	failing := func(file, what string) want { return want{file, what, what, what} }
	table := []want{
		{"billing-accounts.page1.200.json", "acme-prepaid 57.92 USD active; incomplete", noAccount, notLedger}, // each page is served as this one
		{"billing-accounts.page2-last.200.json", "acme-invoice - USD active", noAccount, notLedger},
		{"billing-accounts.empty.200.json", "", noAccount, notLedger},
		{"billing-account.autorecharge-failing.200.json", notList, prepaid + `"suspended":false,"state":"active","balance":18.0402,"unit":"USD",` + spending +
			`"recharge":{"auto":true,"low":25,"high":100,"last_status":"requires_payment_method","last_failure":"card_declined: insufficient_funds","last_succeeded":false},"deleted_at":null}`, notLedger},
		{"billing-account.odd-decimals.200.json", notList, prepaid + `"suspended":false,"state":"active","balance":1.5e2,"unit":"USD","payment_terms":"prepaid",` +
			`"spend":{"hourly":0.75,"hourly_limit":null,"monthly":null,"monthly_limit":null,"next_invoice":null},` + manual, notLedger},
		{"billing-account.omitted-fields.200.json", notList, `{"account":{"source":"gpus","id":"acme-new","name":"Acme new","provider":"cudo","kind":"billing_account"},` +
			`"suspended":false,"state":"active","balance":null,"unit":"USD","payment_terms":null,` +
			`"spend":{"hourly":null,"hourly_limit":null,"monthly":null,"monthly_limit":null,"next_invoice":null},` + nothing, notLedger},
		{"billing-account.soft-deleted.200.json", notList, prepaid + `"suspended":false,"state":"active","balance":0,"unit":"USD",` + standing +
			strings.Replace(manual, `"deleted_at":null`, `"deleted_at":"2026-11-10T12:00:00Z"`, 1), notLedger},
		{"billing-account.suspended-abuse.200.json", notList, prepaid + `"suspended":true,"state":"suspended_abuse","balance":57.92,"unit":"USD",` + spending + manual, notLedger},
		{"billing-account.suspended-payment.200.json", notList, prepaid + `"suspended":true,"state":"suspended_payment","balance":0,"unit":"USD",` + standing + manual, notLedger},
		{"billing-account.unknown-enum.200.json", notList, prepaid + `"suspended":true,"state":"suspended_kyc","balance":57.92,"unit":"USD",` +
			strings.Replace(spending, "prepaid", "crypto", 1) + manual, notLedger},
		{"credit-balance-transactions.200.json", notList, noAccount, "11-20 100-0, 11-21 100-0, 11-22 95.1726-4.8274, 11-23 95.1726-0, 11-24 95.1726-0"},
		{"invoices.200.json", notList, noAccount, notLedger},
		{"spend-details.200.json", notList, noAccount, notLedger},
		failing("error.401-aip193.json", "credential: missing or invalid API key"),
		failing("error.401-grpc-gateway.json", "credential: invalid API key"),
		failing("error.403-grpc-gateway.json", "not_permitted: permission denied"),
		failing("error.404-grpc-gateway.json", "gone: billing account not found"),
		failing("error.429-aip193.json", "rate_limited: Rate limit exceeded"),
		failing("error.503-grpc-gateway.json", "failed: upstream connect error"),
	}
	tested := map[string]bool{}
	for _, c := range table {
		tested[c.file] = true
		t.Run(c.file, func(t *testing.T) {
			p := provider(t, serve(t, statusOf(c.file), example(t, c.file)), "snapshots")
			l, err := p.List(t.Context())
			check(t, "list  ", c.list, listing(l), err)
			s, err := p.Fetch(t.Context(), billwatch.Account{Source: "gpus", ID: askedFor(c.detail)})
			check(t, "detail", c.detail, strings.Replace(text(t, s), `,"at":"0001-01-01T00:00:00Z"`, "", 1), err)
			h, err := history(t, c.file)
			check(t, "ledger", c.ledger, records(h), err)
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

func askedFor(detail string) string {
	if strings.Contains(detail, "acme-new") {
		return "acme-new"
	}
	return "acme-prepaid"
}

// history serves the file as the ledger of an account whose balance that ledger
// explains.
func history(t *testing.T, file string) ([]billwatch.Record, error) {
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/credit-balance-transactions") {
			_, _ = io.WriteString(w, `{"id":"acme-prepaid","creditBalance":{"value":"95.1726"}}`)
			return
		}
		w.WriteHeader(statusOf(file))
		_, _ = w.Write(example(t, file))
	})
	p := provider(t, base, "ledger")
	cudo.SetNow(p, func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) })
	return p.(poller.Historian).History(t.Context(), "acme-prepaid", time.Date(2026, 8, 26, 12, 0, 0, 0, time.UTC))
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
		if string(poller.KindOf(err)) != kind || !strings.Contains(fmt.Sprint(err), says) {
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
		balance := "-"
		if r.Snapshot.Balance.IsKnown() {
			balance = r.Snapshot.Balance.String()
		}
		rows = append(rows, strings.Join([]string{r.Account.ID, balance, r.Snapshot.Unit, r.Snapshot.State.String()}, " "))
	}
	if !l.Complete && len(rows) > 0 {
		return rows[0] + "; incomplete"
	}
	return strings.Join(rows, ", ")
}

func records(rs []billwatch.Record) string {
	var words []string
	for _, r := range rs {
		words = append(words, fmt.Sprintf("%s %s-%s", r.Period.Format("01-02"), r.Remaining, r.Used))
	}
	return strings.Join(words, ", ")
}
