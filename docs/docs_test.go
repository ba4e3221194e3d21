package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = ".."

func text(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// files are the repository's files with this ending, without tests' own.
func files(t *testing.T, ending string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name()[0] == '.' || d.Name() == "testdata"):
			return fs.SkipDir
		case strings.HasSuffix(name, ending):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for _, page := range files(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(text(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, path.Dir(page), m[1])); err != nil {
				t.Errorf("%s: link to %s: %v", page, m[1], err)
			}
		}
	}
}

func TestEveryCommandOfMakeThatIsNamedExists(t *testing.T) {
	targets := regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(text(t, "Makefile"), -1)
	for _, page := range files(t, ".md") {
		for _, m := range regexp.MustCompile("(?:`|\\$ )make ([a-z]+)").FindAllStringSubmatch(text(t, page), -1) {
			if !slices.ContainsFunc(targets, func(target []string) bool { return target[1] == m[1] }) {
				t.Errorf("%s: there is no make %s", page, m[1])
			}
		}
	}
}

// keys are the keys that the settings' structs give their fields, each with a
// place where it stands.
func keys(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, name, text(t, name), parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			key, _, _ := strings.Cut(reflect.StructTag(tag).Get("yaml"), ",")
			if key != "" && key != "-" {
				found[key] = fset.Position(field.Pos()).String()
			}
			return true
		})
	}
	return found
}

func TestTheManualHasEveryKeyAndNoOther(t *testing.T) {
	manual := text(t, "docs/configuration.md") + text(t, "docs/rules.md") + text(t, "docs/http-json.md") + text(t, "docs/trying-rules.md")
	known := keys(t)
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if !strings.Contains(manual, "`"+key+"`") {
			t.Errorf("%s: the key %s is in no page of the manual", known[key], key)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_`, ]+)` \\|").FindAllStringSubmatch(manual, -1) {
		for key := range strings.SplitSeq(m[1], "`, `") {
			if known[key] == "" {
				t.Errorf("docs: no setting has the key %s", key)
			}
		}
	}
}
