package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// fixtures calls f with every file of a folder of testdata.
func fixtures(t *testing.T, folder string, f func(t *testing.T, base string, data []byte)) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.yml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures in %s: %v", folder, err)
	}
	for _, name := range names {
		base := strings.TrimSuffix(name, ".yml")
		t.Run(filepath.Base(base), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			// Our own repository is scanned too: no fixture holds a secret.
			f(t, base, []byte(strings.ReplaceAll(string(data), "${PLANTED}", planted)))
		})
	}
}

// parse reads a configuration that has to be right.
func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse(".wf-ci.yml", []byte(text))
	if err != nil {
		t.Fatalf("%v\nin:\n%s", err, text)
	}
	return c
}

// TestRight reads every right file; the golden file is what differs from the
// built-in configuration.
func TestRight(t *testing.T) {
	builtin := make(map[string]Setting)
	for _, s := range Default().Settings() {
		builtin[s.Key] = s
	}
	fixtures(t, "ok", func(t *testing.T, base string, data []byte) {
		var out strings.Builder
		for _, s := range parse(t, string(data)).Settings() {
			if s != builtin[s.Key] {
				out.WriteString(s.Key + " = " + s.Value + "    (" + s.Origin + ")\n")
			}
		}
		golden(t, base+".out", []byte(out.String()))
	})
}

// TestWrong reads every wrong file; the golden file is the error as a user
// sees it. The files in testdata/bad are refused by the JSON Schema too, those
// in testdata/beyond cannot be.
func TestWrong(t *testing.T) {
	for _, folder := range []string{"bad", "beyond"} {
		fixtures(t, folder, func(t *testing.T, base string, data []byte) {
			c, err := Parse(".wf-ci.yml", data)
			if err == nil {
				t.Fatal("no error")
			}
			if c != nil {
				t.Error("a configuration besides the error")
			}
			golden(t, base+".out", []byte(err.Error()+"\n"))
		})
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(SchemaID) // validates it against the meta-schema
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAgrees holds the schema against [Parse] on every fixture.
func TestSchemaAgrees(t *testing.T) {
	s := compiled(t)
	fixtures(t, "ok", func(t *testing.T, base string, data []byte) {
		if err := s.Validate(instance(t, data)); err != nil {
			t.Error(err)
		}
	})
	fixtures(t, "bad", func(t *testing.T, base string, data []byte) {
		if err := s.Validate(instance(t, data)); err == nil {
			t.Error("right for the schema")
		}
	})
}

func TestSchemaFile(t *testing.T) {
	golden(t, "wf-ci.schema.json", Schema())
}

// instance makes of YAML what an editor's schema checker sees.
func instance(t *testing.T, data []byte) any {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Kind == 0 {
		return map[string]any{}
	}
	return value(doc.Content[0])
}

func value(n *yaml.Node) any {
	n = deref(n)
	switch {
	case n.Kind == yaml.MappingNode:
		m := make(map[string]any)
		for k, v := range entries(n) {
			m[k.Value] = value(v)
		}
		return m
	case n.Kind == yaml.SequenceNode:
		l := []any{}
		for _, c := range n.Content {
			l = append(l, value(c))
		}
		return l
	case isNull(n):
		return nil
	case n.ShortTag() == "!!bool":
		return strings.ToLower(n.Value) == "true"
	case n.ShortTag() == "!!int", n.ShortTag() == "!!float" && decimal.MatchString(n.Value):
		return json.Number(n.Value)
	}
	return n.Value
}
