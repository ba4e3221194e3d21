package document_test

import (
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

func TestExcerptsHideSecrets(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a token", "token: hunter2hunter2", "token: <secret>"},
		{"a token before the mistake", "a: {token: hunter2hunter2, X: 1}", "a: {token: <secret>      , X: 1}"},
		{"a short one before the mistake", "a: {token: hunt, X: 1}", "a: {token: ****, X: 1}"},
		{"in quotes", `a: {password: "hunter2 \" hunter2", X: 1}`, `a: {password: <secret>            , X: 1}`},
		{"a near miss", "tokn: hunter2hunter2", "tokn: <secret>"},
		{"in other letters", "API-Key: hunter2hunter2", "API-Key: <secret>"},
		{"a longer name", "slack_bot_token: hunter2hunter2", "slack_bot_token: <secret>"},
		{"the path of a file", "token_file: /run/secrets/token", "token_file: /run/secrets/token"},
		{"receiver URLs", "urls: [https://hunter2.example.com/hunter2]", "urls: [<secret>                           ]"},
		{"a heartbeat", "heartbeat: {url: https://hunter2/, interval: 5m}", "heartbeat: {url: <secret>        , interval: **}"},
		{"the state", "state: postgres://user:hunter2@host/db", "state: <secret>"},
		{"headers", "headers: {Authorization: Bearer hunter2}", "headers: {Authorization: <secret>      }"},
		{"below a secret's key", "token: {value: hunter2hunter2}", "token: {value: <secret>      }"},
		{"without a space", "blues:\n    token:hunter2hunter2", "    token:<secret>"},
		{"as a key without a space", "{token:hunter2hunter2: 1}", "{token:<secret>      : *}"},
		{"a password in a proxy's URL", "proxy_url: http://me:hunter2@proxy:3128", "proxy_url: http://<secret>  @proxy:3128"},
		{"an expression that reads the state", "expr: state == \"active\"", "expr: state == \"active\""},
		{"what is no secret", "select: account.name", "select: account.name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := parse(t, tt.text)
			last := d.Root()
			for len(last.Content) > 0 {
				last = last.Content[len(last.Content)-1]
			}
			p := d.Error(last, "here", "")
			if diff := cmp.Diff(tt.want, p.Excerpt); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(d.Quote(last), "hunter2") {
				t.Errorf("Quote shows %s", d.Quote(last))
			}
		})
	}
}

func TestASecretOverLinesIsHiddenInAll(t *testing.T) {
	for _, text := range []string{
		"token: |\n  hunter2\n  hunter2\n", "token: >-\n  hunter2\n\n   hunter2\n", "token: \"hunter2\n  hunter2\"\n", "token: hunter2\n  hunter2\n",
		"x: &x hunter2\ntoken: *x\n", "token: &x hunter2\nx: *x\n", "token: [hunter2,\n hunter2]\n", "a: &a {b: hunter2}\ntoken: *a\n", "m: &m {token: hunter2}\nx: {<<: *m}\n",
	} {
		d := parse(t, text)
		for line := range strings.Count(text, "\n") {
			p := d.Error(&yaml.Node{Line: line + 1, Column: 1}, "here", "")
			if strings.Contains(p.String(), "hunter2") {
				t.Errorf("%q:\n%v", text, p)
			}
		}
	}
}

func TestAFileThatIsNotYAMLHidesSecretsToo(t *testing.T) {
	for _, text := range []string{
		"token: \"hunter2\nb: c\n", "token: 'hunter2\nhunter2\n  hunter2\n", "token: {hunter2\n", "token: hunter2: x\n", "token: @hunter2\n", "token: `hunter2`\n", "token: *hunter2\n",
		"token:\n  - hunter2: [\n", "a: {token: hunter2, b: [}\n", "token: hunter2\n\thunter2: x\n", "token = hunter2\nb: c\n", "tokn: |\n   hunter2\n  x: [\n b\n", "headers:\n  X-Key: hunter2: 1\n",
		"\"token\": hunter2: x", "token: !hunter2! x", "token: &hunter2 hunter2 : [", "token: hunter2\x00", "token: \xffhunter2", "state: hunter2\x01hunter2", "token: %hunter2\n", "token: |hunter2\n",
		"token: \"x\nhunter2 \\q\"\n", "token: \"x\nb: hunter2 \\q\"\n", "token: 'x\nhunter2'\nhunter2' [\n", "token: !hunter2 x\n", "token: !!hunter2 x\n", "token:\n\thunter2\n", "token: 'a'hunter2'\n", "token: ]hunter2\n", "- token: hunter2\n b: c\n", "token: hunter2\n--- \nx: 1\n", "{token: hunter2}}\n", "token: hunter2\ntoken: hunter2\n",
	} {
		_, problems := document.Parse("f.yaml", []byte(text))
		if len(problems) == 0 {
			t.Errorf("no problem in %q", text)
		}
		if strings.Contains(problems.Error(), "hunter2") {
			t.Errorf("%q:\n%v", text, problems)
		}
	}
}

