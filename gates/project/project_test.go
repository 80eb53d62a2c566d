package project_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func detect(t *testing.T, files map[string]string) []project.Project {
	t.Helper()
	r := gittest.New(t)
	for name, text := range files {
		r.Write(name, text)
	}
	tree, _, err := r.Open().Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	list, err := project.Detect(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDetect(t *testing.T) {
	type files map[string]string
	tests := map[string]struct {
		files files
		want  []project.Project
	}{
		"nothing": {files{"README.md": "x"}, nil},
		"go": {files{"go.mod": "module example.com/a // the module\n", "go.sum": "", "a.go": "package a", "testdata/m/go.mod": "module x\n", "vendor/v/go.mod": "module v\n"},
			[]project.Project{{Dir: ".", Kind: project.Go, Name: "example.com/a", Manager: "go", Manifest: "go.mod", Lock: "go.sum"}}},
		"go.work": {files{"go.work": "go 1.26\n\nuse (\n\t./a // first\n\t./b\n)\n", "a/go.mod": "module (\n\t\"example.com/a\"\n)\n", "b/go.mod": "module b\n", "b/go.sum": "", "c/go.mod": "module c\n"},
			[]project.Project{
				{Dir: "a", Kind: project.Go, Name: "example.com/a", Manager: "go", Manifest: "a/go.mod", Workspace: "."},
				{Dir: "b", Kind: project.Go, Name: "b", Manager: "go", Manifest: "b/go.mod", Lock: "b/go.sum", Workspace: "."},
				{Dir: "c", Kind: project.Go, Name: "c", Manager: "go", Manifest: "c/go.mod"},
			}},
		"npm workspaces": {files{"package.json": `{"name":"root","workspaces":["packages/*","!packages/old"]}`, "package-lock.json": "{}", "packages/a/package.json": `{"name":"@x/a","scripts":{"test":"jest"}}`, "packages/old/package.json": `{}`, "node_modules/z/package.json": "{}"},
			[]project.Project{
				{Dir: ".", Kind: project.Node, Name: "root", Manager: "npm", Manifest: "package.json", Lock: "package-lock.json"},
				{Dir: "packages/a", Kind: project.Node, Name: "@x/a", Manager: "npm", Manifest: "packages/a/package.json", Lock: "package-lock.json", Workspace: ".", Scripts: map[string]string{"test": "jest"}},
				{Dir: "packages/old", Kind: project.Node, Manager: "npm", Manifest: "packages/old/package.json"},
			}},
		"pnpm": {files{"package.json": `{"name":"root","packageManager":"pnpm@9.1.0"}`, "pnpm-workspace.yaml": "# ours\npackages:\n  - 'apps/**' # all\n  - \"libs/*\"\ncatalog:\n  - x\n", "pnpm-lock.yaml": "", "apps/web/ui/package.json": `{}`, "libs/l/package.json": "{}"},
			[]project.Project{
				{Dir: ".", Kind: project.Node, Name: "root", Manager: "pnpm", Manifest: "package.json", Lock: "pnpm-lock.yaml"},
				{Dir: "apps/web/ui", Kind: project.Node, Manager: "pnpm", Manifest: "apps/web/ui/package.json", Lock: "pnpm-lock.yaml", Workspace: "."},
				{Dir: "libs/l", Kind: project.Node, Manager: "pnpm", Manifest: "libs/l/package.json", Lock: "pnpm-lock.yaml", Workspace: "."},
			}},
		"yarn, long form": {files{"package.json": `{"workspaces":{"packages":["p"]}}`, "yarn.lock": "", "p/package.json": "{}"},
			[]project.Project{
				{Dir: ".", Kind: project.Node, Manager: "yarn", Manifest: "package.json", Lock: "yarn.lock"},
				{Dir: "p", Kind: project.Node, Manager: "yarn", Manifest: "p/package.json", Lock: "yarn.lock", Workspace: "."},
			}},
		"bun": {files{"package.json": "{}", "bun.lock": ""}, []project.Project{{Dir: ".", Kind: project.Node, Manager: "bun", Manifest: "package.json", Lock: "bun.lock"}}},
		"python": {files{"poetry/pyproject.toml": "[tool.poetry]\nname = 'p'\n", "poetry/poetry.lock": "", "uv/pyproject.toml": "[project]\nname = 'u'\n[tool.uv.workspace]\nmembers = ['m/*']\n", "uv/uv.lock": "", "uv/m/x/pyproject.toml": "[project]\nname='x'\n", "env/Pipfile": "", "env/Pipfile.lock": "", "pip/requirements.txt": "flask==1\n", "pip/a.py": "x=1", "docs/requirements.txt": "sphinx\n", "old/setup.py": "", "old/setup.cfg": ""},
			[]project.Project{
				{Dir: "env", Kind: project.Python, Manager: "pipenv", Manifest: "env/Pipfile", Lock: "env/Pipfile.lock"},
				{Dir: "old", Kind: project.Python, Manager: "pip", Manifest: "old/setup.py"},
				{Dir: "pip", Kind: project.Python, Manager: "pip", Manifest: "pip/requirements.txt", Lock: "pip/requirements.txt"},
				{Dir: "poetry", Kind: project.Python, Name: "p", Manager: "poetry", Manifest: "poetry/pyproject.toml", Lock: "poetry/poetry.lock"},
				{Dir: "uv", Kind: project.Python, Name: "u", Manager: "uv", Manifest: "uv/pyproject.toml", Lock: "uv/uv.lock"},
				{Dir: "uv/m/x", Kind: project.Python, Name: "x", Manager: "uv", Manifest: "uv/m/x/pyproject.toml", Lock: "uv/uv.lock", Workspace: "uv"},
			}},
		"cargo": {files{"Cargo.toml": "[workspace]\nmembers = ['crates/*']\nexclude = ['crates/no']\n", "Cargo.lock": "", "crates/a/Cargo.toml": "[package]\nname = 'a'\n", "crates/no/Cargo.toml": "[package]\nname='no'\n", "crates/a/src/lib.rs": "fn f(){}"},
			[]project.Project{
				{Dir: ".", Kind: project.Rust, Manager: "cargo", Manifest: "Cargo.toml", Lock: "Cargo.lock"},
				{Dir: "crates/a", Kind: project.Rust, Name: "a", Manager: "cargo", Manifest: "crates/a/Cargo.toml", Lock: "Cargo.lock", Workspace: "."},
				{Dir: "crates/no", Kind: project.Rust, Name: "no", Manager: "cargo", Manifest: "crates/no/Cargo.toml"},
			}},
		"several at once": {files{"go.mod": "module m\n", "package.json": `{"name":"w"}`, "a.go": "package a", "scripts/tool.py": "print(1)"},
			[]project.Project{
				{Dir: ".", Kind: project.Go, Name: "m", Manager: "go", Manifest: "go.mod"},
				{Dir: ".", Kind: project.Node, Name: "w", Manager: "npm", Manifest: "package.json"},
				{Dir: ".", Kind: project.Python, Manager: "pip"},
			}},
		"broken": {files{"package.json": `{"name":`, "x/Cargo.toml": "[[[", "y/go.mod": "require x v1\n"},
			[]project.Project{
				{Dir: ".", Kind: project.Node, Manager: "npm", Manifest: "package.json", Problem: "!"},
				{Dir: "x", Kind: project.Rust, Manager: "cargo", Manifest: "x/Cargo.toml", Problem: "!"},
				{Dir: "y", Kind: project.Go, Manager: "go", Manifest: "y/go.mod", Problem: "!"},
			}},
	}
	problems := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Problem" }, cmp.Comparer(func(a, b string) bool { return (a == "") == (b == "") }))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, detect(t, tt.files), problems, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestOf(t *testing.T) {
	list := []project.Project{{Dir: ".", Kind: project.Go}, {Dir: "a", Kind: project.Go}, {Dir: "a/b", Kind: project.Node}}
	for name, want := range map[string]string{"x.go": ".", "a/x.go": "a", "ab/x.go": ".", "a/b/x.go": "a"} {
		if p := project.Of(list, project.Go, name); p == nil || p.Dir != want {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if p := project.Of(list, project.Rust, "x.rs"); p != nil {
		t.Errorf("%+v", p)
	}
}

func TestClassify(t *testing.T) {
	long := strings.Repeat("function a(b){return b+1};", 200)
	tests := []struct {
		path, head string
		want       project.Class
	}{
		{"main.go", "package main\n", project.Source},
		{"main_test.go", "package main\n", project.Test},
		{"internal/test/kit.go", "package test\n", project.Source}, // shipped
		{"testdata/a.go", "package a\n", project.Test},
		{"vendor/x/a.go", "package x\n", project.Vendored},
		{"a/third_party/b.py", "", project.Vendored},
		{"node_modules/x/index.js", "", project.Vendored},
		{".venv/lib/x.py", "", project.Vendored},
		{"vendors.go", "package a\n", project.Source},
		{"zz.go", "// Code generated by stringer; DO NOT EDIT.\n\npackage a\n", project.Generated},
		{"zz.go", "// Code generated by stringer; DO NOT EDIT.\r\n\r\npackage a\r\n", project.Generated},
		{"zz.go", "package a\n\n// Code generated by hand. DO NOT EDIT.\n", project.Source}, // too late to count
		{"zz.go", "// This says Code generated x DO NOT EDIT.\npackage a\n", project.Source},
		{"api.pb.go", "package api\n", project.Generated},
		{"api_pb2.py", "", project.Generated},
		{"graph.generated.ts", "", project.Generated},
		{"q.ts", "/* eslint-disable */\n/**\n * @generated SignedSource<<x>>\n */\nexport {}\n", project.Generated},
		{"q.py", "# Generated by the protocol buffer compiler.  DO NOT EDIT!\n", project.Generated},
		{"q.py", "# Finds files that are @generated by a tool.\n", project.Source},
		{"q.rs", "// This file is automatically generated; do not edit.\n", project.Generated},
		{"jquery.min.js", "", project.Minified},
		{"lib.js", "/*! licence */\n" + long, project.Minified},
		{"lib.js", strings.Repeat("function a(b) {\n  return b + 1;\n}\n", 50), project.Source},
		{"dist/app.js", "let a = 1\n", project.Generated},
		{"dist/app.py", "a = 1\n", project.Source},
		{"pkg/dist/dist.go", "package dist\n", project.Source},
		{".next/server/x.js", "", project.Generated},
		{"src/app.test.tsx", "", project.Test},
		{"src/__tests__/app.ts", "", project.Test},
		{"e2e/login.ts", "", project.Test},
		{"src/latest.ts", "", project.Source},
		{"tests/test_a.py", "", project.Test},
		{"pkg/conftest.py", "", project.Test},
		{"pkg/contest.py", "", project.Source},
		{"tests/it.rs", "", project.Test},
		{"src/lib.rs", "#[cfg(test)]\nmod tests {}\n", project.Source},
		{"src/test/java/ATest.java", "", project.Test},
		{"spec/a_spec.rb", "", project.Test},
		{"run", "#!/usr/bin/env python3\nprint(1)\n", project.Source},
		{"run", "#!/bin/sh -e\n", project.Source},
		{"run", "plain text\n", project.Data},
		{"README.md", "", project.Data},
		{"a.json", "{}", project.Data},
		{"video.ts", "G\x00\x00", project.Data},
		{"de.ts", "<?xml version=\"1.0\"?><!DOCTYPE TS>", project.Data},
		{"A.GO", "package a\n", project.Source},
	}
	for _, tt := range tests {
		if got := project.Classify(tt.path, []byte(tt.head)); got != tt.want {
			t.Errorf("%s %.40q: got %s, want %s", tt.path, tt.head, got, tt.want)
		}
	}
}

func TestLanguage(t *testing.T) {
	for name, want := range map[string]string{"a.go": "go", "a.mjs": "javascript", "a.tsx": "typescript", "a.pyi": "python", "a.rs": "rust", "a.txt": "", "Makefile": "", "a.vue": "vue"} {
		if got := project.Language(name, nil); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for head, want := range map[string]string{"#!/usr/bin/env -S node --x\n": "javascript", "#!": "", "#!/usr/bin/python3.11": "python", "#!/usr/bin/env": "", "#!/bin/true\n": ""} {
		if got := project.Language("x", []byte(head)); got != want {
			t.Errorf("%q: %q", head, got)
		}
	}
}

func TestExecutable(t *testing.T) {
	for name, want := range map[string]bool{"a.go": true, "a.d.ts": false, "a.pyi": false, "jest.config.js": false, "setup.py": false, "src/config.js": true} {
		if got := project.Executable(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"packages/*", "packages/a", true}, {"packages/*", "packages/a/b", false}, {"packages/**", "packages/a/b", true},
		{"**/junit.xml", "junit.xml", true}, {"**/junit.xml", "a/b/junit.xml", true}, {"a/**/b", "a/b", true}, {"a/**/b", "a/x/y/b", true},
		{"a/**/b", "a/x/y", false}, {"[", "[", false}, {"", "", true}, {"**", "a", true}, {"**/**/c", "a/c", true},
	} {
		if got := project.Match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%s %s: %t", tt.pattern, tt.name, got)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("a.go", []byte("// Code generated by x. DO NOT EDIT.\npackage a\n"))
	f.Add("dist/a.min.js", []byte("var a"))
	f.Add("x", []byte("#!/usr/bin/env node"))
	f.Fuzz(func(t *testing.T, name string, head []byte) {
		c := project.Classify(name, head)
		switch c {
		case project.Source, project.Test, project.Vendored, project.Generated, project.Minified, project.Data:
		default:
			t.Fatalf("%q", c)
		}
		if c == project.Source && project.Language(name, head) == "" && len(head) <= project.HeadSize {
			t.Fatal("a source without a language")
		}
		project.Executable(name)
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("a/**/b*", "a/x/bc")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 60 || len(name) > 60 {
			return
		}
		project.Match(pattern, name)
	})
}

func FuzzManifests(f *testing.F) {
	f.Add("package.json", `{"name":"a","workspaces":["x"]}`)
	f.Add("go.mod", "module a\n")
	f.Add("Cargo.toml", "[workspace]\nmembers=['a']\n")
	f.Add("pyproject.toml", "[tool.uv.workspace]\nmembers=['a']\n")
	f.Add("pnpm-workspace.yaml", "packages:\n  - 'a'\n")
	f.Fuzz(func(t *testing.T, name, text string) { project.ParseForTest(name, text) })
}
