package shape_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/shape"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/billwatch/billwatch/poller/notehub"
)

func redact(t *testing.T, terms shape.Terms, texts ...string) []string {
	t.Helper()
	r := shape.NewRedactor([32]byte{7})
	for _, text := range texts {
		r.Learn(parse(t, text))
	}
	var out []string
	for _, text := range texts {
		out = append(out, string(r.Redact(parse(t, text), terms)))
	}
	return out
}

// at returns what stands at a path of a JSON text.
func at(t *testing.T, text string, path ...any) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, step := range path {
		switch s := step.(type) {
		case string:
			v = v.(map[string]any)[s]
		case int:
			v = v.([]any)[s]
		}
	}
	return v
}

func TestWhatIsKept(t *testing.T) {
	const text = `{"z":null,"a":true,"b":false,"n":0,"m":"0.00","e":"","d":"2026-03-04T05:06:07Z","l":[],"o":{},"state":"STATE_ACTIVE","true":"true","v":{"value":"-0.0"}}`
	got := redact(t, shape.Terms{Words: []string{"state"}, Known: []string{"true"}}, text)[0]
	var compact strings.Builder
	for line := range strings.Lines(got) {
		compact.WriteString(strings.TrimSpace(line))
	}
	if diff := cmp.Diff(text, strings.ReplaceAll(compact.String(), `": `, `":`)); diff != "" {
		t.Error(diff)
	}
}

func TestWhereAWordIsExpectedOnlyAWordIsKept(t *testing.T) {
	for _, kept := range []string{"Enterprise", "STATE_ACTIVE", "org_auditor"} {
		if got := redact(t, shape.Terms{Words: []string{"plan.type"}}, `{"plan":{"type":"`+kept+`"}}`)[0]; at(t, got, "plan", "type") != kept {
			t.Errorf("%s became %s", kept, got)
		}
	}
	for _, hidden := range []string{"Acme contract", "contract-2024", "jo@acme.test"} {
		if got := redact(t, shape.Terms{Words: []string{"plan.type"}}, `{"plan":{"type":"`+hidden+`"}}`)[0]; at(t, got, "plan", "type") == hidden {
			t.Errorf("%s is kept", hidden)
		}
	}
}

func TestAmountsKeepTheirForm(t *testing.T) {
	for _, c := range []struct{ text, form string }{
		{`5000`, `^[1-9]\d{3}$`}, {`-12`, `^-[1-9]\d$`}, {`7`, `^[1-9]$`}, {`5000.0`, `^[1-9]\d{3}\.0$`}, {`5e3`, `^[1-9]e3$`},
		{`0.00031`, `^0\.000[1-9]{2}$`}, {`57.90`, `^[1-9]\d\.[1-9]0$`}, {`9223372036854775807`, `^[1-8]\d{18}$`},
		{`"57.92"`, `^"[1-9]\d\.[1-9]{2}"$`}, {`"+.5"`, `^"\+\.[1-9]"$`}, {`"5000"`, `^"[1-9]\d{3}"$`},
	} {
		got := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(redact(t, shape.Terms{}, `{"a":`+c.text+`}`)[0], "{\n  \"a\": "), "\n}\n"))
		if !regexp.MustCompile(c.form).MatchString(got) || got == c.text {
			t.Errorf("%s became %s, want %s", c.text, got, c.form)
		}
	}
}

func TestTheSameIsReplacedByTheSame(t *testing.T) {
	got := redact(t, shape.Terms{},
		`{"uid":"org/5f4a-77","name":"Acme Ltd","mail":"jo@acme.test","balance":"57.92"}`,
		`{"by":{"org/5f4a-77":57.92},"self":"https://api.acme.test/v1/things/org%2F5f4a-77?x=1","note":"for Acme Ltd.","who":"jo@acme.test"}`)
	uid := at(t, got[0], "uid").(string)
	self := at(t, got[1], "self").(string)
	if !strings.HasPrefix(self, "https://api.example.com/") || !strings.Contains(self, strings.ReplaceAll(uid, "/", "%2F")) {
		t.Errorf("%s is not in %s", uid, self)
	}
	if at(t, got[1], "by", uid) != json.Number(at(t, got[0], "balance").(string)) {
		t.Errorf("a key or an amount is another one: %s", got)
	}
	if at(t, got[1], "who") != at(t, got[0], "mail") || !strings.HasSuffix(at(t, got[0], "mail").(string), "@example.com") {
		t.Errorf("an address is another one: %s", got)
	}
	if !strings.Contains(at(t, got[1], "note").(string), at(t, got[0], "name").(string)) {
		t.Errorf("a name in a text is another one: %s", got)
	}
}

