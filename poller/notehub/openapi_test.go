package notehub_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/notehub"
	"go.yaml.in/yaml/v4"
)

// TestFieldsExist checks every endpoint and field that is read against the
// vendor's published description.
func TestFieldsExist(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "openapi.trimmed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	routes := notehub.Routes()
	if len(routes) != 6 {
		t.Errorf("%d routes, want 6", len(routes))
	}
	for route, fields := range routes {
		schema := at(doc, doc, "paths", route, "get", "responses", "200", "content", "application/json", "schema")
		if schema == nil {
			t.Errorf("%s: has no description", route)
			continue
		}
		for _, field := range fields {
			node := schema
			for name := range strings.SplitSeq(field, ".") {
				if items := at(doc, node, "items"); items != nil {
					node = items
				}
				node = at(doc, node, "properties", name)
			}
			if node == nil {
				t.Errorf("%s: no field %s", route, field)
			}
		}
	}
	if at(doc, doc, "components", "parameters", "startDateParam", "schema", "type") != "integer" {
		t.Error("startDate is no integer any more")
	}
	if at(doc, doc, "components", "schemas", "Error", "properties", "err") == nil {
		t.Error("errors have no text any more")
	}
}

// TestEveryFieldIsCompared makes sure that no field is read which the test
// above does not know of.
func TestEveryFieldIsCompared(t *testing.T) {
	compared := []string{"err"} // of an error
	for _, fields := range notehub.Routes() {
		for _, field := range fields {
			compared = append(compared, strings.Split(field, ".")...)
		}
	}
	parsed, err := parser.ParseFile(gotoken.NewFileSet(), "decode.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "field") {
			return true
		}
		found++
		field, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || !slices.Contains(compared, field) {
			t.Errorf("%s = %q is not compared, %v", spec.Names[0].Name, field, err)
		}
		return true
	})
	if found < 10 {
		t.Errorf("%d fields", found)
	}
}

// TestFieldsAreThoseThatAreRead: what a probe tells of an answer is all that is
// read of it.
func TestFieldsAreThoseThatAreRead(t *testing.T) {
	routes := notehub.Routes()
	for _, typ := range []poller.Type{notehub.Organizations(), notehub.BillingAccounts()} {
		told := map[string][]string{}
		for _, f := range provider(t, typ, "http://localhost:1").(interface{ Fields() []poller.Field }).Fields() {
			path := strings.ReplaceAll(f.Path, "[]", "")
			told[f.Route] = append(told[f.Route], path)
			// The older endpoints send no address, but would be believed.
			if path != "email" && !slices.Contains(routes[f.Route], path) {
				t.Errorf("%s: %s is told and not read", f.Route, f.Path)
			}
		}
		if len(told) != 3 {
			t.Errorf("%s: fields of %d endpoints", typ.Name, len(told))
		}
		for route, paths := range told {
			for _, field := range routes[route] {
				inside := slices.ContainsFunc(routes[route], func(other string) bool { return strings.HasPrefix(other, field+".") })
				if !inside && !slices.Contains(paths, field) {
					t.Errorf("%s: %s is read and not told", route, field)
				}
			}
		}
	}
}

// at walks down a document, following references.
func at(doc, node any, path ...string) any {
	for _, name := range path {
		m, ok := follow(doc, node).(map[string]any)
		if !ok {
			return nil
		}
		node = m[name]
	}
	return follow(doc, node)
}

func follow(doc, node any) any {
	if m, ok := node.(map[string]any); ok {
		if ref, ok := m["$ref"].(string); ok {
			return at(doc, doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	return node
}
