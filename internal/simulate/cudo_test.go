package simulate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/simulate"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
)

// newGPUs is a simulated Cudo with a clock that a test turns.
func newGPUs(start time.Time) *world {
	w := &world{start: start, now: start}
	w.api = simulate.NewCudo(simulate.Config{Now: w.clock, Start: start, Token: token, Seed: 7})
	return w
}

const day = 24 * time.Hour

type decimal struct{ Value string }

// exact returns the amount; what is no decimal is told.
func (d decimal) exact(t *testing.T) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(d.Value)
	if !ok || strings.Contains(d.Value, "/") {
		t.Fatalf("%q is no decimal", d.Value)
	}
	return r
}

type tenant struct {
	ID            string
	DisplayName   string
	State         string
	MonthlySpend  string
	CreditBalance decimal
	Hourly        decimal `json:"hourlySpendRate"`
	HourlyLimit   decimal `json:"hourlySpendLimit"`
	NextInvoice   decimal `json:"nextInvoiceTotal"`
	DeleteTime    *time.Time
	Recharge      *struct {
		Transaction *struct {
			Status    string
			Succeeded bool
			LastError *struct{ Code, DeclineCode string } `json:"lastPaymentError"`
		}
	} `json:"creditBalanceRecharge"`
}

type tenantPage struct {
	BillingAccounts []tenant
	PageToken       string
	PageSize        int
}

type ledgerPage struct {
	Rows []struct {
		ID          string
		Amount      decimal
		Description string
		CreateTime  time.Time
	} `json:"creditBalanceTransactions"`
	HasMore bool
}

// tenants walks the pages and returns the customers by name; between tells what
// happens between two pages.
func (w *world) tenants(t *testing.T, size int, between func()) (byName map[string]tenant, order []string) {
	t.Helper()
	byName = map[string]tenant{}
	for next := ""; ; {
		var p tenantPage
		uri := fmt.Sprintf("/v1/billing-accounts?pageSize=%d&pageToken=%s", size, url.QueryEscape(next))
		if got := w.get(t, uri, &p); got != http.StatusOK {
			t.Fatalf("%s: got %d", uri, got)
		}
		for _, a := range p.BillingAccounts {
			byName[a.DisplayName] = a
			order = append(order, a.ID)
		}
		if next = p.PageToken; next == "" {
			return byName, order
		}
		if between != nil {
			between()
		}
	}
}

func (w *world) tenant(t *testing.T, id string) tenant {
	t.Helper()
	var a tenant
	if got := w.get(t, "/v1/billing-accounts/"+id, &a); got != http.StatusOK {
		t.Fatalf("%s: got %d", id, got)
	}
	return a
}

func TestTheFirstFiveHoursOfMachines(t *testing.T) {
	for _, start := range starts() {
		w := newGPUs(start)
		at := func(since time.Duration, id string) tenant {
			w.turn(since)
			return w.tenant(t, id)
		}
		is := func(d decimal, want string) bool { return d.exact(t).Cmp(decimal{want}.exact(t)) == 0 }
		below := func(d decimal, want string) bool { return d.exact(t).Cmp(decimal{want}.exact(t)) < 0 }
		failed := at(time.Hour, "orchard-genomics").Recharge.Transaction
		mended := at(5*time.Hour, "orchard-genomics")
		filled := at(2*time.Hour+10*time.Minute, "nightjar-speech")
		for _, c := range []struct {
			what  string
			holds bool
		}{
			{"the failing one begins with a little", is(at(0, "orchard-genomics").CreditBalance, "38.4")},
			{"and nothing was tried", at(0, "orchard-genomics").Recharge.Transaction == nil},
			{"within the hour its card is declined", failed != nil && failed.Status == "requires_payment_method" && !failed.Succeeded &&
				failed.LastError != nil && failed.LastError.Code == "card_declined" && failed.LastError.DeclineCode == "insufficient_funds"},
			{"it runs to zero", is(at(3*time.Hour, "orchard-genomics").CreditBalance, "0")},
			{"is suspended for it", at(3*time.Hour, "orchard-genomics").State == "STATE_SUSPENDED_PAYMENT"},
			{"and spends nothing then", is(at(3*time.Hour, "orchard-genomics").Hourly, "0")},
			{"it recovers", mended.State == "STATE_ACTIVE" && mended.Recharge.Transaction.Succeeded && !below(mended.CreditBalance, "400")},
			{"another begins above its low mark", !below(at(0, "nightjar-speech").CreditBalance, "25")},
			{"and recharges itself", filled.Recharge.Transaction != nil && filled.Recharge.Transaction.Succeeded && !below(filled.CreditBalance, "150")},
			{"one is not suspended at first", at(159*time.Minute, "quarry-vision").State == "STATE_ACTIVE"},
			{"and is for abuse", at(161*time.Minute, "quarry-vision").State == "STATE_SUSPENDED_ABUSE"},
			{"with its credit untouched", is(at(4*time.Hour, "quarry-vision").CreditBalance, at(3*time.Hour, "quarry-vision").CreditBalance.Value)},
			{"and is lifted", at(261*time.Minute, "quarry-vision").State == "STATE_ACTIVE"},
			{"one spends far below its limit", below(at(0, "marlin-render").Hourly, "36")},
			{"then near it", !below(at(70*time.Minute, "marlin-render").Hourly, "30")},
			{"one lasts for days", is(at(0, "redwing-diffusion").Hourly, "1.2")},
			{"then for hours", is(at(2*time.Hour, "redwing-diffusion").Hourly, "12")},
			{"and for days again", is(at(4*time.Hour, "redwing-diffusion").Hourly, "1.2")},
			{"who pays by invoice has no credit", is(at(4*time.Hour, "pinewood-folding").CreditBalance, "0")},
			{"and a growing invoice", below(at(0, "pinewood-folding").NextInvoice, at(30*time.Minute, "pinewood-folding").NextInvoice.Value)},
			{"one is deleted", at(0, "tamarack-robotics").DeleteTime != nil},
		} {
			if !c.holds {
				t.Errorf("%s: it does not hold that %s", start, c.what)
			}
		}
	}
}

