package config_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	notifiers "github.com/billwatch/billwatch/notify/builtin"
	providers "github.com/billwatch/billwatch/poller/builtin"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func kinds() config.Kinds {
	return config.Kinds{Sources: providers.Types(), Integrations: notifiers.Types(), UserAgent: "billwatch/test"}
}

// write puts billwatch.yaml and other files, each a name and its text, into a
// new folder and returns the path of the first.
func write(t *testing.T, text string, others ...string) string {
	t.Helper()
	dir := t.TempDir()
	files := append([]string{"billwatch.yaml", text}, others...)
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "billwatch.yaml")
}

// load returns the configuration and its problems, without the folder's name.
func load(t *testing.T, path string, env ...string) (*config.Config, string) {
	t.Helper()
	c, problems, err := config.Load(path, env, kinds())
	if err != nil {
		t.Fatal(err)
	}
	return c, strings.ReplaceAll(problems.Error(), filepath.Dir(path)+"/", "")
}

// sound is a small configuration without a problem.
const sound = `sources:
  blues: { type: notehub, token: hunter2hunter2 }
receivers:
  hook: { webhook: { url: "https://hooks.example.com/hunter2" } }
`

func TestTenMistakesAreTenProblems(t *testing.T) {
	const file = "testdata/ten-mistakes.yaml"
	_, problems, err := config.Load(file, nil, kinds())
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) != 10 {
		t.Errorf("%d problems, want 10", len(problems))
	}
	got := problems.Error() + "\n"
	if strings.Contains(got, "9a7b5c2d") || strings.Contains(got, "3f6c1d0e") {
		t.Errorf("a secret is shown:\n%s", got)
	}
	golden := strings.TrimSuffix(file, ".yaml") + ".golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotSaidHasADefault(t *testing.T) {
	c, problems := load(t, write(t, sound))
	if problems != "" {
		t.Fatal(problems)
	}
	type said struct {
		state, listen, zone, format string
		retention                   time.Duration
		level                       slog.Level
	}
	got := said{c.State.Reveal(), c.Listen, c.Timezone.String(), c.Log.Format, c.Retention, c.Log.Level}
	want := said{"sqlite:billwatch.db", "127.0.0.1:9595", "UTC", "auto", 400 * 24 * time.Hour, slog.LevelInfo}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s := c.Sources[0]
	if s.Timing.Interval != 5*time.Minute || s.Timeout != 15*time.Second || s.Concurrency != 4 || s.RequestsPerMinute != 0 || s.Select != nil {
		t.Errorf("source: %+v", s)
	}
	in := c.Router.Integrations()[0]
	if in.Name != "hook/webhook/0" || !in.SendResolved || in.RetryFor != 24*time.Hour || in.StormLimit != 20 || in.Notifier == nil {
		t.Errorf("integration: %+v", in)
	}
	if got := c.Router.Match(billwatch.Labels{"alertname": "Any"}); len(got) != 1 || got[0] != "hook" {
		t.Errorf("without a route the only receiver is the root; alerts go to %v", got)
	}
	if len(c.Rules.Rules()) == 0 {
		t.Error("the built-in rules are not there")
	}
}

const everything = `
state: postgres://billwatch@db/billwatch
retention: 1y
listen: :9595
log: { level: debug, format: json }
timezone: Europe/Berlin
sources:
  blues:
    type: notehub
    token_file: secrets/notehub
    cron: "*/10 * * * *"
    timeout: 5s
    concurrency: 2
    requests_per_minute: 60
    max_interval: 1h
    select: account.name startsWith "Prod"
    labels: { team: iot }
accounts:
  - match: account.name startsWith "Prod"
    labels: { team: ops, tier: 1 }
    vars: { floor: 5000, note: text, sure: true }
  - match: account.id == "b"
    vars: { floor: 7.5 }
rule_files: [rules/*.yaml, rules/a.yaml]
rules:
  - alert: Floor
    expr: balance < vars.floor
    annotations: { summary: "${NOT_A_VARIABLE} $$ {{ .Account.Name }}" }
builtin_rules: { disabled: [RunsOutSoon], severities: { SourceDown: page } }
allowed_hosts: [billwatch.example.com]
templates: [templates/*.tmpl]
receivers:
  ops:
    timezone: America/New_York
    webhook:
      - { url_file: secrets/hook, retry_for: 1h, send_resolved: false }
      - { url: "https://hooks.example.com", storm_limit: 3 }
    email: { to: [a@example.com], from: b@example.com, smarthost: "smtp.example.com:587", subject: "{{ .Status }}" }
  nowhere:
route:
  receiver: nowhere
  routes:
    - { matchers: [severity="critical"], receiver: ops }
`

