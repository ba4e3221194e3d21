package config_test

import (
	"bytes"
	"os"
	"path/filepath"
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
tests:
  - name: a suspended organization is reported at once
    interval: 1h
    start: 2026-03-01T00:00:00Z
    account: { name: Acme, plan: { type: Essentials } }
    poll: "ok fail ok"
    history: { used: "120x28" }
    series:
      suspended: "false false true true false"
      balance: "5000-10x4"
      plan.capacity: 10000
    expect:
      - at: 2h
        alerts: [ { alert: OrganizationSuspended, state: firing, labels: { severity: critical } } ]
        notifications: [ { receiver: ops, status: firing } ]
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
		{"a series of no field", "tests", test("balance:", "balanc:"), "'balanc' not allowed"},
		{"a state that is none", "tests", test("state: firing", "state: fired"), "/alerts/0/state"},
		{"a poll that is neither", "tests", test("ok fail ok", "ok failed"), "/poll"},
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
