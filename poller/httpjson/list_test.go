package httpjson_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/simulate"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/billwatch/billwatch/poller/notehub"
	"github.com/google/go-cmp/cmp"
)

const paged = `
list: { path: /a, items: response.rows, id: item.id, next: response.next%s }
fields: { balance: item.left }
`

// serve answers by path and query, and counts.
func serve(t *testing.T, answer func(uri string) (status int, body string)) (base string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.RequestURI)
		status, body := answer(r.RequestURI)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// told is a listing in one line.
func told(l poller.Listing, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var words []string
	for _, r := range l.Rows {
		words = append(words, r.Account.ID+"="+r.Snapshot.Balance.String())
	}
	if !l.Complete {
		words = append(words, "incomplete: "+errors.Join(l.Problems...).Error())
	}
	return strings.Join(words, " ")
}

func TestPages(t *testing.T) {
	token, link := fmt.Sprintf(paged, ", next_parameter: page"), fmt.Sprintf(paged, "")
	for _, c := range []struct {
		what, config string
		pages        []string // the first, the second, …
		want         string
	}{
		{"tokens", token, []string{`{"rows":[{"id":"a","left":1}],"next":"x"}`, `{"rows":[{"id":"b","left":2}],"next":""}`}, "a=1 b=2"},
		{"numbers as tokens", token, []string{`{"rows":[{"id":"a","left":1}],"next":2}`, `{"rows":[]}`}, "a=1"},
		{"a token that repeats", token, []string{`{"rows":[{"id":"a","left":1}],"next":"x"}`, `{"rows":[{"id":"b","left":2}],"next":"x"}`},
			"a=1 b=2 incomplete: page 2: GET /a: 200 OK: list.next: was there before; the list has no end (mapped as response.next)"},
		{"a link that leads back", link, []string{`{"rows":[{"id":"a","left":1}],"next":"/a"}`},
			"a=1 incomplete: page 1: GET /a: 200 OK: list.next: was there before; the list has no end (mapped as response.next)"},
		{"a link abroad", link, []string{`{"rows":[{"id":"a","left":1}],"next":"https://evil.example.com/a"}`},
			"a=1 incomplete: page 2: GET /a: link to https://evil.example.com:443 refused: the credential stays where it belongs"},
		{"a link abroad without a scheme", link, []string{`{"rows":[{"id":"a","left":1}],"next":"//evil.example.com/a"}`},
			"a=1 incomplete: page 2: GET /a: link to http://evil.example.com:80 refused: the credential stays where it belongs"},
		{"a link to a file", link, []string{`{"rows":[{"id":"a","left":1}],"next":"file:///etc/passwd"}`},
			"a=1 incomplete: page 2: GET /a: link is not an address of this API"},
		{"a first page with a wrong token", token, []string{`{"rows":[{"id":"a","left":1}],"next":true}`},
			"error: GET /a: 200 OK: list.next: is true or false, not a text (mapped as response.next)"},
		{"a link that is a number", link, []string{`{"rows":[],"next":2}`}, "error: GET /a: 200 OK: list.next: is a number, not a text (mapped as response.next)"},
		{"a second page that is cut", token, []string{`{"rows":[{"id":"a","left":1}],"next":"x"}`, `{"rows":[{"id":"b","left":2}`},
			"a=1 incomplete: page 2: GET /a: 200 OK: the answer is not valid JSON: it ends too early"},
		{"a second page that is not there", token, []string{`{"rows":[{"id":"a","left":1}],"next":"x"}`}, "a=1 incomplete: page 2: GET /a: 404 Not Found"},
		{"a bad row among good ones", token, []string{`{"rows":[{"id":"a","left":"1,0"},{"id":"b","left":2},{"left":3},{"id":4,"left":4},{"id":"e","left":null}]}`},
			"b=2 e= incomplete: row 1 on page 1: account a: fields.balance: \"1,0\" is not a decimal number (mapped as item.left)\n" +
				"row 3 on page 1: list.id: is missing (mapped as item.id)\n" +
				"row 4 on page 1: list.id: is a number, not a text: string(…) makes one of it (mapped as item.id)"},
		{"no array", token, []string{`{"rows":{"id":"a"}}`}, "error: GET /a: 200 OK: rows: is not an array"},
		{"nothing", token, []string{`{}`}, "error: GET /a: 200 OK: rows: is missing"},
		{"an empty array", token, []string{`{"rows":[]}`}, ""},
		{"no array, read as a whole", strings.Replace(token, "response.rows", "response.x.rows", 1), []string{`{"x":{"rows":7}}`},
			"error: GET /a: 200 OK: list.items: is a number, not an array (mapped as response.x.rows)"},
		{"nothing, read as a whole", strings.Replace(token, "response.rows", "response.x.rows", 1), []string{`{"x":null}`},
			"error: GET /a: 200 OK: list.items: is missing (mapped as response.x.rows)"},
		{"an array alone", strings.Replace(token, "response.rows", "response", 1), []string{`[{"id":"a","left":1}]`}, "error: GET /a: 200 OK: list.next: response is an array: its elements have numbers, not names (mapped as response.next)"},
		{"rows that look at the answer", strings.Replace(token, "item.left", "item.left * response.rate", 1), []string{`{"rate":0.5,"rows":[{"id":"a","left":3}]}`}, "a=1.5"},
		{"a cursor out of the rows", strings.Replace(token, "response.next", "last(response.rows).id", 1),
			[]string{`{"rows":[{"id":"a","left":1},{"id":"b","left":2}]}`, `{"rows":[{"id":"c","left":3}]}`, `{"rows":[]}`}, "a=1 b=2 c=3"},
	} {
		t.Run(c.what, func(t *testing.T) {
			n := 0
			base, _ := serve(t, func(string) (int, string) {
				n++
				if n > len(c.pages) {
					return http.StatusNotFound, ""
				}
				return http.StatusOK, c.pages[n-1]
			})
			if diff := cmp.Diff(c.want, told(mapped(t, c.config, base).List(t.Context()))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPagesOfALinkHeader: nobody has to map what an API says in its headers, and
// no account of a later page is missed without a word.
func TestPagesOfALinkHeader(t *testing.T) {
	config := strings.Replace(paged, ", next: response.next%s", "", 1)
	for _, c := range []struct{ what, config, link, want string }{
		{"quoted", config, `<http://%s/a?page=2>; rel="next", <http://%[1]s/a?page=9>; rel="last"`, "a=1 b=2"},
		{"plain, after another one", config, `</a?page=9>; title="a, <b>"; rel=last, </a?page=2>; rel=next`, "a=1 b=2"},
		{"one of several relations", config, `<?page=2>; title="x"; rel="last next"`, "a=1 b=2"},
		{"none", config, `<http://%s/a?page=2>; rel="prev"; title="next"`, "a=1"},
		{"to itself", config, `</a>; rel="next"`, "a=1 incomplete: page 1: GET /a: 200 OK: next page of the Link header: was there before; the list has no end"},
		{"abroad", config, `<https://evil.example.com/a>; rel="next"`, "a=1 incomplete: page 2: GET /a: link to https://evil.example.com:443 refused: the credential stays where it belongs"},
		{"not where pages are mapped", fmt.Sprintf(paged, ""), `</a?page=2>; rel="next"`, "a=1"},
		{"not where there is one account", "list: { path: /a, id: 'response.rows[0].id' }\nfields: { balance: 'response.rows[0].left' }", `</a?page=2>; rel="next"`, "a=1"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "page=2" {
				_, _ = io.WriteString(w, `{"rows":[{"id":"b","left":2}]}`)
				return
			}
			w.Header().Set("Link", strings.ReplaceAll(strings.ReplaceAll(c.link, "%[1]s", r.Host), "%s", r.Host))
			_, _ = io.WriteString(w, `{"rows":[{"id":"a","left":1}]}`)
		}))
		if diff := cmp.Diff(c.want, told(mapped(t, c.config, server.URL).List(t.Context()))); diff != "" {
			t.Errorf("%s: %s", c.what, diff)
		}
		server.Close()
	}
}

func TestPagesWithoutEndEnd(t *testing.T) {
	n := 0
	base, asked := serve(t, func(string) (int, string) {
		n++
		return http.StatusOK, fmt.Sprintf(`{"rows":[{"id":"a%d","left":1}],"next":"t%d"}`, n, n)
	})
	l, err := mapped(t, fmt.Sprintf(paged, ", next_parameter: page"), base).List(t.Context())
	if err != nil || l.Complete || len(l.Rows) != 1000 || len(*asked) != 1000 {
		t.Errorf("%d rows after %d requests, complete: %v, %v", len(l.Rows), len(*asked), l.Complete, err)
	}
}

func TestALongListIsReadRowByRow(t *testing.T) {
	filler := strings.Repeat("x", 1_000_000)
	body := `{"rows":[` + strings.TrimSuffix(strings.Repeat(`{"id":"a","left":1,"x":"`+filler+`"},`, 40), ",") + `]}`
	base, _ := serve(t, func(string) (int, string) { return http.StatusOK, body })
	if l, err := mapped(t, fmt.Sprintf(paged, ""), base).List(t.Context()); err != nil || len(l.Rows) != 40 {
		t.Errorf("%d rows, %v", len(l.Rows), err)
	}
	_, err := mapped(t, strings.Replace(fmt.Sprintf(paged, ""), "response.rows", "'response.rows ?? []'", 1), base).List(t.Context())
	if poller.KindOf(err) != poller.Unreadable {
		t.Errorf("40 MB as a whole: %v", err)
	}
}

const detailed = `
list: { path: /a, items: response.rows, id: item.id, name: item.name }
detail: { path: "/a/{id}?id={id}"%s }
fields: { balance: response.left, state: item.status }
`

func TestDetails(t *testing.T) {
	for _, c := range []struct {
		what, more string
		status     int
		body, want string
	}{
		{"the row stands beside the answer", "", 200, `{"left":7}`, `balance 7, state "ok"`},
		{"nothing of the answer is known", "", 200, `{"left":null}`, `balance , state "ok"`},
		{"another account", ", id: response.id", 200, `{"left":7,"id":"b"}`, "unreadable: detail.id: is another account's"},
		{"no account", ", id: response.id", 200, `{"left":7}`, "unreadable: detail.id: is missing"},
		{"null", "", 200, `null`, "unreadable: the answer is null"},
		{"an array", "", 200, `[]`, "unreadable: response is an array"},
		{"nothing", "", 200, ``, "unreadable: the answer is empty"},
		{"a page", "", 200, `<p>`, "unreadable: the answer is an HTML page"},
		{"markup of another kind", "", 200, `<?xml version="1.0"?><a/>`, "unreadable: the answer is XML"},
		{"a value and more", "", 200, `{"left":7}{`, "unreadable: goes on after its value"},
		{"a refusal", "", 403, `{"error":"suspended"}`, "not_permitted: 403"},
		{"a refusal for suspension", `, suspended_403: 'response.error == "suspended"'`, 403, `{"error":"suspended"}`, "suspended: 403"},
		{"a refusal for something else", `, suspended_403: 'response.error == "suspended"'`, 403, `{"error":"no right"}`, "not_permitted: 403"},
		{"a refusal without JSON", `, suspended_403: "true"`, 403, `suspended`, "not_permitted: 403"},
		{"a 401", `, suspended_403: "true"`, 401, `{}`, "credential: 401"},
	} {
		t.Run(c.what, func(t *testing.T) {
			base, asked := serve(t, func(uri string) (int, string) {
				if uri == "/a" {
					return 200, `{"rows":[{"id":"a/b?","name":"A","status":"ok"}]}`
				}
				return c.status, c.body
			})
			p := mapped(t, fmt.Sprintf(detailed, c.more), base)
			l, err := p.List(t.Context())
			if err != nil || len(l.Rows) != 1 || l.Rows[0].Account.Name != "A" || l.Rows[0].Snapshot != nil {
				t.Fatalf("got %+v, %v", l, err)
			}
			s, err := p.Fetch(t.Context(), l.Rows[0].Account)
			got := fmt.Sprintf("balance %s, state %q", s.Balance, s.State)
			if err != nil {
				got = fmt.Sprintf("%s: %v", poller.KindOf(err), err)
			}
			kind, says, failed := strings.Cut(c.want, ": ")
			if (!failed && got != c.want) || (failed && (!strings.HasPrefix(got, kind) || !strings.Contains(got, says))) {
				t.Errorf("got %s, want %s", got, c.want)
			}
			on, _ := s.Suspended.Get()
			if on != (kind == "suspended") || on && (s.Balance.IsZero() || s.Balance.IsKnown() || s.Account.Name != "A") {
				t.Errorf("got %+v", s)
			}
			if (*asked)[1] != "/a/a%2Fb%3F?id=a%2Fb%3F" {
				t.Errorf("asked %s", *asked)
			}
		})
	}
}

func TestAnIDThatClimbsIsNotAskedFor(t *testing.T) {
	base, asked := serve(t, func(string) (int, string) { return 200, `{}` })
	for _, id := range []string{"..", ".", ""} {
		if _, err := mapped(t, fmt.Sprintf(detailed, ""), base).Fetch(t.Context(), billwatch.Account{ID: id}); poller.KindOf(err) != poller.Unreadable {
			t.Errorf("%q: got %v", id, err)
		}
	}
	if len(*asked) > 0 {
		t.Errorf("asked %s", *asked)
	}
}

func TestHeadersAndTheCredential(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		_, _ = io.WriteString(w, `{"left":1}`)
	}))
	defer server.Close()
	for _, c := range []struct{ config, header, want string }{
		{"", "Authorization", "Bearer 0123456789-secret"},
		{"auth_prefix: 'Basic '", "Authorization", "Basic 0123456789-secret"},
		{"auth_header: X-Api-Key", "X-Api-Key", "0123456789-secret"},
		{"auth_header: x-api-key\nauth_prefix: 'Key '", "X-Api-Key", "Key 0123456789-secret"},
		{"headers: { accept: application/vnd.x+json }", "Accept", "application/vnd.x+json"},
		{"headers: { X-Tenant: t }", "X-Tenant", "t"},
		{"auth_header: X-Api-Key", "Authorization", ""},
	} {
		_, err := mapped(t, c.config+"\nlist: { path: /a }\nfields: { balance: item.left }", server.URL).List(t.Context())
		if err != nil || got.Get(c.header) != c.want {
			t.Errorf("%s: got %q, %v", c.config, got.Get(c.header), err)
		}
	}
}

