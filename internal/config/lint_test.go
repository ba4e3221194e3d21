package config_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/poller"
	"github.com/google/go-cmp/cmp"
)

// several is a configuration with all kinds of sources, whose route, accounts
// and rules a test appends from line 9 on.
const several = `sources:
  blues: { type: notehub, token: hunter2hunter2, labels: { team: iot } }
  gpus: { type: cudo, api_key: hunter2hunter2 }
receivers:
  ops: { webhook: { url: "https://hooks.example.com/hunter2" } }
  finance: { webhook: { url: "https://hooks.example.com/hunter2" } }
  nobody: {}

`

func TestWhatIsSoundAndCannotBeMeant(t *testing.T) {
	all := "\nrules: [{ alert: Low, expr: suspended, labels: { severity: info } }]"
	plain := "route: { receiver: ops, routes: [ { matchers: [severity=info], receiver: finance }, { matchers: [team=iot], receiver: nobody } ] }" + all
	routes := func(list string) string {
		return "route:\n  receiver: ops\n  routes:\n    - { matchers: [severity=critical], receiver: finance, continue: true }\n    - { matchers: [team=x], receiver: nobody }\n" + list + all
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", plain, ""},
		{"a receiver that no route names", "route: { receiver: ops, routes: [ { matchers: [severity=info], receiver: finance } ] }" + all,
			"billwatch.yaml:7:3: warning: no route leads to receiver \"nobody\""},
		{"a root whose child takes all", strings.Replace(plain, "[team=iot]", "[]", 1), "billwatch.yaml:5:3: warning: no route leads to receiver \"ops\""},
		{"a route behind one that takes all", routes("    - { receiver: finance }\n    - { matchers: [source=blues] }\n"),
			"billwatch.yaml:5:3: warning: no route leads to receiver \"ops\"\nbillwatch.yaml:15:7: warning: no alert takes this route: one before it takes them all"},
		{"behind one that lets go on", routes("    - { receiver: finance, continue: true }\n    - { matchers: [source=blues], receiver: ops }\n"), ""},
		{"behind one that takes the same", routes("    - { matchers: [source=blues, team=x], receiver: finance }\n"), "billwatch.yaml:14:7: warning: no alert takes this route: one before it takes them all"},
		{"behind one that takes it too", routes("    - { matchers: [source=~\"b.*\"] }\n    - { matchers: [source=blues] }\n"), "billwatch.yaml:15:7: warning: no alert takes this route: one before it takes them all"},
		{"behind one that takes less", routes("    - { matchers: [source=blues, team=y] }\n    - { matchers: [source=blues] }\n"), ""},
		{"a route to no alert", routes("    - { matchers: [alertname=Lwo] }\n"), `billwatch.yaml:14:7: warning: no alert takes this route: no alert has alertname="Lwo"`},
		{"a pattern of no source", routes("    - { matchers: [\"source=~gpu[0-9]\"] }\n"), `billwatch.yaml:14:7: warning: no alert takes this route: no alert has source=~"gpu[0-9]"`},
		{"a severity that no rule has", routes("    - { matchers: [severity=crit] }\n"), `billwatch.yaml:14:7: warning: no alert takes this route: no alert has severity="crit"`},
		{"a provider that no source has", routes("    - { matchers: [provider=aws] }\n"), `billwatch.yaml:14:7: warning: no alert takes this route: no alert has provider="aws"`},
		{"a label of which nothing is known", routes("    - { matchers: [whatever=x] }\n"), ""},
		{"a severity that a template makes", strings.Replace(routes("    - { matchers: [severity=crit] }\n"), "severity: info", `severity: "{{ .Account.Kind }}"`, 1), ""},
		{"a severity that accounts have", routes("    - { matchers: [severity=crit] }\n") + "\naccounts: [{ match: \"true\", labels: { severity: crit } }]", ""},
		{"what billwatch says of itself", routes("    - { matchers: [alertname=SourceDown, severity=critical] }\n    - { matchers: [source=\"\"] }\n"), ""},
		{"a child that its parent excludes", routes("    - { matchers: [source=blues], routes: [ { matchers: [source=gpus] } ] }\n"), `billwatch.yaml:14:45: warning: no alert takes this route: source="blues" and source="gpus" exclude each other`},
		{"matchers that exclude each other", routes("    - { matchers: [team=y, team!=y] }\n"), `billwatch.yaml:14:7: warning: no alert takes this route: team!="y" and team="y" exclude each other`},
		{"a receiver behind a dead route", strings.Replace(plain, "[team=iot]", "[source=bluse]", 1),
			"billwatch.yaml:7:3: warning: no route leads to receiver \"nobody\"\nbillwatch.yaml:9:85: warning: no alert takes this route: no alert has source=\"bluse\""},
		{"an attempt as long as there is", strings.Replace(plain, "route:", "  more:\n    webhook: { url: \"https://hooks.example.com/hunter2\", timeout: 15s }\n    alertmanager: { urls: [\"http://127.0.0.1:9093\"], timeout: 50s }\nroute:", 1),
			"billwatch.yaml:9:3: warning: no route leads to receiver \"more\""},
		{"attempts longer than there are", strings.Replace(plain, "route:", "  more:\n    webhook: { url: \"https://hooks.example.com/hunter2\", timeout: 16s }\n    alertmanager: { urls: [\"http://127.0.0.1:9093\"], timeout: 51s }\nroute:", 1),
			"billwatch.yaml:9:3: warning: no route leads to receiver \"more\"\n" +
				"billwatch.yaml:10:67: warning: timeout: an attempt never has more than 15s\n  hint: a longer one has no effect\n" +
				"billwatch.yaml:11:63: warning: timeout: a round never has more than 50s\n  hint: a longer one has no effect"},
		{"a repeat sooner than a poll", strings.Replace(plain, "receiver: ops,", "receiver: ops, repeat_interval: 1m,", 1),
			"billwatch.yaml:9:42: warning: repeat_interval: is shorter than the 5m between two polls\n  hint: nothing new can be said so soon"},

		{"a field that only one kind of source has", strings.Replace(plain, "expr: suspended", "expr: spend.hourly > 5, sources: [blues]", 1),
			"billwatch.yaml:10:29: warning: spend.hourly > 5 is never true: source blues has no spend.hourly\n  hint: the rule can never fire"},
		{"a field that the other one has", strings.Replace(plain, "expr: suspended", "expr: spend.hourly > 5", 1), ""},
		{"a label that nobody sets", strings.Replace(plain, "expr: suspended", "expr: account.labels.taem == \"iot\"", 1),
			"billwatch.yaml:10:29: warning: no source and no account sets the label taem\n  hint: did you mean team?"},
		{"shorter than an interval", strings.Replace(plain, "expr: suspended", "expr: suspended, for: 1m", 1),
			"billwatch.yaml:10:45: warning: for is shorter than the 5m between two polls\n  hint: it lasts until the next poll in any case"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got := load(t, write(t, several+tt.text))
			if diff := cmp.Diff(tt.want, withoutExcerpts(got)); diff != "" {
				t.Errorf("in\n%s\n%s", several+tt.text, diff)
			}
		})
	}
	_, got := load(t, write(t, source("interval: 1m, timeout: 90s")))
	_, beside := load(t, write(t, strings.Replace(several, "type: cudo", "type: cud", 1)+strings.Replace(plain, "expr: suspended", "expr: spend.hourly > 5", 1)))
	if strings.Contains(beside, "warning") {
		t.Errorf("beside a source that could not be read: %s", beside)
	}
	if want := "billwatch.yaml:2:73: warning: timeout: is longer than the 1m between two polls\n  hint: a request that hangs makes the source miss polls"; withoutExcerpts(got) != want {
		t.Errorf("got %s", got)
	}
}

