// Command trim cuts GitHub's OpenAPI description down to what the fake server
// in this package has to know: the operations that wf-ci uses, as plain JSON
// Schema. It reads api.github.com.json on stdin and writes to stdout; see
// ../update, which gets that file.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// used are the operations that wf-ci calls.
var used = []string{
	"POST /repos/{owner}/{repo}/check-runs",
	"PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}",
	"GET /repos/{owner}/{repo}/check-runs/{check_run_id}",
	"GET /repos/{owner}/{repo}/commits/{ref}/check-runs",
	"POST /repos/{owner}/{repo}/code-scanning/sarifs",
	"GET /repos/{owner}/{repo}/code-scanning/sarifs/{sarif_id}",
	"GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
	"POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
	"PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
	"DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}",
	"POST /repos/{owner}/{repo}/statuses/{sha}",
	"GET /repos/{owner}/{repo}/pulls/{pull_number}",
	"GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
	"GET /repos/{owner}/{repo}/pulls/{pull_number}/files",
	"GET /repos/{owner}/{repo}/rules/branches/{branch}",
	"GET /repos/{owner}/{repo}/branches/{branch}",
	"GET /repos/{owner}/{repo}",
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
	"POST /repos/{owner}/{repo}/git/commits",
	"POST /repos/{owner}/{repo}/git/refs",
	"PATCH /repos/{owner}/{repo}/git/refs/{ref}",
	"GET /orgs/{org}/teams/{team_slug}/memberships/{username}",
	"GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls",
}

type object = map[string]any

func main() {
	if err := trim(); err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

func trim() error {
	var spec object
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return err
	}
	t := &trimmer{spec: spec, schemas: object{}}
	out := object{"version": at(spec, "info", "version")}
	var operations []any
	for _, name := range used {
		method, path, _ := strings.Cut(name, " ")
		op, ok := at(spec, "paths", path, strings.ToLower(method)).(object)
		if !ok {
			return fmt.Errorf("there is no %s", name)
		}
		operations = append(operations, t.operation(method, path, op))
	}
	out["operations"], out["schemas"] = operations, t.schemas
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(out)
}

type trimmer struct{ spec, schemas object }

func (t *trimmer) operation(method, path string, op object) object {
	out := object{"method": method, "path": path}
	query, inPath := object{}, object{}
	for _, p := range list(op["parameters"]) {
		param := t.resolve(p)
		name, _ := param["name"].(string)
		switch param["in"] {
		case "query":
			query[name] = t.schema(param["schema"])
		case "path":
			inPath[name] = t.schema(param["schema"])
		}
	}
	out["query"], out["in_path"] = query, inPath
	if body := t.content(op["requestBody"]); body != nil {
		out["body"] = body
	}
	responses := object{}
	for code, r := range asObject(op["responses"]) {
		if schema := t.content(r); schema != nil {
			responses[code] = schema
		}
	}
	out["responses"] = responses
	return out
}

// content is the schema of a body or a response; nil where it has none.
func (t *trimmer) content(v any) any {
	schema := at(t.resolve(v), "content", "application/json", "schema")
	if schema == nil {
		return nil
	}
	return t.schema(schema)
}

func (t *trimmer) resolve(v any) object {
	o := asObject(v)
	if ref, ok := o["$ref"].(string); ok {
		return t.resolve(at(t.spec, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...))
	}
	return o
}

// dropped say nothing about what is valid, or what GitHub itself breaks
// (formats of dates and addresses in its own examples).
var dropped = []string{"description", "example", "examples", "title", "format", "default", "deprecated", "readOnly", "nullable", "externalDocs"}

// schema is an OpenAPI 3.0 schema as JSON Schema: "nullable" becomes a type.
func (t *trimmer) schema(v any) any {
	in := asObject(v)
	if ref, ok := in["$ref"].(string); ok {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		if _, known := t.schemas[name]; !known {
			t.schemas[name] = nil // it may refer to itself
			t.schemas[name] = t.schema(at(t.spec, "components", "schemas", name))
		}
		return object{"$ref": "#/schemas/" + name}
	}
	out := object{}
	for _, key := range slices.Sorted(maps.Keys(in)) {
		if slices.Contains(dropped, key) || strings.HasPrefix(key, "x-") {
			continue
		}
		switch value := in[key].(type) {
		case object:
			if key == "properties" {
				props := object{}
				for name, p := range value {
					props[name] = t.schema(p)
				}
				out[key] = props
			} else {
				out[key] = t.schema(value)
			}
		case []any:
			out[key] = value
			if key == "allOf" || key == "oneOf" || key == "anyOf" {
				out[key] = t.each(value)
			}
		default:
			out[key] = value
		}
	}
	// One of GitHub's own answers matches several of its alternatives.
	if alternatives, ok := out["oneOf"]; ok {
		delete(out, "oneOf")
		out["anyOf"] = alternatives
	}
	if in["nullable"] == true {
		return object{"anyOf": []any{object{"type": "null"}, out}}
	}
	return out
}

func (t *trimmer) each(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = t.schema(v)
	}
	return out
}

func at(v any, path ...string) any {
	for _, key := range path {
		v = asObject(v)[key]
	}
	return v
}

func asObject(v any) object {
	o, _ := v.(object)
	return o
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
