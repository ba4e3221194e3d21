package notehub_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
