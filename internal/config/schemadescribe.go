package config

import (
	"maps"
	"strings"

	"github.com/billwatch/billwatch/docs"
)

// describe gives the properties of an object what the guides say of their keys;
// the first table that knows a key counts. What is described stays so.
func describe(object schema, tables ...map[string]string) {
	properties, ok := object["properties"].(schema)
	if !ok {
		return
	}
	for key, p := range properties {
		property := p.(schema)
		if property["description"] != nil {
			continue
		}
		for _, table := range tables {
			if said := table[key]; said != "" {
				property = maps.Clone(property) // others may share it
				property["description"] = said
				properties[key] = property
				break
			}
		}
	}
}

// describeConfig describes the keys of a configuration.
func describeConfig(top, defs schema) {
	guide, mappings := docs.Keys("configuration.md"), docs.Keys("http-json.md")
	describe(top, guide["the first level"])
	describe(defs["source"].(schema), guide["sources"])
	describe(defs["account"].(schema), guide["accounts"])
	describe(defs["route"].(schema), guide["route"])
	describe(defs["receiver"].(schema), guide[docs.About], guide["the first level"])
	for name, s := range defs {
		object := s.(schema)
		switch typ, ofSource := strings.CutPrefix(name, "source-"); {
		case ofSource && typ == "http-json":
			describe(object, mappings["keys"], guide["sources"])
			for key, p := range object["properties"].(schema) {
				describe(p.(schema), mappings[key])
			}
		case ofSource:
			describe(object, guide["sources"])
		case guide[name] != nil:
			describe(object, guide[name], guide["receivers"])
		}
	}
	describeRules(defs)
}

func describeRules(defs schema) { describe(defs["rule"].(schema), docs.Keys("rules.md")["rules"]) }

// describeTests describes the keys of a test file.
func describeTests(top, defs schema) {
	guide := docs.Keys("trying-rules.md")
	describe(top, guide["rule tests"])
	describe(defs["test"].(schema), guide["a test"])
	describe(defs["expectation"].(schema), guide["an expectation"])
}
