package httpjson_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/httpjson"
	"github.com/billwatch/billwatch/poller/notehub"
	"github.com/google/go-cmp/cmp"
)

const examples = "../notehub/testdata/examples"

// settings decodes a source's own settings as the configuration does.
func settings(t testing.TB, text, base string) *httpjson.Config {
	t.Helper()
	doc, problems := document.Parse("billwatch.yaml", []byte(text))
	config := httpjson.HTTPJSON().Settings().(*httpjson.Config)
	if len(problems) == 0 {
		problems = doc.Decode(doc.Root(), config)
	}
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	config.BaseURL, config.Token = base, "0123456789-secret"
	return config
}

func mapped(t testing.TB, text, base string) poller.Provider {
	t.Helper()
	p, err := settings(t, text, base).New(poller.Common{Source: "blues", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func readFile(t testing.TB, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// twins are the built-in source and the same mapped by hand, over one API that
// answers everything alike.
type twins struct {
	builtIn, mapped poller.Provider
	answer          atomic.Pointer[answer]
}

type answer struct {
	status    int
	mediaType string
	body      []byte
}

func newTwins(t *testing.T) *twins {
	both := &twins{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a := both.answer.Load()
		w.Header().Set("Content-Type", a.mediaType)
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
	}))
	t.Cleanup(server.Close)
	builtIn := notehub.Organizations().Settings().(*notehub.Config)
	builtIn.BaseURL, builtIn.Token = server.URL, "0123456789-secret"
	made, err := builtIn.New(poller.Common{Source: "blues", Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	both.builtIn, both.mapped = made, mapped(t, readFile(t, "testdata", "notehub.yaml"), server.URL)
	return both
}

// agree asks both for all that an answer can be of, and says whether it was
// accepted by any.
func (b *twins) agree(t *testing.T, what string, a answer) {
	t.Helper()
	b.answer.Store(&a)
	account := billwatch.Account{Source: "blues", ID: idIn(a.body), Name: "from the list", Role: "org_admin"}
	for name, ask := range map[string]func(poller.Provider) (any, error){
		"list":   func(p poller.Provider) (any, error) { return rows(p.List(t.Context())) },
		"detail": func(p poller.Provider) (any, error) { return p.Fetch(t.Context(), account) },
		"history": func(p poller.Provider) (any, error) {
			return p.(poller.Historian).History(t.Context(), "a", time.Time{})
		},
		"saved": func(p poller.Provider) (any, error) { return p.(poller.Decoder).Decode(a.body) },
	} {
		want, wantErr := ask(b.builtIn)
		got, gotErr := ask(b.mapped)
		if poller.KindOf(wantErr) != poller.KindOf(gotErr) || (wantErr == nil) != (gotErr == nil) {
			t.Errorf("%s, %s:\n got error %v\nwant error %v", what, name, gotErr, wantErr)
			continue
		}
		if wantErr != nil && poller.KindOf(wantErr) != poller.Suspended {
			continue
		}
		if diff := cmp.Diff(plainly(t, want), plainly(t, got)); diff != "" {
			t.Errorf("%s, %s: -built in +mapped\n%s", what, name, diff)
		}
	}
}

// idIn is the id that an answer is about.
func idIn(body []byte) string {
	var of struct{ UID any }
	_ = json.Unmarshal(body, &of)
	if id, ok := of.UID.(string); ok {
		return id
	}
	return "a"
}

func rows(l poller.Listing, err error) (any, error) {
	type listed struct {
		Rows     []poller.Row
		Complete bool
		Problems int
	}
	return listed{l.Rows, l.Complete, len(l.Problems)}, err
}

// plainly writes what is compared, without what may differ.
func plainly(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(data)) {
		if !strings.Contains(line, `"provider":`) && !strings.Contains(line, `"kind":`) && !strings.Contains(line, `"source":`) {
			kept = append(kept, strings.TrimRight(line, ",\n"))
		}
	}
	return strings.Join(kept, "\n")
}

func statusOf(name string) int {
	for part := range strings.SplitSeq(name, ".") {
		if n, err := strconv.Atoi(part[:min(3, len(part))]); err == nil && n >= 100 {
			return n
		}
	}
	return http.StatusOK
}

func TestTheExamplesReadAsBuiltIn(t *testing.T) {
	both := newTwins(t)
	files, err := os.ReadDir(examples)
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		mediaType := "application/json"
		if strings.HasSuffix(file.Name(), ".html") {
			mediaType = "text/html"
		}
		both.agree(t, file.Name(), answer{statusOf(file.Name()), mediaType, []byte(readFile(t, examples, file.Name()))})
	}
}

// spoils are values that a field may come with, as JSON.
func spoils() []string {
	return []string{
		`null`, `true`, `false`, `7`, `5000`, `5000.0`, `5e3`, `5000.5`, `"5000"`, `"5,000"`, `"5000 "`, `""`, `"x"`, `-37`, `-0`,
		`0e999999999`, `1e999999999`, `1e400`, `9007199254740993`, `9223372036854775807`, `9223372036854775808`, `"0x10"`, `"NaN"`,
		`[]`, `[5000]`, `{}`, `{"value":"5000"}`, `{"value":null}`, `{"x":1}`, `"Essentials"`, `"ESSENTIALS"`,
		`"2026-11-01"`, `"2026-11-01T00:00:00"`, `"2026-11-01T02:00:00+02:00"`, `"2026-13-45"`, `"0001-01-01T00:00:00Z"`, `1761955200000`,
		`"a\u0000b"`, `"\ud800"`, `"` + strings.Repeat("ä", 300) + `"`, `"` + strings.Repeat("7", 400) + `"`, strings.Repeat("7", 400),
	}
}

// spoiled returns the example with each of its fields missing, and with each of
// the wrong values in its place.
func spoiled(t *testing.T, body string, with []string) map[string]string {
	t.Helper()
	var whole any
	if err := json.Unmarshal([]byte(body), &whole); err != nil {
		t.Fatal(err)
	}
	variants := map[string]string{}
	write := func(what string) {
		data, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		variants[what] = string(data)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			if len(v) > 0 {
				walk(path+"[0]", v[0])
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				was := v[name]
				delete(v, name)
				write(path + "." + name + " is missing")
				for _, spoil := range with {
					v[name] = json.RawMessage(spoil)
					write(path + "." + name + " is " + spoil)
				}
				v[name] = was
				walk(path+"."+name, was)
			}
		}
	}
	walk("", whole)
	return variants
}

func TestSpoiledExamplesReadAsBuiltIn(t *testing.T) {
	both := newTwins(t)
	tried := 0
	for _, name := range []string{
		"organization.essentials.200.json", "organization.enterprise.200.json", "organization.minimal.200.json",
		"organizations.200.json", "balance-history.topup.200.json", "error.403-suspended.json",
	} {
		for what, body := range spoiled(t, readFile(t, examples, name), spoils()) {
			tried++
			both.agree(t, fmt.Sprintf("%s: %s", name, what), answer{statusOf(name), "application/json", []byte(body)})
		}
	}
	if tried < 1000 {
		t.Errorf("%d variants, want far more", tried)
	}
}