func TestEverythingIsReady(t *testing.T) {
	path := write(t, everything, "secrets/notehub", "hunter2hunter2\n", "secrets/hook", "https://hooks.example.com/hunter2\n",
		"rules/a.yaml", "rules:\n  - { alert: FromFile, expr: suspended, sources: [blues] }\n",
		"templates/own.tmpl", `{{ define "mine" }}x{{ end }}`)
	c, problems := load(t, path)
	if problems != "" {
		t.Fatal(problems)
	}
	s := c.Sources[0]
	if s.Timing.Cron == nil || s.Timeout != 5*time.Second || s.Concurrency != 2 || s.RequestsPerMinute != 60 || s.MaxInterval != time.Hour || s.Labels["team"] != "iot" {
		t.Errorf("source: %+v", s)
	}
	if got := s.Select.Match(billwatch.Account{Name: "Test"}); got != billwatch.False {
		t.Errorf("select on another account: %v", got)
	}
	if got := c.Rules.Rules()[0].Labels["severity"]; got != "page" {
		t.Errorf("SourceDown has the severity %q", got)
	}
	if !slices.Contains(c.Hosts, "billwatch.example.com") {
		t.Errorf("it may be asked under %q", c.Hosts)
	}
	var rules []string
	for _, r := range c.Rules.Rules() {
		rules = append(rules, r.Name)
	}
	if diff := cmp.Diff([]string{"SourceDown", "AccountStale", "AccountGone", "RuleBroken", "ReceiverDown", "AccountSuspended", "Floor", "FromFile"}, rules); diff != "" {
		t.Error(diff)
	}
	var integrations []string
	for _, in := range c.Router.Integrations() {
		integrations = append(integrations, strings.TrimSpace(fmt.Sprintln(in.Name, in.SendResolved, in.RetryFor, in.StormLimit, in.Overrides.Timezone, in.Overrides.Title)))
	}
	if diff := cmp.Diff([]string{
		"ops/email/0 true 24h0m0s 20 America/New_York {{ .Status }}",
		"ops/webhook/0 false 1h0m0s 20 America/New_York",
		"ops/webhook/1 true 24h0m0s 3 America/New_York",
	}, integrations); diff != "" {
		t.Error(diff)
	}
	dir := filepath.Dir(path)
	if diff := cmp.Diff([]string{path, dir + "/rules/a.yaml", dir + "/templates/own.tmpl"}, c.Files); diff != "" {
		t.Error(diff)
	}
}

func TestLaterAccountEntriesWin(t *testing.T) {
	c, problems := load(t, write(t, everything, "secrets/notehub", "hunter2hunter2", "secrets/hook", "https://h.example.com",
		"rules/a.yaml", "", "templates/own.tmpl", ""))
	if problems != "" {
		t.Fatal(problems)
	}
	account := billwatch.Account{ID: "b", Name: "Prod 1", Labels: billwatch.Labels{"team": "iot", "x": "y"}}
	if diff := cmp.Diff(map[string]any{"floor": 7.5, "note": "text", "sure": true}, c.Given(account).Vars); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(billwatch.Labels{"team": "ops", "tier": "1", "x": "y"}, c.Given(account).Labels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{}, c.Given(billwatch.Account{Name: "Test"}).Vars); diff != "" {
		t.Error(diff)
	}
}

func TestASourceOpens(t *testing.T) {
	c, problems := load(t, write(t, sound))
	if problems != "" {
		t.Fatal(problems)
	}
	source, err := c.Sources[0].Open(time.Now, slog.New(slog.DiscardHandler))
	if err != nil || source.Provider == nil || source.Budget == nil || source.Name != "blues" || source.Select != nil {
		t.Errorf("%+v, %v", source, err)
	}
}

func TestWhereTheConfigurationIsLookedFor(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, _, err := config.Load("", nil, kinds()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file anywhere: %v", err)
	}
	if _, _, err := config.Load("other.yaml", nil, kinds()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "other.yaml") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile("billwatch.yaml", []byte(sound), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems, err := config.Load("", nil, kinds())
	if err != nil || len(problems) > 0 || c.Files[0] != "billwatch.yaml" {
		t.Errorf("the one in the working directory: %v %v", problems, err)
	}
}
