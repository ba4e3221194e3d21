package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the manual shows of a rule test is what happens: its example passes with
// its rule, and fails with the change that it names as it says.
func TestTheManualsRuleTestIsTrue(t *testing.T) {
	shown := func(page, begins string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		_, block, found := strings.Cut(string(text), begins)
		block, _, closed := strings.Cut(block, "\n```\n")
		if !found || !closed {
			t.Fatalf("%s has no %q", page, begins)
		}
		return block + "\n"
	}
	dir := t.TempDir()
	play := func(example string) string {
		t.Helper()
		for name, text := range map[string]string{"rules.yaml": shown("rules.md", "```yaml\n"), "rules_test.yaml": example} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), binary(t), "test", "rules_test.yaml")
		cmd.Dir = dir
		out, _ := cmd.Output() // it ends with 1 where a test fails, which is looked at
		return string(out)
	}
	example := shown("trying-rules.md", "```yaml\n")
	if got := play(example); got != "ok: 1 test\n" {
		t.Errorf("the example says\n%s", got)
	}
	want := "FAIL" + shown("trying-rules.md", "```\nFAIL")
	if got := play(strings.Replace(example, "900x3", "900x2", 1)); got != want {
		t.Errorf("got\n%s\nthe manual shows\n%s", got, want)
	}
}
