package cudo_test

import (
	"encoding/json"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeDetail checks that no answer brings the decoder down, that what it
// accepts is what was written, and that nothing comes from anywhere else.
func FuzzDecodeDetail(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		id := plainID(body)
		s, err := cudo.DecodeDetail(body, id)
		if err != nil {
			checkError(t, body, err)
			return
		}
		checkSnapshot(t, body, s)
		again, err := cudo.DecodeDetail(stripped(body), id)
		if err != nil || cmp.Diff(text(t, s), text(t, again)) != "" {
			t.Errorf("%q: something comes from a field that is none of ours: %v\n%s", body, err, cmp.Diff(text(t, s), text(t, again)))
		}
	})
}

// FuzzDecodePage does the same for a page of the list.
func FuzzDecodePage(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		l, next, err := cudo.DecodePage(body)
		if err != nil {
			checkError(t, body, err)
			return
		}
		var plain map[string]json.RawMessage
		var rows []json.RawMessage
		if json.Unmarshal(body, &plain) != nil || json.Unmarshal(plain["billingAccounts"], &rows) != nil {
			t.Fatalf("%q was accepted as %+v", body, l)
		}
		var token string
		if raw, sent := plain["pageToken"]; sent && json.Unmarshal(raw, &token) != nil || token != next {
			t.Errorf("%q: the next page is %q, want %q", body, next, token)
		}
		if l.Complete != (len(l.Problems) == 0) || len(l.Problems) < 100 && len(l.Rows)+len(l.Problems) != len(rows) {
			t.Errorf("%q: %d rows and %d problems, complete %v", body, len(l.Rows), len(l.Problems), l.Complete)
		}
		for _, problem := range l.Problems {
			checkError(t, body, problem)
		}
		for _, raw := range rows {
			if len(l.Rows) > 0 && l.Rows[0].Account.ID == plainID(raw) {
				if s, err := cudo.DecodeDetail(raw, plainID(raw)); err == nil && text(t, s) == text(t, *l.Rows[0].Snapshot) {
					checkSnapshot(t, raw, s)
					l.Rows = l.Rows[1:]
				}
			}
		}
		if len(l.Rows) > 0 {
			t.Errorf("%q: nothing was sent for %+v", body, l.Rows[0])
		}
	})
}

// FuzzDecodeLedger checks that a ledger's records follow from one another and
// from the balance.
func FuzzDecodeLedger(f *testing.F) {
	seed(f)
	balance, err := billwatch.ParseDecimal("57.92")
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		records, _, err := cudo.DecodeLedger(body, balance, now.AddDate(0, 0, -90), now)
		if err != nil {
			checkError(t, body, err)
			return
		}
		if !json.Valid(body) || len(records) > 92 {
			t.Errorf("%q gives %d records", body, len(records))
		}
		for i, r := range records {
			if !r.Period.Equal(r.Period.Truncate(24*time.Hour)) || rational(r.Used.String()).Sign() < 0 {
				t.Errorf("%q: %+v", body, r)
			}
			if i == 0 {
				continue
			}
			before := records[i-1]
			least := new(big.Rat).Sub(rational(before.Remaining.String()), rational(r.Used.String()))
			if !r.Period.Equal(before.Period.Add(24*time.Hour)) || rational(r.Remaining.String()).Cmp(least) < 0 {
				t.Errorf("%q: %+v after %+v", body, r, before)
			}
		}
		if n := len(records); n > 0 && rational(records[n-1].Remaining.String()).Cmp(rational("57.92")) != 0 {
			t.Errorf("%q: it ends with %s", body, records[n-1].Remaining)
		}
	})
}

func seed(f *testing.F) {
	files, err := os.ReadDir(filepath.Join("testdata", "examples"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(example(f, file.Name()))
	}
}

// plainID reads the id as encoding/json does.
func plainID(body []byte) (id string) {
	var plain map[string]json.RawMessage
	if json.Unmarshal(body, &plain) == nil {
		_ = json.Unmarshal(plain["id"], &id)
	}
	return id
}

var named = regexp.MustCompile(`^([A-Za-z0-9.\[\] ]+: )+.|^the answer is |^the body goes on|^the fields beside `)

// checkError checks that an error says what is wrong, briefly, for one line.
func checkError(t *testing.T, body []byte, err error) {
	t.Helper()
	said := err.Error()
	if !named.MatchString(said) || len(said) > 1000 || strings.ContainsFunc(said, unicode.IsControl) {
		t.Errorf("%q: %q", body, said)
	}
}

// checkSnapshot compares every number with the text that came.
func checkSnapshot(t *testing.T, body []byte, s billwatch.Snapshot) {
	t.Helper()
	var plain, recharge map[string]json.RawMessage
	if json.Unmarshal(body, &plain) != nil || s.Account.ID != plainID(body) || s.Account.ID == "" {
		t.Errorf("%q was accepted as %+v", body, s)
	}
	_ = json.Unmarshal(plain["creditBalanceRecharge"], &recharge)
	for field, c := range map[string]struct {
		raw json.RawMessage
		got billwatch.Value[billwatch.Decimal]
	}{
		"creditBalance":     {plain["creditBalance"], s.Balance},
		"hourlySpendRate":   {plain["hourlySpendRate"], s.Spend.Hourly},
		"hourlySpendLimit":  {plain["hourlySpendLimit"], s.Spend.HourlyLimit},
		"monthlySpend":      {plain["monthlySpend"], s.Spend.Monthly},
		"monthlySpendLimit": {plain["monthlySpendLimit"], s.Spend.MonthlyLimit},
		"nextInvoiceTotal":  {plain["nextInvoiceTotal"], s.Spend.NextInvoice},
		"low":               {recharge["low"], s.Recharge.Low},
		"high":              {recharge["high"], s.Recharge.High},
	} {
		got, known := c.got.Get()
		if known && got.String() != plainNumber(c.raw) {
			t.Errorf("%s: %q became %s", field, c.raw, got)
		}
	}
	if data := text(t, s); len(data) > 32<<10 {
		t.Errorf("a snapshot of %d bytes", len(data))
	}
}

func plainNumber(raw json.RawMessage) string {
	var inner map[string]json.RawMessage
	if json.Unmarshal(raw, &inner) == nil && inner != nil {
		raw = inner["value"]
	}
	var quoted string
	if json.Unmarshal(raw, &quoted) == nil {
		return quoted
	}
	return string(raw)
}

// stripped leaves only the fields that are read.
func stripped(body []byte) []byte {
	var plain map[string]json.RawMessage
	_ = json.Unmarshal(body, &plain)
	ours := cudo.Routes()["/v1/billing-accounts/{id}"]
	maps.DeleteFunc(plain, func(name string, _ json.RawMessage) bool { return !slices.Contains(ours, name) })
	left, _ := json.Marshal(plain)
	return left
}

func text(t *testing.T, s billwatch.Snapshot) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func rational(text string) *big.Rat {
	r, _ := new(big.Rat).SetString(text)
	return r
}
