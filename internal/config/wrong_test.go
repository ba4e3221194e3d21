package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// around puts lines into a configuration that is sound otherwise; they begin
// on line 5.
func around(lines string) string { return sound + lines }

// source puts keys into its only source, on line 3.
func source(keys string) string {
	return strings.Replace(sound, "token: hunter2hunter2", "token: hunter2hunter2, "+keys, 1)
}

// hook puts keys into its only integration, on line 5 from column 67 on.
func hook(keys string) string {
	return strings.Replace(sound, "hunter2\" }", "hunter2\", "+keys+" }", 1)
}

// night is a time interval of that name, on line 5; its keys begin in column 53.
func night(keys string) string {
	return "time_intervals: [{ name: night, time_intervals: [{ " + keys + " }] }]"
}

// muted is a route that is silent at night.
const muted = "\nroute: { receiver: hook, routes: [{ mute_time_intervals: [night] }] }"

// every row's problems begin so, in the order of the file, without excerpts.
func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an empty file", "", "billwatch.yaml: configuration is empty\n  hint: it needs at least sources: and receivers:"},
		{"a comment alone", "# nothing\n", "billwatch.yaml: configuration is empty\n  hint: it needs at least sources: and receivers:"},
		{"a fallback that is not there", around("fallback_receiver: hok"), "billwatch.yaml:5:20: fallback_receiver: there is no receiver \"hok\"\n  hint: did you mean hook?"},
		{"a fallback for itself", around("fallback_receiver: hook"), "billwatch.yaml:5:20: warning: fallback_receiver is the only receiver: nobody is left to tell when it is down\n  hint: add another receiver"},
		{"a fallback that hears nothing", around("fallback_receiver: hook\nbuiltin_rules: { disabled: [ReceiverDown] }"), "billwatch.yaml:5:20: warning: fallback_receiver is told nothing: the rule ReceiverDown is switched off\n  hint: take it out of builtin_rules.disabled"},
		{"a list", "- a", "billwatch.yaml:1:1: configuration must be a mapping of keys to values"},
		{"a rule file", "rules: []", "billwatch.yaml: is a rule file, not a configuration\n  hint: a configuration has sources: and receivers:"},
		{"a test file", "tests: []", "billwatch.yaml: is a test file, not a configuration\n  hint: a configuration has sources: and receivers:"},
		{"no YAML", "sources: [", "billwatch.yaml:1:11: value is missing, or a bracket is not closed"},
		{"an unknown key", around("retenton: 4d"), "billwatch.yaml:5:1: unknown key \"retenton\"\n  hint: did you mean retention?"},
		{"a key twice", around("listen: :1\nlisten: :2"), "billwatch.yaml:6:1: duplicate key \"listen\"\n  hint: it is also on line 5"},
		{"a key of a later version", around("heartbeat: { url: https://hunter2.example.com }"), "billwatch.yaml:5:1: heartbeat: not in this version yet\n  hint: remove it"},
		{"groups of Prometheus", around("groups: [{ rules: [] }]"), "billwatch.yaml:5:9: groups: of Prometheus are not known here\n  hint: put the rules into one list under rules:"},
		{"a short retention", around("retention: 1h"), "billwatch.yaml:5:12: retention: must be at least 1d"},
		{"a state that is none", around("state: mysql://root:hunter2@db"), "billwatch.yaml:5:8: state: must be sqlite:PATH or postgres://USER@HOST/DATABASE"},
		{"a state that is no address", around("state: postgres://root:hunter2@db:port/x"), "billwatch.yaml:5:8: state: must be sqlite:PATH or postgres://USER@HOST/DATABASE"},
		{"a listen address without port", around("listen: localhost"), "billwatch.yaml:5:9: listen: must be HOST:PORT\n  hint: such as 127.0.0.1:9595"},
		{"a port too high", around("listen: :70000"), "billwatch.yaml:5:9: listen: port must be a number up to 65535\n  hint: such as 127.0.0.1:9595"},
		{"an external URL without scheme", around("external_url: billwatch.example.com"), "billwatch.yaml:5:15: external_url: must be the address of the pages\n  hint: such as https://billwatch.example.com"},
		{"a level that is none", around("log: { level: inf }"), "billwatch.yaml:5:15: log.level: \"inf\" is not a level\n  hint: did you mean info?"},
		{"a format that is none", around("log: { format: xml }"), "billwatch.yaml:5:16: log.format: \"xml\" is not a format\n  hint: known: auto, text, json"},
		{"a zone that is none", around("timezone: Mars"), "billwatch.yaml:5:11: \"Mars\" is not a time zone\n  hint: such as UTC or Europe/Berlin"},

		{"sources as a list", "sources: [blues]", "billwatch.yaml: warning: no receivers: nobody is told of anything\n  hint: add receivers:\nbillwatch.yaml:1:10: sources must be a mapping"},
		{"a source without type", strings.Replace(sound, "type: notehub, ", "", 1), "billwatch.yaml:2:3: type: is missing\n  hint: known: notehub, notehub-billing-accounts"},
		{"a source of no type", strings.Replace(sound, "notehub", "notehubb", 1), "billwatch.yaml:2:18: there is no source of type \"notehubb\"\n  hint: did you mean notehub?"},
		{"a source that is empty", strings.Replace(sound, "{ type: notehub, token: hunter2hunter2 }", "", 1), "billwatch.yaml:2:3: source is empty\n  hint: it needs a type: known: notehub, notehub-billing-accounts"},
		{"a source with an odd name", strings.Replace(sound, "blues:", "a/b:", 1), "billwatch.yaml:2:3: a source cannot have this name\n  hint: letters, digits, _, - and ."},
		{"a source without token", strings.Replace(sound, ", token: hunter2hunter2", "", 1), "billwatch.yaml:2:3: token: is missing\n"},
		{"a misspelt token", strings.Replace(sound, "token", "tokn", 1), "billwatch.yaml:2:27: unknown key \"tokn\"\n  hint: did you mean token?"},
		{"an interval of nothing", source("interval: 0s"), "billwatch.yaml:2:60: interval: must be at least 1s"},
		{"a number for an interval", source("interval: 30"), "billwatch.yaml:2:60: \"30\" is not a duration\n  hint: it needs a unit: 30s, 30m"},
		{"a hasty interval", source("interval: 30s"), "billwatch.yaml:2:60: warning: interval: less than a minute is hasty for api.notefile.net\n  hint: balances change by the hour; 5m is plenty"},
		{"a budget below a listing and an account", source("interval: 1m, requests_per_minute: 1"), "billwatch.yaml:2:85: warning: requests_per_minute: 1 allows not even a listing and one account every 1m0s\n  hint: raise it, or the interval"},
		{"a budget for a listing and an account", source("interval: 1m, requests_per_minute: 2"), ""},
		{"a hasty interval elsewhere", source("interval: 30s, base_url: \"http://127.0.0.1:1\""), ""},
		{"a base URL without scheme", source("base_url: api.notefile.net"), "billwatch.yaml:2:60: base_url: must begin with https:// or http://"},
		{"cron beside interval", source("interval: 5m, cron: \"* * * * *\""), "billwatch.yaml:2:70: cron and interval cannot both be set\n  hint: remove one of them"},
		{"a schedule that is none", source("cron: often"), "billwatch.yaml:2:56: cron: expected exactly 5 fields, found 1: [often]\n  hint: five fields, such as */10 * * * *"},
		{"a timeout of nothing", source("timeout: 0s"), "billwatch.yaml:2:59: timeout: must be more than zero"},
		{"no concurrency", source("concurrency: 0"), "billwatch.yaml:2:63: concurrency: must be between 1 and 64"},
		{"a budget below zero", source("requests_per_minute: -1"), "billwatch.yaml:2:71: requests_per_minute: must not be negative"},
		{"a max_interval too short", source("max_interval: 1m"), "billwatch.yaml:2:64: max_interval: must not be shorter than interval"},
		{"a select with a typo", source("select: acount.name == \"x\""), "billwatch.yaml:2:58: unknown name acount"},
		{"a label of our own", source("labels: { account: x }"), "billwatch.yaml:2:60: label account is set by billwatch itself\n  hint: choose another name"},

		{"accounts as a mapping", around("accounts: { match: \"true\" }"), "billwatch.yaml:5:11: accounts must be a list\n  hint: begin each entry with - match:"},
		{"an entry without match", around("accounts: [{ labels: { a: b } }]"), "billwatch.yaml:5:12: match: is missing\n  hint: which accounts, such as account.name startsWith \"Prod\""},
		{"a match with a typo", around("accounts: [{ match: account.nam == \"a\" }]"), "billwatch.yaml:5:29: account has no field nam\n"},
		{"vars that are a list", around("accounts: [{ match: \"true\", vars: { floor: [1] } }]"), "billwatch.yaml:5:44: vars.floor must be a text, a number, true or false"},
		{"vars without a usable name", around("accounts: [{ match: \"true\", vars: { a-b: 1 } }]"), "billwatch.yaml:5:37: vars.a-b could not be named in a rule\n  hint: letters, digits and _, not beginning with a digit"},

		{"a rule with a typo", around("rules: [{ alert: A, expr: suspendd }]"), "billwatch.yaml:5:27: unknown name suspendd\n  hint: did you mean suspended?"},
		{"a rule for no source", around("rules: [{ alert: A, expr: suspended, sources: [blue] }]"), "billwatch.yaml:5:48: there is no source \"blue\"\n  hint: did you mean blues?"},
		{"a variable that no entry sets", around("rules: [{ alert: A, expr: balance < vars.floor }]"), "billwatch.yaml:5:42: no account sets vars.floor\n"},
		{"a rule file that is not there", around("rule_files: [rules.yaml]"), "billwatch.yaml:5:14: rule_files: there is no file \"rules.yaml\"\n  hint: paths are relative to the configuration"},
		{"a pattern that matches nothing", around("rule_files: [rules/*.yaml]"), "billwatch.yaml:5:14: warning: rule_files: \"rules/*.yaml\" matches no file\n  hint: paths are relative to the configuration"},
		{"the configuration as a rule file", around("rule_files: [\"*.yaml\"]"), ""},
		{"no such built-in rule has a severity", around("builtin_rules: { severities: { SourceDwn: warning } }"), "billwatch.yaml:5:32: there is no built-in rule \"SourceDwn\"\n  hint: did you mean SourceDown?"},
		{"an address is no host", around("allowed_hosts: [https://x.example]"), "billwatch.yaml:5:17: allowed_hosts: must be the names of hosts\n  hint: such as billwatch.example.com, without scheme and port"},
		{"no such built-in rule", around("builtin_rules: { disabled: [RunOutSoon] }"), "billwatch.yaml:5:29: there is no built-in rule \"RunOutSoon\"\n  hint: did you mean RunsOutSoon?"},

		{"an integration that was decided against", around("  am: { shoutrrr: {} }\nroute: { receiver: hook }"), "billwatch.yaml:5:3: warning: no route leads to receiver \"am\"\nbillwatch.yaml:5:9: shoutrrr: is not supported\n  hint: use webhook;"},
		{"an Alertmanager without address", around("  am: { alertmanager: {} }\nroute: { receiver: hook }"), "billwatch.yaml:5:3: warning: no route leads to receiver \"am\"\nbillwatch.yaml:5:9: urls: is missing\n  hint: [http://alertmanager:9093]"},
		{"an integration of no type", around("  am: { webhok: {} }\nroute: { receiver: hook }"), "billwatch.yaml:5:3: warning: no route leads to receiver \"am\"\nbillwatch.yaml:5:9: there is no integration of type \"webhok\"\n  hint: did you mean webhook?"},
		{"a receiver with an odd name", strings.Replace(sound, "hook:", "a b:", 1), "billwatch.yaml:4:3: a receiver cannot have this name\n  hint: letters, digits, _, - and ."},
		{"an integration without URL", strings.Replace(sound, "{ url: \"https://hooks.example.com/hunter2\" }", "", 1), "billwatch.yaml:4:11: url: is missing\n"},
		{"an integration that is a text", strings.Replace(sound, "{ url: \"https://hooks.example.com/hunter2\" }", "x", 1), "billwatch.yaml:4:20: an integration must be a mapping, or a list of mappings"},
		{"a URL that is none", strings.Replace(sound, "https://hooks.example.com/hunter2", "hunter2.example.com", 1), "billwatch.yaml:4:27: url: must begin with https:// or http://\n"},
		{"retries for no time", hook("retry_for: 0s"), "billwatch.yaml:4:75: retry_for: must be more than zero"},
		{"a storm of nothing", hook("storm_limit: 0"), "billwatch.yaml:4:77: storm_limit: must be at least 1"},
		{"a misspelt key", hook("send_resolve: true"), "billwatch.yaml:4:64: unknown key \"send_resolve\"\n  hint: did you mean send_resolved?"},
		{"a header that is none", hook("headers: { \"a b\": c }"), "billwatch.yaml:4:82: headers.a b: is not a header's name"},
		{"a subject that is no template", around("  m: { email: { to: [a@example.com], from: b@example.com, smarthost: \"s:25\", subject: \"{{ .X\" } }\nroute: { receiver: m }"), "billwatch.yaml:4:3: warning: no route leads to receiver \"hook\"\nbillwatch.yaml:5:87: subject: template: unclosed action"},

		{"several receivers without a route", around("  other: {}"), "billwatch.yaml:3:1: with several receivers a route: is needed\n  hint: route: { receiver: … }"},
		{"a route without receiver", around("route: {}"), "billwatch.yaml:4:3: warning: no route leads to receiver \"hook\"\nbillwatch.yaml:5:8: receiver: the root route needs a receiver"},
		{"a route to no receiver", around("route: { receiver: hok }"), "billwatch.yaml:4:3: warning: no route leads to receiver \"hook\"\nbillwatch.yaml:5:20: receiver: there is no receiver \"hok\"\n"},
		{"a matcher that is none", around("route: { receiver: hook, routes: [{ matchers: [\"severity\"] }] }"), "billwatch.yaml:5:48: routes.0.matchers.0: "},
		{"a wait that is no duration", around("route: { receiver: hook, group_wait: 10 }"), "billwatch.yaml:5:38: \"10\" is not a duration\n  hint: it needs a unit: 10s, 10m"},
		{"mute times that are not there", around("route: { receiver: hook, routes: [{ mute_time_intervals: [night] }] }"), "billwatch.yaml:5:59: there is no time interval \"night\""},
		{"mute times misspelt", around("time_intervals: [{ name: night, time_intervals: [{ weekdays: [sunday] }] }]\nroute: { receiver: hook, routes: [{ active_time_intervals: [nigth] }] }"), "billwatch.yaml:5:26: warning: no route names the time interval \"night\"\n  hint: name it under mute_time_intervals or active_time_intervals of a route\nbillwatch.yaml:6:61: there is no time interval \"nigth\"\n  hint: did you mean night?"},
		{"mute times of the root", around(night("weekdays: [sunday]") + "\nroute: { receiver: hook, mute_time_intervals: [night] }"), "billwatch.yaml:6:47: mute_time_intervals: the root route tells at any time\n  hint: put them on a child route"},
		{"no time", around(night("") + muted), "billwatch.yaml:5:50: time_intervals: names no time\n  hint: give times, weekdays, days_of_month, months or years"},
		{"a weekday that is none", around(night("weekdays: ['monday:fryday']") + muted), "billwatch.yaml:5:63: weekdays: \"monday:fryday\": fryday is not a valid weekday\n  hint: such as monday:friday"},
		{"a week that ends before it begins", around(night("weekdays: ['friday:monday']") + muted), "billwatch.yaml:5:63: weekdays: \"friday:monday\": start day cannot be before end day\n  hint: such as monday:friday"},
		{"a day of no month", around(night("days_of_month: [32]") + muted), "billwatch.yaml:5:68: days_of_month: \"32\": 32 is not a valid day of the month: out of range\n  hint: such as 1:5, or -1 for the last day"},
		{"a month that is none", around(night("months: ['1:13']") + muted), "billwatch.yaml:5:61: months: are 1 to 12\n  hint: such as november:december or 1:3"},
		{"years that end before they begin", around(night("years: ['2028:2026']") + muted), "billwatch.yaml:5:60: years: \"2028:2026\": end year 2026 is before start year 2028\n  hint: such as 2026:2028"},
		{"a time that is none", around(night("times: [{ start_time: 9am, end_time: '17:00' }]") + muted), "billwatch.yaml:5:74: start_time: must be HH:MM\n  hint: such as 09:00; 24:00 is the end of the day"},
		{"a night over midnight", around(night("times: [{ start_time: '22:00', end_time: '06:00' }]") + muted), "billwatch.yaml:5:93: end_time: must be after start_time\n  hint: give two times, up to 24:00 and from 00:00"},
		{"a zone of no time", around(night("weekdays: [sunday], location: Europe/Berln") + muted), "billwatch.yaml:5:82: \"Europe/Berln\" is not a time zone\n  hint: such as UTC or Europe/Berlin"},
		{"a name twice", around("time_intervals: [{ name: night, time_intervals: [{ years: [2026] }] }, { name: night, time_intervals: [{ years: [2027] }] }]" + muted), "billwatch.yaml:5:80: name: there are two time intervals \"night\""},
		{"inhibition without a source", around("inhibit_rules: [{ target_matchers: [a=b] }]"), "billwatch.yaml:5:17: source_matchers: at least one is needed: what fires while others are not told"},
		{"inhibition by a matcher that is none", around("inhibit_rules: [{ source_matchers: ['a=~\"(\"'], target_matchers: [b=c] }]"), "billwatch.yaml:5:37: source_matchers: matcher \"a=~\\\"(\\\"\": failed to create matcher: error parsing regexp: missing closing ): `^(?:()$`"},
		{"inhibition by nothing", around("inhibit_rules: []"), ""},
		{"a misspelt key of inhibition", around("inhibit_rules: [{ source_matcher: [a=b] }]"), "billwatch.yaml:5:19: unknown key \"source_matcher\"\n  hint: did you mean source_matchers?"},
		{"several at once, in the order of the file", around("route: { receiver: hok }\nlisten: x\nretention: 5"), "billwatch.yaml:4:3: warning: no route leads to receiver \"hook\"\nbillwatch.yaml:5:20: receiver: there is no receiver \"hok\"\n  hint: receivers are hook\nbillwatch.yaml:6:9: listen: must be HOST:PORT\n  hint: such as 127.0.0.1:9595\nbillwatch.yaml:7:12: \"5\" is not a duration\n  hint: it needs a unit: 5s, 5m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, got := load(t, write(t, tt.text))
			got = withoutExcerpts(got)
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("in\n%s\n%s", tt.text, cmp.Diff(tt.want, got))
			}
			if strings.Contains(got, "hunter2") {
				t.Errorf("a secret is shown: %s", got)
			}
			if failed := strings.Count(got, "billwatch.yaml:") > strings.Count(got, ": warning: "); failed != (c == nil) {
				t.Errorf("the configuration is there: %v; problems:\n%s", c != nil, got)
			}
		})
	}
}

func withoutExcerpts(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  | ") {
			kept = append(kept, line)
		}
	}
	return strings.TrimSuffix(strings.Join(kept, ""), "\n")
}

func TestAnAlertIsNamedOnceOverAllFiles(t *testing.T) {
	_, problems := load(t, write(t, around("rules: [{ alert: A, expr: suspended }]\nrule_files: [b.yaml, c.yaml]"),
		"b.yaml", "rules:\n  - { alert: A, expr: suspended }\n", "c.yaml", "rules: [\n"))
	want := "b.yaml:2:14: alert A is already defined at billwatch.yaml:5\n  hint: choose another name\n" +
		"c.yaml:1:9: value is missing, or a bracket is not closed"
	if diff := cmp.Diff(want, withoutExcerpts(problems)); diff != "" {
		t.Error(diff)
	}
}
