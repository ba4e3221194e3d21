package config

import "github.com/billwatch/billwatch/rules"

func rulesSchema() schema {
	defs := schema{}
	ruleDefs(defs)
	describeRules(defs)
	return schema{
		"title": "rule file of billwatch", "type": []string{"object", "null"}, "additionalProperties": false,
		"properties": schema{"rules": schema{"type": []string{"array", "null"}, "items": ref("rule"), "description": "one for each thing to be told of"}},
		"$defs":      defs,
	}
}

// ruleDefs are the parts of a rule. Its texts hold no variables.
func ruleDefs(defs schema) {
	durationDef(defs)
	text := schema{"type": []string{"string", "number", "boolean"}}
	name := schema{"pattern": `^[a-zA-Z_][a-zA-Z0-9_]*$`}
	kinds := map[string]schema{
		"alert":           {"type": []string{"string", "number"}, "minLength": 1, "maxLength": 200},
		"expr":            expression(),
		"for":             ref("plain-duration"),
		"keep_firing_for": ref("plain-duration"),
		"until":           expression(),
		"where":           expression(),
		"value":           expression(),
		"labels": {"type": []string{"object", "null"}, "additionalProperties": text,
			"propertyNames": schema{"pattern": `^[a-zA-Z_][a-zA-Z0-9_]*$`, "not": schema{"enum": rules.Reserved()}}},
		"annotations": {"type": []string{"object", "null"}, "propertyNames": name, "additionalProperties": text},
		"sources":     listOf(schema{"type": "string", "minLength": 1}),
		"on_unknown":  {"enum": []any{"keep", "alert", "ok", nil}},
		"runbook_url": {"type": []string{"string", "null"}},
	}
	properties := schema{}
	for _, key := range rules.Keys() {
		properties[key] = schema{}
		if kind, ok := kinds[key]; ok {
			properties[key] = kind
		}
	}
	defs["rule"] = schema{"type": "object", "required": []string{"alert", "expr"}, "additionalProperties": false, "properties": properties}
}
