package gates_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
)

var pathPairs = []struct{ path, text string }{
	{"", ""},
	{"src/a.go", "src/a.go"},
	{"with space\tand\nnewline", "with space\tand\nnewline"},
	{"日本/é", "日本/é"},
	{`back\slash`, `back\slash`},
	{`in"side`, `in"side`},
	{`"`, `"\""`},
	{`"quoted"`, `"\"quoted\""`},
	{"caf\xe9", `"caf\351"`},
	{"é\xff", `"\303\251\377"`},
	{"\xff\"\\\n\x7f", `"\377\"\\\012\177"`},
	{"\ufffd", "\ufffd"},
}

func TestPathText(t *testing.T) {
	t.Parallel()
	for _, tt := range pathPairs {
		if got := gates.Path(tt.path).String(); got != tt.text {
			t.Errorf("%q is written %s, want %s", tt.path, got, tt.text)
		}
		var p gates.Path
		if err := p.UnmarshalText([]byte(tt.text)); err != nil || string(p) != tt.path {
			t.Errorf("%s is read %q, %v", tt.text, string(p), err)
		}
	}
	for _, text := range []string{`"`, `"a`, `"a\"`, `"\`, `"\"`, `"\1"`, `"\12"`, `"\400"`, `"\08"`, `"\+12"`, `"\x41"`, `"\999"`} {
		p := gates.Path("kept")
		if err := p.UnmarshalText([]byte(text)); err == nil || p != "kept" {
			t.Errorf("%s is read %q", text, string(p))
		}
	}
}

// FuzzPath writes and reads any two paths: each comes back as it was, and they
// are written alike only when they are the same.
func FuzzPath(f *testing.F) {
	for i, a := range pathPairs {
		b := pathPairs[(i+1)%len(pathPairs)]
		f.Add([]byte(a.path), []byte(b.path))
		f.Add([]byte(a.path), []byte(a.text)) // what one is written as is a path too
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		var texts []string
		for _, raw := range [][]byte{one, two} {
			p := gates.Path(raw)
			text, err := p.MarshalText()
			if err != nil || !utf8.Valid(text) {
				t.Fatalf("%q is written %q, %v", raw, text, err)
			}
			texts = append(texts, string(text))
			var back gates.Path
			if err := back.UnmarshalText(text); err != nil || back != p {
				t.Fatalf("%q came back as %q, %v", raw, string(back), err)
			}
			data, err := json.Marshal([]gates.Path{p})
			if err != nil {
				t.Fatal(err)
			}
			var list []gates.Path
			if err := json.Unmarshal(data, &list); err != nil || len(list) != 1 || list[0] != p {
				t.Fatalf("%q came back from %s as %q, %v", raw, data, list, err)
			}
		}
		if (texts[0] == texts[1]) != (string(one) == string(two)) {
			t.Errorf("%q and %q are written %q and %q", one, two, texts[0], texts[1])
		}
		// Any text that is read at all is read as one path.
		var p gates.Path
		if err := p.UnmarshalText(one); err == nil && !strings.HasPrefix(string(one), `"`) && string(p) != string(one) {
			t.Errorf("%q is read %q", one, string(p))
		}
	})
}