func TestErrorsKeepTheirWords(t *testing.T) {
	got := redact(t, shape.Terms{Error: true, Status: "403"},
		`{"err":"this billing account is suspended: Acme Ltd","code":403,"status":"PERMISSION_DENIED","n":404}`)[0]
	if err := at(t, got, "err").(string); !strings.HasPrefix(err, "this billing account is suspended: ") || strings.Contains(err, "Acme") {
		t.Errorf("became %q", err)
	}
	if at(t, got, "code") != json.Number("403") || at(t, got, "status") != "PERMISSION_DENIED" || at(t, got, "n") == json.Number("404") {
		t.Errorf("became %s", got)
	}
	if said := shape.ErrorText("invalid token abc123 of Acme"); said != "invalid token … of …" {
		t.Errorf("said %q", said)
	}
}

func TestAddressesAreRedacted(t *testing.T) {
	r := shape.NewRedactor([32]byte{1})
	r.LearnRoute("/v1/things/{id}/history")
	got := r.Path("/v1/things/acme-prepaid/history?startDate=1787733122&key=s3cret99&pageSize=50")
	if !regexp.MustCompile(`^/v1/things/[a-z]{4}-[a-z]{7}/history\?key=\w+&pageSize=50&startDate=1787733122$`).MatchString(got) ||
		strings.Contains(got, "acme") || strings.Contains(got, "s3cret99") {
		t.Error(got)
	}
}

func TestARouteMayHoldWhatIsSomebodys(t *testing.T) {
	r := shape.NewRedactor([32]byte{1})
	r.Learn(parse(t, `{"customer":"acme"}`))
	r.LearnRoute("/v1/acme/{id}/history")
	got := r.Route("/v1/acme/{id}/history")
	if !regexp.MustCompile(`^/v1/[a-z]{4}/\{id\}/history$`).MatchString(got) || strings.Contains(got, "acme") {
		t.Error(got)
	}
	if path := r.Path("/v1/acme/17"); !strings.HasPrefix(path, strings.TrimSuffix(got, "{id}/history")) {
		t.Errorf("%s is not below %s", path, got)
	}
}

