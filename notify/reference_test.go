package notify_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

const referencePage = "../docs/templates.md"

// seen are the types that templates see, as their page calls them.
var seen = []struct{ name, title string }{
	{"Data", "The message"}, {"Alerts", "`.Alerts`"}, {"AlertData", "An alert"}, {"AccountData", "`.Account`"},
	{"SnapshotData", "`.Snapshot`"}, {"Quantity", "A number"}, {"Runway", "`.Runway`"}, {"Moment", "A time"},
	{"Fields", "Labels and annotations"}, {"StormData", "`.Storm`"}, {"StormRule", "A rule in it"},
}

func TestReferencePageIsCurrent(t *testing.T) {
	page := reference(t)
	if *update {
		if err := os.WriteFile(referencePage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page, string(want)); diff != "" {
		t.Errorf("go test ./notify -run Reference -update\n%s", diff)
	}
}

func TestReferenceExamplesGiveWhatThePageSays(t *testing.T) {
	for _, f := range notify.Functions() {
		t.Run(f.Name, func(t *testing.T) {
			if !strings.HasPrefix(f.Signature, f.Name+" ") || !strings.HasPrefix(f.Example, f.Name+" ") || f.Doc == "" {
				t.Errorf("incomplete: %+v", f)
			}
			m := templates(t, nil).Render(sample(t, "low"), notify.Overrides{Text: "{{ with index .Alerts 0 }}{{ " + f.Example + " }}{{ end }}"})
			if m.Text != f.Gives {
				t.Errorf("%s gives %q, the page says %q", f.Example, m.Text, f.Gives)
			}
		})
	}
}

func sample(t *testing.T, name string) billwatch.Notification {
	t.Helper()
	for _, s := range notify.Samples() {
		if s.Name == name {
			return s.Notification
		}
	}
	t.Fatalf("there is no sample %s", name)
	return billwatch.Notification{}
}

// reference is the page, made from what the package says of itself.
func reference(t *testing.T) string {
	source := parsed(t)
	var b strings.Builder
	b.WriteString(referenceIntroduction)
	for _, s := range seen {
		fmt.Fprintf(&b, "\n### %s\n\n", s.title)
		rows := append(source.fields(t, s.name), source.methods(t, s.name)...)
		if len(rows) == 0 {
			t.Errorf("%s has nothing that templates see", s.name)
		}
		b.WriteString("| | kind | is |\n| --- | --- | --- |\n" + strings.Join(rows, ""))
	}
	b.WriteString("\n## Functions\n\nThe examples are run on the sample `low`, over its alert; `$` is the message.\n\n| function | gives | example | there |\n| --- | --- | --- | --- |\n")
	for _, f := range notify.Functions() {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", f.Signature, f.Doc, f.Example, f.Gives)
	}
	b.WriteString(referenceFunctions)
	b.WriteString("\n## Samples\n\n`billwatch render --sample NAME` writes a message about one of these.\n\n| sample | is |\n| --- | --- |\n")
	for _, s := range notify.Samples() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", s.Name, s.About)
	}
	b.WriteString("\n## Templates worth copying\n\nEach is run by the tests, over the sample that it is shown with.\n")
	for _, name := range []string{"subject", "one-line", "finance", "account"} {
		b.WriteString(shownExample(t, name))
	}
	return b.String()
}

var exampleHead = regexp.MustCompile(`(?s)^\{\{- /\* (.*?)\s+(?:as: (\w+)\s+)?over: (\S+) \*/ -\}\}\n`)

// shownExample is a template that lies in testdata, with what it makes.
func shownExample(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "examples", name+".tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	head := exampleHead.FindStringSubmatch(string(data))
	if head == nil {
		t.Fatalf("%s does not say what it is", name)
	}
	source := strings.TrimSpace(strings.TrimPrefix(string(data), head[0]))
	tmpl, key, gives := templates(t, nil), head[2], ""
	switch key {
	case "text":
		gives = tmpl.Render(sample(t, head[3]), notify.Overrides{Text: source}).Text
	case "subject":
		gives = tmpl.Render(sample(t, head[3]), notify.Overrides{Title: source}).Title
	default:
		m := templates(t, map[string]string{"account.tmpl": source}).Render(sample(t, head[3]), notify.Overrides{})
		gives = m.Title + "\n\n" + m.Text
	}
	if strings.Contains(gives, "Template error") {
		t.Errorf("%s: %s", name, gives)
	}
	about := strings.Join(strings.Fields(head[1]), " ")
	as := "A file below `templates`"
	if key != "" {
		as = "`" + key + "`"
	}
	return fmt.Sprintf("\n**%s** %s, over the sample `%s`:\n\n```go-template\n%s\n```\n\n```text\n%s\n```\n", about, as, head[3], source, gives)
}

// code is what the package's own files say.
type code struct {
	fset  *token.FileSet
	files []*ast.File
}

func parsed(t *testing.T) code {
	t.Helper()
	c := code{fset: token.NewFileSet()}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(c.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		c.files = append(c.files, f)
	}
	return c
}

func (c code) declarations(of func(ast.Decl)) {
	for _, f := range c.files {
		for _, d := range f.Decls {
			of(d)
		}
	}
}

