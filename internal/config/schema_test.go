package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// validator returns the compiled schema of a kind of file.
func validator(t *testing.T, of string) *jsonschema.Schema {
	t.Helper()
	text, err := config.Schema(of, kinds())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(of+".json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(of + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// judged returns what a schema says of a text: "" where it is well.
func judged(t *testing.T, s *jsonschema.Schema, text string) string {
	t.Helper()
	doc, problems := document.Parse("f.yaml", []byte(text))
	if doc == nil {
		t.Fatal(problems)
	}
	var tree any
	if problems := doc.Decode(doc.Root(), &tree); len(problems) > 0 {
		return problems.Error()
	}
	if err := s.Validate(tree); err != nil {
		return err.Error()
	}
	return ""
}

func TestSchemasAcceptWhatChecksOut(t *testing.T) {
	example, err := os.ReadFile("../../rules.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	demo, err := os.ReadFile("../../cmd/billwatch/demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, of, text string }{
		{"the example rules", "rules", string(example)},
		{"nothing", "rules", "# none yet\n"},
		{"a rule that is true", "rules", "rules: [{ alert: A, expr: true, value: 5, for: 0s }]"},
		{"the demo's configuration", "config", string(demo)},
		{"a small configuration", "config", sound},
		{"several sources and receivers", "config", several},
		{"the example rules in a configuration", "config", sound + string(example)},
		{"variables in the place of other kinds", "config", source("interval: \"${EVERY:-5m}\", concurrency: \"${N}\"")},
		{"a list of integrations", "config", strings.Replace(sound, "{ url: \"https://hooks.example.com/hunter2\" }", "[{ url: a }, { url_file: b }]", 1)},
		{"keys without values", "config", sound + "accounts:\nrules:\nlog:\nlisten:\n"},
		{"a test file", "tests", testFile},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := judged(t, validator(t, tt.of), tt.text); got != "" {
				t.Errorf("%s\nof\n%s", got, tt.text)
			}
		})
	}
}

const testFile = `rule_files: [rules.yaml]
builtin_rules: true
route: { receiver: ops, group_wait: 0s, routes: [{ matchers: [severity="critical"], receiver: ops }] }
tests:
  - name: a suspended organization is reported at once
    interval: 1h
    start: 2026-03-01T00:00:00Z
    account: { name: Acme, plan: { type: Essentials } }
    poll: "ok fail okx12"
    vars: { floor: 5, note: text, sure: true }
    history: { used: "120x28" }
    series:
      suspended: "false false true true false"
      balance: "5000-10x4"
      plan.capacity: 10000
    expect:
      - at: 2h
        alerts: [ { alert: OrganizationSuspended, state: firing, labels: { severity: critical }, value: 5 } ]
        notifications: [ { receiver: ops, status: firing, reason: first, alerts: [OrganizationSuspended] }, {} ]
      - at: 4h
        alerts: []
`

