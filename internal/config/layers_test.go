package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/google/go-cmp/cmp"
)

const layered = `sources:
  blues-eu: &blues { type: notehub, token: fromfile, concurrency: 4 }
  gpus: *blues
accounts: [{ match: "true", vars: { floor: 1 } }]
receivers:
  hook: { webhook: [{ url: "https://hooks.example.com" }, { url: "https://hooks.example.com" }] }
route: { receiver: hook, routes: [{ receiver: hook }] }
`

// describe says what of a configuration the environment may have changed.
func describe(c *config.Config) string {
	var b strings.Builder
	fmt.Fprintln(&b, c.Listen, c.Retention, c.Log.Level)
	for _, s := range c.Sources {
		fmt.Fprintln(&b, s.Name, s.Timing.Interval, s.Concurrency, s.Labels["team"])
	}
	for _, in := range c.Router.Integrations() {
		fmt.Fprintln(&b, in.Name, in.SendResolved)
	}
	return b.String()
}

func TestTheEnvironmentWinsOverTheFile(t *testing.T) {
	for _, tt := range []struct{ name, env, was, is string }{
		{"a key of the first level", "BILLWATCH_LISTEN=:1", "127.0.0.1:9595", ":1"},
		{"a duration", "BILLWATCH_RETENTION=2d", "9600h0m0s", "48h0m0s"},
		{"a key in a mapping that is not there", "BILLWATCH_LOG__LEVEL=warn", "INFO", "WARN"},
		{"a source, dashes as underscores, and not what an alias shares with it", "BILLWATCH_SOURCES__BLUES_EU__INTERVAL=7m", "blues-eu 5m0s", "blues-eu 7m0s"},
		{"small letters", "BILLWATCH_sources__Gpus__interval=7m", "gpus 5m0s", "gpus 7m0s"},
		{"a number", "BILLWATCH_SOURCES__GPUS__CONCURRENCY=9", "gpus 5m0s 4", "gpus 5m0s 9"},
		{"an item of a list", "BILLWATCH_RECEIVERS__HOOK__WEBHOOK__1__SEND_RESOLVED=false", "hook/webhook/1 true", "hook/webhook/1 false"},
		{"a secret that looks like a number", "BILLWATCH_SOURCES__GPUS__TOKEN=12345678", "gpus", "gpus"},
		{"a secret that looks like a boolean", "BILLWATCH_SOURCES__GPUS__TOKEN=true", "gpus", "gpus"},
		{"a variable of somebody else", "PATH=/bin", "gpus", "gpus"},
		{"a Service's address", "BILLWATCH_PORT_9595_TCP_ADDR=10.0.0.1", "gpus", "gpus"},
		{"a Service's port", "BILLWATCH_SERVICE_PORT=9595", "gpus", "gpus"},
		{"where a command asks", "BILLWATCH_URL=http://x", "gpus", "gpus"},
		{"a test's variable", "BILLWATCH_TEST_POSTGRES=x", "gpus", "gpus"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, layered)
			before, problems := load(t, path)
			if problems != "" {
				t.Fatal(problems)
			}
			after, problems := load(t, path, tt.env)
			if problems != "" {
				t.Fatal(problems)
			}
			want := strings.Replace(describe(before), tt.was, tt.is, 1)
			if diff := cmp.Diff(want, describe(after)); diff != "" {
				t.Errorf("%s: %s", tt.env, diff)
			}
		})
	}
}

func TestAListInTheEnvironmentHasCommas(t *testing.T) {
	c, problems := load(t, write(t, layered), "BILLWATCH_BUILTIN_RULES__DISABLED=AccountSuspended, RunsOutSoon", "BILLWATCH_ROUTE__GROUP_BY=account")
	if problems != "" {
		t.Fatal(problems)
	}
	if rules := c.Rules.Rules(); len(rules) > 0 && rules[0].Builtin && (rules[0].Name == "AccountSuspended" || rules[0].Name == "RunsOutSoon") {
		t.Errorf("rules: %v", rules)
	}
	due := c.Router.Due(billwatch.Alert{State: billwatch.Firing, Labels: billwatch.Labels{"account": "a", "source": "s"}}, time.Now())
	if len(due) == 0 || len(due[0].Labels) != 1 || due[0].Labels["account"] != "a" {
		t.Errorf("due: %+v", due)
	}
}

