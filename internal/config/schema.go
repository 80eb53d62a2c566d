package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// SchemaID is where the JSON Schema is published, for the line
//
//	# yaml-language-server: $schema=…
//
// at the top of a .wf-ci.yml.
const SchemaID = "https://raw.githubusercontent.com/wf-ci/wf-ci/main/internal/config/wf-ci.schema.json"

// schema is the part of JSON Schema (draft 2020-12) that is needed here.
type schema struct {
	Schema               string              `json:"$schema,omitempty"`
	ID                   string              `json:"$id,omitempty"`
	Title                string              `json:"title,omitempty"`
	Description          string              `json:"description,omitempty"`
	Type                 any                 `json:"type,omitempty"` // one name or several
	Enum                 []string            `json:"enum,omitempty"`
	Default              json.RawMessage     `json:"default,omitempty"`
	Minimum              json.Number         `json:"minimum,omitempty"`
	Maximum              json.Number         `json:"maximum,omitempty"`
	MaxLength            int                 `json:"maxLength,omitempty"`
	Pattern              string              `json:"pattern,omitempty"`
	Format               string              `json:"format,omitempty"`
	Items                *schema             `json:"items,omitempty"`
	UniqueItems          bool                `json:"uniqueItems,omitempty"`
	Properties           map[string]*schema  `json:"properties,omitempty"`
	PropertyNames        *schema             `json:"propertyNames,omitempty"`
	AdditionalProperties any                 `json:"additionalProperties,omitempty"` // false or a schema
	Required             []string            `json:"required,omitempty"`
	DependentRequired    map[string][]string `json:"dependentRequired,omitempty"`
	AnyOf                []*schema           `json:"anyOf,omitempty"`
}

// Schema returns the JSON Schema of the file. What it accepts beyond [Parse]
// are values that no schema can check: a date that does not exist, ports in
// the wrong order, a waiver for an unknown gate.
func Schema() []byte {
	s := root().schema()
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.ID = SchemaID
	s.Title = "wf-ci configuration"
	s.Description = "Gates, their thresholds, and waivers: .wf-ci.yml or .github/wf-ci.yml."
	return encode(s)
}

// encode writes indented JSON in which <, > and & stay what they are.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("config: schema: %v", err)) // plain data: cannot happen
	}
	return b.Bytes()
}

func (s *spec) schema() *schema {
	var out *schema
	switch s.shape {
	case section:
		out = s.sectionSchema()
	case list:
		out = &schema{Type: []string{"array", "null"}, Items: s.elem.schema()}
		out.Items.Type = "object"
	case table:
		out = &schema{Type: []string{"object", "null"}, AdditionalProperties: s.elem.schema(), Properties: make(map[string]*schema)}
		for key, text := range pairs(s.def) {
			p := s.elem.schema()
			p.Default = quoted(text)
			out.Properties[key] = p
		}
	default:
		out = s.leafSchema()
	}
	out.Description = s.doc
	return out
}

// sectionSchema describes a mapping. A section without a value is an empty one.
func (s *spec) sectionSchema() *schema {
	out := &schema{Type: []string{"object", "null"}, Properties: make(map[string]*schema), AdditionalProperties: false}
	for _, c := range s.fields {
		out.Properties[c.key] = c.schema()
		if c.must {
			out.Required = append(out.Required, c.key)
		}
		if c.needs != "" {
			if out.DependentRequired == nil {
				out.DependentRequired = make(map[string][]string)
			}
			out.DependentRequired[c.key] = []string{c.needs}
		}
	}
	if s.rest != nil {
		rest := s.rest.schema()
		rest.Type = "object"
		for _, key := range s.rest.any {
			rest.AnyOf = append(rest.AnyOf, &schema{Required: []string{key}})
		}
		out.AdditionalProperties = rest
		out.PropertyNames = &schema{Pattern: gatePattern, MaxLength: formats["gate"].limit}
	}
	return out
}

func (s *spec) leafSchema() *schema {
	out := &schema{Type: s.kind.json, Enum: slices.Clone(s.enum)}
	slices.Sort(out.Enum)
	text := out
	switch s.kind.want {
	case "a list of names":
		out.Type, out.UniqueItems = []string{"array", "null"}, true
		text = &schema{Type: "string"}
		out.Items = text
	case "a whole number", "a number":
		out.Minimum, out.Maximum = json.Number(s.min), json.Number(s.max)
	case "a duration such as 10m":
		out.Pattern = durationPattern
	case "two ports such as 8100-8199":
		out.Pattern = portsPattern
	case "a date such as 2027-01-31":
		out.Format = "date"
	}
	if s.format.pattern != nil {
		text.Pattern = s.format.pattern.String()
	}
	out.Default = s.jsonDefault()
	return out
}

// jsonDefault is the default as JSON; nothing where the default is nothing.
func (s *spec) jsonDefault() json.RawMessage {
	switch {
	case s.def == "":
		return nil
	case s.kind.json == "string":
		return quoted(s.def)
	}
	return json.RawMessage(s.def)
}

func quoted(text string) json.RawMessage { return json.RawMessage(strconv.Quote(text)) }
