package document_test

import (
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

func parse(t *testing.T, text string) *document.Document {
	t.Helper()
	d, problems := document.Parse("f.yaml", []byte(text))
	if len(problems) > 0 {
		t.Fatalf("Parse(%q):\n%v", text, problems)
	}
	return d
}

func TestAPlaceInAScalarIsThatInTheFile(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"plain", "expr: balance < X5"},
		{"plain behind letters of two bytes", "é: é < X5"},
		{"plain over two lines", "expr: balance\n  < X5"},
		{"plain over an empty line", "expr: balance\n\n   < X5\n   and more"},
		{"plain with carriage returns", "a: b\r\nexpr: balance\r\n  < X5\r\n"},
		{"plain in a flow mapping", "a: [{expr: balance < X5}]"},
		{"single quotes", "expr: 'it''s X5'"},
		{"single quotes over lines", "expr: 'it''s\n\n\n  so X5'"},
		{"double quotes", `expr: "a\"b\u00e9\x41\n < X5"`},
		{"double quotes over lines", "expr: \"a\n\n  b\\\n    c  X5\""},
		{"literal", "expr: |\n  balance\n    < X5\n"},
		{"literal with empty lines", "expr: |\n\n\n  balance\n\n  < X5\n"},
		{"literal with its own indentation", "expr: |2\n    balance\n  < X5\n"},
		{"literal that strips", "expr: |-\n      X5"},
		{"literal in a list", "- expr: |\n    balance ||\n\n    X5\n  for: 1m\n"},
		{"literal with carriage returns", "expr: |\r\n  balance\r\n  X5\r\n"},
		{"folded", "expr: >\n  balance\n  < X5\n"},
		{"folded with empty and deeper lines", "expr: >\n  balance\n\n    deeper\n    still\n\n  < X5\n"},
		{"folded that strips", "expr: >-\n   a\n   X5\n\n\n"},
		{"behind letters of three and four bytes", "expr: \"日本 🙂 X5\""},
		{"behind a letter of several characters", "expr: 'e\u0301👩\u200d💻 X5'"},
		{"literal behind letters of four bytes", "expr: |\n  🙂🙂\n  🙂 X5\n"},
		{"plain with wide spaces", "expr:    a    <    X5"},
		{"plain over lines with wide spaces", "expr: a   b\n      c    <\n         X5"},
		{"folded with wide spaces", "expr: >\n  a    b\n  c   <   X5\n"},
		{"folded with spaces at the end of a line", "expr: >\n  a   \n  X5\n"},
		{"folded with its own indentation", "expr: >2\n    a\n  X5\n"},
		{"folded that keeps", "expr: >+\n  a\n  X5\n\n\n"},
		{"folded with carriage returns", "expr: >-\r\n  a\r\n\r\n  X5\r\n"},
		{"folded with deeper lines first", "expr: >2\n     a\n\n    b\n  X5\n"},
		{"literal that keeps, with its own indentation", "expr: |1+\n   a\n  X5\n\n"},
		{"literal that strips, with a comment behind the sign", "expr: |- # why\n  a\n  X5\n"},
		{"literal with a tab within", "expr: |\n  a\tb\n  \tX5\n"},
		{"plain with a tab within", "expr: a\tX5"},
		{"double quotes over lines with carriage returns", "expr: \"a\r\n  b\r\n\r\n  X5\""},
		{"double quotes with every length of escape", `expr: "\x41\u00e9\U0001F642\t\e\_\N\L\\\"\/ X5"`},
		{"double quotes with an escaped space at a line's start", "expr: \"a\\\n   \\ b X5\""},
		{"double quotes with an escaped tab at a line's start", "expr: \"a\n  \\\tX5\""},
		{"double quotes with spaces at a line's end", "expr: \"a   \n   b X5\""},
		{"single quotes with quotes and lines", "expr: 'a''''b\n  c'' X5'"},
		{"single quotes in a flow list", "expr: ['a, b', 'c ''X5']"},
		{"a key that is marked", "? expr\n: X5"},
		{"on the line below its key", "expr:\n    a < X5"},
		{"on the line below its key, behind a comment", "expr: # why\n    a < X5"},
		{"plain in flow over lines", "{expr: a\n  <\n  X5}"},
		{"behind a tag", "expr: !!str 'X5'"},
		{"behind an anchor on the line before", "expr: &a\n  b X5"},
		{"a literal behind an anchor", "expr: &a |\n  b X5"},
		{"behind a byte order mark", "\ufeffexpr: X5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := parse(t, tt.text)
			n := find(d.Root())
			got := d.ErrorAt(n, len([]rune(n.Value[:strings.Index(n.Value, "X")])), "here", "")
			want := placeOfX(tt.text)
			if got.Line != want[0] || got.Column != want[1] {
				t.Errorf("place of X in %q is %d:%d, want %d:%d", tt.text, got.Line, got.Column, want[0], want[1])
			}
			if !strings.HasPrefix(string([]rune(got.Excerpt)[got.Column-1:]), "X") {
				t.Errorf("caret is not under X:\n%v", got)
			}
		})
	}
}

