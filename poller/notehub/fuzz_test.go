package notehub_test

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
	"github.com/billwatch/billwatch/poller/notehub"
	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeDetail checks that no answer brings the decoder down, that what it
// accepts is what was written, and that nothing comes from anywhere else.
func FuzzDecodeDetail(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		account := billwatch.Account{ID: plainText(body, "uid")}
		s, err := notehub.DecodeDetail(body, account)
		if err != nil {
			checkError(t, body, err)
			return
		}
		if !json.Valid(body) || s.Account.ID == "" || s.Account.ID != account.ID {
			t.Errorf("%q was accepted as %+v", body, s)
		}
		var plain, plan map[string]json.RawMessage
		_ = json.Unmarshal(body, &plain)
		_ = json.Unmarshal(plain["plan"], &plan)
		sameNumber(t, plan["current_balance"], s.Balance)
		sameNumber(t, plan["event_capacity"], s.Plan.Capacity)
		data := snapshot(t, s)
		if len(data) > 32<<10 {
			t.Errorf("a snapshot of %d bytes", len(data))
		}
		ours := notehub.Routes()["/v1/organizations/{organizationUID}"]
		maps.DeleteFunc(plain, func(name string, _ json.RawMessage) bool { return !slices.Contains(ours, name) })
		left, err := json.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := notehub.DecodeDetail(left, account); err != nil || snapshot(t, again) != data {
			t.Errorf("%q: something comes from a field that is none of ours: %v\n%s", body, err, cmp.Diff(data, snapshot(t, again)))
		}
	})
}

// FuzzDecodeList checks that every row of a list is an account or a problem.
func FuzzDecodeList(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := notehub.DecodeList(body)
		if err != nil {
			checkError(t, body, err)
			return
		}
		var plain map[string]json.RawMessage
		var rows []json.RawMessage
		if json.Unmarshal(body, &plain) != nil || json.Unmarshal(plain["organizations"], &rows) != nil {
			t.Fatalf("%q was accepted as %+v", body, l)
		}
		if l.Complete != (len(l.Problems) == 0) || len(l.Problems) < 100 && len(l.Rows)+len(l.Problems) != len(rows) {
			t.Errorf("%q: %d rows and %d problems, complete %v", body, len(l.Rows), len(l.Problems), l.Complete)
		}
		for _, problem := range l.Problems {
			checkError(t, body, problem)
		}
		for _, raw := range rows {
			if len(l.Rows) > 0 && l.Rows[0].Account.ID == plainText(raw, "uid") {
				l.Rows = l.Rows[1:]
			}
		}
		if len(l.Rows) > 0 {
			t.Errorf("%q: nothing was sent for %+v", body, l.Rows[0])
		}
	})
}

// FuzzDecodeHistory checks that records are sorted, and are those that came.
func FuzzDecodeHistory(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		records, err := notehub.DecodeHistory(body, time.Unix(0, 0))
		if err != nil {
			checkError(t, body, err)
			return
		}
		var plain map[string]json.RawMessage
		var rows []map[string]json.RawMessage
		if json.Unmarshal(body, &plain) != nil || json.Unmarshal(plain["data"], &rows) != nil {
			t.Errorf("%q was accepted", body)
		}
		sent := map[string]bool{}
		for _, row := range rows {
			sent[canonical(row["remaining_event_capacity"])+" "+canonical(row["total_event_capacity_used"])] = true
		}
		for i, r := range records {
			if i > 0 && !records[i-1].Period.Before(r.Period) {
				t.Errorf("%q: records are not sorted", body)
			}
			if !sent[r.Remaining.String()+" "+r.Used.String()] {
				t.Errorf("%q: nothing was sent for %+v", body, r)
			}
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

// plainText reads a field as encoding/json does.
func plainText(body []byte, field string) (text string) {
	var plain map[string]json.RawMessage
	if json.Unmarshal(body, &plain) == nil {
		_ = json.Unmarshal(plain[field], &text)
	}
	return text
}

// sameNumber compares a number with the text that came.
func sameNumber(t *testing.T, raw json.RawMessage, got billwatch.Value[billwatch.Decimal]) {
	t.Helper()
	if n, known := got.Get(); known && n.String() != canonical(raw) {
		t.Errorf("%q became %s", raw, n)
	}
}

// canonical writes a whole number out in digits.
func canonical(raw json.RawMessage) string {
	text := strings.Trim(string(raw), `"`)
	if strings.HasPrefix(text, "0e") || strings.HasPrefix(text, "0E") {
		return "0"
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return text
	}
	return r.Num().String()
}

var named = regexp.MustCompile(`^([a-z0-9_.\[\] ]+: )+.|^the answer is |^the body goes on|^the fields beside `)

// checkError checks that an error says what is wrong, briefly, for one line.
func checkError(t *testing.T, body []byte, err error) {
	t.Helper()
	said := err.Error()
	if !named.MatchString(said) || len(said) > 1000 || strings.ContainsFunc(said, unicode.IsControl) {
		t.Errorf("%q: %q", body, said)
	}
}