func TestWhatIsWrongWithTheEnvironmentIsSaidByName(t *testing.T) {
	for _, tt := range []struct{ name, env, want string }{
		{"no such key", "BILLWATCH_LISTN=hunter2hunter2", "BILLWATCH_LISTN: warning: environment variable matches no key"},
		{"no such source", "BILLWATCH_SOURCES__RED__TOKEN=hunter2hunter2", "BILLWATCH_SOURCES__RED__TOKEN: warning: environment variable matches no key"},
		{"no such key of a source", "BILLWATCH_SOURCES__GPUS__TOKN=hunter2hunter2", "BILLWATCH_SOURCES__GPUS__TOKN: warning: environment variable matches no key"},
		{"no such item", "BILLWATCH_RECEIVERS__HOOK__WEBHOOK__2__URL=hunter2hunter2", "BILLWATCH_RECEIVERS__HOOK__WEBHOOK__2__URL: warning: environment variable matches no key"},
		{"below a text", "BILLWATCH_SOURCES__GPUS__TYPE__X=hunter2hunter2", "BILLWATCH_SOURCES__GPUS__TYPE__X: warning: environment variable matches no key"},
		{"a prefix alone", "BILLWATCH_=x", "BILLWATCH_: warning: environment variable matches no key"},
		{"a duration that is none", "BILLWATCH_SOURCES__GPUS__INTERVAL=often", "BILLWATCH_SOURCES__GPUS__INTERVAL: \"often\" is not a duration\n  hint: such as 90s, 15m, 1h30m or 7d"},
		{"a text for a mapping", "BILLWATCH_RECEIVERS=hunter2", "BILLWATCH_RECEIVERS: receivers must be a mapping"},
		{"a state that is none", "BILLWATCH_STATE=mysql://hunter2hunter2@db", "BILLWATCH_STATE: state: must be sqlite:PATH or postgres://USER@HOST/DATABASE"},
		{"a URL that is none", "BILLWATCH_RECEIVERS__HOOK__WEBHOOK__0__URL=hunter2hunter2", "BILLWATCH_RECEIVERS__HOOK__WEBHOOK__0__URL: url: must begin with https:// or http://\n"},
		{"no receiver", "BILLWATCH_ROUTE__RECEIVER=hok", "BILLWATCH_ROUTE__RECEIVER: receiver: there is no receiver \"hok\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got := load(t, write(t, layered), tt.env)
			if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "hunter2") {
				t.Errorf("%s:\ngot  %s\nwant %s", tt.env, got, tt.want)
			}
		})
	}
}