// fields are the rows of a type's exported fields. One without a comment is an
// error.
func (c code) fields(t *testing.T, name string) []string {
	var rows []string
	c.declarations(func(d ast.Decl) {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			return
		}
		for _, s := range g.Specs {
			spec := s.(*ast.TypeSpec)
			structure, ok := spec.Type.(*ast.StructType)
			if !ok || spec.Name.Name != name {
				continue
			}
			for _, f := range structure.Fields.List {
				for _, id := range f.Names {
					if !id.IsExported() {
						continue
					}
					if f.Comment == nil {
						t.Errorf("%s.%s has no comment", name, id.Name)
					}
					rows = append(rows, row(id.Name, c.kind(f.Type), f.Comment.Text()))
				}
			}
		}
	})
	return rows
}

// methods are the rows of a type's exported methods.
func (c code) methods(t *testing.T, name string) []string {
	var rows []string
	c.declarations(func(d ast.Decl) {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil || !f.Name.IsExported() || strings.TrimPrefix(c.text(f.Recv.List[0].Type), "*") != name {
			return
		}
		if f.Name.Name == "String" {
			rows = append(rows, row("", "text", "printed it is "+sentence(f)))
			return
		}
		call := f.Name.Name
		for _, p := range f.Type.Params.List {
			for range p.Names {
				call += " NUMBER"
			}
		}
		rows = append(rows, row(call, c.kind(f.Type.Results.List[0].Type), sentence(f)))
	})
	slices.Sort(rows)
	return rows
}

func sentence(f *ast.FuncDecl) string {
	text := strings.TrimPrefix(f.Doc.Text(), f.Name.Name+" ")
	return strings.TrimPrefix(strings.TrimPrefix(text, "returns "), "says ")
}

func row(name, kind, doc string) string {
	doc = strings.TrimSuffix(strings.Join(strings.Fields(doc), " "), ".")
	if name != "" {
		name = "`." + name + "`"
	}
	return fmt.Sprintf("| %s | %s | %s |\n", name, kind, strings.ReplaceAll(doc, "|", `\|`))
}

func (c code) text(n ast.Node) string {
	var b strings.Builder
	_ = printer.Fprint(&b, c.fset, n)
	return b.String()
}

// kind is a type in the page's words.
func (c code) kind(n ast.Node) string {
	words := map[string]string{
		"string": "text", "bool": "yes or no", "int": "whole number", "float64": "plain number", "[]string": "texts",
		"Quantity": "[number](#a-number)", "Moment": "[time](#a-time)", "Fields": "[texts by name](#labels-and-annotations)",
		"Alerts": "[alerts](#alerts)", "AccountData": "[account](#account)", "SnapshotData": "[snapshot](#snapshot)",
		"Runway": "[runway](#runway)", "StormData": "[digest](#storm)", "[]StormRule": "[rules](#a-rule-in-it)",
		"billwatch.Quantiles": "plain numbers `.P10` `.P50` `.P90`",
	}
	name := strings.TrimPrefix(c.text(n), "*")
	if word := words[name]; word != "" {
		return word
	}
	return name
}

const referenceIntroduction = `# Message templates

<!-- Generated from the package notify; write it anew with: go test ./notify -run Reference -update -->

What people are told is written by [Go templates](https://pkg.go.dev/text/template). Without any of yours the messages are
complete; ` + "`billwatch render`" + ` shows them, and tries yours before anybody gets one:

` + "```console" + `
$ billwatch render --list                           # the templates and the samples
$ billwatch render billwatch.text --sample storm    # a default template, or one of your files'
$ billwatch render ./finance.tmpl --sample money    # a file that is not in the configuration yet
$ billwatch render --receiver finance --sample low  # the whole message, as that receiver gets it
` + "```" + `

There are two places for your own:

- **One receiver.** ` + "`title` and `text`" + ` of Slack, ` + "`subject`, `text` and `html`" + ` of e-mail.
- **All of them.** Files below ` + "[`templates`](configuration.md)" + ` define templates by name: those of your own, which the keys
  above may call, and the default ones anew. A message is ` + "`billwatch.title`, `billwatch.text` and `billwatch.html`" + `; these
  are made of pieces, such as ` + "`billwatch.account`" + ` (how an account is called), ` + "`billwatch.alert`" + ` (one alert in a text) and
  ` + "`billwatch.html.alert`" + `. Two files that define the same name are an error.

A template that does not parse is an error when the configuration is loaded, with its place. One that fails on a message,
goes on for more than two seconds or becomes too long never holds up the message: the default one is sent, with what went
wrong at its end, and ` + "`billwatch_template_errors_total`" + ` counts it. A title has at most 512 bytes, a text 32 KiB, an HTML 256 KiB.

Texts that come from providers and rules are data, never templates. Control and direction characters are taken out of
them and long ones are cut before a template sees them; each medium escapes them for itself, so a template does not have to.

## What a template sees
`

const referenceFunctions = `
Besides there are those of Go (` + "`and` `or` `not` `eq` `ne` `lt` `le` `gt` `ge` `len` `index` `slice` `print` `printf` `println` `html` `js` `urlquery`" + `),
of which none makes a text of more than 32 KiB. There is none that reads a file, the environment or the network.
`