// find returns the scalar that holds an X.
func find(n *yaml.Node) *yaml.Node {
	if strings.Contains(n.Value, "X") {
		return n
	}
	for _, c := range n.Content {
		if f := find(c); f != nil {
			return f
		}
	}
	return nil
}

func placeOfX(text string) [2]int {
	text = strings.TrimPrefix(text, "\ufeff")
	before := strings.Split(strings.ReplaceAll(text[:strings.Index(text, "X")], "\r", ""), "\n")
	return [2]int{len(before), len([]rune(before[len(before)-1])) + 1}
}

func TestWhatIsNoSoundFile(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an unclosed list", "a: [1,", "f.yaml:1:7: value is missing, or a bracket is not closed"},
		{"a tab as indentation", "a:\n\tb: 1", "f.yaml:2:1: tab in the indentation\n  |  b: 1\n  | ^\n  hint: indent with spaces"},
		{"a tab behind spaces", "a:\n  \tb: 1", "tab in the indentation"},
		{"a NUL byte", "a: é\x00b", "f.yaml:1:5: NUL byte\n  | a: é\ufffdb\n  |     ^"},
		{"a control character", "a: \x1b[2J", "f.yaml:1:4: control character U+001B"},
		{"latin-1", "a: ok\nb: \xe9", "f.yaml:2:4: text is not UTF-8"},
		{"two documents", "a: 1\n---\nb: 2", "f.yaml:2:1: second document in the file"},
		{"a key twice", "a: 1\nb: 2\na: 3", "f.yaml:3:1: duplicate key \"a\"\n  | a: 3\n  | ^\n  hint: it is also on line 1"},
		{"a key twice, in quotes", "x: {a: 1, \"a\": 3}", "f.yaml:1:11: duplicate key \"a\""},
		{"an unknown anchor", "a: *b", "f.yaml:1:4: alias to an anchor that is not defined above"},
		{"an open quote", "a: 1\nb: 'x\nc: 2\n", "f.yaml:2:4: quote is never closed"},
		{"an unknown escape", "a: \"x\n  b\\q\"", "f.yaml:2:4: unknown escape in double quotes"},
		{"a colon too many", "a: b: c", "f.yaml:1:5: a colon where no key can be"},
		{"a line that is nothing", "a: 1\nb\n", "f.yaml:2:1: line is neither"},
		{"a variable in braces", "a: {b: ${C}}", "f.yaml:1:9: mapping in { } is not closed\n  | a: {b: ${C}}\n  |         ^\n  hint: within { } or [ ] a variable needs quotes: \"${NAME}\""},
		{"a tag", "a: !!binary aGk=", "f.yaml:1:4: tags are not supported"},
		{"a tag of one's own", "a: !python/object x", "f.yaml:1:4: tags are not supported"},
		{"a list as a key", "? [a]\n: 1", "f.yaml:1:3: a key must be a text"},
		{"a value that begins with @", "a: @b", "f.yaml:1:4: a value cannot begin with @"},
		{"an alias to itself", "a: &x [*x]", "f.yaml:1:8: alias to something that it is itself part of"},
		{"a merge loop", "a: &x {<<: *x}", "f.yaml:1:12: alias to something that it is itself part of"},
		{"a merge of a text", "a: {<<: x}", "f.yaml:1:9: only a mapping can be merged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := document.Parse("f.yaml", []byte(tt.text))
			if len(problems) == 0 || !strings.Contains(problems[0].String(), tt.want) {
				t.Errorf("Parse(%q):\n%v\nwant\n%s", tt.text, problems, tt.want)
			}
		})
	}
}

