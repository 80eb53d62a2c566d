package syntax

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLanguageOf(t *testing.T) {
	for _, c := range []struct {
		path, head string
		want       Language
	}{
		{"a.go", "", Go}, {"dir.py/a.GO", "", Go}, {"a.pyi", "", Python}, {"a.cjs", "", JavaScript}, {"a.jsx", "", JavaScript},
		{"a.mts", "", TypeScript}, {"a.tsx", "", TSX}, {"a.rs", "", Rust},
		{"a.txt", "#!/usr/bin/env python\n", 0}, {"go", "", 0}, {"", "", 0}, {".go", "", Go},
		{"bin/tool", "#!/usr/bin/env -S python3.12 -u\n", Python},
		{"bin/tool", "#!/usr/bin/env NODE_ENV=x node", JavaScript},
		{"bin/tool", "#!/usr/local/bin/deno run\n", TypeScript},
		{"bin/tool", "#!/bin/sh\n# python\n", 0}, {"bin/tool", "#!", 0}, {"bin/tool", "python\n", 0},
		{"de.ts", "\ufeff<?xml version=\"1.0\"?>\n<TS/>", 0}, {"de.ts", "<!DOCTYPE TS>", 0}, {"video.ts", "G\x00\x01", 0},
		{"a.ts", "<T>(x: T) => x", TypeScript}, {"a.py", "x = 1\x00", 0},
	} {
		got, ok := LanguageOf(c.path, []byte(c.head))
		if got != c.want || ok != (c.want != 0) {
			t.Errorf("%q %q: %v, %v", c.path, c.head, got, ok)
		}
	}
}

func TestLanguageNames(t *testing.T) {
	seen := map[string]bool{"unknown": true}
	for _, l := range Languages() {
		if seen[l.String()] {
			t.Errorf("%d is called %s", l, l)
		}
		seen[l.String()] = true
	}
	if Language(0).String() != "unknown" || Language(200).String() != "unknown" {
		t.Error("what is no language has a name")
	}
}

// What the cache key says of the grammars is what go.mod says.
func TestVersions(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, line := range strings.Split(string(data), "\n") {
		module, version, ok := strings.Cut(strings.TrimSpace(line), " v")
		name, ours := strings.CutPrefix(module, "github.com/tree-sitter/")
		if !ok || !ours {
			continue
		}
		n++
		name = strings.TrimPrefix(name, "tree-sitter-")
		if name == "go-tree-sitter" {
			name = "tree-sitter"
		}
		if !strings.Contains(" "+Versions+" ", " "+name+"/"+version+" ") {
			t.Errorf("%s %s is not in Versions", module, version)
		}
	}
	if n != 6 {
		t.Errorf("%d modules of tree-sitter in go.mod", n)
	}
}

// A build without parsers says so, whatever it is asked.
func TestUnavailable(t *testing.T) {
	if Available() {
		t.Skip("this build has parsers")
	}
	if tree, err := Parse(context.Background(), Go, nil); tree != nil || err != ErrUnavailable {
		t.Errorf("%v, %v", tree, err)
	}
	if KnownKind(Go, "identifier") {
		t.Error("it knows a kind")
	}
}