func TestMessagesShowWhatStandsInTheFile(t *testing.T) {
	d := parse(t, "interval: ${HOW_OFTEN}\ncount: 4\n")
	d.Replace(document.Get(d.Root(), "interval"), "hunter2")
	env := &yaml.Node{Kind: yaml.ScalarNode, Value: "hunter2"}
	d.Graft(env, "BILLWATCH_COUNT", true)
	d.Root().Content[3] = env
	want := "f.yaml:1:11: \"${HOW_OFTEN}\" is not a duration\n  | interval: ${HOW_OFTEN}\n  |           ^\n  hint: such as 90s, 15m, 1h30m or 7d\n" +
		"BILLWATCH_COUNT: must be a whole number, not a text"
	var got billwatch.Problems = d.Decode(d.Root(), &settings{})
	if diff := cmp.Diff(want, got.Error()); diff != "" {
		t.Error(diff)
	}
	if p := d.ErrorAt(document.Get(d.Root(), "interval"), 5, "here", ""); p.Column != 11 {
		t.Errorf("a character of a value that is not in the file is at column %d", p.Column)
	}
	d.Replace(document.Get(d.Root(), "interval"), "5m")
	d.Replace(env, "7")
	var into settings
	if problems := d.Decode(d.Root(), &into); len(problems) > 0 || into.Count != 7 {
		t.Errorf("%v, %+v", problems, into)
	}
}

func TestRedactHidesWhatOthersQuote(t *testing.T) {
	d := parse(t, "token: hunter2hunter2\nchannel: ${WHERE}\nname: x\n")
	d.Replace(document.Get(d.Root(), "channel"), "somewhere")
	problems := billwatch.Problems{d.Error(nil, "hunter2hunter2 is not at somewhere", "not hunter2hunter2")}
	d.Redact(problems)
	if want := "f.yaml: <secret> is not at ${WHERE}\n  hint: not <secret>"; problems.Error() != want {
		t.Errorf("got %s, want %s", problems.Error(), want)
	}
}

func TestOnlyKeepsThePlacesOfAPart(t *testing.T) {
	part := parse(t, "a: 1\nrules:\n  - x: y\nb: 2\n").Only("rules")
	var got map[string]any
	if problems := part.Decode(part.Root(), &got); len(problems) > 0 || len(got) != 1 {
		t.Fatalf("%v, %v", got, problems)
	}
	if p := part.Error(document.Get(part.Root(), "rules"), "here", ""); p.Line != 3 || p.Excerpt != "  - x: y" {
		t.Errorf("the place is %v", p)
	}
}

func TestStateIsHiddenWhereItIsADatabase(t *testing.T) {
	for _, tt := range []struct{ text, at, want string }{
		{"state: postgres-of-blues\nx: 1", "state", "state: <secret>"},
		{"stat3: postgres-of-blues\nx: 1", "stat3", "stat3: <secret>"},
		{"log: { state: postgres-of-blues }", "log", "log: { state: <secret>          }"},
		{"tests: [{ series: { state: active suspended } }]", "tests", "tests: [{ series: { state: active suspended } }]"},
		{"tests: [{ series: { sate: active suspended } }]", "tests", "tests: [{ series: { sate: active suspended } }]"},
		{"tests: [{ series: { token: hunter2hunter2 } }]", "tests", "tests: [{ series: { token: <secret>       } }]"},
		{"sources: { a: { fields: { state: item.status } } }", "sources", "sources: { a: { fields: { state: item.status } } }"},
		{"tests: &a { state: hunter2hunter2 }\nsecret: *a", "tests", "tests: &a { state: <secret>       }"},
	} {
		doc, problems := document.Parse("f", []byte(tt.text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		var got string
		for k := range document.Pairs(doc.Root()) {
			if k.Value == tt.at {
				got = doc.Error(k, "", "").Excerpt
			}
		}
		if got != tt.want {
			t.Errorf("%s\nshown as %s\nwant     %s", tt.text, got, tt.want)
		}
	}
}
