package githubtest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// openapi is GitHub's own description, trimmed by testdata/update.
//
//go:embed testdata/openapi.json
var openapi []byte

// operation is one of the description's, with its schemas compiled.
type operation struct {
	method    string
	path      []string // segments; {name} stands for one, {ref} and {branch} too
	query     map[string]*jsonschema.Schema
	inPath    map[string]*jsonschema.Schema
	body      *jsonschema.Schema // nil: none
	responses map[string]*jsonschema.Schema
}

var loadOperations = sync.OnceValues(func() ([]operation, error) {
	var raw struct {
		Operations []struct {
			Method, Path string
			Query        map[string]any
			InPath       map[string]any `json:"in_path"`
			Body         any
			Responses    map[string]any
		}
	}
	if err := json.Unmarshal(openapi, &raw); err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	const id = "mem:///openapi.json"
	if err := c.AddResource(id, doc); err != nil {
		return nil, err
	}
	var out []operation
	for i, r := range raw.Operations {
		at := func(parts ...string) (*jsonschema.Schema, error) {
			return c.Compile(id + "#/operations/" + strconv.Itoa(i) + "/" + strings.Join(parts, "/"))
		}
		op := operation{method: r.Method, path: strings.Split(strings.Trim(r.Path, "/"), "/")}
		if op.query, err = compileAll(r.Query, "query", at); err != nil {
			return nil, err
		}
		if op.inPath, err = compileAll(r.InPath, "in_path", at); err != nil {
			return nil, err
		}
		if op.responses, err = compileAll(r.Responses, "responses", at); err != nil {
			return nil, err
		}
		if r.Body != nil {
			if op.body, err = at("body"); err != nil {
				return nil, err
			}
		}
		out = append(out, op)
	}
	return out, nil
})

func compileAll(m map[string]any, name string, at func(...string) (*jsonschema.Schema, error)) (map[string]*jsonschema.Schema, error) {
	out := make(map[string]*jsonschema.Schema)
	for key := range m {
		s, err := at(name, key)
		if err != nil {
			return nil, err
		}
		out[key] = s
	}
	return out, nil
}

// find is the operation of a request, with the values in its path.
func find(operations []operation, method string, segments []string) (operation, map[string]string, bool) {
	for _, op := range operations {
		if last := len(op.path) - 1; op.path[last] == "{ref}" && len(segments) > last { // a ref has slashes
			segments = append(segments[:last:last], strings.Join(segments[last:], "/"))
		}
		if op.method != method || len(op.path) != len(segments) {
			continue
		}
		values := make(map[string]string)
		same := true
		for i, s := range op.path {
			if name, ok := strings.CutPrefix(s, "{"); ok {
				values[strings.TrimSuffix(name, "}")] = segments[i]
			} else if s != segments[i] {
				same = false
			}
		}
		if same {
			return op, values, true
		}
	}
	return operation{}, nil, false
}

// checkRequest holds a request against its operation.
func (op operation) checkRequest(values map[string]string, query url.Values, body []byte) error {
	for name, v := range values {
		if s := op.inPath[name]; s != nil {
			if err := s.Validate(scalar(v)); err != nil && s.Validate(v) != nil {
				return fmt.Errorf("path %s: %w", name, err)
			}
		}
	}
	for name, v := range query {
		s := op.query[name]
		if s == nil {
			return fmt.Errorf("there is no parameter %q", name)
		}
		if err := s.Validate(scalar(v[0])); err != nil && s.Validate(v[0]) != nil {
			return fmt.Errorf("query %s: %w", name, err)
		}
	}
	if op.body == nil {
		if len(body) > 0 {
			return fmt.Errorf("a body where there is none to be: %.200s", body)
		}
		return nil
	}
	return validate(op.body, body)
}

// checkResponse holds our own answer against the description: a fake that
// answers what GitHub never would proves nothing.
func (op operation) checkResponse(status int, body []byte) error {
	s := op.responses[strconv.Itoa(status)]
	if s == nil {
		if status >= 400 || len(body) == 0 {
			return nil // the description does not list all errors
		}
		return fmt.Errorf("there is no answer %d", status)
	}
	return validate(s, body)
}

func validate(s *jsonschema.Schema, body []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return s.Validate(v)
}

func scalar(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return s
}
