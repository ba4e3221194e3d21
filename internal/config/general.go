package config

import (
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

// settings is the configuration's first level.
type settings struct {
	ExternalURL  string           `yaml:"external_url"`
	AllowedHosts []string         `yaml:"allowed_hosts"`
	State        billwatch.Secret `yaml:"state"`
	Retention    time.Duration    `yaml:"retention"`
	ForgetAfter  time.Duration    `yaml:"forget_after"`
	Listen       string           `yaml:"listen"`
	Log          logSettings      `yaml:"log"`
	Timezone     *time.Location   `yaml:"timezone"`
	Sources      *yaml.Node       `yaml:"sources"`
	Accounts     *yaml.Node       `yaml:"accounts"`
	RuleFiles    []*yaml.Node     `yaml:"rule_files"`
	Rules        *yaml.Node       `yaml:"rules"`
	BuiltinRules builtinRules     `yaml:"builtin_rules"`
	Templates    []*yaml.Node     `yaml:"templates"`
	Receivers    *yaml.Node       `yaml:"receivers"`
	Fallback     string           `yaml:"fallback_receiver"`
	Route        *yaml.Node       `yaml:"route"`

	InhibitRules  *yaml.Node `yaml:"inhibit_rules"`
	TimeIntervals *yaml.Node `yaml:"time_intervals"`
}

type logSettings struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

type builtinRules struct {
	Disabled   []*yaml.Node `yaml:"disabled"`
	Severities *yaml.Node   `yaml:"severities"`
}

func defaults() settings {
	return settings{
		State: "sqlite:billwatch.db", Retention: 400 * 24 * time.Hour, ForgetAfter: 7 * 24 * time.Hour, Listen: "127.0.0.1:9595",
		Log: logSettings{Level: "info", Format: "auto"}, Timezone: time.UTC,
	}
}

// notYet are keys that a later version will know.
func notYet() []string {
	return []string{
		"web_config_file", "heartbeat",
	}
}

// later takes keys out of a mapping that a later version will know, and says
// so.
func (l *loader) later(n *yaml.Node) *yaml.Node {
	kept := *n
	kept.Content = nil
	for k, v := range document.Pairs(n) {
		if slices.Contains(notYet(), k.Value) {
			l.fail(k, k.Value+": not in this version yet", "remove it")
			continue
		}
		kept.Content = append(kept.Content, k, v)
	}
	return &kept
}

// general decodes the first level and checks what stands there itself.
func (l *loader) general(root *yaml.Node) {
	l.settings = defaults()
	known := l.later(root)
	if groups := document.Get(known, "groups"); groups != nil {
		l.fail(groups, "groups: of Prometheus are not known here", "put the rules into one list under rules:")
		known = without(known, "groups")
	}
	l.add(l.doc.Decode(known, &l.settings))
	s, c := l.settings, l.config
	c.State, c.Retention, c.Listen, c.Timezone = s.State, s.Retention, s.Listen, s.Timezone
	l.externalURL(document.Get(root, "external_url"), s.ExternalURL)
	l.allowedHosts(document.Get(root, "allowed_hosts"), s)
	c.Log = l.log(document.Get(root, "log"), s.Log)
	if s.Retention < 24*time.Hour {
		l.fail(document.Get(root, "retention"), "retention: must be at least 1d", "")
	}
	c.ForgetAfter = s.ForgetAfter
	if s.ForgetAfter < time.Hour {
		l.fail(document.Get(root, "forget_after"), "forget_after: must be at least 1h", "")
	}
	if !validState(s.State) {
		l.fail(document.Get(root, "state"), "state: must be sqlite:PATH or postgres://USER@HOST/DATABASE", "")
	}
	if message := listenProblem(s.Listen); message != "" {
		l.fail(document.Get(root, "listen"), "listen: "+message, "such as 127.0.0.1:9595")
	}
}

func without(n *yaml.Node, key string) *yaml.Node {
	kept := *n
	kept.Content = nil
	for k, v := range document.Pairs(n) {
		if k.Value != key {
			kept.Content = append(kept.Content, k, v)
		}
	}
	return &kept
}

// externalURL checks the address of the pages, to which messages link.
func (l *loader) externalURL(n *yaml.Node, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		l.fail(n, "external_url: must be the address of the pages", "such as https://billwatch.example.com")
	}
}

// allowedHosts gathers the names under which the service may be asked for what
// it shows: a page elsewhere that points its own name here must not read it.
func (l *loader) allowedHosts(n *yaml.Node, s settings) {
	for i, host := range s.AllowedHosts {
		if host == "" || strings.ContainsAny(host, "/:@ ") {
			at := n
			if n != nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
				at = n.Content[i]
			}
			l.fail(at, "allowed_hosts: must be the names of hosts", "such as billwatch.example.com, without scheme and port")
		}
	}
	l.config.Hosts = slices.Clone(s.AllowedHosts)
	if host, _, err := net.SplitHostPort(s.Listen); err == nil && host != "" {
		l.config.Hosts = append(l.config.Hosts, host)
	}
	if u, err := url.Parse(s.ExternalURL); err == nil && u.Hostname() != "" {
		l.config.Hosts = append(l.config.Hosts, u.Hostname())
	}
}

func (l *loader) log(n *yaml.Node, s logSettings) Log {
	log := Log{Format: s.Format}
	levels, formats := []string{"debug", "info", "warn", "error"}, []string{"auto", "text", "json"}
	if !slices.Contains(levels, s.Level) {
		at := document.Get(n, "level")
		l.fail(at, "log.level: "+l.quote(at)+" is not a level", suggest(s.Level, levels))
	} else if err := log.Level.UnmarshalText([]byte(s.Level)); err != nil {
		log.Level = slog.LevelInfo
	}
	if !slices.Contains(formats, s.Format) {
		at := document.Get(n, "format")
		l.fail(at, "log.format: "+l.quote(at)+" is not a format", suggest(s.Format, formats))
	}
	return log
}

func (l *loader) quote(n *yaml.Node) string {
	if n == nil {
		return "it"
	}
	return l.doc.Quote(n)
}

func validState(state billwatch.Secret) bool {
	scheme, rest, _ := strings.Cut(state.Reveal(), ":")
	switch scheme {
	case "sqlite":
		return rest != "" && !strings.ContainsAny(rest, "?\x00")
	case "postgres", "postgresql":
		_, err := url.Parse(state.Reveal())
		return strings.HasPrefix(rest, "//") && err == nil
	}
	return false
}

func listenProblem(listen string) string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "must be HOST:PORT"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "port must be a number up to 65535"
	}
	return ""
}
