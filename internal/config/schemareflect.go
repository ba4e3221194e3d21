package config

import (
	"reflect"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
)

// schemaMaker makes schemas of what is decoded into.
type schemaMaker struct {
	defs schema
}

// structure returns the schema of a struct: its keys, their kinds, and the
// values that hold where a key is left out.
func (m *schemaMaker) structure(at string, v reflect.Value) schema {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	properties := schema{}
	s := schema{"type": []string{"object", "null"}, "additionalProperties": false, "properties": properties}
	for _, f := range reflect.VisibleFields(v.Type()) {
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || key == "" || key == "-" || options == "inline" {
			continue
		}
		properties[key] = m.field(strings.TrimPrefix(at+"."+key, "."), v.FieldByIndex(f.Index))
	}
	if pairs := secretPairs(v.Type()); len(pairs) > 0 {
		s["allOf"] = pairs
	}
	return s
}

func (m *schemaMaker) field(at string, v reflect.Value) schema {
	if words, ok := wordsOf(at); ok {
		s := schema{"anyOf": []schema{{"enum": append(words, nil)}, ref("variable")}}
		return withDefault(s, v)
	}
	switch v.Interface().(type) {
	case time.Duration, *time.Duration:
		return withDefault(schema{"$ref": "#/$defs/duration"}, v)
	case billwatch.Secret, *time.Location:
		return ref("text")
	case billwatch.Labels:
		return ref("labels")
	case *yaml.Node, []*yaml.Node, yaml.Node:
		return schema{}
	}
	return m.kind(at, v)
}

func (m *schemaMaker) kind(at string, v reflect.Value) schema {
	switch v.Kind() {
	case reflect.String:
		return withDefault(schema{"$ref": "#/$defs/text"}, v)
	case reflect.Bool:
		return withDefault(schema{"anyOf": []schema{{"type": []string{"boolean", "null"}}, ref("variable")}}, v)
	case reflect.Int, reflect.Int64:
		return withDefault(schema{"anyOf": []schema{{"type": []string{"integer", "null"}}, ref("variable")}}, v)
	case reflect.Float64:
		return withDefault(schema{"anyOf": []schema{{"type": []string{"number", "null"}}, ref("variable")}}, v)
	case reflect.Struct:
		return m.structure(at, v)
	case reflect.Map:
		return schema{"type": []string{"object", "null"}, "additionalProperties": m.field(at+".*", reflect.New(v.Type().Elem()).Elem())}
	case reflect.Slice:
		return m.list(at, v.Type().Elem())
	}
	return schema{}
}

func (m *schemaMaker) list(at string, of reflect.Type) schema {
	if of.Kind() == reflect.Pointer && of.Elem().Kind() == reflect.Struct && strings.HasPrefix(at, "route.") {
		return listOf(ref("route"))
	}
	return listOf(m.field(at+".*", reflect.New(of).Elem()))
}

// wordsOf returns the words that a setting is one of.
func wordsOf(at string) ([]any, bool) {
	words, ok := map[string][]any{
		"log.level":      {"debug", "info", "warn", "error"},
		"log.format":     {"auto", "text", "json"},
		"webhook.format": {"billwatch", "alertmanager"},
		"email.tls":      {"starttls", "implicit", "none"},
		"email.auth":     {"auto", "plain", "login"},
	}[at]
	return words, ok
}

// withDefault adds the value that holds where the key is left out.
func withDefault(s schema, v reflect.Value) schema {
	if v.IsZero() || v.Kind() == reflect.Pointer {
		return s
	}
	if d, ok := v.Interface().(time.Duration); ok {
		s["default"] = model.Duration(d).String()
		return s
	}
	s["default"] = v.Interface()
	return s
}

// duration is what ParseDuration takes: units in this order, each once.
const duration = `^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$`

// scalarDefs are the kinds of value of a configuration, whose texts may hold
// variables.
func scalarDefs(defs schema) {
	defs["variable"] = schema{"type": "string", "pattern": `\$\{[A-Za-z_]`, "description": "${NAME} or ${NAME:-default}"}
	defs["duration"] = schema{"anyOf": []schema{ref("plain-duration"), ref("variable"), {"type": "null"}}}
	defs["text"] = schema{"type": []string{"string", "number", "null"}}
	defs["labels"] = schema{"type": []string{"object", "null"}, "propertyNames": schema{"pattern": `^[a-zA-Z_][a-zA-Z0-9_]*$`},
		"additionalProperties": schema{"type": []string{"string", "number"}}}
}

func durationDef(defs schema) {
	defs["plain-duration"] = schema{
		"anyOf":       []schema{{"type": "string", "minLength": 1, "pattern": duration}, {"const": 0}},
		"description": "such as 90s, 15m, 1h30m, 7d or 2w",
	}
}