// What a provider's settings say of its accounts is what it makes of an answer
// that has everything.
func TestFieldsOfEachProviderAreWhatItReads(t *testing.T) {
	for _, tt := range []struct{ typ, settings, answer string }{
		{"notehub", "token: abc", `{"uid": "a", "name": "A", "role": "owner", "owner": "o", "email": "e", "suspended": false, "plan": {}}`},
		{"notehub-billing-accounts", "token: abc", `{"uid": "a", "name": "A", "role": "owner", "owner": "o", "email": "e", "suspended": false, "plan": {}}`},
		{"http-json", "{ token: abc, base_url: https://a.example, unit: USD, list: { path: /a, role: response.r }, fields: { balance: response.b, owner: response.o, spend: { hourly: response.h } } }",
			`{"b": 1, "o": "o", "h": 2, "r": "r"}`},
		{"http-json", "{ token: abc, base_url: https://a.example, kind: wallet, list: { path: /a }, fields: { balance: response.b, name: response.n, deleted_at: response.d, plan: { type: response.t } } }",
			`{"b": 1, "n": "o", "t": "big"}`},
		{"cudo", "api_key: abc", `{"id": "a", "displayName": "A", "createBy": "o", "state": "STATE_ACTIVE"}`},
	} {
		t.Run(tt.typ, func(t *testing.T) {
			i := slices.IndexFunc(kinds().Sources, func(typ poller.Type) bool { return typ.Name == tt.typ })
			settings := kinds().Sources[i].Settings()
			doc, problems := document.Parse("settings", []byte(tt.settings))
			if problems = append(problems, doc.Decode(doc.Root(), settings)...); len(problems) > 0 {
				t.Fatal(problems)
			}
			provider, err := settings.New(poller.Common{Source: "s"})
			if err != nil {
				t.Fatal(err)
			}
			snapshot, err := provider.(poller.Decoder).Decode([]byte(tt.answer))
			if err != nil {
				t.Fatal(err)
			}
			said, ok := poller.FactsOf(settings)
			slices.Sort(said.Names)
			if diff := cmp.Diff(said.Names, fieldsRead(t, snapshot)); diff != "" || !ok {
				t.Errorf("said and read\n%s", diff)
			}
			if said.Provider != snapshot.Account.Provider || said.Kind != snapshot.Account.Kind {
				t.Errorf("said %s, %s of %+v", said.Provider, said.Kind, snapshot.Account)
			}
		})
	}
}

