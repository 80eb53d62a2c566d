package report

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
)

func TestJSONRoundTrip(t *testing.T) {
	for _, v := range []*gates.Verdict{fixture(), clean()} {
		first := render(t, JSON, v)
		got, err := ReadJSON(strings.NewReader(first))
		if err != nil {
			t.Fatal(err)
		}
		if second := render(t, JSON, got); second != first {
			t.Error("the second JSON differs from the first")
		}
		// What is not UTF-8 in a message is the one thing that JSON cannot hold.
		v.Gates[0].Findings, got.Gates[0].Findings = nil, nil
		if !reflect.DeepEqual(got, v) {
			t.Errorf("got %+v\nwant %+v", got, v)
		}
	}
}

func TestJSONKeepsPaths(t *testing.T) {
	for _, path := range []gates.Path{"a", "a b/ü", "caf\xe9", "new\nline", `"quoted"`, `back\slash`, "<&>", "\u2028", "\x00\x7f"} {
		v := clean()
		v.SuppressionsAdded = []gates.Suppression{{Path: path}}
		text := render(t, JSON, v)
		got, err := ReadJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		if back := got.SuppressionsAdded[0].Path; back != path {
			t.Errorf("%q came back as %q", path, back)
		}
		if path == "<&>" && !strings.Contains(text, `"path": "<&>"`) {
			t.Error("characters are escaped that need not be")
		}
	}
}

func TestReadJSONErrors(t *testing.T) {
	const head = `{"schema": "wf-ci/verdict/v1", "verdict": "pass"`
	for _, tt := range []struct{ name, in, want string }{
		{"empty", " \n", "empty: want a verdict in JSON"},
		{"not JSON", "{\n  \"schema\": x}", "line 2, column 13: invalid character 'x'"},
		{"truncated", head, "line 1, column 48: unexpected end of JSON input"},
		{"two values", head + "}\n{}", "line 2, column 1: invalid character '{' after top-level value"},
		{"list", `[1]`, "line 1, column 1: the verdict is a array"},
		{"other schema", `{"schema": "x/v2"}`, `schema "x/v2": want "wf-ci/verdict/v1"`},
		{"no schema", `{}`, `schema ""`},
		{"wrong type", head + `, "gates": [{"id": 7}]}`, "gates.id is a number: want string"},
		{"verdict", `{"schema": "wf-ci/verdict/v1", "verdict": "ok"}`, `verdict "ok": want pass, fail or inconclusive`},
		{"id", head + `, "gates": [{"id": "A b"}]}`, `gates[0]: id "A b"`},
		{"twice", head + `, "gates": [{"id": "a", "status": "pass", "scope": "all"}, {"id": "a"}]}`, "gates[1]: a is there twice"},
		{"status", head + `, "gates": [{"id": "a", "status": "ok"}]}`, `gate a: status "ok"`},
		{"scope", head + `, "gates": [{"id": "a", "status": "pass"}]}`, `gate a: scope ""`},
		{"severity", head + `, "gates": [{"id": "a", "status": "pass", "scope": "all", "findings": [{"severity": "bad"}]}]}`, `findings[0]: severity "bad"`},
		{"line", head + `, "gates": [{"id": "a", "status": "pass", "scope": "all", "findings": [{"severity": "note", "line": -1}]}]}`, "below zero"},
		{"path", head + `, "suppressions_added": [{"path": "\"open"}]}`, "quoted path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadJSON(strings.NewReader(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestReadJSONFills(t *testing.T) {
	v, err := ReadJSON(strings.NewReader(`{"schema": "wf-ci/verdict/v1", "verdict": "pass", "later": 1,
		"gates": [{"id": "a", "status": "pass", "scope": "all"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if text := render(t, JSON, v); strings.Contains(text, "null") {
		t.Errorf("null in %s", text)
	}
}

func TestReadJSONSize(t *testing.T) {
	text := render(t, JSON, clean())
	size := int64(len(text))
	if _, err := readJSON(strings.NewReader(text), size); err != nil {
		t.Error(err)
	}
	if _, err := readJSON(strings.NewReader(text), size-1); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("one byte too many: %v", err)
	}
}

// FuzzReadJSON holds the reader to never panic, and what it took to come back
// the same and to be rendered in every format.
func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(render(f, JSON, clean())))
	f.Add([]byte(`{"schema":"wf-ci/verdict/v1","verdict":"fail","tree":"x","gates":[{"id":"a","status":"fail","scope":"all","rules":[{"id":"r","tags":[],"security_severity":"9"}],
		"metrics":{"m":1e3},"findings":[{"rule":"r","severity":"error","path":"a","line":1,"message":"\ud800","blocking":true,"waiver":{}}]}],"started":"2026-11-22T09:30:00.1+05:30"}`))
	f.Add([]byte(`{"schema":"wf-ci/verdict/v1","verdict":"inconclusive","gates":[{"id":"a","status":"error","scope":"change","findings":[{"severity":"note","path":"\"\\377\""}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		first := render(t, JSON, v)
		again, err := ReadJSON(strings.NewReader(first))
		if err != nil {
			t.Fatal(err)
		}
		if second := render(t, JSON, again); second != first {
			t.Errorf("first %s\nsecond %s", first, second)
		}
		for _, format := range Formats() {
			render(t, format.Format, v)
		}
		Annotations(v, 9)
	})
}
