package document

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/billwatch/billwatch"
	"go.yaml.in/yaml/v4"
)

var (
	unspacedKey = regexp.MustCompile(`([A-Za-z_-]+)[:=]([^\s=:/][^\s,}\]:]*)`)
	userInfo    = regexp.MustCompile(`://([^@]*)@`)
)

// span is a part of a line, columns from 0, the end excluded.
type span struct{ from, to int }

// Keys whose values are secrets: near ones, so that a slip of the pen does not
// show one; words that a key may hold; and keys that merely look near.
func secretKeys() []string {
	return []string{"token", "password", "secret", "api_key", "webhook_url", "url", "urls", "state", "heartbeat", "headers",
		"previous_secret", "username_password", "passphrase", "credential", "credentials", "authorization", "dsn", "private_key", "access_key"}
}

func secretParts() []string {
	return []string{"token", "secret", "passw", "api_key", "apikey", "credential", "webhook_url"}
}

func harmlessKeys() []string {
	return []string{"select", "start", "equal", "rules", "rule", "stat", "name", "date", "unit", "value", "until", "tests"}
}

// IsSecretKey says whether the value of a key is not to be shown. The path of a
// secret's file is no secret.
func IsSecretKey(key string) bool {
	key = strings.ReplaceAll(strings.ToLower(key), "-", "_")
	if strings.HasSuffix(key, "_file") || slices.Contains(harmlessKeys(), key) {
		return false
	}
	for _, part := range secretParts() {
		if strings.Contains(key, part) {
			return true
		}
	}
	for _, known := range secretKeys() {
		if distance(key, known) <= tolerance(known) {
			return true
		}
	}
	return false
}

// tolerance is how many slips make a near miss of a word.
func tolerance(word string) int {
	switch {
	case len(word) <= 3:
		return 0
	case len(word) <= 5:
		return 1
	}
	return 2
}

// aboutAccounts are the keys below which state is an account's, not the address
// of a database.
func aboutAccounts() []string { return []string{"tests", "fields"} }

func isState(key string) bool { return distance(strings.ToLower(key), "state") <= tolerance("state") }

// hideSecrets marks every scalar below a secret's key.
func (d *Document) hideSecrets(root *yaml.Node) {
	d.hidden = map[int][]span{}
	seen := map[*yaml.Node]bool{}
	var walk func(n *yaml.Node, secret, accounts bool)
	walk = func(n *yaml.Node, secret, accounts bool) {
		if seen[n] && !secret { // what an alias named may have become a secret since
			return
		}
		seen[n] = true
		if n.Kind == yaml.ScalarNode && secret {
			d.hideScalar(n)
		}
		if n.Kind != yaml.MappingNode {
			for _, c := range n.Content {
				walk(c, secret, accounts)
			}
			return
		}
		for k, v := range Pairs(n) {
			open := accounts && isState(k.Value)
			walk(v, secret || IsSecretKey(k.Value) && !open, accounts || slices.Contains(aboutAccounts(), k.Value))
		}
	}
	walk(root, false, false)
}

func (d *Document) hideScalar(n *yaml.Node) {
	if d.secret[placeOf(n)] || IsNull(n) {
		return
	}
	d.secret[placeOf(n)] = true
	places := d.characters(n)
	first, end := place{n.Line, n.Column}, places[len(places)-1]
	for line := first.line; line <= min(end.line, len(d.lines)); line++ {
		text := d.lines[line-1]
		s := span{len(text) - len(trimBlank(text)), len(text)}
		if line == first.line {
			s.from = first.column - 1
		}
		if line == end.line {
			s.to = min(end.column-1, len(text))
		}
		if s.from < s.to {
			d.hidden[line] = append(d.hidden[line], s)
		}
	}
}

// hide returns a copy of a line in which secrets are hidden, as wide as it was
// before unless the secret ends it.
func (d *Document) hide(line int) []rune {
	text := d.lines[line-1]
	spans := d.hidden[line]
	if d.hidden == nil { // it is not YAML, so that only its looks say what is secret
		spans = d.guess(line)
	}
	spans = union(slices.Concat(spans, unspaced(text)))
	shown := slices.Clone(text)
	for _, s := range spans {
		copy(shown[s.from:s.to], mask(s.to-s.from))
	}
	if n := len(spans); n > 0 && spans[n-1].to == len(text) {
		shown = append(shown[:spans[n-1].from], []rune(hidden)...)
	}
	return shown
}

const hidden = "<secret>"

// mask returns what is shown in the place of a secret that is so wide.
func mask(width int) []rune {
	if width < len(hidden) {
		return slices.Repeat([]rune{'*'}, width)
	}
	return []rune(hidden + strings.Repeat(" ", width-len(hidden)))
}

// union joins spans that overlap.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var joined []span
	for _, s := range spans {
		last := len(joined) - 1
		switch {
		case s.from >= s.to:
		case last >= 0 && s.from <= joined[last].to:
			joined[last].to = max(joined[last].to, s.to)
		default:
			joined = append(joined, s)
		}
	}
	return joined
}

// unspaced finds "token:abc", which YAML takes for a text, and a password
// within a URL.
func unspaced(text []rune) []span {
	var spans []span
	for _, m := range unspacedKey.FindAllStringSubmatchIndex(string(text), -1) {
		if IsSecretKey(string(text)[m[2]:m[3]]) {
			spans = append(spans, runeSpan(text, m[4], m[5]))
		}
	}
	for _, m := range userInfo.FindAllStringSubmatchIndex(string(text), -1) {
		spans = append(spans, runeSpan(text, m[2], m[3]))
	}
	return spans
}

func runeSpan(text []rune, from, to int) span {
	s := string(text)
	return span{len([]rune(s[:from])), len([]rune(s[:to]))}
}

// Redact hides the document's secrets in what others say of it, for whoever
// quotes more than they should; of what Replace changed it shows what stands in
// the file.
func (d *Document) Redact(problems billwatch.Problems) {
	const least = 6 // shorter ones are words like any other
	var pairs []string
	add := func(value, shown string) {
		if len(value) >= least {
			pairs = append(pairs, value, shown)
		}
	}
	seen := map[*yaml.Node]bool{}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		written, replaced := d.replaced[placeOf(n)]
		switch {
		case n.Kind == yaml.ScalarNode && d.secret[placeOf(n)]:
			add(n.Value, hidden)
			add(strings.TrimSpace(n.Value), hidden)
		case n.Kind == yaml.ScalarNode && replaced:
			add(n.Value, written)
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(d.root)
	redact := strings.NewReplacer(pairs...)
	for i := range problems {
		problems[i].Message = redact.Replace(problems[i].Message)
		problems[i].Hint = redact.Replace(problems[i].Hint)
	}
}

// quoteKey returns a key in quotes, without the secret that may be in it.
func quoteKey(key string) string { return strconv.Quote(masked(key)) }

// masked returns a text without the secrets that its looks give away.
func masked(text string) string {
	runes := []rune(text)
	for _, s := range slices.Backward(union(unspaced(runes))) {
		runes = slices.Concat(runes[:s.from], []rune(hidden), runes[s.to:])
	}
	return string(runes)
}
