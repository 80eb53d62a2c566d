package bundle

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// target0 is long ago.
var target0 = time.Unix(1_000_000_000, 0)

func TestMain(m *testing.M) {
	gatestest.Main(m, map[string]gates.EngineFunc{EngineName: Engine})
}

// outcome judges the second state of a repository against the first; without a
// second there is no base.
func outcome(t *testing.T, o Options, files, later map[string]string) (gates.Outcome, string, error) {
	t.Helper()
	repo := gittest.New(t)
	for name, text := range files {
		repo.Write(name, text)
	}
	base := repo.Commit("one")
	if later == nil {
		base = ""
	} else {
		for name, text := range later {
			repo.Write(name, text)
		}
		repo.Commit("two")
	}
	target := gatestest.Target(t, repo, base)
	g := Gate(o)
	plan, err := g.Plan(context.Background(), target)
	if err != nil || plan.Skip != "" {
		return gates.Outcome{}, plan.Skip, err
	}
	out, err := g.Run(context.Background(), target)
	return out, "", err
}

func has(out gates.Outcome, rule string) string {
	for _, f := range out.Findings {
		if f.Rule == rule {
			return f.Message
		}
	}
	return ""
}

// code is a module of some size that does not compress away.
func code(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "export const v%d = 'text %x %x';\n", i, i*2654435761, i*40503+7)
	}
	return b.String()
}

var app = map[string]string{
	"package.json":  `{"name": "app", "devDependencies": {"vite": "5"}}`,
	"index.html":    `<script type="module" src="/src/main.tsx"></script>`,
	"tsconfig.json": `{"compilerOptions": {"paths": {"#lib/*": ["./src/lib/*"]}}}`,
	"src/main.tsx":  "import * as a from '@/a'; import React from 'react'; import './x.css'; import pic from './p.png'; console.log(a, React, pic, <b/>);\n",
	"src/a.ts":      code(300), "src/x.css": "b { color: red }\n", "src/p.png": "\x00\x01",
}

func with(files map[string]string, more ...string) map[string]string {
	out := map[string]string{}
	for k, v := range files {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func TestGrowth(t *testing.T) {
	o := Options{MaxGrowth: 5, MinGrowth: 1024}
	for name, c := range map[string]struct {
		o      Options
		later  map[string]string
		blocks bool
	}{
		"nothing":   {o, map[string]string{"README.md": "a\n"}, false},
		"a little":  {o, map[string]string{"src/a.ts": code(301)}, false},
		"much":      {o, map[string]string{"src/a.ts": code(600)}, true},
		"allowed":   {Options{MaxGrowth: 500}, map[string]string{"src/a.ts": code(600)}, false},
		"tolerance": {Options{MaxGrowth: 5, MinGrowth: 1 << 20}, map[string]string{"src/a.ts": code(600)}, false},
		"smaller":   {o, map[string]string{"src/a.ts": code(10)}, false},
		"raw":       {Options{MaxGrowth: 5, Measure: "raw"}, map[string]string{"src/a.ts": code(600)}, true},
		"brotli":    {Options{MaxGrowth: 5, Measure: "brotli"}, map[string]string{"src/a.ts": code(600)}, true},
		"not ours":  {o, map[string]string{"src/unused.ts": code(600)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			out, skip, err := outcome(t, c.o, app, c.later)
			if err != nil || skip != "" {
				t.Fatal(err, skip)
			}
			if got := has(out, "bundle-growth"); (got != "") != c.blocks {
				t.Errorf("%q %v", got, out.Metrics)
			}
			if m := out.Metrics; m["raw"] <= m["gzip"] || m["gzip"] < m["brotli"] || m["brotli"] == 0 || out.Examined.Files < 3 {
				t.Errorf("%v %+v", m, out.Examined)
			}
			if has(out, "no-baseline") != "" {
				t.Error("there is a base")
			}
		})
	}
}

func TestSameBytesAgain(t *testing.T) {
	later := map[string]string{"src/a.ts": code(600)}
	first, _, err := outcome(t, Options{}, app, later)
	second, _, again := outcome(t, Options{}, app, later)
	if err != nil || again != nil || !reflect.DeepEqual(first.Metrics, second.Metrics) {
		t.Errorf("%v %v\n%v\n%v", err, again, first.Metrics, second.Metrics)
	}
}

func TestWhatIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		files, later      map[string]string
		rule, text, wrong string
	}{
		"no base":        {app, nil, "no-baseline", "no base", ""},
		"syntax error":   {app, map[string]string{"src/a.ts": "export const = 1;\n"}, "bundle-error", "Expected identifier", "src/a.ts:1:14"},
		"missing import": {app, map[string]string{"src/a.ts": "import './gone';\n"}, "bundle-error", "Could not resolve", "src/a.ts:1:8"},
		"broken base":    {with(app, "src/a.ts", "export const = 1;\n"), map[string]string{"src/a.ts": "export const a = 1;\n"}, "no-baseline", "the base cannot be bundled", ""},
		"new package":    {app, map[string]string{"src/a.ts": "import m from 'moment'; export const a = m;\n"}, "new-package", `"moment"`, ""},
		"out of it":      {app, map[string]string{"src/a.ts": "import '../../../../../../../../../../../../etc/passwd';\n"}, "bundle-error", "", "cannot be bundled"},
		"no entry":       {map[string]string{"package.json": `{"devDependencies": {"webpack": "5"}}`, "lib/x.js": "1\n"}, nil, "", "", "no entry was found"},
	} {
		t.Run(name, func(t *testing.T) {
			out, skip, err := outcome(t, Options{MaxGrowth: 5}, c.files, c.later)
			if skip != "" || (c.wrong == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Fatalf("%q %v", skip, err)
			}
			if got := has(out, c.rule); c.rule != "" && (got == "" || !strings.Contains(got, c.text)) {
				t.Errorf("%q in %+v", got, out.Findings)
			}
			for _, f := range out.Findings {
				if strings.Contains(f.Message, "root:") {
					t.Error(f.Message)
				}
			}
		})
	}
}

