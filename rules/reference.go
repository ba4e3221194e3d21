package rules

import (
	"fmt"
	"strings"
)

// Reference returns the page of what conditions see, in Markdown, made from the
// tables that the compiler works with.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceIntroduction)
	b.WriteString("\n## Variables\n\n| variable | kind | is |\n| --- | --- | --- |\n")
	row := func(name, kind, doc string) { fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, kind, doc) }
	for _, v := range snapshotVariables {
		row(v.name, bare(v.kind), v.doc)
	}
	row("account.labels.NAME", "text", "a label of the account or its source; nil where it has none of that name")
	row("previous", "poll", "the last good poll before this one, with all of the fields above: `previous.balance`; nil at the first")
	row("vars.NAME", "any", "a value that `accounts:` in the configuration gives the account; nil where it gives none")
	row("now", "time", "the moment of the evaluation")

	b.WriteString("\n## Functions\n\nA window is a duration in quotes, of a day at least: it counts whole periods back from the end of the last complete one.\nA quantile `q` lies between 0 and 1.\n\n" + referenceAccount + "\n| function | gives | example | there |\n| --- | --- | --- | --- |\n")
	for _, f := range functions() {
		there := f.Is
		if f.Gives != "" && f.Gives != f.Is {
			there = f.Gives + ", so " + f.Is
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", f.Signature, f.Doc, f.Example, there)
	}
	b.WriteString(referenceOperators)
	return b.String()
}

// bare is a kind without its article.
func bare(k kind) string { return strings.TrimPrefix(k.String(), "a ") }

// referenceAccount is the account over which the examples are run, by a test.
const referenceAccount = `The examples are those of the account Acme at noon on 24 November 2026: we own it, it has 5,000 of
10,000 events left, used 100 on each of the last 60 days, and its plan ends in 30 days. At the poll before this one it
had 5,100, and another plan.
`

const referenceIntroduction = `# What conditions see

<!-- Generated from the tables in rules; write it anew with: go test ./rules -run Reference -update -->

A condition is an expression in the language of [expr](https://expr-lang.org) without its loops: no predicates,
closures, ranges, maps, slices, ` + "`let`" + ` or ` + "`;`" + `, and lists only right of ` + "`in`" + `. Numbers are floats.
All of it is checked when it is loaded.

What a provider did not send, or what an account of its kind does not have, is nil, and a condition over nil is
three-valued: ` + "`unknown || true`" + ` is true and ` + "`unknown && false`" + ` is false, whatever stands left; everything else
that reaches an unknown is unknown, and then the rule neither fires nor resolves. ` + "`x == nil`" + ` and ` + "`x != nil`" + `
ask for it, ` + "`x ?? 0`" + ` puts a value in its stead. Division by zero, and whatever else makes no number, is unknown as well.
`

const referenceOperators = `
## Operators

| operators | over |
| --- | --- |
| ` + "`&&` `\\|\\|` `!`, or `and` `or` `not`" + ` | conditions |
| ` + "`==` `!=`" + ` | two of a kind, or anything with nil |
| ` + "`<` `<=` `>` `>=`" + ` | numbers, texts, times, durations; ` + "`1 < x < 5`" + ` is both |
| ` + "`+` `-` `*` `/` `%` `**`" + ` | numbers; ` + "`+`" + ` joins texts; times and durations as far as it makes sense |
| ` + "`in` `not in`" + ` | anything, with a list: ` + "`plan.type in [\"Essentials\", \"Enterprise\"]`" + ` |
| ` + "`contains` `startsWith` `endsWith` `matches`" + ` | texts; the pattern of ` + "`matches`" + ` stands in quotes |
| ` + "`condition ? one : other`, `x ?? other`" + ` | anything |
`
