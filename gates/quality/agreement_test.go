//go:build cgo

package quality

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates/syntax"
)

// These tests count the same corpora with the tools that people know. They
// run where AGREEMENT is set, and need the tools:
//
//	gocyclo  on PATH (go install github.com/fzipp/gocyclo/cmd/gocyclo@v0.6.0)
//	radon    on PATH (apt-get install radon); PYTHON_CORPUS: a folder, else the system's library
//	eslint   NODE_MODULES: a node_modules with eslint 10 and typescript-eslint; its sources are the corpus

// at is a function's place: the line on which it begins.
type at struct {
	path string
	line int
}

// count is our complexity of every function below dir, by where it begins.
func count(t *testing.T, paths []string) map[at][]int {
	t.Helper()
	got := make(map[at][]int)
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		language, ok := syntax.LanguageOf(path, src)
		if !ok {
			continue
		}
		tree, err := syntax.Parse(context.Background(), language, src)
		if err != nil {
			t.Logf("%s: %v", path, err)
			continue
		}
		for _, fn := range functions(tree) {
			place := at{path, fn.node.Start().Line}
			got[place] = append(got[place], fn.complexity)
		}
	}
	return got
}

func below(t *testing.T, dir string, pattern string, limit int) []string {
	t.Helper()
	var paths []string
	matches := regexp.MustCompile(pattern)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && matches.MatchString(path) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Skipf("no corpus: %v", err)
	}
	return paths[:min(len(paths), limit)]
}

// compare says how many of their functions we count as they do.
func compare(t *testing.T, ours, theirs map[at][]int, atLeast float64) {
	t.Helper()
	var same, all, shown int
	for _, place := range slices.SortedFunc(maps.Keys(theirs), func(a, b at) int {
		return strings.Compare(fmt.Sprintf("%s:%07d", a.path, a.line), fmt.Sprintf("%s:%07d", b.path, b.line))
	}) {
		left := slices.Clone(ours[place])
		for _, n := range theirs[place] {
			all++
			if i := slices.Index(left, n); i >= 0 {
				left = slices.Delete(left, i, i+1)
				same++
			} else if shown++; shown <= 25 {
				t.Logf("%s:%d: they count %d, we %v", place.path, place.line, n, ours[place])
			}
		}
	}
	t.Logf("the same complexity for %d of %d functions (%.2f %%)", same, all, 100*float64(same)/float64(max(all, 1)))
	if all < 100 || float64(same) < atLeast*float64(all) {
		t.Errorf("want at least %.1f %% of 100 functions or more", 100*atLeast)
	}
}

func run(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out
}

// reference is the tool to agree with.
func reference(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv("AGREEMENT") == "" {
		t.Skip("AGREEMENT is not set")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	return path
}

func TestAgreesWithGocyclo(t *testing.T) {
	tool := reference(t, "gocyclo")
	var paths []string
	for _, dir := range []string{"net", "text", "go/types", "encoding"} {
		paths = append(paths, below(t, filepath.Join(runtime.GOROOT(), "src", filepath.FromSlash(dir)), `\.go$`, 1000)...)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return strings.Contains(p, "testdata") })
	theirs := make(map[at][]int)
	// 12 http (*T).f path:line:column
	for _, m := range regexp.MustCompile(`(?m)^(\d+) .* (\S+):(\d+):\d+$`).FindAllStringSubmatch(string(run(t, "", tool, append([]string{"-over", "0"}, paths...)...)), -1) {
		n, _ := strconv.Atoi(m[1])
		line, _ := strconv.Atoi(m[3])
		theirs[at{m[2], line}] = append(theirs[at{m[2], line}], n)
	}
	compare(t, count(t, paths), theirs, 1)
}

