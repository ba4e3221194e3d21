package config

import (
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

// plainName is what sources, receivers and vars may be called: names stand in
// environment variables, addresses of pages and keys of the store.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

const nameHint = "letters, digits, _, - and ."

// sourceSettings are the keys that every source has.
type sourceSettings struct {
	Type              string           `yaml:"type"`
	Interval          time.Duration    `yaml:"interval"`
	Cron              string           `yaml:"cron"`
	Timeout           time.Duration    `yaml:"timeout"`
	Concurrency       int              `yaml:"concurrency"`
	RequestsPerMinute int              `yaml:"requests_per_minute"`
	MaxInterval       time.Duration    `yaml:"max_interval"`
	Select            *yaml.Node       `yaml:"select"`
	Labels            billwatch.Labels `yaml:"labels"`
}

func sourceDefaults() sourceSettings {
	return sourceSettings{Interval: 5 * time.Minute, Timeout: poller.DefaultTimeout, Concurrency: 4}
}

func (l *loader) sources(n *yaml.Node) {
	if !l.mapping(n, "sources") {
		return
	}
	for k, v := range document.Pairs(n) {
		if !plainName.MatchString(k.Value) {
			l.fail(k, "a source cannot have this name", nameHint)
		}
		if document.IsNull(v) {
			l.fail(k, "source is empty", "it needs a type: "+suggest("", l.sourceTypes()))
			continue
		}
		if l.mapping(v, "a source") {
			l.source(section{"sources." + k.Value, v, k}, k.Value)
		}
	}
}

func (l *loader) sourceTypes() []string {
	names := make([]string, len(l.kinds.Sources))
	for i, t := range l.kinds.Sources {
		names[i] = t.Name
	}
	return names
}

func (l *loader) source(s section, name string) {
	t, ok := l.sourceType(s)
	if !ok {
		return
	}
	own, theirs := sourceDefaults(), t.Settings()
	decoded := l.decode(s, &own, theirs)
	source := Source{
		Name: name, Type: t.Name, Settings: theirs, Timeout: own.Timeout, Concurrency: own.Concurrency,
		RequestsPerMinute: own.RequestsPerMinute, MaxInterval: own.MaxInterval, Labels: own.Labels, UserAgent: l.kinds.UserAgent,
	}
	source.Timing = l.timing(s.node, own)
	l.atLeast(s.node, "timeout", own.Timeout > 0, "must be more than zero")
	l.atLeast(s.node, "concurrency", own.Concurrency >= 1 && own.Concurrency <= 64, "must be between 1 and 64")
	l.atLeast(s.node, "requests_per_minute", own.RequestsPerMinute >= 0, "must not be negative")
	l.atLeast(s.node, "max_interval", own.MaxInterval == 0 || own.MaxInterval >= source.Timing.Interval, "must not be shorter than interval")
	l.ownLabels(document.Get(s.node, "labels"))
	source.Select = l.selector(own.Select, factsOf(source))
	_, err := theirs.New(source.common())
	l.place(s, decoded, err)
	l.warnOfHaste(s, own, t)
	l.lintTiming(s, own)
	l.warnOfShortage(s, source)
	source.Digest = digestOf(s.node, l.kinds.UserAgent)
	l.config.Sources = append(l.config.Sources, source)
}

func (l *loader) sourceType(s section) (poller.Type, bool) {
	n := document.Get(s.node, "type")
	if document.IsNull(n) {
		l.fail(s.anchor, "type: is missing", suggest("", l.sourceTypes()))
		return poller.Type{}, false
	}
	for _, t := range l.kinds.Sources {
		if n.Kind == yaml.ScalarNode && t.Name == n.Value {
			return t, true
		}
	}
	l.fail(n, "there is no source of type "+l.doc.Quote(n), suggest(n.Value, l.sourceTypes()))
	return poller.Type{}, false
}

func (l *loader) timing(n *yaml.Node, own sourceSettings) poller.Timing {
	interval, cron := document.Get(n, "interval"), document.Get(n, "cron")
	if !document.IsNull(interval) && !document.IsNull(cron) {
		l.fail(cron, "cron and interval cannot both be set", "remove one of them")
		return poller.Timing{Interval: own.Interval}
	}
	if own.Cron != "" {
		schedule, err := poller.ParseCron(own.Cron)
		if err != nil {
			l.fail(cron, "cron: "+err.Error(), "five fields, such as */10 * * * *")
		}
		return poller.Timing{Cron: schedule}
	}
	l.atLeast(n, "interval", own.Interval >= time.Second, "must be at least 1s")
	return poller.Timing{Interval: own.Interval}
}

// atLeast fails at a key whose value is not as it must be.
func (l *loader) atLeast(n *yaml.Node, key string, fine bool, message string) {
	if at := document.Get(n, key); !fine && at != nil {
		l.fail(at, key+": "+message, "")
	}
}

func identityLabels() []string {
	return []string{
		billwatch.LabelAlert, billwatch.LabelSource, billwatch.LabelProvider, billwatch.LabelAccount, billwatch.LabelAccountName,
	}
}

// ownLabels refuses labels that billwatch sets itself.
func (l *loader) ownLabels(n *yaml.Node) {
	for k := range document.Pairs(n) {
		if slices.Contains(identityLabels(), k.Value) {
			l.fail(k, fmt.Sprintf("label %s is set by billwatch itself", k.Value), "choose another name")
		}
	}
}

func (l *loader) selector(n *yaml.Node, facts ...rules.Facts) *rules.Selector {
	if document.IsNull(n) {
		return nil
	}
	selector, problems := rules.CompileSelector(l.doc, n, facts...)
	l.add(problems)
	return selector
}

// warnOfHaste warns of polling a vendor's own host more than once a minute.
func (l *loader) warnOfHaste(s section, own sourceSettings, t poller.Type) {
	n := document.Get(s.node, "interval")
	if n == nil || own.Interval >= time.Minute || own.Interval < time.Second || own.Cron != "" {
		return
	}
	vendor := hostOf(baseURL(t.Settings()))
	if base := document.Get(s.node, "base_url"); base != nil && hostOf(base.Value) != vendor {
		return
	}
	if vendor != "" {
		l.warn(n, "interval: less than a minute is hasty for "+vendor, "balances change by the hour; 5m is plenty")
	}
}

// warnOfShortage warns of a budget that does not even allow a listing and one
// account within an interval.
func (l *loader) warnOfShortage(s section, source Source) {
	n := document.Get(s.node, "requests_per_minute")
	if n == nil || source.RequestsPerMinute <= 0 || source.Timing.Cron != nil {
		return
	}
	if allowed := time.Duration(source.RequestsPerMinute) * source.Timing.Interval; allowed < 2*time.Minute {
		l.warn(n, fmt.Sprintf("requests_per_minute: %d allows not even a listing and one account every %s", source.RequestsPerMinute, source.Timing.Interval),
			"raise it, or the interval")
	}
}

// baseURL returns what a type's settings have under base_url before anything
// is decoded into them: the vendor's own address.
func baseURL(settings poller.Settings) string {
	v := reflect.ValueOf(settings)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return ""
	}
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Tag.Get("yaml") == "base_url" && f.Type.Kind() == reflect.String {
			return v.FieldByIndex(f.Index).String()
		}
	}
	return ""
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
