package config_test

import (
	"strings"
	"testing"

	"github.com/billwatch/billwatch/internal/config"
)

// onlyOneWhole is a configuration of which most lacks its secrets.
const onlyOneWhole = `sources:
  blues: { type: notehub, token: hunter2hunter2 }
  other: { type: notehub, token: "${NOT_SET}" }
  third: { type: nonsense }
receivers:
  hook: { webhook: { url: "${HOOK_URL}" } }
state: mysql://x
rules:
  - { alert: Low, sources: [blues, other], expr: balance < 5 }
`

func TestOneSourceIsLoadedWhateverTheOthersLack(t *testing.T) {
	path := write(t, onlyOneWhole)
	c, problems, err := config.LoadSource(path, nil, kinds(), "blues")
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	if len(c.Sources) != 1 || c.Sources[0].Name != "blues" || c.Router != nil {
		t.Errorf("sources %+v", c.Sources)
	}
	found := false
	for _, rule := range c.Rules.Rules() {
		found = found || rule.Name == "Low"
	}
	if !found {
		t.Error("the rules are not there")
	}
	for _, tt := range []struct{ source, text, want string }{
		{"blus", onlyOneWhole, "billwatch.yaml:1:1: there is no source \"blus\"\n  | sources:\n  | ^\n  hint: did you mean blues?"},
		{"x", onlyOneWhole, "hint: known: blues, other, third"},
		{"other", onlyOneWhole, "billwatch.yaml:3:35: variable NOT_SET is not set"},
		{"blues", strings.Replace(onlyOneWhole, "balance <", "balanc <", 1), "did you mean balance?"},
		{"blues", strings.Replace(onlyOneWhole, "other]", "otter]", 1), "otter"},
		{"blues", "receivers: {}\n", "there is no source \"blues\""},
		{"blues", "sources: [blues]\n", "there is no source \"blues\""},
	} {
		c, problems, err := config.LoadSource(write(t, tt.text), nil, kinds(), tt.source)
		said := ""
		for _, p := range problems {
			said += p.String() + "\n"
		}
		if c != nil || err != nil || !strings.Contains(said, tt.want) {
			t.Errorf("%s: said %s (%v), want %s", tt.source, said, err, tt.want)
		}
	}
}

func TestOneSourceTakesItsVariables(t *testing.T) {
	c, problems, err := config.LoadSource(write(t, onlyOneWhole), []string{
		"NOT_SET=hunter3hunter3", "BILLWATCH_SOURCES__OTHER__INTERVAL=7m", "BILLWATCH_SOURCES__BLUES__INTERVAL=8m",
	}, kinds(), "other")
	if err != nil || problems.Errors() > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	if got := c.Sources[0].Timing.Interval.String(); got != "7m0s" {
		t.Errorf("interval %s", got)
	}
}
