package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/internal/config"
	notifiers "github.com/billwatch/billwatch/notify/builtin"
	providers "github.com/billwatch/billwatch/poller/builtin"
)

// Each YAML text in the manual is a configuration, or a part of one that is
// whole with a source beside it.
func TestTheExamplesCheckOut(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	tried := 0
	for _, page := range files(t, ".md") {
		for i, m := range block.FindAllStringSubmatch(text(t, page), -1) {
			tried++
			t.Run(fmt.Sprintf("%s %d", page, i+1), func(t *testing.T) { load(t, m[1]) })
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
  gpus: { type: notehub, token: abc }
`)
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
	if problems.Errors() > 0 {
		t.Error(problems)
	}
}