func TestAgreesWithRadon(t *testing.T) {
	tool := reference(t, "radon")
	dir := os.Getenv("PYTHON_CORPUS")
	if dir == "" {
		found, _ := filepath.Glob("/usr/lib/python3.*/asyncio")
		if len(found) == 0 {
			t.Skip("no corpus")
		}
		dir = filepath.Dir(found[len(found)-1])
	}
	paths := below(t, dir, `\.py$`, 600)
	type block struct {
		Type       string
		Lineno     int
		Complexity int
		Closures   []block
	}
	theirs := make(map[at][]int)
	for batch := range slices.Chunk(paths, 100) {
		var report map[string]json.RawMessage
		if err := json.Unmarshal(run(t, "", tool, append([]string{"cc", "-j"}, batch...)...), &report); err != nil {
			t.Fatal(err)
		}
		for path, raw := range report {
			var blocks []block
			if json.Unmarshal(raw, &blocks) != nil {
				continue // it could not parse the file
			}
			for len(blocks) > 0 {
				b := blocks[0]
				blocks = append(blocks[1:], b.Closures...)
				if b.Type == "function" || b.Type == "method" {
					theirs[at{path, b.Lineno}] = append(theirs[at{path, b.Lineno}], b.Complexity)
				}
			}
		}
	}
	compare(t, count(t, paths), theirs, 0.999)
}

func TestAgreesWithESLint(t *testing.T) {
	modules := os.Getenv("NODE_MODULES")
	if modules == "" {
		t.Skip("NODE_MODULES is not set")
	}
	for name, pattern := range map[string]string{
		"javascript": `/(eslint/lib|esquery|acorn|espree|@babel|lodash[^/]*)/.*\.js$|/typescript-eslint/.*\.js$`,
		"typescript": `/(rxjs|zod)/.*[^d]\.ts$`,
	} {
		t.Run(name, func(t *testing.T) {
			paths := below(t, modules, pattern, 500)
			paths = slices.DeleteFunc(paths, func(p string) bool { return strings.Contains(p, ".min.") || strings.HasSuffix(p, ".d.ts") })
			script := filepath.Join(t.TempDir(), "count.cjs")
			if err := os.WriteFile(script, []byte(eslintScript), 0o600); err != nil {
				t.Fatal(err)
			}
			list := filepath.Join(filepath.Dir(script), "paths")
			if err := os.WriteFile(list, []byte(strings.Join(paths, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			var report []struct {
				Path             string
				Line, Complexity int
			}
			out := run(t, filepath.Dir(modules), "node", script, modules, list)
			if err := json.Unmarshal(out, &report); err != nil {
				t.Fatalf("%v: %.500s", err, out)
			}
			theirs := make(map[at][]int)
			for _, r := range report {
				theirs[at{r.Path, r.Line}] = append(theirs[at{r.Path, r.Line}], r.Complexity)
			}
			ours := make(map[at][]int)
			for place, list := range count(t, paths) {
				ours[place] = list
			}
			compare(t, ours, theirs, 0.999)
		})
	}
}

// eslintScript prints each function's complexity, by the line on which the
// function's own node begins.
const eslintScript = `
const [modules, list] = process.argv.slice(2);
const req = require('module').createRequire(modules + '/x.js');
const { Linter } = req('eslint');
const complexity = require(modules + '/eslint/lib/rules/complexity.js');
const parser = req('typescript-eslint').parser;
const fs = require('fs');
const out = [];
for (const path of fs.readFileSync(list, 'utf8').split('\n')) {
  const linter = new Linter();
  const wrapped = { ...complexity, create(context) {
    return complexity.create(Object.create(context, { report: { value(d) {
      let node = d.node;
      if (d.data.name === 'Class field initializer' && /Function/.test(node.type)) return; // always 1, around the function
      const p = node.parent;
      if (node.type === 'FunctionExpression' && p && (p.type === 'MethodDefinition' || p.type === 'Property' && (p.method || p.kind !== 'init'))) {
        let first = p; node = p;
        if (p.decorators && p.decorators.length) {
          node = { loc: { start: p.decorators[0].loc.start.line < p.loc.start.line ? p.decorators[0].loc.start : p.loc.start } };
        }
      }
      out.push({ Path: path, Line: node.loc.start.line, Complexity: d.data.complexity });
    } } }));
  } };
  try {
    linter.verify(fs.readFileSync(path, 'utf8'), [{
      files: ['**/*.ts', '**/*.js'], plugins: { x: { rules: { complexity: wrapped } } }, rules: { 'x/complexity': ['error', 0] },
      linterOptions: { noInlineConfig: true },
      languageOptions: path.endsWith('.ts') ? { parser } : { sourceType: /export |import /.test(fs.readFileSync(path, 'utf8')) ? 'module' : 'commonjs' },
    }], { filename: 'x' + path.slice(-3) });
  } catch (e) { process.stderr.write(path + ': ' + e + '\n'); }
}
process.stdout.write(JSON.stringify(out));
`