func TestAHistoryIsOnlyThereWhereItIsConfigured(t *testing.T) {
	if _, ok := mapped(t, fmt.Sprintf(detailed, ""), "http://localhost").(poller.Historian); ok {
		t.Error("a source without history has one")
	}
}

func TestMappingsAreTold(t *testing.T) {
	base, _ := serve(t, func(uri string) (int, string) {
		if uri == "/a" {
			return 200, `{"rows":[{"id":"a","name":"A","status":7}]}`
		}
		return 200, `{"left":"57.920"}`
	})
	told, err := mapped(t, fmt.Sprintf(detailed, ""), base).(poller.Mapper).Mappings(t.Context())
	var got []string
	for _, m := range told {
		got = append(got, fmt.Sprintf("%s: %s: %v %v", m.Field, m.Expr, m.Value, m.Err))
	}
	want := []string{
		"list.items: response.rows: 1 <nil>", "list.id: item.id: a <nil>", "list.name: item.name: A <nil>",
		"fields.state: item.status: <nil> fields.state: is a number, not a string (mapped as item.status)",
		"fields.balance: response.left: 57.920 <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestTheSimulatedVendorsReadAsBuiltIn polls the simulated vendors by both.
func TestTheSimulatedVendorsReadAsBuiltIn(t *testing.T) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	now := start
	config := simulate.Config{Now: func() time.Time { return now }, Start: start, Token: "0123456789-secret", Seed: 7}
	hub, gpus := httptest.NewServer(simulate.NewNotehub(config)), httptest.NewServer(simulate.NewCudo(config))
	defer hub.Close()
	defer gpus.Close()
	hubs := notehub.Organizations().Settings().(*notehub.Config)
	hubs.BaseURL, hubs.Token = hub.URL, "0123456789-secret"
	cudos := cudo.BillingAccounts().Settings().(*cudo.Config)
	cudos.BaseURL, cudos.APIKey = gpus.URL, "0123456789-secret"
	for _, v := range []struct {
		what, base string
		built      poller.Settings
	}{{"notehub", hub.URL, hubs}, {"cudo", gpus.URL, cudos}} {
		built, err := v.built.New(poller.Common{Source: "blues"})
		if err != nil {
			t.Fatal(err)
		}
		byHand := mapped(t, readFile(t, "testdata", v.what+".yaml"), v.base)
		seen := 0
		for _, at := range []time.Duration{0, time.Hour, 2 * time.Hour, 215 * time.Minute, 5 * time.Hour, 27 * time.Hour} {
			now = start.Add(at)
			want, got := everything(t, built, start), everything(t, byHand, start)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s after %s: -built in +mapped\n%s", v.what, at, diff)
			}
			seen += strings.Count(got, `"id":`)
		}
		if seen < 10 {
			t.Errorf("%s: %d accounts seen", v.what, seen)
		}
	}
}

// everything is what a round over a provider sees, failures by their kind.
func everything(t *testing.T, p poller.Provider, since time.Time) string {
	l, err := p.List(t.Context())
	seen := plainly(t, l.Rows) + "\n" + string(poller.KindOf(err))
	for _, row := range l.Rows {
		if row.Snapshot != nil {
			continue
		}
		s, err := p.Fetch(t.Context(), row.Account)
		h, historyErr := p.(poller.Historian).History(t.Context(), row.Account.ID, since.AddDate(0, 0, -9))
		seen += fmt.Sprintf("\n%s %s %s %s", plainly(t, s), poller.KindOf(err), plainly(t, h), poller.KindOf(historyErr))
	}
	return seen
}