func TestSchemasRefuseAWrongForm(t *testing.T) {
	rule := func(keys string) string { return "rules: [{ alert: A, expr: suspended, " + keys + " }]" }
	test := func(old, now string) string { return strings.Replace(testFile, old, now, 1) }
	for _, tt := range []struct{ name, of, text, want string }{
		{"an unknown key", "config", sound + "retenton: 4d", "'retenton' not allowed"},
		{"a key of another type of source", "config", source("api_key: x"), "'api_key' not allowed"},
		{"no such type", "config", strings.Replace(sound, "notehub", "notehubb", 1), "must be one of"},
		{"no type", "config", strings.Replace(sound, "type: notehub, ", "", 1), "missing property 'type'"},
		{"a duration without unit", "config", sound + "retention: 400", "/retention"},
		{"a duration in the wrong order", "config", sound + "retention: 1h7d", "/retention"},
		{"an interval and a schedule", "config", source("interval: 5m, cron: \"* * * * *\""), "'not' failed"},
		{"a secret and its file", "config", source("token_file: x"), "'not' failed"},
		{"a level that is none", "config", sound + "log: { level: inf }", "/log/level"},
		{"a format that is none", "config", hook("format: xml"), "/receivers/hook/webhook"},
		{"a text for a flag", "config", hook("send_resolved: yes please"), "/receivers/hook/webhook"},
		{"a number that is none", "config", source("concurrency: many"), "/sources/blues/concurrency"},
		{"an integration of no type", "config", sound + "  x: { webhok: {} }", "'webhok' not allowed"},
		{"a name with a space", "config", sound + "  a b: {}", "propertyName"},
		{"an unknown key of a route", "config", sound + "route: { receiver: hook, routes: [{ matcher: [] }] }", "'matcher' not allowed"},
		{"a built-in rule that is none", "config", sound + "builtin_rules: { disabled: [Nothing] }", "/builtin_rules/disabled/0"},
		{"a list of variables", "config", sound + "accounts: [{ match: \"true\", vars: { a: [] } }]", "/accounts/0/vars/a"},
		{"accounts without match", "config", sound + "accounts: [{ labels: { a: b } }]", "missing property 'match'"},
		{"groups of rules", "rules", "groups: []", "'groups' not allowed"},
		{"a rule without name", "rules", "rules: [{ expr: suspended }]", "missing property 'alert'"},
		{"a rule without condition", "rules", "rules: [{ alert: A }]", "missing property 'expr'"},
		{"an unknown key of a rule", "rules", rule("fro: 15m"), "'fro' not allowed"},
		{"the same in a configuration", "config", sound + rule("fro: 15m"), "'fro' not allowed"},
		{"a variable in a rule", "rules", rule("for: \"${X}\""), "/rules/0/for"},
		{"a label of our own", "rules", rule("labels: { source: x }"), "propertyName"},
		{"a label that is none", "rules", rule("labels: { a-b: x }"), "propertyName"},
		{"another word for unknown", "rules", rule("on_unknown: fire"), "/rules/0/on_unknown"},
		{"a condition that is a list", "rules", "rules: [{ alert: A, expr: [a] }]", "/rules/0/expr"},
		{"a test without name", "tests", test("name: a", "nam: a"), "missing property 'name'"},
		{"a route with an unknown key", "tests", test("group_wait", "group_wiat"), "'group_wiat' not allowed"},
		{"a variable that no rule can name", "tests", test("floor: 5", "a-b: 5"), "propertyName"},
		{"a value that is none", "tests", test("value: 5", "value: five"), "/value"},
		{"a series of no field", "tests", test("balance:", "balanc:"), "'balanc' not allowed"},
		{"a state that is none", "tests", test("state: firing", "state: fired"), "/alerts/0/state"},
		{"a poll that is neither", "tests", test("ok fail okx12", "ok failed"), "/poll"},
		{"a time that is no duration", "tests", test("at: 2h", "at: 2"), "/at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := judged(t, validator(t, tt.of), tt.text); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it, of\n%s", got, tt.want, tt.text)
			}
		})
	}
}

