package config

import (
	"strings"

	"github.com/billwatch/billwatch/rules"
)

// polls are the words of a series of polls.
const polls = `^\s*(ok|fail)(x[0-9]+)?(\s+(ok|fail)(x[0-9]+)?)*\s*$`

// testsSchema is the schema of files of rule tests.
func testsSchema(k Kinds) schema {
	defs := schema{
		"test": object([]string{"name", "series", "expect"}, schema{
			"name":     schema{"type": "string", "minLength": 1},
			"interval": ref("plain-duration"),
			"start":    schema{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$`, "default": "2026-01-01T00:00:00Z"},
			"account":  accountOfTests(),
			"poll":     schema{"type": "string", "pattern": polls},
			"vars":     schema{"type": "object", "propertyNames": schema{"pattern": variableName.String()}},
			"series":   seriesOfTests(),
			"history": object(nil, schema{
				"used": ref("series"), "remaining": ref("series"),
			}),
			"expect": schema{"type": "array", "items": ref("expectation")},
		}),
		"series": schema{"type": []string{"string", "number", "boolean"}, "description": "5000-10x4, 5000 4000 _, false true, 120x28"},
		"expectation": object([]string{"at"}, schema{
			"at":            ref("plain-duration"),
			"alerts":        schema{"type": "array", "items": ref("alert")},
			"notifications": schema{"type": "array", "items": ref("notification")},
		}),
		"alert": object([]string{"alert"}, schema{
			"alert": schema{"type": "string"}, "state": schema{"enum": []string{"pending", "firing"}}, "labels": ref("texts"),
			"annotations": ref("texts"), "value": schema{"type": "number"},
		}),
		"notification": object(nil, schema{
			"receiver": schema{"type": "string"}, "status": schema{"enum": []string{"firing", "resolved"}},
			"reason": schema{"type": "string"}, "alerts": schema{"type": "array", "items": schema{"type": "string"}},
		}),
		"texts": schema{"type": "object", "additionalProperties": schema{"type": []string{"string", "number"}}},
	}
	durationDef(defs)
	s := object([]string{"tests"}, schema{
		"rule_files": schema{"type": "array", "items": schema{"type": "string", "minLength": 1}},
		"tests":      schema{"type": "array", "items": ref("test")},

		"builtin_rules": schema{"type": "boolean", "default": false},
		"route":         ref("route"),
	})
	whole := configSchema(k)["$defs"].(schema)
	for _, name := range []string{"route", "duration", "variable", "text"} { // a route is written as in the configuration
		defs[name] = whole[name]
	}
	describeTests(s, defs)
	s["title"], s["$defs"] = "tests of billwatch's rules", defs
	return s
}

func object(required []string, properties schema) schema {
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// seriesOfTests are the fields of a snapshot by their names, with what they
// were at each poll.
func seriesOfTests() schema {
	properties := schema{"poll": schema{"type": "string", "pattern": polls}}
	for _, field := range rules.Fields() {
		if !strings.HasPrefix(field, "account.") {
			properties[field] = ref("series")
		}
	}
	return object(nil, properties)
}

// accountOfTests is the account, and what of its snapshot stays the same.
func accountOfTests() schema {
	value := schema{"type": []string{"string", "number", "boolean"}}
	properties := schema{"labels": ref("texts")}
	for _, field := range rules.Fields() {
		group, name, nested := strings.Cut(strings.TrimPrefix(field, "account."), ".")
		if !nested {
			properties[group] = value
			continue
		}
		if properties[group] == nil {
			properties[group] = object(nil, schema{})
		}
		properties[group].(schema)["properties"].(schema)[name] = value
	}
	return object(nil, properties)
}
