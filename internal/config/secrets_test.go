package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/poller"
)

// planted is found by nobody who looks at problems.
const planted = "hunter2hunter2"

// TestAPlantedSecretIsNeverShown breaks a configuration in every line, and
// beside every secret, and looks at all that is said then.
func TestAPlantedSecretIsNeverShown(t *testing.T) {
	lines := strings.Split(`state: postgres://user:hunter2hunter2@db/x
sources:
  blues:
    type: notehub
    token: hunter2hunter2
    proxy_url: http://me:hunter2hunter2@proxy
  more: { type: notehub, token: "hunter2hunter2", interval: 5m }
receivers:
  hook:
    webhook:
      url: https://hooks.example.com/hunter2hunter2
      secret: hunter2hunter2hunter2hunter2
      headers: { Authorization: "Bearer hunter2hunter2" }
  finance:
    email: { to: [a@example.com], from: b@example.com, smarthost: "h:25", username: u, password: hunter2hunter2 }
route:
  receiver: hook
`, "\n")
	breaks := []func(line string) string{
		func(line string) string { return line + " [" },
		func(line string) string { return line + ": x" },
		func(line string) string { return line + "\"" },
		func(line string) string { return "\t" + line },
		func(line string) string { return " " + line },
		func(line string) string { return line + "\x00" },
		func(line string) string { return line + "\n" + line },
		func(line string) string { return strings.Replace(line, ": ", ": &a ", 1) },
		func(line string) string { return strings.Replace(line, ": ", ": *", 1) },
		func(line string) string { return strings.Replace(line, ": ", ": !", 1) },
		func(line string) string { return strings.Replace(line, ": ", ":", 1) },
		func(line string) string { return strings.Replace(line, ": ", " = ", 1) },
		func(line string) string { return strings.Replace(line, ": ", ": ${NO} ", 1) },
		func(line string) string { return strings.Replace(line, ": ", ": [", 1) },
		func(line string) string { return strings.Replace(line, ": ", ": |\n        ", 1) },
		func(line string) string { return strings.Replace(line, "o", "", 1) },
		func(line string) string { return strings.Replace(line, "e", "ee", 1) },
		func(line string) string { return strings.Replace(line, "s", "x", 1) },
		func(line string) string { return strings.Replace(line, "hunter2", "hunter2 ", 1) },
		func(line string) string { return strings.Replace(line, "hunter2", "hunter2\x7f", 1) },
		func(line string) string { return strings.Replace(line, "https://", "", 1) },
		func(string) string { return "" },
	}
	path := filepath.Join(t.TempDir(), "billwatch.yaml")
	for i := range lines {
		for k, breakIt := range breaks {
			broken := append([]string{}, lines...)
			broken[i] = breakIt(lines[i])
			if err := os.WriteFile(path, []byte(strings.Join(broken, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			c, problems, err := config.Load(path, []string{"BILLWATCH_SOURCES__MORE__TOKN=" + planted, "BILLWATCH_RECEIVERS__HOOK__WEBHOOK__SECRET=" + planted}, kinds())
			shown := fmt.Sprint(problems, err) + problems.Error()
			if c != nil {
				shown += fmt.Sprintf("%v %+v %s", c.Sources, c.State, c.State)
			}
			if strings.Contains(shown, "hunter2") {
				t.Errorf("line %d broken in way %d, %q:\n%s", i+1, k, broken[i], shown)
			}
		}
	}
}

// careless is a provider that quotes more than it should, and has no address
// of its own.
type careless struct {
	Token billwatch.Secret `yaml:"token"`
	Place string           `yaml:"place"`
}

// New never succeeds.
func (c *careless) New(poller.Common) (poller.Provider, error) {
	return nil, errors.Join(
		&billwatch.FieldError{Field: "token", Err: fmt.Errorf("%q is no token", c.Token.Reveal())},
		fmt.Errorf("neither %s nor %s will do", c.Token.Reveal(), c.Place),
	)
}

func TestACarelessProviderShowsNoSecretEither(t *testing.T) {
	path := write(t, "sources:\n  x: { type: careless, token: hunter2hunter2, place: \"${PLACE}\", interval: 30s }\n"+sound[strings.Index(sound, "receivers"):])
	k := kinds()
	k.Sources = []poller.Type{{Name: "careless", Settings: func() poller.Settings { return &careless{} }}}
	_, problems, err := config.Load(path, []string{"PLACE=hunter2 somewhere"}, k)
	if err != nil {
		t.Fatal(err)
	}
	got := withoutExcerpts(strings.ReplaceAll(problems.Error(), filepath.Dir(path)+"/", ""))
	want := "billwatch.yaml:2:3: sources.x: neither <secret> nor ${PLACE} will do\n" +
		"billwatch.yaml:2:31: token: \"<secret>\" is no token"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("testdata/ten-mistakes.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example), "")
	f.Add(sound, "BILLWATCH_SOURCES__BLUES__INTERVAL=5m")
	f.Add(layered, "BILLWATCH_ROUTE__ROUTES__0__GROUP_WAIT=5m")
	f.Add(everything, "X=y")
	path := filepath.Join(f.TempDir(), "billwatch.yaml")
	f.Fuzz(func(t *testing.T, text, env string) {
		if strings.Contains(text, "_file") || strings.Contains(text, "templates") { // it may name any file of this machine
			return
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems, err := config.Load(path, []string{env}, kinds())
		if err != nil {
			t.Fatal(err)
		}
		if (c == nil) != (problems.Errors() > 0) {
			t.Fatalf("configuration %v, problems %v", c != nil, problems)
		}
	})
}
