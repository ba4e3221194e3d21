package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/document"
	notifiers "github.com/billwatch/billwatch/notify/builtin"
	providers "github.com/billwatch/billwatch/poller/builtin"
	"github.com/billwatch/billwatch/rules/ruletest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Each YAML text in the manual is a configuration, or a part of one that is
// whole with a source beside it.
func TestTheExamplesCheckOut(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	tried := 0
	for _, page := range files(t, ".md") {
		for i, m := range block.FindAllStringSubmatch(text(t, page), -1) {
			tried++
			check := load
			if strings.Contains(m[1], "\ntests:\n") {
				check = loadTests
			}
			t.Run(fmt.Sprintf("%s %d", page, i+1), func(t *testing.T) { check(t, m[1]) })
		}
	}
	if tried < 3 {
		t.Errorf("examples found: %d, want at least the README's and one on each page", tried)
	}
}

func TestTheExampleRulesCheckOut(t *testing.T) {
	load(t, text(t, "rules.example.yaml")+`
accounts: [ { match: account.name != "", vars: { floor: 5000 } } ]
sources:
  blues: { type: notehub, token: abc }
  gpus: { type: cudo, api_key: abc }
`)
}

// loadTests checks a file of rule tests.
func loadTests(t *testing.T, example string) {
	t.Helper()
	doc, problems := document.Parse("rules_test.yaml", []byte(example))
	if len(problems) == 0 {
		_, problems = ruletest.Load(doc)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// load checks a configuration whose secrets lie in a folder of the test's.
func load(t *testing.T, example string) {
	t.Helper()
	dir := t.TempDir()
	if !strings.Contains(example, "sources:\n") {
		example += "\nsources: { blues: { type: notehub, token: abc } }\n"
	}
	for _, m := range regexp.MustCompile(`_file: /run/secrets/([a-z-]+)`).FindAllStringSubmatch(example, -1) {
		if err := os.WriteFile(filepath.Join(dir, m[1]), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rules", "own.yaml"), []byte("rules:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	example = strings.ReplaceAll(example, "/run/secrets/", dir+"/")
	file := filepath.Join(dir, "billwatch.yaml")
	if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"NOTEHUB_TOKEN=abc", "SLACK_TOKEN=xoxb-abc"}
	_, problems, err := config.Load(file, env, config.Kinds{Sources: providers.Types(), Integrations: notifiers.Types()})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Message != "no receivers: nobody is told of anything" { // most examples are parts
			t.Error(p)
		}
	}
	conforms(t, "config", example)
}

// conforms checks a text against the schema that is printed for its kind.
func conforms(t *testing.T, of, example string) {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(text(t, "docs/schema/"+of+".json")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(of, parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(of)
	if err != nil {
		t.Fatal(err)
	}
	doc, problems := document.Parse(of, []byte(example))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var tree any
	if problems := doc.Decode(doc.Root(), &tree); len(problems) > 0 {
		t.Error(problems)
	}
	if err := schema.Validate(tree); err != nil {
		t.Error(err)
	}
}

// What stands in manifests, and what the demo runs, is of the right form too.
func TestFilesConformToTheirSchema(t *testing.T) {
	conforms(t, "rules", text(t, "rules.example.yaml"))
	conforms(t, "config", text(t, "cmd/billwatch/demo.yaml"))
	doc, problems := document.Parse("configmap", []byte(text(t, "deploy/kubernetes/configmap.yaml")))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var manifest struct {
		Data map[string]string `yaml:"data"`
	}
	_ = doc.Decode(doc.Root(), &manifest) // its other keys are Kubernetes's
	for name, of := range map[string]string{"billwatch.yaml": "config", "rules.yaml": "rules"} {
		if manifest.Data[name] == "" {
			t.Errorf("the manifest has no %s", name)
		}
		conforms(t, of, manifest.Data[name])
	}
}