func TestVariablesInTexts(t *testing.T) {
	env := []string{"WHERE=:1234", "EMPTY=", "DOLLAR=${WHERE}", "N=7", "TOKEN_FILE=secrets/a", "Yes=true"}
	for _, tt := range []struct{ name, listen, want string }{
		{"a variable", "${WHERE}", ":1234"},
		{"in the middle", "\"host${WHERE}\"", "host:1234"},
		{"twice", "\":${N}${N}\"", ":77"},
		{"a default that is not needed", "${WHERE:-:1}", ":1234"},
		{"a default for what is unset", "${NOT_SET:-:1}", ":1"},
		{"a default for what is empty", "${EMPTY:-:1}", ":1"},
		{"two dollars", "\"$$x${WHERE}\"", "$x:1234"},
		{"a dollar alone", "\"$x${WHERE}\"", "$x:1234"},
		{"not again", "\"${DOLLAR}:1\"", "${WHERE}:1"},
		{"in a block", ">-\n  ${WHERE}\n", ":1234"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, problems := load(t, write(t, sound+"listen: "+tt.listen+"\n"), env...)
			switch {
			case tt.name == "not again" && strings.Contains(problems, "listen: must be HOST:PORT"): // seven colons and no host
			case problems != "" || c.Listen != tt.want:
				t.Errorf("%s is %+v, want %s; %s", tt.listen, c, tt.want, problems)
			}
		})
	}
	for _, tt := range []struct{ name, listen, want string }{
		{"unset", "\"x ${NOT_SET}\"", "billwatch.yaml:5:12: variable NOT_SET is not set\n  hint: set it, or give a default: ${NAME:-default}"},
		{"never closed", "\"x ${WHERE\"", "billwatch.yaml:5:12: ${ is never closed\n  hint: write $$ for a dollar sign"},
		{"no name", "${1+1}", "billwatch.yaml:5:9: not a variable\n  hint: write ${NAME} or ${NAME:-default}, and $$ for a dollar sign"},
		{"a value that is wrong", "${N}", "billwatch.yaml:5:9: listen: must be HOST:PORT\n  hint: such as 127.0.0.1:9595"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := load(t, write(t, sound+"listen: "+tt.listen+"\n"), env...)
			if diff := cmp.Diff(tt.want, withoutExcerpts(problems)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAVariableHasTheTypeOfItsText(t *testing.T) {
	c, problems := load(t, write(t, source("concurrency: \"${X}\"")), "X=7")
	if c != nil || !strings.Contains(problems, "must be a whole number, not a text") {
		t.Errorf("in quotes it stays a text: %s", problems)
	}
	c, problems = load(t, write(t, "sources:\n  a:\n    type: notehub\n    token: ${T}\n    concurrency: ${X}\n"+sound[strings.Index(sound, "receivers"):]), "X=7", "T=12345678")
	if problems != "" || c.Sources[0].Concurrency != 7 {
		t.Errorf("without quotes it is a number: %s", problems)
	}
}

func TestPathsAreRelativeToTheFileThatNamesThem(t *testing.T) {
	path := write(t, `sources:
  blues: &a { type: notehub, token_file: secrets/token }
  gpus: { <<: *a, interval: 6m }
receivers: { hook: { webhook: { url: "https://example.com", ca_file: missing.pem } } }
rule_files: [rules/a.yaml]
state: sqlite:state/billwatch.db
`, "secrets/token", "hunter2hunter2", "rules/a.yaml", "")
	_, problems := load(t, path)
	want := `billwatch.yaml:4:70: ca_file: `
	if !strings.HasPrefix(problems, want) || strings.Count(problems, "billwatch.yaml:") != 1 {
		t.Errorf("got %s, want it to begin with %s", problems, want)
	}
}

func TestAPathIsMadeRelativeOnce(t *testing.T) {
	path := write(t, `sources:
  blues: &a { type: notehub, token_file: secrets/token }
  gpus: { <<: *a, interval: 6m }
receivers: { hook: { webhook: { url: "https://example.com" } } }
`, "secrets/token", "hunter2hunter2")
	t.Chdir(filepath.Dir(filepath.Dir(path)))
	if _, problems := load(t, filepath.Join(filepath.Base(filepath.Dir(path)), "billwatch.yaml")); problems != "" {
		t.Error(problems)
	}
}

func TestKinds(t *testing.T) {
	for text, want := range map[string]config.Kind{
		"sources: {}": config.Configuration, "rules: []\nlisten: x": config.Configuration, "tests: []\nrule_files: []": config.TestFile,
		"rules: []": config.RuleFile, "": config.RuleFile, "tests: []\nstate: x": config.Configuration,
		"route: {}": config.Configuration, "route: {}\ntests: []": config.TestFile, "tests: []\nroute: {}": config.TestFile,
	} {
		d, problems := document.Parse("f.yaml", []byte(text))
		if got := config.KindOf(d); got != want || len(problems) > 0 {
			t.Errorf("%q is a %s, want %s", text, got, want)
		}
	}
}
