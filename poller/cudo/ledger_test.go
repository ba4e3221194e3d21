package cudo_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
)

// noon is when histories are read here; days are counted from it.
func noon(days int) time.Time { return time.Date(2026, 11, 24+days, 12, 0, 0, 0, time.UTC) }

// bank is an API with one account, a, and its ledger.
type bank struct {
	balance string
	ledger  []string // newest first: "id amount day[.hour]", the day counted from noon(0)
	page    int      // transactions a page; all where zero
	asked   []string
}

func (b *bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.asked = append(b.asked, r.RequestURI)
	account := `{"id":"a","creditBalance":` + b.balance + `}`
	switch {
	case strings.HasSuffix(r.URL.Path, "/credit-balance-transactions"):
		_, _ = io.WriteString(w, b.transactions(r.URL.Query().Get("startingAfter")))
	case strings.HasSuffix(r.URL.Path, "/a"):
		_, _ = io.WriteString(w, account)
	default:
		_, _ = io.WriteString(w, `{"billingAccounts":[`+account+`],"pageToken":""}`)
	}
}

func (b *bank) transactions(after string) string {
	rest := b.ledger
	for i, line := range b.ledger {
		if after != "" && strings.HasPrefix(line, after+" ") {
			rest = b.ledger[i+1:]
		}
	}
	more := b.page > 0 && len(rest) > b.page
	if more {
		rest = rest[:b.page]
	}
	var rows []string
	for _, line := range rest {
		var id, amount string
		var days, hour int
		_, _ = fmt.Sscanf(line, "%s %s %d.%d", &id, &amount, &days, &hour)
		at := time.Date(2026, 11, 24+days, hour, 0, 0, 0, time.UTC)
		rows = append(rows, fmt.Sprintf(`{"id":%q,"amount":{"value":%q},"description":"Use","createTime":%q}`, id, amount, at.Format(time.RFC3339)))
	}
	return fmt.Sprintf(`{"creditBalanceTransactions":[%s],"hasMore":%v}`, strings.Join(rows, ","), more)
}

// reader reads a bank's histories over the days.
type reader struct {
	*bank
	provider poller.Provider
	now      time.Time
}

func newReader(t *testing.T, b *bank) *reader {
	r := &reader{bank: b, now: noon(0)}
	r.provider = provider(t, handle(t, b.ServeHTTP), "ledger")
	cudo.SetNow(r.provider, func() time.Time { return r.now })
	return r
}

// read lists the accounts and reads the history of the last days.
func (r *reader) read(t *testing.T, days int) string {
	t.Helper()
	if _, err := r.provider.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := r.provider.(poller.Historian).History(t.Context(), "a", r.now.AddDate(0, 0, -days))
	if err != nil {
		if poller.KindOf(err) != poller.Unreadable || len(h) > 0 {
			t.Errorf("got %v and %v", h, err)
		}
		return "error: " + err.Error()
	}
	return records(h)
}

