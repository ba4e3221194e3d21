package httpjson_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/httpjson"
	"github.com/google/go-cmp/cmp"
)

const sound = `receivers: { hook: { webhook: { url: "https://hooks.example.com" } } }
sources:
  sms:
    type: http-json
    base_url: https://api.example.com
    token_file: secret
    list: { path: /v2/accounts, items: response.data, id: item.uid }
    fields: { balance: item.credits }
`

// check returns the problems of a configuration, without excerpts.
func check(t *testing.T, text string, env ...string) (*config.Config, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "billwatch.yaml")
	for name, content := range map[string]string{file: text, filepath.Join(dir, "secret"): "0123456789"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, problems, err := config.Load(file, env, config.Kinds{Sources: []poller.Type{httpjson.HTTPJSON()}, Integrations: receivers()})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(problems.Error()) {
		line = strings.TrimRight(strings.ReplaceAll(line, file, "billwatch.yaml"), "\n")
		if line != "" && !strings.HasPrefix(strings.TrimSpace(line), "|") {
			lines = append(lines, line)
		}
	}
	return c, strings.Join(lines, "\n")
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	in := func(from, to string) string {
		if !strings.Contains(sound, from) {
			t.Fatalf("%q is not there", from)
		}
		return strings.Replace(sound, from, to, 1)
	}
	more := func(lines string) string { return sound + lines }
	for _, c := range []struct{ name, text, want string }{
		{"the least there can be", sound, ""},
		{"one account", in("{ path: /v2/accounts, items: response.data, id: item.uid }", "{ path: /v2/balance }"), ""},
		{"an unknown name", in("item.credits", "itm.credits"), "8:24: fields.balance: unknown name itm\n  hint: did you mean item?"},
		{"an unknown function, in the middle", in("item.credits", "1 + flaot(item.x)"), "8:28: fields.balance: there is no function flaot\n  hint: did you mean float?"},
		{"an unknown function, in quotes", in("item.credits", `"1 + flaot(item.x)"`), "8:29: fields.balance: there is no function flaot\n  hint: did you mean float?"},
		{"an unknown function, folded", in("{ balance: item.credits }", "\n      balance: >-\n        1\n        + flaot(item.x)"),
			"11:11: fields.balance: there is no function flaot\n  hint: did you mean float?"},
		{"items that are a text", in("response.data", `"'data'"`), "7:40: list.items: must give an array, not a text"},
		{"items that look at an item", in("response.data", "item.data"), "7:40: list.items: item is not there yet\n  hint: here there is response"},
		{"an id that is a number", in("item.uid", "7"), "7:59: list.id: must give a text, not a number\n  hint: string(…) makes a text of a number, unix(…) a date of seconds"},
		{"suspended as a text", in("item.credits", `5, suspended: "'yes'"`), "8:38: fields.suspended: must give true or false, not a text"},
		{"a balance that is no number", in("item.credits", `"'much'"`), "8:24: fields.balance: \"much\" is not a decimal number (mapped as 'much')"},
		{"a date that is none", in("item.credits", `5, plan: { end: "'soon'" }`), "8:40: fields.plan.end: \"soon\" is not a date (mapped as 'soon')"},
		{"an unknown key", in("items:", "itms:"), "7:33: unknown key \"itms\"\n  hint: did you mean items?"},
		{"an unknown field", in("balance:", "balanc:"), "8:15: unknown key \"balanc\"\n  hint: did you mean balance?"},
		{"an unknown field of a plan", in("item.credits", "5, plan: { capacty: 5 }"), "8:35: unknown key \"capacty\"\n  hint: did you mean capacity?"},
		{"no fields", in("    fields: { balance: item.credits }\n", ""), "3:3: fields: is missing\n  hint: it needs balance at least"},
		{"nothing to watch", in("balance:", "state:"), "8:13: fields: has neither balance nor suspended\n  hint: there would be nothing to watch"},
		{"no list", in("    list: { path: /v2/accounts, items: response.data, id: item.uid }\n", ""), "3:3: list.path: is missing"},
		{"no id", in(", id: item.uid", ""), "7:11: list.id: is missing"},
		{"no address", in("    base_url: https://api.example.com\n", ""), "3:3: base_url: must begin with https:// or http://"},
		{"a path with a host", in("/v2/accounts", "//evil.example.com/"), "7:19: list.path: must begin with one /\n  hint: it comes after base_url, such as /v2/accounts?per_page=100"},
		{"a path that climbs", in("/v2/accounts", "/v2/../accounts"), "7:19: list.path: must not hold . or .. as a segment"},
		{"a path with the token", strings.Replace(in("/v2/accounts", "/v2/accounts?key=0123456789-secret"), "token_file: secret", "token: 0123456789-secret", 1), "7:19: list.path: holds the token\n  hint: addresses end up in logs; a header carries it: see auth_header"},
		{"a list of an id", in("/v2/accounts", `"/v2/{id}"`), "7:19: list.path: unknown place {id}\n  hint: there is nothing to be filled in"},
		{"a detail of no id", more("    detail: { path: /v2/account }"), "9:21: detail.path: does not say which account\n  hint: it needs {id}"},
		{"a detail of something else", more(`    detail: { path: "/v2/{uid}/{id}" }`), "9:21: detail.path: unknown place {uid}\n  hint: there is {id}"},
		{"a parameter without pages", in("id: item.uid", "id: item.uid, next_parameter: page"), "7:85: list.next_parameter: has nothing to send\n  hint: list.next is missing"},
		{"a history in an unknown form", more(`    history: { path: "/h", since: iso, items: response.x, period: item.x, remaining: item.x, used: item.x }`),
			"9:35: history.since: there is no form \"iso\"\n  hint: rfc3339, date or unix"},
		{"half a history", more(`    history: { path: "/h", items: response.x, period: item.x, remaining: item.x }`), "9:14: history.used: is missing"},
		{"a credential as a header", more("    headers: { authorization: abcdefgh }"), "9:31: headers.authorization: is set by billwatch itself\n  hint: the credential is the token's"},
		{"the token's header twice", more("    auth_header: X-Key\n    headers: { x-key: abcdefgh }"), "10:23: headers.x-key: is set by billwatch itself\n  hint: the credential is the token's"},
		{"a header's name", more("    auth_header: \"X Key\""), "9:18: auth_header: \"X Key\" cannot carry the token\n  hint: such as X-API-Key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := check(t, c.text)
			want := c.want
			if want != "" {
				want = "billwatch.yaml:" + want
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheEnvironmentReachesWhatIsNested(t *testing.T) {
	c, problems := check(t, sound,
		"BILLWATCH_SOURCES__SMS__LIST__NAME=item.title", "BILLWATCH_SOURCES__SMS__LIST__PATH=/v3/accounts",
		"BILLWATCH_SOURCES__SMS__FIELDS__PLAN__CAPACITY=item.total", "BILLWATCH_SOURCES__SMS__DETAIL__PATH=/v3/accounts/{id}")
	if problems != "" {
		t.Fatal(problems)
	}
	got := c.Sources[0].Settings.(*httpjson.Config)
	if got.List.Name != "item.title" || got.List.Path != "/v3/accounts" || got.Fields.Plan.Capacity != "item.total" || got.Detail == nil || got.Detail.Path != "/v3/accounts/{id}" {
		t.Errorf("got %+v", got)
	}
	if _, problems := check(t, sound, "BILLWATCH_SOURCES__SMS__FIELDS__PLAN__CAPACTY=5"); !strings.Contains(problems, "matches no key") {
		t.Errorf("got %q", problems)
	}
}

func TestVariablesInMappings(t *testing.T) {
	c, problems := check(t, strings.Replace(sound, "item.credits", `'item["${FIELD}"]'`, 1), "FIELD=left")
	if problems != "" || c.Sources[0].Settings.(*httpjson.Config).Fields.Balance != `item["left"]` {
		t.Errorf("got %s", problems)
	}
}
