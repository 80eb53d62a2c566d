package githubtest

import (
	"encoding/json"
	"strings"
	"sync"
)

var loadSchemas = sync.OnceValue(func() map[string]any {
	var doc struct{ Schemas map[string]any }
	_ = json.Unmarshal(openapi, &doc) // loadOperations says what is wrong with it
	return doc.Schemas
})

// sample is the least that a schema of the description allows, with some fields
// set: what a test does not care about need not be written out.
func sample(schema string, fields map[string]any) map[string]any {
	schemas := loadSchemas()
	out, _ := least(schemas, schemas[schema]).(map[string]any)
	overlay(out, fields)
	return out
}

func overlay(to, from map[string]any) {
	for k, v := range from {
		inner, nested := v.(map[string]any)
		have, ok := to[k].(map[string]any)
		if nested && ok {
			overlay(have, inner)
			continue
		}
		to[k] = v
	}
}

func least(schemas map[string]any, v any) any {
	s, _ := v.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return least(schemas, schemas[ref[strings.LastIndexByte(ref, '/')+1:]])
	}
	if any, ok := s["anyOf"].([]any); ok {
		return least(schemas, any[0]) // null, where that is allowed
	}
	if all, ok := s["allOf"].([]any); ok {
		return least(schemas, all[0])
	}
	if enum, ok := s["enum"].([]any); ok {
		return enum[0]
	}
	switch s["type"] {
	case "null":
		return nil
	case "string":
		return "x"
	case "integer", "number":
		return 1
	case "boolean":
		return false
	case "array":
		return []any{}
	}
	out := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		key, _ := name.(string)
		out[key] = least(schemas, properties[key])
		if out[key] == "x" && (strings.HasSuffix(key, "_at") || key == "date") {
			out[key] = "2026-01-02T03:04:05Z"
		}
	}
	return out
}