func TestManyShortIdentitiesStayApart(t *testing.T) {
	var rows []string
	for i := range 200 {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"letter":"%c"}`, i+1, 'a'+i%26))
	}
	got := redact(t, shape.Terms{}, `{"rows":[`+strings.Join(rows, ",")+`]}`)[0]
	ids, letters := map[any]bool{}, map[any]bool{}
	for _, row := range at(t, got, "rows").([]any) {
		ids[row.(map[string]any)["id"]], letters[row.(map[string]any)["letter"]] = true, true
	}
	if len(ids) != 200 || len(letters) != 26 {
		t.Errorf("%d numbers, %d letters", len(ids), len(letters))
	}
	rows = nil
	for i := range 2000 {
		rows = append(rows, fmt.Sprintf(`"%c%c%c"`, 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26))
	}
	words := map[any]bool{}
	for _, w := range at(t, redact(t, shape.Terms{}, `[`+strings.Join(rows, ",")+`]`)[0]).([]any) {
		words[w] = true
	}
	if len(words) != 2000 {
		t.Errorf("%d words", len(words))
	}
}

// telling returns the texts of an answer that may not be in a redacted one.
func telling(t *testing.T, text string) []string {
	t.Helper()
	var all []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		case json.Number:
			walk(v.String())
		case string:
			nothing := !strings.ContainsFunc(v, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) && c != '0' })
			dated := regexp.MustCompile(`^\d{4}-\d\d-\d\d`).MatchString(v)
			if len(v) < 5 || dated || nothing {
				return
			}
			all = append(all, v)
		}
	}
	walk(at(t, text))
	return all
}

func TestNothingIsLeftOfAnyAnswer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.SampledFrom([]string{"Acme Prepaid", "acme-prepaid", "jo.doe@acme.test", "DE123456789", "5f4a9c31-77aa", "57.92", "412733", "Söhne & Co", "STATE_ACTIVE", "https://x.acme.test/a?b=acme-prepaid", "cus_NffrFeUfNV2Hib"})
		value := rapid.Deferred(func() *rapid.Generator[any] {
			return rapid.OneOf(
				rapid.Map(words, func(s string) any { return s }),
				rapid.Map(rapid.StringMatching(`[A-Za-z0-9@/:._ -]{5,20}`), func(s string) any { return s }),
				rapid.Map(rapid.IntRange(10000, 1<<40), func(n int) any { return n }),
				rapid.Map(rapid.SliceOfN(words, 0, 3), func(s []string) any { return s }),
				rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"id", "name", "acme-prepaid", "total"}), words, 0, 3), func(m map[string]string) any { return m }),
			)
		})
		data, err := json.Marshal(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "links", "label"}), value, 1, 5).Draw(rt, "answer"))
		if err != nil {
			rt.Fatal(err)
		}
		got := redact(t, shape.Terms{}, string(data))[0]
		for _, s := range telling(t, string(data)) {
			if strings.Contains(got, s) {
				rt.Fatalf("%q is left in %s of %s", s, got, data)
			}
		}
		a, b := shape.Fields([]*shape.Document{parse(t, string(data))}, nil), shape.Fields([]*shape.Document{parse(t, got)}, nil)
		if len(a) != len(b) {
			rt.Fatalf("%s has another shape than %s", got, data)
		}
	})
}

// TestExamplesStayReadable redacts what both vendors document, and reads it as
// billwatch does.
func TestExamplesStayReadable(t *testing.T) {
	for _, c := range []struct {
		settings poller.Settings
		folder   string
		details  string
		route    string
	}{
		{notehub.Organizations().Settings(), "../../poller/notehub/testdata/examples", "organization.*.200.json", "/v1/organizations/{organizationUID}"},
		{cudo.BillingAccounts().Settings(), "../../poller/cudo/testdata/examples", "billing-account.*.200.json", "/v1/billing-accounts/{id}"},
	} {
		switch s := c.settings.(type) {
		case *notehub.Config:
			s.Token = "t0ken-0123456789"
		case *cudo.Config:
			s.APIKey = "t0ken-0123456789"
		}
		p, err := c.settings.New(poller.Common{})
		if err != nil {
			t.Fatal(err)
		}
		var terms shape.Terms
		for _, f := range p.(poller.Describer).Fields() {
			if f.Route == c.route {
				terms.Known = append(terms.Known, f.Path)
				if f.Word {
					terms.Words = append(terms.Words, f.Path)
				}
			}
		}
		all, err := filepath.Glob(filepath.Join(c.folder, "*.json"))
		if err != nil || len(all) < 10 {
			t.Fatalf("%d examples, %v", len(all), err)
		}
		for _, path := range all {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := redact(t, terms, string(data))[0]
			for _, s := range telling(t, string(data)) {
				word := regexp.MustCompile(`^[A-Za-z_]+$`).MatchString(s)
				if strings.Contains(got, s) && !word {
					t.Errorf("%s: %q is left", filepath.Base(path), s)
				}
			}
			if ok, _ := filepath.Match(c.details, filepath.Base(path)); !ok {
				continue
			}
			was, errWas := p.(poller.Decoder).Decode(data)
			is, errIs := p.(poller.Decoder).Decode([]byte(got))
			if diff := cmp.Diff(states(was), states(is)); diff != "" || (errWas == nil) != (errIs == nil) {
				t.Errorf("%s: %v, %v %s", filepath.Base(path), errWas, errIs, diff)
			}
		}
	}
}

// states returns which fields of a snapshot are known, and which null.
func states(s billwatch.Snapshot) map[string]string {
	data, err := json.Marshal(s)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	d := map[string]any{}
	_ = json.Unmarshal(data, &d) // what was written
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if m, ok := v.(map[string]any); ok {
			for _, key := range slices.Sorted(maps.Keys(m)) {
				walk(path+"."+key, m[key])
			}
			return
		}
		out[path] = fmt.Sprintf("%T", v)
	}
	walk("", d)
	return out
}