func TestAliasesAndMergeKeysAreFollowed(t *testing.T) {
	d := parse(t, "base: &b {x: 1, y: [2]}\nmore: &m {x: 5, z: 6}\none: {<<: *b, x: 3}\ntwo: {<<: [*b, *m]}\nthree: *b\n")
	var got map[string]any
	if problems := d.Decode(d.Root(), &got); len(problems) > 0 {
		t.Fatal(problems)
	}
	base := map[string]any{"x": 1, "y": []any{2}}
	want := map[string]any{
		"base": base, "more": map[string]any{"x": 5, "z": 6}, "three": base,
		"one": map[string]any{"x": 3, "y": []any{2}}, "two": map[string]any{"x": 1, "y": []any{2}, "z": 6},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

type common struct {
	Interval time.Duration    `yaml:"interval"`
	Labels   billwatch.Labels `yaml:"labels"`
}

type settings struct {
	common   `yaml:",inline"`
	Common   common           `yaml:"common"`
	Token    billwatch.Secret `yaml:"token"`
	Name     string           `yaml:"name"`
	Count    int              `yaml:"count"`
	Share    float64          `yaml:"share"`
	On       *bool            `yaml:"on"`
	List     []string         `yaml:"list"`
	Zone     *time.Location   `yaml:"zone"`
	Later    yaml.Node        `yaml:"later"`
	Anything map[string]any   `yaml:"anything"`
	Nested   map[string]common
}

func TestDecodeFillsWhatItKnows(t *testing.T) {
	d := parse(t, "interval: 1d12h\nlabels: {team: 7}\ntoken: 0123\nname: 12\ncount: 4\nshare: 1.5\non: false\nlist: [a, b]\n"+
		"zone: Europe/Berlin\nlater: {any: thing}\nanything: {a: [1, x], t: 2026-01-01, n: }\nnested: {x: {interval: 5m}}\ncommon: \n")
	got := settings{Common: common{Interval: time.Minute}}
	if problems := d.Decode(d.Root(), &got); len(problems) > 0 {
		t.Fatal(problems)
	}
	later := got.Later
	got.Later = yaml.Node{}
	off := false
	zone, _ := time.LoadLocation("Europe/Berlin")
	want := settings{
		common: common{36 * time.Hour, billwatch.Labels{"team": "7"}}, Common: common{Interval: time.Minute},
		Token: "0123", Name: "12", Count: 4, Share: 1.5, On: &off, List: []string{"a", "b"}, Zone: zone,
		Anything: map[string]any{"a": []any{1, "x"}, "t": "2026-01-01", "n": nil},
		Nested:   map[string]common{"x": {Interval: 5 * time.Minute}},
	}
	same := cmp.Options{cmp.AllowUnexported(settings{}), cmp.Comparer(func(a, b *time.Location) bool { return a == b || a != nil && b != nil && a.String() == b.String() })}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Error(diff)
	}
	if p := d.Error(document.Get(&later, "any"), "here", ""); p.Line != 10 || p.Column != 14 {
		t.Errorf("the node that was kept lost its place: %v", p)
	}
}

func TestDecodeReportsEverythingThatDoesNotFit(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown key", "nam: x", "f.yaml:1:1: unknown key \"nam\"\n  | nam: x\n  | ^\n  hint: did you mean name?"},
		{"an unknown key near none", "zzz: x", "f.yaml:1:1: unknown key \"zzz\"\n  | zzz: x\n  | ^"},
		{"an unknown key further down", "common: {intervall: 5m}", "f.yaml:1:10: unknown key \"intervall\"\n  | common: {intervall: 5m}\n  |          ^\n  hint: did you mean interval?"},
		{"a number without unit", "interval: 15", "f.yaml:1:11: \"15\" is not a duration\n  | interval: 15\n  |           ^\n  hint: it needs a unit: 15s, 15m"},
		{"a text for a number", "count: many", "f.yaml:1:8: must be a whole number, not a text\n  | count: many\n  |        ^"},
		{"a number in quotes", "count: \"4\"", "f.yaml:1:8: must be a whole number, not a text\n  | count: \"4\"\n  |        ^"},
		{"a fraction for a whole number", "count: 1.5", "f.yaml:1:8: must be a whole number that is not too large\n  | count: 1.5\n  |        ^"},
		{"yes for true", "on: yes", "f.yaml:1:5: must be true or false, not a text\n  | on: yes\n  |     ^"},
		{"true for a text", "name: true", "f.yaml:1:7: must be a text, not true or false\n  | name: true\n  |       ^\n  hint: put it in quotes"},
		{"a text for a list", "list: a", "f.yaml:1:7: must be a list, not a text\n  | list: a\n  |       ^"},
		{"a list for a mapping", "common: [a]", "f.yaml:1:9: must be a mapping, not a list\n  | common: [a]\n  |         ^"},
		{"a mapping for a text", "name: {a: b}", "f.yaml:1:7: must be a text, not a mapping\n  | name: {a: b}\n  |       ^"},
		{"a zone that is none", "zone: Mars", "f.yaml:1:7: \"Mars\" is not a time zone\n  | zone: Mars\n  |       ^\n  hint: such as UTC or Europe/Berlin"},
		{"a label name that is none", "labels: {a-b: c}", "f.yaml:1:10: \"a-b\" is not a label name\n  | labels: {a-b: c}\n  |          ^\n  hint: letters, digits and _, not beginning with a digit"},
		{"two at once", "nam: x\ncount: y", "f.yaml:1:1: unknown key \"nam\"\n  | nam: x\n  | ^\n  hint: did you mean name?\nf.yaml:2:8: must be a whole number, not a text\n  | count: y\n  |        ^"},
		{"a list for a token", "token: [abc]", "f.yaml:1:8: must be a text, not a list\n  | token: [***]\n  |        ^"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := parse(t, tt.text)
			got := d.Decode(d.Root(), &settings{}).Error()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSuggestions(t *testing.T) {
	known := []string{"balance", "account", "token", "token_file", "interval", "for", "until"}
	for word, want := range map[string]string{
		"balanc": "balance", "tokn": "token", "tokenfile": "token_file", "intreval": "interval", "fro": "for", "acco": "account", "acc": "",
		"Token": "token", "xyz": "", "": "", "cat": "", strings.Repeat("x", 1000): "",
	} {
		if got := document.Suggest(word, known); got != want {
			t.Errorf("Suggest(%.20q) = %q, want %q", word, got, want)
		}
	}
}
