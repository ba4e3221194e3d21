package cudo_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
)

// undescribed are fields that the vendor's pages of 2025 and later show in a
// billing account and that the description, which is older, does not know.
func undescribed(field string) bool {
	return field == "deleteTime" || field == "billingAccounts.deleteTime"
}

// TestFieldsExist checks every endpoint, parameter and field that is named
// against the vendor's published description.
func TestFieldsExist(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "swagger.trimmed.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for route, fields := range cudo.Routes() {
		schema := at(doc, doc, "paths", route, "get", "responses", "200", "schema")
		if schema == nil {
			t.Errorf("%s: has no description", route)
			continue
		}
		for _, field := range fields {
			if exists := property(doc, schema, field) != nil; exists == undescribed(field) {
				t.Errorf("%s: field %s: described: %v", route, field, exists)
			}
		}
	}
	for route, names := range cudo.Queries() {
		described, _ := at(doc, doc, "paths", route, "get", "parameters").([]any)
		for _, name := range names {
			if !slices.ContainsFunc(described, func(p any) bool {
				return at(doc, p, "name") == name && at(doc, p, "in") == "query"
			}) {
				t.Errorf("%s: no parameter %s", route, name)
			}
		}
	}
}

// TestEveryFieldIsCompared makes sure that no field is read which the test
// above does not know of.
func TestEveryFieldIsCompared(t *testing.T) {
	var compared []string
	for _, named := range []map[string][]string{cudo.Routes(), cudo.Queries()} {
		for _, fields := range named {
			for _, field := range fields {
				compared = append(compared, strings.Split(field, ".")...)
			}
		}
	}
	for name, field := range fieldConstants(t, "decode.go") {
		if !slices.Contains(compared, field) {
			t.Errorf("%s = %q is not compared", name, field)
		}
	}
}

// TestFieldsAreThoseThatAreRead: what a probe tells of an answer is all that is
// read of it.
func TestFieldsAreThoseThatAreRead(t *testing.T) {
	told := map[string]bool{}
	for _, f := range provider(t, "http://localhost:1", "ledger").(interface{ Fields() []poller.Field }).Fields() {
		path := strings.ReplaceAll(f.Path, "[]", "")
		told[f.Route+" "+path] = true
		if !slices.Contains(cudo.Routes()[f.Route], path) {
			t.Errorf("%s: %s is told and not read", f.Route, f.Path)
		}
	}
	for route, fields := range cudo.Routes() {
		for _, field := range fields {
			inside := slices.ContainsFunc(fields, func(other string) bool { return strings.HasPrefix(other, field+".") })
			if !inside && !told[route+" "+field] {
				t.Errorf("%s: %s is read and not told", route, field)
			}
		}
	}
}

func fieldConstants(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "field") {
			found[spec.Names[0].Name], err = strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		}
		return err == nil
	})
	if err != nil || len(found) < 10 {
		t.Fatalf("%d fields, %v", len(found), err)
	}
	return found
}

// property walks down to a field, through arrays.
func property(doc, schema any, field string) any {
	node := schema
	for name := range strings.SplitSeq(field, ".") {
		if items := at(doc, node, "items"); items != nil {
			node = items
		}
		node = at(doc, node, "properties", name)
	}
	return node
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