// The ledger is read as a careful reader would: the newest entries first, back
// to the one that was the newest the day before.
func TestTheLedgerAddsUpOnEachOf90Days(t *testing.T) {
	w := newGPUs(starts()[0])
	w.turn(0)
	_, ids := w.tenants(t, 100, nil)
	for _, id := range ids {
		sum, newest, charged, entries := new(big.Rat), "", false, 0
		for since := -30 * day; since < 60*day; since += day {
			w.turn(since + since/day*7*time.Minute)
			if id == "tamarack-robotics" && since > day {
				break // it is no more
			}
			last := ""
			for after, more := "", true; more; {
				var p ledgerPage
				w.get(t, "/v1/billing-accounts/"+id+"/credit-balance-transactions?pageSize=100&startingAfter="+after, &p)
				more = p.HasMore
				for _, row := range p.Rows {
					if row.ID == newest {
						more = false
						break
					}
					if last == "" {
						last = row.ID
					}
					if row.CreateTime.After(w.clock()) {
						t.Fatalf("%s: %s is of the future", id, row.ID)
					}
					sum.Add(sum, row.Amount.exact(t))
					charged = charged || row.Amount.exact(t).Sign() < 0
					entries++
					after = row.ID
				}
			}
			if last != "" {
				newest = last
			}
			if balance := w.tenant(t, id).CreditBalance.exact(t); balance.Cmp(sum) != 0 || balance.Sign() < 0 {
				t.Fatalf("%s on day %d: balance %s, the ledger's %d entries add up to %s", id, since/day, balance.FloatString(6), entries, sum.FloatString(6))
			}
		}
		if want := id != "pinewood-folding"; charged != want {
			t.Errorf("%s: has charges: %t, want %t", id, charged, want)
		}
	}
}

func TestPagesHaveNoGapsNorRepeatsWhileTimeMoves(t *testing.T) {
	all := []string{"marlin-render", "nightjar-speech", "orchard-genomics", "pinewood-folding", "quarry-vision",
		"redwing-diffusion", "saltmarsh-climate", "tamarack-robotics"}
	for size := 0; size <= 9; size++ {
		w := newGPUs(starts()[0])
		minutes := 0
		_, order := w.tenants(t, size, func() { minutes++; w.turn(time.Duration(minutes) * 40 * time.Minute) })
		if !slices.Equal(order, all) {
			t.Errorf("pages of %d: got %q", size, order)
		}
		w.turn(26*time.Hour - time.Minute)
		_, order = w.tenants(t, size, func() { w.turn(26 * time.Hour) })
		if !slices.Equal(order, all[:7]) {
			t.Errorf("pages of %d while the last one vanishes: got %q", size, order)
		}
	}
	w := newGPUs(starts()[0])
	var first, second ledgerPage
	uri := "/v1/billing-accounts/nightjar-speech/credit-balance-transactions?pageSize=4"
	w.turn(time.Hour)
	w.get(t, uri, &first)
	w.turn(2 * time.Hour) // newer entries come in front
	w.get(t, uri+"&startingAfter="+first.Rows[3].ID, &second)
	if gap := first.Rows[3].CreateTime.Sub(second.Rows[0].CreateTime); gap != 10*time.Minute || !second.HasMore {
		t.Errorf("the second page begins %s before the end of the first", gap)
	}
}

