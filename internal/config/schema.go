package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

// schema is a JSON Schema, or a part of one.
type schema map[string]any

const dialect = "https://json-schema.org/draft/2020-12/schema"

// Schemas returns what there are JSON Schemas of.
func Schemas() []string { return []string{"config", "rules", "tests"} }

// Schema returns the JSON Schema of a kind of file, made from what the file is
// decoded into. It knows the form; what a text means, and whether a name is
// there, only Check does.
func Schema(of string, k Kinds) ([]byte, error) {
	var s schema
	switch of {
	case "config":
		s = configSchema(k)
	case "rules":
		s = rulesSchema()
	case "tests":
		s = testsSchema(k)
	default:
		return nil, fmt.Errorf("there is no schema of %q\n  hint: %s", of, suggest(of, Schemas()))
	}
	s["$schema"] = dialect
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

func configSchema(k Kinds) schema {
	m := &schemaMaker{defs: schema{}}
	top := m.structure("", reflect.ValueOf(defaults()))
	properties := top["properties"].(schema)
	properties["sources"] = named(ref("source"))
	properties["receivers"] = named(ref("receiver"))
	properties["accounts"] = listOf(ref("account"))
	properties["rules"] = orNull(schema{"type": "array", "items": ref("rule")})
	properties["rule_files"] = listOf(schema{"type": "string"})
	properties["templates"] = listOf(schema{"type": "string"})
	properties["route"] = ref("route")
	properties["builtin_rules"].(schema)["properties"].(schema)["disabled"] = listOf(schema{"enum": rules.Builtin()})
	m.sources(k.Sources)
	m.receivers(k.Integrations)
	m.defs["account"] = m.structure("accounts", reflect.ValueOf(accountSettings{}))
	m.defs["account"].(schema)["required"] = []string{"match"}
	account := m.defs["account"].(schema)["properties"].(schema)
	account["match"] = expression()
	account["vars"] = orNull(schema{"type": "object", "propertyNames": schema{"pattern": variableName.String()},
		"additionalProperties": schema{"type": []string{"string", "number", "boolean"}}})
	m.defs["route"] = m.structure("route", reflect.ValueOf(notify.Route{}))
	properties["inhibit_rules"] = listOf(m.structure("inhibit_rules", reflect.ValueOf(notify.InhibitRule{})))
	properties["time_intervals"] = listOf(m.structure("time_intervals", reflect.ValueOf(notify.NamedInterval{})))
	ruleDefs(m.defs)
	scalarDefs(m.defs)
	describeConfig(top, m.defs)
	top["title"], top["$defs"] = "billwatch.yaml", m.defs
	return top
}

// sources makes a schema of each type of source: our own settings and those of
// the type, and no others.
func (m *schemaMaker) sources(types []poller.Type) {
	var names []string
	var branches []schema
	for _, t := range types {
		s := m.structure("sources", reflect.ValueOf(sourceDefaults()))
		theirs := m.structure("sources", reflect.ValueOf(t.Settings()))
		merge(s, theirs)
		properties := s["properties"].(schema)
		properties["type"] = schema{"const": t.Name}
		properties["select"] = expression()
		s["allOf"] = append(asList(s["allOf"]), notBoth("interval", "cron"))
		m.defs["source-"+t.Name] = s
		names = append(names, t.Name)
		branches = append(branches, schema{
			"if":   schema{"properties": schema{"type": schema{"const": t.Name}}, "required": []string{"type"}},
			"then": ref("source-" + t.Name),
		})
	}
	m.defs["source"] = schema{"type": "object", "required": []string{"type"},
		"properties": schema{"type": schema{"enum": names}}, "allOf": branches}
}

// receivers makes a schema of each integration; a receiver has one of a type,
// or a list of them.
func (m *schemaMaker) receivers(types []notify.Type) {
	properties := schema{"timezone": ref("text")}
	for _, t := range types {
		s := m.structure(t.Name, reflect.ValueOf(integrationDefaults()))
		merge(s, m.structure(t.Name, reflect.ValueOf(t.Settings())))
		m.defs[t.Name] = s
		properties[t.Name] = schema{"anyOf": []schema{ref(t.Name), {"type": "array", "items": ref(t.Name)}, {"type": "null"}}}
	}
	m.defs["receiver"] = orNull(schema{"type": "object", "additionalProperties": false, "properties": properties})
}

// merge adds the properties and conditions of one object to another.
func merge(into, from schema) {
	for key, s := range from["properties"].(schema) {
		into["properties"].(schema)[key] = s
	}
	if all := append(asList(into["allOf"]), asList(from["allOf"])...); len(all) > 0 {
		into["allOf"] = all
	}
}

func asList(v any) []schema {
	list, _ := v.([]schema)
	return list
}

func ref(name string) schema { return schema{"$ref": "#/$defs/" + name} }

func listOf(items schema) schema {
	return schema{"type": []string{"array", "null"}, "items": items}
}

// named is a mapping of names that people choose.
func named(each schema) schema {
	return schema{"type": []string{"object", "null"}, "propertyNames": schema{"pattern": plainName.String()}, "additionalProperties": each}
}

func orNull(s schema) schema {
	if kind, ok := s["type"].(string); ok {
		s["type"] = []string{kind, "null"}
	}
	return s
}

// notBoth refuses two keys that exclude each other.
func notBoth(one, other string) schema {
	return schema{"not": schema{"required": []string{one, other}}}
}

// expression is a condition or a calculation; true is a condition that YAML
// takes for more than a text.
func expression() schema { return schema{"type": []string{"string", "boolean", "number"}} }

// secretPairs refuses a secret and its file together.
func secretPairs(t reflect.Type) []schema {
	var all []schema
	keys := map[string]bool{}
	for _, key := range document.Keys(reflect.New(t).Interface()) {
		keys[key] = true
	}
	for _, key := range document.Keys(reflect.New(t).Interface()) {
		if plain, ok := strings.CutSuffix(key, "_file"); ok && keys[plain] {
			all = append(all, notBoth(plain, key))
		}
	}
	return all
}