// Each of the ten mistakes alone. Four are in what a text means, or in a name
// that is not there: a schema cannot see them.
func TestSchemaRefusesTheMistakesOfForm(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "ten-mistakes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	mistakes := []struct {
		broken, mended string
		form           bool
	}{
		{"retention: 400 ", "retention: 400d ", true},
		{"tokn: ", "token: ", true},
		{"    cron: \"*/10 * * * *\"", "", true},
		{"type: notehub-billing ", "type: notehub ", true},
		{"balanc <", "balance <", false},
		{"state = ", "state == ", false},
		{"- alert: Suspended                  # 7", "- alert: Other # 7", false},
		{"format: yaml", "format: billwatch", true},
		{"send_resolved: yes please", "send_resolved: true", true},
		{"receiver: finanz", "receiver: finance", false},
	}
	mended := string(data)
	for _, m := range mistakes {
		if !strings.Contains(mended, m.broken) {
			t.Fatalf("the file has no %q", m.broken)
		}
		mended = strings.Replace(mended, m.broken, m.mended, 1)
	}
	schema := validator(t, "config")
	if got := judged(t, schema, mended); got != "" {
		t.Fatalf("the mended file: %s", got)
	}
	for i, m := range mistakes {
		text := string(data)
		for j, other := range mistakes {
			if j != i {
				text = strings.Replace(text, other.broken, other.mended, 1)
			}
		}
		if got := judged(t, schema, text); (got != "") != m.form {
			t.Errorf("mistake %d (%s): %q", i+1, m.broken, got)
		}
		if _, problems := load(t, write(t, text)); problems == "" {
			t.Errorf("mistake %d (%s) is not found", i+1, m.broken)
		}
	}
}

func TestSchemasInTheManualAreCurrent(t *testing.T) {
	for _, of := range config.Schemas() {
		path := filepath.Join("..", "..", "docs", "schema", of+".json")
		want, err := config.Schema(of, kinds())
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("go test ./internal/config -run Schemas -update\n%s", diff)
		}
	}
	if _, err := config.Schema("confg", kinds()); err == nil || !strings.Contains(err.Error(), "did you mean config?") {
		t.Errorf("a schema of nothing: %v", err)
	}
}

// Editors show what a key is: the same as the guides.
func TestSchemasSayWhatEachKeyIs(t *testing.T) {
	for _, of := range config.Schemas() {
		text, err := config.Schema(of, kinds())
		if err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		for _, key := range undescribed(tree, of) {
			t.Errorf("%s has no description", key)
		}
	}
	text, _ := config.Schema("config", kinds())
	for _, want := range []string{`"description": "how long snapshots are kept; at least 1d"`, `"description": "where to; shown as its host only"`, `"description": "a text that never changes`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("nothing says %s", want)
		}
	}
}

// undescribed returns the places of properties that say nothing, below the
// keys that guides have.
func undescribed(s map[string]any, at string) []string {
	var all []string
	properties, _ := s["properties"].(map[string]any)
	for key, p := range properties {
		property := p.(map[string]any)
		inSettings := slices.ContainsFunc([]string{"series", "account.", "fields.", "history.", "alert.", "notification.", "builtin_rules.", "log."},
			func(free string) bool { return strings.Contains(at+".", "."+free) })
		if property["description"] == nil && !inSettings && !(at == "config.$defs.source" && key == "type") {
			all = append(all, at+"."+key)
		}
		all = append(all, undescribed(property, at+"."+key)...)
	}
	defs, _ := s["$defs"].(map[string]any)
	for key, d := range defs {
		all = append(all, undescribed(d.(map[string]any), at+".$defs."+key)...)
	}
	slices.Sort(all)
	return all
}

// Each example of the guides has the form that its schema wants.
func TestSchemasAcceptTheExamplesOfTheGuides(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range append(pages, "../../README.md", "../../rules.example.yaml", "../../rules.example_test.yaml") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := [][]string{{"", string(data)}}
		if strings.HasSuffix(page, ".md") {
			blocks = regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
		}
		for _, block := range blocks {
			doc, problems := document.Parse(page, []byte(block[1]))
			if doc == nil {
				t.Fatal(problems)
			}
			of := map[config.Kind]string{config.Configuration: "config", config.RuleFile: "rules", config.TestFile: "tests"}[config.KindOf(doc)]
			if of == "rules" && document.Get(doc.Root(), "rules") == nil {
				of = "config" // a part of one
			}
			if got := judged(t, validator(t, of), block[1]); got != "" {
				t.Errorf("%s: as %s: %s\nof\n%s", page, of, got, block[1])
			}
			seen++
		}
	}
	if seen < 8 {
		t.Errorf("only %d examples were found", seen)
	}
}