func TestWhatCudoRefuses(t *testing.T) {
	w := newGPUs(starts()[0])
	w.turn(27 * time.Hour)
	var page tenantPage
	w.get(t, "/v1/billing-accounts", &page)
	ledger := "/v1/billing-accounts/nightjar-speech/credit-balance-transactions"
	for _, c := range []struct {
		what, uri string
		status    int
		code      int // in the body: HTTP's own in one shape, gRPC's in the other
	}{
		{"a token that was never given out", "/v1/billing-accounts?pageToken=Mw==", 400, 400},
		{"half a token", "/v1/billing-accounts?pageToken=" + page.PageToken[:8], 400, 400},
		{"a page size below zero", "/v1/billing-accounts?pageSize=-1", 400, 400},
		{"a page size in words", "/v1/billing-accounts?pageSize=all", 400, 400},
		{"an account that never was", "/v1/billing-accounts/nobody", 404, 5},
		{"an account that is no more", "/v1/billing-accounts/tamarack-robotics", 404, 5},
		{"the ledger of nobody", "/v1/billing-accounts/nobody/credit-balance-transactions", 404, 5},
		{"a ledger after an unknown entry", ledger + "?startingAfter=cbtxn_1", 400, 3},
		{"a ledger after another one's entry", ledger + "?startingAfter=cbtxn_SIMULATED_quarry-vision_000001", 400, 3},
		{"another path", "/v1/machines", 404, 5},
	} {
		var body struct{ Code int }
		if got := w.get(t, c.uri, &body); got != c.status || body.Code != c.code {
			t.Errorf("%s: got %d and code %d", c.what, got, body.Code)
		}
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/v1/billing-accounts", nil))
	if rec.Code != http.StatusUnauthorized || !strings.Contains(rec.Body.String(), `"UNAUTHENTICATED"`) {
		t.Errorf("without a key: got %d %s", rec.Code, rec.Body)
	}
	if page.PageSize != 3 || len(page.BillingAccounts) != 3 {
		t.Errorf("a page holds %d of %d", len(page.BillingAccounts), page.PageSize)
	}
}

func TestTheCudoProviderReadsItAndKeepsNoAddresses(t *testing.T) {
	w := newGPUs(starts()[0])
	server := httptest.NewServer(w.api)
	t.Cleanup(server.Close)
	w.turn(3 * time.Hour)
	settings := cudo.BillingAccounts().Settings().(*cudo.Config)
	settings.BaseURL, settings.APIKey = server.URL, token
	p, err := settings.New(poller.Common{Source: "gpus"})
	if err != nil {
		t.Fatal(err)
	}
	s := &poller.Source{Name: "gpus", Provider: p, Timing: poller.Timing{Interval: 5 * time.Minute}, Now: w.clock, Log: slog.New(slog.DiscardHandler)}
	read := map[string]billwatch.Snapshot{}
	round := s.Round(t.Context(), nil, func(p billwatch.Poll) {
		if p.Err != nil {
			t.Errorf("%s: %v", p.Account.ID, p.Err)
			return
		}
		read[p.Account.ID] = *p.Snapshot
	})
	kept, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	if round.Err != nil || !round.Complete || len(read) != 8 {
		t.Errorf("got %d accounts, %+v", len(read), round)
	}
	body := get(t, server.URL+"/v1/billing-accounts/orchard-genomics")
	for _, personal := range []string{"SIMULATED", "eu_vat", "XX000000000", "Simulated Street", "Nowhere", "+00 000", "Nevershire", "ZZ0 0ZZ"} {
		if !strings.Contains(body, personal) {
			t.Errorf("the API does not send %q", personal)
		}
		if strings.Contains(string(kept), personal) {
			t.Errorf("%q is kept: %s", personal, kept)
		}
	}
	orchard := read["orchard-genomics"]
	if on, _ := orchard.Suspended.Get(); !on {
		t.Errorf("got %+v", orchard)
	}
	if why, _ := orchard.Recharge.LastFailure.Get(); why != "card_declined: insufficient_funds" {
		t.Errorf("the recharge failed for %q", why)
	}
	if read["pinewood-folding"].Balance.IsKnown() {
		t.Error("who pays by invoice has a balance that could run out")
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if _, err := io.Copy(&b, resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