// TestLedgers says what one reading of a whole ledger gives.
func TestLedgers(t *testing.T) {
	const notDocumented = "error: GET /v1/billing-accounts/{id}/credit-balance-transactions: 200 OK: amount: whether a positive one adds"
	for _, c := range []struct {
		what, balance string
		ledger        []string
		want          string
	}{
		{"credits are positive", `"95"`, []string{"t3 -3 -1.9", "t2 -2 -3.9", "t1 100 -3.1"}, "11-21 98-2, 11-22 98-0, 11-23 95-3, 11-24 95-0"},
		{"credits are negative", `"95"`, []string{"t3 3 -1.9", "t2 2 -3.9", "t1 -100 -3.1"}, "11-21 98-2, 11-22 98-0, 11-23 95-3, 11-24 95-0"},
		{"a top-up and use on one day", `"150"`, []string{"t3 -20 0.9", "t2 70 0.8", "t1 100 -1.1"}, "11-23 100-0, 11-24 150-20"},
		{"amounts are exact", `{"value":"0.0000000000000000003"}`, []string{"t2 -0.1 0.2", "t1 0.1000000000000000003 0.1"}, "11-24 0.0000000000000000003-0.1"},
		{"forms of numbers", `"+1.5e2"`, []string{"t2 -.5 0.2", "t1 150.50 0.1"}, "11-24 150-0.5"},
		{"use that is not yet in the ledger", `"94.2"`, []string{"t2 -5 0.2", "t1 100 0.1"}, "11-24 94.2-5"},
		{"below zero", `"-5"`, []string{"t2 -15 0.2", "t1 10 -1.1"}, "11-23 10-0, 11-24 -5-15"},
		{"an old top-up, and nothing since", `"95"`, []string{"t2 -5 -100.9", "t1 100 -100.1"}, "11-20 95-0, 11-21 95-0, 11-22 95-0, 11-23 95-0, 11-24 95-0"},
		{"a ledger that does not begin with nothing", `"95"`, []string{"t1 -5 0.9"}, notDocumented},
		{"a ledger that sums up to nothing", `"5"`, []string{"t2 -5 0.9", "t1 5 0.8"}, notDocumented},
		{"an empty ledger", `"5"`, nil, ""},
		{"a balance that was not sent", `null`, []string{"t1 5 0.1"}, "error: GET /v1/billing-accounts/{id}/credit-balance-transactions: 200 OK: creditBalance: was not sent"},
		{"a sum that is no decimal", `"9999999999999999999"`, []string{"t2 -0.0000000000000000001 0.8", "t1 9999999999999999999 -1.8"}, "error: GET /v1/billing-accounts/{id}/credit-balance-transactions: 200 OK: the sums of 2026-11-23"},
		{"a payment from tomorrow's clock", `"5"`, []string{"t1 5 1.2"}, "11-25 5-0"},
		{"a payment from the future", `"5"`, []string{"t1 5 2.2"}, "error: GET /v1/billing-accounts/{id}/credit-balance-transactions: 200 OK: creditBalanceTransactions[0]: createTime: lies in the future"},
		{"the oldest first", `"5"`, []string{"t1 10 -2.1", "t2 -5 -1.1"}, "error: GET /v1/billing-accounts/{id}/credit-balance-transactions: 200 OK: creditBalanceTransactions[1]: createTime: the newest transaction does not come first"},
		{"the same twice", `"5"`, []string{"t1 5 -1.1", "t1 5 -1.1"}, "error: GET /v1/billing-accounts/{id}/credit-balance-transactions: 200 OK: creditBalanceTransactions[1]: id: was there before"},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := newReader(t, &bank{balance: c.balance, ledger: c.ledger}).read(t, 4)
			if got != c.want && (!strings.HasPrefix(c.want, "error: ") || !strings.HasPrefix(got, c.want)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestTheSignIsReadOffTheBalance tells how histories come to be trusted, over
// the readings of several days.
func TestTheSignIsReadOffTheBalance(t *testing.T) {
	b := &bank{balance: `"57"`, ledger: []string{"t3 -3 -1.9"}}
	r := newReader(t, b)
	step := func(what, want string) {
		t.Helper()
		if got := r.read(t, 2); got != want && (want != "error" || !strings.HasPrefix(got, "error: ")) {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	step("a balance that its ledger does not explain", "error")
	step("nothing has changed", "error")
	b.balance, b.ledger = `"55"`, append([]string{"t4 -2 0.11"}, b.ledger...)
	step("it went down by what the ledger takes", "11-23 57-3, 11-24 55-2")
	step("nothing has changed, but the sign is known", "11-23 57-3, 11-24 55-2")
	b.balance = `"35"`
	step("it went down, and nothing says why", "error")
	b.balance, b.ledger = `"33"`, append([]string{"t5 -2 0.11"}, b.ledger...)
	step("it still is not explained", "error")
	r.now = noon(8)
	b.ledger = append([]string{"t6 -1 8.11"}, b.ledger...)
	b.balance = `"32"`
	step("after a week it is measured from here", "error")
	b.balance, b.ledger = `"30"`, append([]string{"t7 -2 8.11"}, b.ledger...)
	if got := r.read(t, 0); got != "12-02 30-3" {
		t.Errorf("and explained again: got %s", got)
	}
	b.balance, b.ledger = `"20"`, append([]string{"t8 10 8.11"}, b.ledger...)
	step("a positive amount took away", "error")
}

func TestTheSignIsTheSameForAllAccounts(t *testing.T) {
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		at := noon(0).Add(-time.Hour).Format(time.RFC3339)
		switch {
		case strings.Contains(r.URL.Path, "/young/"): // begins with nothing, and so shows the sign
			_, _ = fmt.Fprintf(w, `{"creditBalanceTransactions":[{"id":"t1","amount":"-10","createTime":%q}]}`, at)
		case strings.Contains(r.URL.Path, "/odd/"):
			_, _ = fmt.Fprintf(w, `{"creditBalanceTransactions":[{"id":"t1","amount":"10","createTime":%q}]}`, at)
		case strings.Contains(r.URL.Path, "/old/"):
			_, _ = fmt.Fprintf(w, `{"creditBalanceTransactions":[{"id":"t1","amount":"3","createTime":%q}],"hasMore":false}`, at)
		default:
			_, _ = io.WriteString(w, `{"billingAccounts":[{"id":"old","creditBalance":"50"},{"id":"young","creditBalance":"10"},{"id":"odd","creditBalance":"10"},`+
				`{"id":"invoiced","paymentTerms":"PAYMENT_TERMS_INVOICE","creditBalance":"0"}]}`)
		}
	})
	p := provider(t, base, "ledger")
	cudo.SetNow(p, func() time.Time { return noon(0) })
	if _, err := p.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ id, want string }{
		{"invoiced", ""}, {"old", "is not documented"}, {"young", "11-24 10-0"}, {"old", "11-24 50-3"}, {"odd", "sometimes a positive one adds"},
	} {
		h, err := p.(poller.Historian).History(t.Context(), c.id, noon(-3))
		if got := records(h); got != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d, %s: got %s, %v, want %s", i, c.id, got, err, c.want)
		}
	}
}

func TestLedgersComeInPages(t *testing.T) {
	b := &bank{balance: `"95"`, page: 2, ledger: []string{"t5 -1 0.9", "t4 -1 0.8", "t3 -1 -1.9", "t2 -2 -3.9", "t1 100 -3.1"}}
	r := newReader(t, b)
	history, places := 0, 0
	r.provider = provider(t, handle(t, b.ServeHTTP), "ledger", func(c *poller.Common) {
		c.Ask = func(context.Context) error { places++; return nil }
		c.AskHistory = func(context.Context) error { history++; return nil }
	})
	cudo.SetNow(r.provider, func() time.Time { return r.now })
	if got := r.read(t, 10); got != "11-21 98-2, 11-22 98-0, 11-23 97-1, 11-24 95-2" {
		t.Errorf("got %s", got)
	}
	want := []string{
		"/v1/billing-accounts?pageSize=100",
		"/v1/billing-accounts/a/credit-balance-transactions?pageSize=100",
		"/v1/billing-accounts/a/credit-balance-transactions?pageSize=100&startingAfter=t4",
		"/v1/billing-accounts/a/credit-balance-transactions?pageSize=100&startingAfter=t2",
	}
	if strings.Join(b.asked, "\n") != strings.Join(want, "\n") || places != 1 || history != 3 {
		t.Errorf("asked %s, %d places and %d of history", strings.Join(b.asked, "\n"), places, history)
	}
	b.asked = nil
	if got := r.read(t, 1); got != "11-23 97-1, 11-24 95-2" || len(b.asked) != 3 { // what is older is not asked for
		t.Errorf("got %s, asked %v", got, b.asked)
	}
}

// TestLedgersThatDoNotEnd says how a reading is bounded.
func TestLedgersThatDoNotEnd(t *testing.T) {
	for _, c := range []struct {
		what  string
		rows  int // a page
		id    func(n int) int
		hours func(n int) int // how old the nth is
		pages int             // that are asked for
		want  string          // "" for records from the third day on
	}{
		{"a page of nothing", 0, nil, nil, 1, "hasMore: is true, but there is nothing to go on from"},
		{"the same page for ever", 5, func(n int) int { return n % 5 }, func(int) int { return 1 }, 2, "id: was there before"},
		{"one after another, all of today", 1, func(n int) int { return n }, func(int) int { return 1 }, 100, "more than 99 transactions of one day"},
		{"a page of very many, all of today", 12_000, func(n int) int { return n }, func(int) int { return 1 }, 1, "more than 9999 transactions of one day"},
		{"one an hour", 1, func(n int) int { return n }, func(n int) int { return n }, 100, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			n, pages := 0, 0
			base := handle(t, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/credit-balance-transactions") {
					_, _ = io.WriteString(w, `{"id":"a","creditBalance":"5"}`)
					return
				}
				pages++
				var rows []string
				for range c.rows {
					rows = append(rows, fmt.Sprintf(`{"id":"t%d","amount":"-1","createTime":%q}`, c.id(n), noon(0).Add(-time.Duration(c.hours(n))*time.Hour).Format(time.RFC3339)))
					n++
				}
				_, _ = io.WriteString(w, `{"creditBalanceTransactions":[`+strings.Join(rows, ",")+`],"hasMore":true}`)
			})
			p := provider(t, base, "ledger")
			cudo.SetNow(p, func() time.Time { return noon(0) })
			_, err := p.(poller.Historian).History(t.Context(), "a", noon(-90))
			if c.want == "" {
				c.want = "is not documented" // nothing but the sign is in the way
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || pages != c.pages {
				t.Errorf("%d pages, got %v, want %s", pages, err, c.want)
			}
		})
	}
}

