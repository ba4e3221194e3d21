package poller_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/billwatch/billwatch/poller"
)

func TestWholeNumbers(t *testing.T) {
	const unknown = "unknown"
	for _, c := range []struct{ raw, want, says string }{
		{`5000`, "5000", ""}, {`5000.0`, "5000", ""}, {`5e3`, "5000", ""}, {`5E+3`, "5000", ""}, {`"5000"`, "5000", ""},
		{`50000e-1`, "5000", ""}, {`-37`, "-37", ""}, {`0`, "0", ""}, {`0.0`, "0", ""}, {`0e9`, "0", ""},
		{`9007199254740993`, "9007199254740993", ""},
		{`9223372036854775807`, "9223372036854775807", ""}, {`-9223372036854775808`, "-9223372036854775808", ""},
		{`null`, unknown, ""}, {`{}`, unknown, ""},
		{`9223372036854775808`, "", "out of range"}, {`1e400`, "", "out of range"}, {`1e999999999`, "", "out of range"},
		{strings.Repeat("9", 400), "", "out of range"},
		{`0e999999999`, "0", ""},
		{`-0`, "", "not a whole number"}, {`5000.5`, "", "not a whole number"}, {`"5,000"`, "", "not a whole number"},
		{`"5000 "`, "", "not a whole number"}, {`""`, "", "not a whole number"}, {`"NaN"`, "", "not a whole number"},
		{`"Infinity"`, "", "not a whole number"}, {`"0x10"`, "", "not a whole number"}, {`"1/3"`, "", "not a whole number"},
		{`"+5"`, "", "not a whole number"}, {`"007"`, "", "not a whole number"}, {`true`, "", "not a whole number"},
		{`[5000]`, "", "not a whole number"}, {`{"value":5}`, "", "not a whole number"},
	} {
		o, err := poller.ParseObject([]byte(`{"plan":{"balance":` + c.raw + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		n, known := o.Object("plan").Integer("balance").Get()
		switch err := o.Err(); {
		case c.says != "":
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "plan.balance: ") || len(err.Error()) > 100 {
				t.Errorf("%.50s: got %v, %v, want %q", c.raw, n, err, c.says)
			}
		case err != nil, known != (c.want != unknown), known && n.String() != c.want:
			t.Errorf("%.50s: got %v, %v, %v, want %s", c.raw, n, known, err, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	midnight := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		raw  string
		want time.Time // zero for unknown
		bad  bool
	}{
		{`"2026-01-01T00:00:00Z"`, midnight, false},
		{`"2026-01-01T00:00:00.000000Z"`, midnight, false},
		{`"2026-01-01T02:00:00+02:00"`, midnight, false},
		{`"2026-01-01T00:00:00"`, midnight, false},
		{`"2026-01-01"`, midnight, false},
		{`"2026-01-01T00:00:00.5Z"`, midnight.Add(time.Second / 2), false},
		{`""`, time.Time{}, false}, {`null`, time.Time{}, false}, {`"0001-01-01T00:00:00Z"`, time.Time{}, false},
		{`"2026-13-45"`, time.Time{}, true}, {`1767225600`, time.Time{}, true}, {`1767225600000`, time.Time{}, true},
		{`"yesterday"`, time.Time{}, true}, {`"2026-02-30"`, time.Time{}, true}, {`{}`, time.Time{}, true},
	} {
		o, err := poller.ParseObject([]byte(`{"at":` + c.raw + `}`))
		if err != nil {
			t.Fatal(err)
		}
		got, known := o.Time("at").Get()
		if (o.Err() != nil) != c.bad || known == c.want.IsZero() || !got.Equal(c.want) {
			t.Errorf("%s: got %v, %v, %v", c.raw, got, known, o.Err())
		}
	}
}

func TestBooleansAndTextsAreStrict(t *testing.T) {
	for _, c := range []struct{ raw, says string }{
		{`{"b":"false"}`, "b: is a string, not true or false"},
		{`{"b":0}`, "b: is a number, not true or false"},
		{`{"s":7}`, "s: is a number, not a string"},
		{`{"s":["a"]}`, "s: is an array, not a string"},
		{`{"o":[]}`, "o: is an array, not an object"},
		{`{"o":{"b":1}}`, "o.b: is a number, not true or false"},
		{`{"b":null,"s":null,"o":null}`, ""},
		{`{"B":7,"S":7,"O":7,"more":[{}]}`, ""},
	} {
		o, err := poller.ParseObject([]byte(c.raw))
		if err != nil {
			t.Fatal(err)
		}
		o.Bool("b")
		o.Text("s")
		o.Object("o").Bool("b")
		if got := o.Err(); (c.says == "") != (got == nil) || got != nil && got.Error() != c.says {
			t.Errorf("%s: got %v, want %q", c.raw, got, c.says)
		}
	}
}

func TestTextsAreStorable(t *testing.T) {
	o, err := poller.ParseObject([]byte(`{"nul":"a\u0000b","long":"` + strings.Repeat("é", 100_000) + `","odd":"` + "\xff" + `","empty":"","emoji":"🚲\u202e<b>"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"nul": "a\uFFFDb", "long": strings.Repeat("é", 255) + "…", "odd": "\uFFFD", "empty": "", "emoji": "🚲\u202e<b>",
	} {
		if got, known := o.Text(name).Get(); !known || got != want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestAnAnswerThatIsNoObjectIsNamed(t *testing.T) {
	for body, says := range map[string]string{
		"": "is empty", " \n": "is empty", "null": "is null", "[]": "is an array", `"x"`: "is a string", "7": "is a number",
		"true": "is a boolean", "<html>": "an HTML page", "oops": "is no JSON", `{"a":1}{}`: "not valid JSON", `{"a":1} x`: "not valid JSON",
		`{"a":`: "not valid JSON", "\ufeff{}": "is no JSON", strings.Repeat(`{"a":`, 100_000): "not valid JSON",
	} {
		if _, err := poller.ParseObject([]byte(body)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("object %.20q: got %v, want %q", body, err, says)
		}
		if says == "is no JSON" || says == "not valid JSON" {
			says = ""
		}
		if _, err := poller.ReadList(strings.NewReader(body), "rows", func(json.RawMessage) {}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("list %.20q: got %v, want %q", body, err, says)
		}
	}
}

func TestLists(t *testing.T) {
	for _, c := range []struct{ body, rows, says string }{
		{`{"rows":[]}`, "", ""},
		{` { "next" : "p2" , "rows" : [ {"a":1} , 2 ] , "more":{} } ` + "\n", `{"a":1} 2`, ""},
		{`{}`, "", "rows: is missing"},
		{`{"rows":null}`, "", "rows: is not an array"},
		{`{"rows":{}}`, "", "rows: is not an array"},
		{`{"rows":[],"rows":[]}`, "", "is there twice"},
		{`{"rows":[1]}x`, "", "goes on"},
		{`{"rows":[1]}{}`, "", "goes on"},
		{`{"rows":[1`, "", "ends too early"},
		{`{"rows":[1]`, "", "ends too early"},
		{`{"rows":[1,]}`, "", "not valid JSON"},
		{`{"rows":["` + strings.Repeat("a", 2<<20) + `"]}`, "", "longer than"},
		{`{"` + strings.Repeat("a", 2<<20) + `":1,"rows":[]}`, "", "longer than"},
		{`{"rows":[` + strings.Repeat(" ", 3<<20) + `]}`, "", "longer than"},
	} {
		var rows []string
		rest, err := poller.ReadList(strings.NewReader(c.body), "rows", func(raw json.RawMessage) { rows = append(rows, string(raw)) })
		if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40s: got %v, want %q", c.body, err, c.says)
		}
		if err == nil && strings.Join(rows, " ") != c.rows {
			t.Errorf("%.40s: got rows %q", c.body, rows)
		}
		if c.rows != "" && string(rest["next"]) != `"p2"` {
			t.Errorf("%.40s: got rest %q", c.body, rest)
		}
	}
	body := `{"rows":[` + strings.Repeat(`{"uid":"a"},`, 300_000) + `{}]}` // several windows long
	n := 0
	if _, err := poller.ReadList(strings.NewReader(body), "rows", func(json.RawMessage) { n++ }); err != nil || n != 300_001 {
		t.Errorf("a long list: got %d rows, %v", n, err)
	}
	if _, err := poller.ReadList(io.MultiReader(strings.NewReader(`{"rows":[`), iotest.ErrReader(io.ErrClosedPipe)), "rows", func(json.RawMessage) {}); err == nil {
		t.Error("a failing reader went unnoticed")
	}
}

// FuzzList compares the reading of lists with that of encoding/json.
func FuzzList(f *testing.F) {
	f.Add(`{"rows":[{"a":1},2],"next":"x"}`)
	f.Add(`{"rows":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		n := 0
		_, err := poller.ReadList(strings.NewReader(body), "rows", func(raw json.RawMessage) {
			n++
			if !json.Valid(raw) {
				t.Errorf("row %q", raw)
			}
		})
		var plain map[string]json.RawMessage
		wrong := json.Unmarshal([]byte(body), &plain)
		if err == nil && wrong != nil {
			t.Errorf("%q was read, although %v", body, wrong)
		}
		var rows []json.RawMessage
		if err == nil && (json.Unmarshal(plain["rows"], &rows) != nil || len(rows) != n) {
			t.Errorf("%q: %d rows, want %d", body, n, len(rows))
		}
	})
}

// FuzzObject checks that no field brings the reading down, and that a number
// that is accepted is the one that was written.
func FuzzObject(f *testing.F) {
	f.Add(`{"a":5000}`)
	f.Add(`{"a":"5e3"}`)
	f.Add(`{"a":{"a":"2026-01-01"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		o, err := poller.ParseObject([]byte(body))
		if err != nil {
			return
		}
		n, known := o.Integer("a").Get()
		if known && o.Err() == nil {
			var plain struct{ A json.Number }
			if json.Unmarshal([]byte(body), &plain) == nil && strings.Trim(string(plain.A), "-0123456789") == "" && plain.A.String() != n.String() {
				t.Errorf("%s: got %s", body, n)
			}
		}
		o.Text("a")
		o.Bool("a")
		o.Time("a")
		o.ID("a")
		o.Array("a")
		o.Object("a").Time("a")
	})
}