// A link in the tree leads nowhere: links are not written out.
func TestLinksAreNotFollowed(t *testing.T) {
	repo := gittest.New(t)
	for name, text := range app {
		repo.Write(name, text)
	}
	secret := filepath.Join(t.TempDir(), "s.json")
	if err := os.WriteFile(secret, []byte(`"secret"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(repo.Dir, "src/s.json")); err != nil {
		t.Fatal(err)
	}
	repo.Write("src/a.ts", "import s from './s.json'; export const a = s;\n")
	repo.Commit("one")
	_, err := Gate(Options{}).Run(context.Background(), gatestest.Target(t, repo, ""))
	if err == nil || !strings.Contains(err.Error(), "Could not resolve") {
		t.Error(err)
	}
}

func TestSkips(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		skip  string
	}{
		"server":  {map[string]string{"package.json": `{"dependencies": {"express": "4"}}`, "index.js": "1\n"}, "program or a server"},
		"cli":     {map[string]string{"package.json": `{"bin": "a.js", "devDependencies": {"esbuild": "1"}}`, "a.js": "1\n"}, "program or a server"},
		"vue":     {map[string]string{"package.json": `{"dependencies": {"vue": "3"}}`, "index.html": "<p>"}, "written for vue"},
		"no node": {map[string]string{"a.go": "package a\n"}, "no package.json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, skip, err := outcome(t, Options{}, c.files, nil)
			if err != nil || !strings.Contains(skip, c.skip) {
				t.Errorf("%v %q", err, skip)
			}
		})
	}
}

func TestBuiltFiles(t *testing.T) {
	o := Options{MaxGrowth: 5, Paths: []string{"dist/*.js"}}
	out, _, err := outcome(t, o, map[string]string{"package.json": "{}", "dist/a.js": code(100)}, map[string]string{"dist/a.js": code(300)})
	if err != nil || !strings.Contains(has(out, "bundle-growth"), "paths grows by") {
		t.Errorf("committed: %v %+v", err, out.Findings)
	}
	_, _, err = outcome(t, o, map[string]string{"package.json": "{}"}, nil)
	if err == nil || !strings.Contains(err.Error(), "no file matches") {
		t.Errorf("not built: %v", err)
	}
	repo := gittest.New(t)
	repo.Write(".gitignore", "dist\nbase.json\n")
	repo.Write("src/a.ts", "let a\n")
	base := repo.Commit("one")
	repo.Write("src/a.ts", "let b\n")
	repo.Commit("two")
	repo.Write("dist/a.js", code(300))
	target := gatestest.Target(t, repo, base)
	out, err = Gate(o).Run(context.Background(), target)
	if err != nil || !strings.Contains(has(out, "no-baseline"), "not committed") || out.Metrics["gzip"] == 0 {
		t.Errorf("no baseline: %v %+v", err, out.Findings)
	}
	o.Baseline = "base.json"
	for _, head := range []string{base, strings.Repeat("0", 40)} {
		data, _ := json.Marshal(map[string]any{"schema": gates.VerdictSchema, "head": head, "gates": []any{
			map[string]any{"id": "bundle", "metrics": map[string]float64{"raw:paths": 900, "gzip:paths": 300, "brotli:paths": 200}},
		}})
		repo.Write("base.json", string(data))
		out, err = Gate(o).Run(context.Background(), target)
		if err != nil || (has(out, "bundle-growth") != "") != (head == base) || (has(out, "no-baseline") == "") != (head == base) {
			t.Errorf("%s: %v %+v", head, err, out.Findings)
		}
	}
	old := filepath.Join(repo.Dir, "dist/a.js")
	if err := os.Chtimes(old, target0, target0); err != nil {
		t.Fatal(err)
	}
	if _, err = Gate(o).Run(context.Background(), target); err == nil || !strings.Contains(err.Error(), "is older than src/a.ts") {
		t.Errorf("old: %v", err)
	}
}

func FuzzBaseline(f *testing.F) {
	f.Add([]byte(`{"schema":"wf-ci/verdict/v1","head":"b","gates":[{"id":"bundle","metrics":{"raw:paths":1,"gzip:paths":1,"brotli:paths":1}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := readBaseline(data, "b"); err == nil && s.Raw <= 0 {
			t.Error(s)
		}
	})
}