func TestOneBadTransactionFailsTheReading(t *testing.T) {
	const good = `{"id":"t0","amount":"1","createTime":"2026-11-24T10:00:00Z"}`
	for row, says := range map[string]string{
		`{"amount":"1","createTime":"2026-11-24"}`:           "creditBalanceTransactions[1]: id: is missing",
		`{"id":"t","createTime":"2026-11-24"}`:               "creditBalanceTransactions[1]: amount: is missing",
		`{"id":"t","amount":{},"createTime":"2026-11-24"}`:   "creditBalanceTransactions[1]: amount: is missing",
		`{"id":"t","amount":"1"}`:                            "creditBalanceTransactions[1]: createTime: is missing",
		`{"id":"t","amount":"1","createTime":"today"}`:       `creditBalanceTransactions[1]: createTime: "today" is not a date`,
		`{"id":"t","amount":"$1","createTime":"2026-11-24"}`: "creditBalanceTransactions[1]: amount: ",
		`7`: "creditBalanceTransactions[1]: the answer is a number",
	} {
		b := &bank{balance: `"1"`}
		base := handle(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/credit-balance-transactions") {
				_, _ = io.WriteString(w, `{"creditBalanceTransactions":[`+good+`,`+row+`],"hasMore":false}`)
				return
			}
			b.ServeHTTP(w, r)
		})
		p := provider(t, base, "ledger")
		cudo.SetNow(p, func() time.Time { return noon(0) })
		h, err := p.(poller.Historian).History(t.Context(), "a", noon(-3))
		if err == nil || !strings.Contains(err.Error(), says) || len(h) > 0 {
			t.Errorf("%s: got %v, %v, want %s", row, h, err, says)
		}
	}
	body := `{"creditBalanceTransactions":[` + good + `],"hasMore":"no"}`
	if _, _, err := cudo.DecodeLedger([]byte(body), billwatch.DecimalOf(1), noon(-3), noon(0)); err == nil || err.Error() != "hasMore: is not true or false" {
		t.Errorf("got %v", err)
	}
}

