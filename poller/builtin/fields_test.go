package builtin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/billwatch/billwatch/poller/notehub"
)

// answers are documented ones, by the route that gives them; between them they
// have each field that is read.
type answers struct {
	settings func(base string) poller.Settings
	folder   string
	examples map[string][]string
}

// TestWhatIsReadIsWhatIsSaid takes each field out of each documented answer: it
// is among the described ones exactly where what is made of the answer differs.
func TestWhatIsReadIsWhatIsSaid(t *testing.T) {
	for _, a := range []answers{
		{func(base string) poller.Settings {
			s := notehub.Organizations().Settings().(*notehub.Config)
			s.BaseURL, s.Token = base, "t0ken-0123456789"
			return s
		}, "../notehub/testdata/examples", map[string][]string{
			"/v1/organizations":                                   {"organizations.200.json"},
			"/v1/organizations/{organizationUID}":                 {"organization.enterprise.200.json", "organization.essentials.200.json"},
			"/v1/organizations/{organizationUID}/balance-history": {"balance-history.200.json"},
		}},
		{func(base string) poller.Settings {
			s := cudo.BillingAccounts().Settings().(*cudo.Config)
			s.BaseURL, s.APIKey = base, "t0ken-0123456789"
			return s
		}, "../cudo/testdata/examples", map[string][]string{
			"/v1/billing-accounts":      {"billing-accounts.page1.200.json", "billing-account.autorecharge-failing.200.json", "billing-account.soft-deleted.200.json"},
			"/v1/billing-accounts/{id}": {"billing-account.autorecharge-failing.200.json", "billing-account.soft-deleted.200.json"},
		}},
	} {
		for route, files := range a.examples {
			t.Run(route, func(t *testing.T) {
				a.compare(t, route, files)
			})
		}
	}
}

func (a answers) compare(t *testing.T, route string, files []string) {
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("pageToken") != "" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(body)
	}))
	defer server.Close()
	p, err := a.settings(server.URL).New(poller.Common{Source: "s"})
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, f := range p.(poller.Describer).Fields() {
		if f.Route == route {
			described[f.Path] = true
		}
	}
	read := map[string]bool{}
	for _, file := range files {
		whole, err := os.ReadFile(filepath.Join(a.folder, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(route, "s") && strings.HasPrefix(file, "billing-account.") {
			whole = fmt.Appendf(nil, `{"billingAccounts":[%s],"pageToken":""}`, whole)
		}
		body = whole
		id := idIn(t, whole)
		want := made(t, p, route, id)
		for path := range leaves(t, whole) {
			body = without(t, whole, path)
			if made(t, p, route, id) != want {
				read[strings.TrimSuffix(path, ".value")] = true
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(read))); diff != "" {
		t.Errorf("described and read: %s", diff)
	}
}

// made is what the provider makes of an answer, written out.
func made(t *testing.T, p poller.Provider, route, id string) string {
	t.Helper()
	switch {
	case strings.HasSuffix(route, "history"):
		records, err := p.(poller.Historian).History(t.Context(), id, time.Unix(0, 0))
		return fmt.Sprint(records, err)
	case strings.HasSuffix(route, "}"):
		s, err := p.Fetch(t.Context(), billwatch.Account{ID: id, Source: "s"})
		return written(t, s) + fmt.Sprint(err)
	}
	listing, err := p.List(t.Context())
	return written(t, listing.Rows) + fmt.Sprint(listing.Complete, listing.Problems, err)
}

func written(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func idIn(t *testing.T, body []byte) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "uid"} {
		if id, ok := fields[name].(string); ok {
			return id
		}
	}
	return "any"
}

// leaves returns the paths of all fields that hold no object or array.
func leaves(t *testing.T, body []byte) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	edit(t, body, func(path string, _ map[string]any, _ string, v any) {
		switch v.(type) {
		case map[string]any, []any:
		default:
			all[path] = true
		}
	})
	return all
}

// without returns a body without the fields at one path.
func without(t *testing.T, body []byte, gone string) []byte {
	t.Helper()
	return edit(t, body, func(path string, in map[string]any, key string, _ any) {
		if path == gone {
			delete(in, key)
		}
	})
}

func edit(t *testing.T, body []byte, f func(path string, in map[string]any, key string, v any)) []byte {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var root any
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				below := strings.TrimPrefix(path+"."+key, ".")
				walk(below, inner)
				f(below, v, key, inner)
			}
		case []any:
			for _, inner := range v {
				walk(path+"[]", inner)
			}
		}
	}
	walk("", root)
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