// fieldsRead returns the fields of a snapshot that apply to its account, as
// rules name them.
func fieldsRead(t *testing.T, snapshot billwatch.Snapshot) []string {
	t.Helper()
	data, err := json.Marshal(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	var names []string
	for key, v := range tree {
		group, ok := v.(map[string]any)
		if !ok {
			names = append(names, key)
			continue
		}
		for inner := range group {
			names = append(names, key+"."+inner)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return slices.Contains([]string{"at", "deleted_at", "account.id", "account.name", "account.kind", "account.source", "account.provider"}, name)
	})
	slices.Sort(names)
	return names
}

func TestSelectAndMatchAreComparedWithWhatSourcesHave(t *testing.T) {
	const wallet = "{ type: http-json, token: abc, base_url: https://a.example, list: { path: /a }, fields: { balance: response.b } }"
	for _, tt := range []struct{ sources, accounts, want string }{
		{"{ a: { type: cudo, api_key: abc, select: plan.type == \"x\" } }", "",
			"billwatch.yaml:1:51: warning: plan.type == \"x\" is never true: source a has no plan.type\n  hint: no account is picked"},
		{"{ a: { type: cudo, api_key: abc, select: suspended || plan.type == \"x\" } }", "",
			"billwatch.yaml:1:64: warning: source a has no plan.type\n  hint: what hangs on it is never known"},
		{"{ a: " + wallet + ", b: { type: cudo, api_key: abc } }", "spend.hourly > 1 || account.id == \"q\"", ""},
		{"{ a: " + wallet + " }", "balance > 5 || spend.hourly > 1",
			"billwatch.yaml:2:38: warning: source a has no spend.hourly\n  hint: what hangs on it is never known"},
		{"{ a: " + wallet + ", b: " + wallet + " }", "account.provider == \"cudo\"",
			"billwatch.yaml:2:23: warning: account.provider == \"cudo\" is true at no source\n  hint: no account is picked"},
		{"{ a: { type: http-json, token: abc, currency: USD, base_url: https://a.example, list: { path: /a }, fields: { balance: response.b } } }", "",
			"billwatch.yaml:1:46: unknown key \"currency\"\n  hint: it is a key of sources of type cudo"},
		{"{ a: { type: notehub, token: abc, base_url: https://a.example/v1 } }", "",
			"billwatch.yaml:1:54: base_url: must not end in /v1\n  hint: leave it out: each request begins with it"},
	} {
		text := "sources: " + tt.sources + "\n"
		if tt.accounts != "" {
			text += "accounts: [ { match: '" + tt.accounts + "' } ]\n"
		}
		_, got := load(t, write(t, text+"receivers: { ops: { webhook: { url: https://h.example } } }\n"))
		if diff := cmp.Diff(tt.want, withoutExcerpts(got)); diff != "" {
			t.Errorf("in\n%s\n%s", text, diff)
		}
	}
}