func TestAHistoryIsBounded(t *testing.T) {
	b := &bank{balance: `"95"`, ledger: []string{"t2 -5 -1.9", "t1 100 -1000.1"}}
	r := newReader(t, b)
	if _, err := r.provider.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := r.provider.(poller.Historian).History(t.Context(), "a", time.Unix(0, 0))
	if err != nil || len(h) != 401 || !h[0].Period.Equal(noon(-400).Truncate(24*time.Hour)) || h[0].Remaining.String() != "100" {
		t.Errorf("got %d records, %v", len(h), err)
	}
}

func TestAnAccountThatIsNoLongerListedIsForgotten(t *testing.T) {
	b := &bank{balance: `"5"`, ledger: []string{"t1 5 0.9"}}
	complete := true
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/v1/billing-accounts" || len(b.asked) == 0:
			b.ServeHTTP(w, r)
		case complete:
			_, _ = io.WriteString(w, `{"billingAccounts":[]}`)
		default:
			_, _ = io.WriteString(w, `{"billingAccounts":[{"id":7}]}`)
		}
	})
	p := provider(t, base, "ledger")
	cudo.SetNow(p, func() time.Time { return noon(0) })
	read := func(details int) {
		t.Helper()
		_, err1 := p.List(t.Context())
		b.asked = append(b.asked, "")
		h, err2 := p.(poller.Historian).History(t.Context(), "a", noon(-3))
		if records(h) != "11-24 5-0" || strings.Count(strings.Join(b.asked, " ")+" ", "/a ") != details {
			t.Errorf("got %s, %v, %v, asked %q", records(h), err1, err2, b.asked)
		}
	}
	read(0) // the list told its balance
	complete = false
	read(0) // this one may have left it out
	complete = true
	read(1)
	if _, err := p.List(t.Context()); err != nil {
		t.Error(err)
	}
	failing := provider(t, serve(t, 500, nil), "ledger")
	if l, err := failing.List(t.Context()); poller.KindOf(err) != poller.Failed || len(l.Rows) > 0 {
		t.Errorf("got %v, %v", l, err)
	}
}

func TestTwoReadingsThatContradictEachOther(t *testing.T) {
	b := &bank{balance: `"100"`, ledger: []string{"t1 100 0.1"}}
	r := newReader(t, b)
	if got := r.read(t, 1); got != "11-24 100-0" {
		t.Errorf("got %s", got)
	}
	b.balance, b.ledger = `"99"`, []string{"t2 1 0.2", "t1 100 0.1"} // on the whole it adds, but the last one took away
	if got := r.read(t, 1); !strings.Contains(got, "sometimes a positive one adds") {
		t.Errorf("got %s", got)
	}
}

func TestOfAnAccountThatIsListedTwiceTheFirstCounts(t *testing.T) {
	b := &bank{ledger: []string{"t1 100 0.1"}}
	p := provider(t, handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/billing-accounts" {
			_, _ = io.WriteString(w, `{"billingAccounts":[{"id":"a","creditBalance":"100"},{"id":"a","creditBalance":"7"}]}`)
			return
		}
		b.ServeHTTP(w, r)
	}), "ledger")
	cudo.SetNow(p, func() time.Time { return noon(0) })
	if _, err := p.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h, err := p.(poller.Historian).History(t.Context(), "a", noon(-1)); records(h) != "11-24 100-0" {
		t.Errorf("got %s, %v", records(h), err)
	}
}
