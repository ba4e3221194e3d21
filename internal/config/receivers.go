package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
)

// integrationSettings are the keys that every integration has.
type integrationSettings struct {
	SendResolved bool          `yaml:"send_resolved"`
	RetryFor     time.Duration `yaml:"retry_for"`
	StormLimit   int           `yaml:"storm_limit"`
}

func integrationDefaults() integrationSettings {
	return integrationSettings{SendResolved: true, RetryFor: 24 * time.Hour, StormLimit: 20}
}

// receivers builds every integration of every receiver.
func (l *loader) receivers(n *yaml.Node) map[string][]notify.Integration {
	all := map[string][]notify.Integration{}
	if !l.mapping(n, "receivers") {
		return all
	}
	for k, v := range document.Pairs(n) {
		if !plainName.MatchString(k.Value) {
			l.fail(k, "a receiver cannot have this name", nameHint)
		}
		all[k.Value] = nil
		if !l.mapping(v, "a receiver") { // one without integrations tells nobody
			continue
		}
		r := receiver{l: l, name: k.Value, key: k, zone: l.zone(document.Get(v, "timezone"))}
		all[k.Value] = r.integrations(v)
	}
	return all
}

// receiver is one named receiver while it is read.
type receiver struct {
	l    *loader
	name string
	key  *yaml.Node
	zone *time.Location // nil for the common one
}

func (l *loader) zone(n *yaml.Node) *time.Location {
	var zone *time.Location
	if !document.IsNull(n) {
		l.add(l.doc.Decode(n, &zone))
	}
	return zone
}

func (r receiver) integrations(n *yaml.Node) []notify.Integration {
	var all []notify.Integration
	for k, v := range document.Pairs(n) {
		if k.Value == "timezone" {
			continue
		}
		t, ok := r.integrationType(k)
		if !ok {
			continue
		}
		for i, item := range items(k, v) {
			s := section{fmt.Sprintf("%s/%s/%d", r.name, t.Name, i), item, k}
			if item.Kind == yaml.MappingNode && v.Kind == yaml.SequenceNode {
				s.anchor = item
			}
			if in, ok := r.integration(s, t); ok {
				all = append(all, in)
			}
		}
	}
	return all
}

// items returns a list's items, or the mapping that stands for a list of one;
// an empty one where only the type is named.
func items(key, n *yaml.Node) []*yaml.Node {
	switch {
	case document.IsNull(n):
		return []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map", Line: key.Line, Column: key.Column}}
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return []*yaml.Node{n}
}

func (r receiver) integrationType(k *yaml.Node) (notify.Type, bool) {
	known := []string{"timezone"}
	for _, t := range r.l.kinds.Integrations {
		if t.Name == k.Value {
			return t, true
		}
		known = append(known, t.Name)
	}
	if k.Value == "shoutrrr" { // which others of its kind have, so that it is looked for
		r.l.fail(k, "shoutrrr: is not supported", "use webhook; docs/notifications.md says why, and how to reach other services")
	} else {
		r.l.fail(k, "there is no integration of type "+r.l.doc.Quote(k), suggest(k.Value, known))
	}
	return notify.Type{}, false
}

func (r receiver) integration(s section, t notify.Type) (notify.Integration, bool) {
	if s.node.Kind != yaml.MappingNode {
		r.l.fail(s.node, "an integration must be a mapping, or a list of mappings", "")
		return notify.Integration{}, false
	}
	own, theirs := integrationDefaults(), t.Settings()
	decoded := r.l.decode(s, &own, theirs)
	r.l.atLeast(s.node, "retry_for", own.RetryFor > 0, "must be more than zero")
	r.l.atLeast(s.node, "storm_limit", own.StormLimit >= 1, "must be at least 1")
	zone := r.l.config.Timezone
	if r.zone != nil {
		zone = r.zone
	}
	notifier, err := theirs.New(notify.Common{Integration: s.name, UserAgent: r.l.kinds.UserAgent, Timezone: zone})
	r.l.place(s, decoded, err)
	if decoded {
		r.lintTimeout(s, notifier)
	}
	in := notify.Integration{
		Name: s.name, Receiver: r.name, Type: t.Name, Notifier: notifier,
		SendResolved: own.SendResolved, RetryFor: own.RetryFor, StormLimit: own.StormLimit,
		Settings: settingsOf(s.node), Digests: t.Digests,
	}
	if own, ok := theirs.(interface{ Overrides() notify.Overrides }); ok {
		in.Overrides = own.Overrides()
	}
	if own, ok := theirs.(interface{ WantsChart() bool }); ok {
		in.Chart = own.WantsChart()
	}
	in.Overrides.Timezone = r.zone
	r.checkOverrides(s, in.Overrides)
	return in, true
}

// lintTimeout warns of a timeout that has no effect.
func (r receiver) lintTimeout(s section, notifier notify.Notifier) {
	n := document.Get(s.node, "timeout")
	if document.IsNull(n) {
		return
	}
	what, longest := "an attempt", notify.LongestAttempt
	if _, fed := notifier.(notify.Fed); fed {
		what, longest = "a round", notify.LongestPush
	}
	var timeout time.Duration
	if problems := r.l.doc.Decode(n, &timeout); len(problems) == 0 && timeout > longest {
		r.l.warn(n, fmt.Sprintf("timeout: %s never has more than %s", what, short(longest)), "a longer one has no effect")
	}
}

// settingsOf returns a text that changes with the settings, for the store to
// remember. Of a secret it gives away next to nothing: so few digits fit one
// guess in a million, and miss one change in as many.
func settingsOf(n *yaml.Node) string {
	written, err := yaml.Marshal(withoutComments(n))
	if err != nil { // it was read from a file, and can be written
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(written))[:5]
}

// withoutComments is a copy that says the same: settings are found again where
// they moved, whatever is written beside them.
func withoutComments(n *yaml.Node) *yaml.Node {
	bare := *n
	bare.HeadComment, bare.LineComment, bare.FootComment = "", "", ""
	bare.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		bare.Content[i] = withoutComments(child)
	}
	return &bare
}

// checkOverrides parses an integration's own templates. E-mail calls a title a
// subject.
func (r receiver) checkOverrides(s section, o notify.Overrides) {
	var wrong *billwatch.FieldError
	for _, err := range flatten(r.l.config.Templates.Check(o)) {
		if errors.As(err, &wrong) && document.Get(s.node, wrong.Field) == nil && wrong.Field == "title" {
			err = &billwatch.FieldError{Field: "subject", Err: wrong.Err, Hint: wrong.Hint}
		}
		r.l.place(s, true, err)
	}
	r.tryOverrides(s, o)
}

// tryOverrides warns of templates of its own that fail on a sample: the message
// would go by the default ones, with what went wrong in it.
func (r receiver) tryOverrides(s section, o notify.Overrides) {
	if o.Title+o.Text+o.HTML == "" || r.l.config.Templates.Check(o) != nil {
		return
	}
	for _, sample := range notify.Samples() {
		if !slices.Contains([]string{"low", "resolved", "bare", "source-down"}, sample.Name) {
			continue
		}
		var problems billwatch.Problems
		if _, err := r.l.config.Templates.Try(sample.Notification, o); errors.As(err, &problems) {
			said := strings.TrimPrefix(problems[0].Message, "template: ")
			r.l.warn(s.anchor, fmt.Sprintf("%s: a template fails on the sample %s: %s", s.name, sample.Name, said), "billwatch render --sample "+sample.Name+" --receiver NAME shows it")
			return
		}
	}
}
