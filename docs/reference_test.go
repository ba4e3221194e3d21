package docs

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables of docs/rules.md anew")

// table reads a package variable that is a list of literals: of each, the texts
// that it has under these names. It reads the source, so that the tables need
// not be exported for their manual.
func table(t *testing.T, file, variable string, names ...string) [][]string {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), file, text(t, file), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	ast.Inspect(syntax, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != variable {
			return true
		}
		for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
			row := make([]string, len(names))
			for _, field := range element.(*ast.CompositeLit).Elts {
				pair := field.(*ast.KeyValueExpr)
				for i, name := range names {
					if literal, ok := pair.Value.(*ast.BasicLit); ok && pair.Key.(*ast.Ident).Name == name {
						if row[i], err = strconv.Unquote(literal.Value); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			rows = append(rows, row)
		}
		return false
	})
	if len(rows) == 0 {
		t.Fatalf("%s has no list %s", file, variable)
	}
	return rows
}

// replaced is a page with what stands between a part's marks made anew.
func replaced(t *testing.T, page, part, body string) string {
	t.Helper()
	begin, end := "<!-- begin "+part+" -->\n", "<!-- end "+part+" -->"
	before, rest, found := strings.Cut(page, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("docs/rules.md has no place for %s", part)
	}
	return before + begin + body + end + after
}

func TestTheReferenceOfRulesIsThatOfTheCode(t *testing.T) {
	fields := "| field | what it is |\n| --- | --- |\n"
	for _, row := range table(t, "rules/variables.go", "snapshotVariables", "name", "doc") {
		fields += fmt.Sprintf("| `%s` | %s |\n", row[0], row[1])
	}
	functions := "| function | gives | example |\n| --- | --- | --- |\n"
	for _, row := range table(t, "rules/functions.go", "functionTable", "Signature", "Doc", "Example") {
		functions += fmt.Sprintf("| `%s` | %s | `%s` |\n", row[0], row[1], row[2])
	}
	page := text(t, "docs/rules.md")
	want := replaced(t, replaced(t, page, "fields", fields), "functions", functions)
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs/rules.md"), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("docs/rules.md is not what the code says; -update writes it anew: -want +got\n%s", diff)
	}
}
