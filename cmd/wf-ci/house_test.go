package main

import (
	"encoding/json"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/config"
)

const module = "github.com/wf-ci/wf-ci/"

// arrows is which packages of ours a package may import, the tests aside. An
// entry that ends in /... stands for the packages below it. What is not listed
// imports nothing of ours. The direction is the rule: report knows gates, never
// the other way.
var arrows = arrowsFrom(`
cmd/wf-ci: *
costs: costs/prices internal/lazyregexp internal/state
costs/logs: costs
costs/refs: costs internal/git internal/lazyregexp  # entries travel as git refs; costs itself knows no git
costs/reports: costs costs/prices report
costs/saving: costs costs/prices internal/lazyregexp internal/state
gates: internal/git internal/lazyregexp internal/run
gates/bundle: gates gates/project internal/git internal/lazyregexp
gates/checkpoints: gates internal/git internal/lazyregexp
gates/coverage: gates gates/project internal/git internal/lazyregexp internal/run
gates/deps: gates gates/project internal/git internal/lazyregexp internal/run internal/state
gates/lint: gates gates/project gates/syntax internal/git internal/lazyregexp internal/run
gates/project: internal/git internal/lazyregexp
gates/quality: gates gates/project gates/syntax internal/git
gates/sast: gates gates/project gates/syntax internal/git internal/lazyregexp internal/run
gates/secrets: gates gates/secrets/scan internal/git internal/git/pack
gates/syntax: internal/git
gates/types: gates gates/project gates/syntax internal/git internal/lazyregexp internal/run
internal/ci: internal/git internal/lazyregexp
internal/config: internal/lazyregexp
internal/git: internal/git/pack internal/lazyregexp internal/run
internal/git/gittest: internal/git internal/run
internal/journal: internal/state
report: gates internal/lazyregexp
report/github: gates report
session: costs internal/git internal/lazyregexp internal/state
workflow/agents: internal/lazyregexp
workflow/agents/metrics: workflow/agents
workflow/debug/bisect: internal/git internal/run
workflow/feature: costs internal/lazyregexp
workflow/feature/ship: internal/git internal/journal internal/run internal/state
workflow/hook: internal/git internal/journal internal/state
workflow/project: internal/lazyregexp workflow/feature
workflow/research: costs costs/prices internal/lazyregexp
workflow/rollback: internal/git internal/journal internal/run internal/state
workflow/rollback/flag: internal/journal workflow/rollback
worktree: internal/git internal/journal internal/lazyregexp internal/run internal/state
`)

// arrowsFrom reads lines "package: what it may import  # why"; a star is everything of ours.
func arrowsFrom(table string) map[string][]string {
	m := make(map[string][]string)
	for line := range strings.Lines(strings.TrimSpace(table)) {
		line, _, _ = strings.Cut(line, "#")
		pkg, list, _ := strings.Cut(line, ":")
		m[pkg] = strings.Fields(list)
	}
	return m
}

// only is which packages may import what the others may not.
var only = map[string][]string{
	"os/exec":                               {"internal/run"},
	"github.com/alecthomas/kong":            {"cmd/wf-ci"},
	"go.yaml.in/yaml/v3":                    {"internal/config", "gates/sast", "gates/deps", "report/github", "workflow/agents", "workflow/feature", "workflow/research"},
	"github.com/google/osv-scalibr":         {"gates/deps"},
	"github.com/pandatix/go-cvss":           {"gates/deps"},
	"github.com/klauspost/compress":         {"costs/logs"},
	"golang.org/x/vuln":                     {"gates/deps"},
	"net/http":                              {"gates/deps", "cmd/wf-ci", "report/github", "workflow/debug/probe", "report/notify", "workflow/rollback/flag"},
	"github.com/owenrumney/go-sarif/v2":     {"report"},
	"github.com/sethvargo/go-githubactions": {"internal/ci"},
	"github.com/zricethezav/gitleaks/v8":    {"gates/secrets"},
	"github.com/spf13/viper":                {"gates/secrets"},
	"github.com/evanw/esbuild":              {"gates/bundle"},
	"github.com/andybalholm/brotli":         {"gates/bundle"},
	"github.com/tree-sitter":                {"gates/syntax"},
	"github.com/rhysd/actionlint":           {"gates/lint"},
	"honnef.co/go/tools":                    {"gates/lint"},
	"github.com/securego/gosec/v2":          {"gates/sast"},
	"github.com/google/go-github/v60":       {"report/github"},
	"github.com/hashicorp/go-multierror":    {"report/github"},
	"modernc.org/sqlite":                    {"workflow/agents/metrics"},
	"github.com/tiktoken-go/tokenizer":      {"session/tokens"},
	"github.com/jackc/pgx/v5":               {"workflow/debug/postgres"},
}

// source is a Go file of ours that is no test.
type source struct {
	pkg  string // folder, relative to the module's root
	name string
	file *ast.File
	fset *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "vendor" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		all = append(all, source{pkg: filepath.ToSlash(rel), name: path, file: f, fset: fset})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Fatalf("found %d files only", len(all))
	}
	return all
}

func TestArrowsPointOneWay(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasSuffix(s.pkg, "test") {
			continue // a test kit
		}
		for _, spec := range s.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(path, module); ok && !slices.Contains(arrows[s.pkg], ours) && !slices.Contains(arrows[s.pkg], "*") {
				t.Errorf("%s: %s may not import %s (see arrows)", s.name, s.pkg, ours)
			}
			for guarded, pkgs := range only {
				if (path == guarded || strings.HasPrefix(path, guarded+"/")) && !slices.Contains(pkgs, s.pkg) {
					t.Errorf("%s: only %s may import %s", s.name, strings.Join(pkgs, ", "), guarded)
				}
			}
		}
	}
}

// Only the door reads the environment, the clock's default and the process's
// streams, and only main exits; nobody registers anything in an init.
func TestNoHiddenInputs(t *testing.T) {
	hidden := regexp.MustCompile(`^os\.(Getenv|LookupEnv|Environ|Exit|Stdin|Stdout|Stderr|Args|Getwd)$`)
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && hidden.MatchString(x.Name+"."+n.Sel.Name) && !strings.HasSuffix(s.name, filepath.Join("cmd", "wf-ci", "main.go")) && !strings.HasSuffix(s.pkg, "test") {
					t.Errorf("%s: %s.%s", s.fset.Position(n.Pos()), x.Name, n.Sel.Name)
				}
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s: an init function", s.fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// Regular expressions of a package are compiled at every start of the program,
// unless they are lazy; and one that is lazy is compiled here, not at a user's.
func TestRegexpsAreLazyAndRight(t *testing.T) {
	packages := make(map[string][]*ast.File)
	fset := token.NewFileSet()
	for _, s := range sources(t) {
		f, err := parser.ParseFile(fset, s.name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		packages[s.pkg] = append(packages[s.pkg], f)
	}
	compiled := 0
	for pkg, files := range packages {
		// Imports are not followed: a package's own constants are enough.
		info := types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
		conf := types.Config{Error: func(error) {}, FakeImportC: true}
		_, _ = conf.Check(pkg, fset, files, &info)
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				if _, ok := n.(*ast.FuncLit); ok {
					return false
				}
				if d, ok := n.(*ast.FuncDecl); ok && d.Body != nil {
					return false // what a function compiles, it compiles when it is called
				}
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 1 {
					return true
				}
				switch fun := types.ExprString(call.Fun); {
				case fun == "regexp.MustCompile" && pkg != "gates/secrets": // its rules weigh more
					t.Errorf("%s: regexp.MustCompile in a package's variable: use lazyregexp.New", fset.Position(call.Pos()))
				case fun == "lazyregexp.New":
					value := info.Types[call.Args[0]].Value
					if value == nil {
						t.Errorf("%s: not a constant", fset.Position(call.Pos()))
					} else if _, err := regexp.Compile(constant.StringVal(value)); err != nil {
						t.Errorf("%s: %v", fset.Position(call.Pos()), err)
					}
					compiled++
				}
				return true
			})
		}
	}
	if compiled < 50 {
		t.Errorf("only %d lazy expressions were found", compiled)
	}
}

// Errors say what was being done, not that it failed.
func TestErrorsDoNotStammer(t *testing.T) {
	stammer := regexp.MustCompile(`(?i)^(failed|unable|error|could not) to\b|^error:`)
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || fun.Sel.Name != "Errorf" && fun.Sel.Name != "New" {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && stammer.MatchString(text) {
					t.Errorf("%s: %q", s.fset.Position(lit.Pos()), text)
				}
			}
			return true
		})
	}
}

// The list of gates is whole: valid, in the contract's order, each known to the
// configuration.
func TestGateList(t *testing.T) {
	a := &app{environment: environment{now: time.Now, getenv: func(string) string { return "" }}}
	list := a.gateList(config.Default(), options{})
	if err := gates.Validate(list); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, g := range list {
		ids = append(ids, g.ID)
		if config.Default().Gates.Get(g.ID) == nil {
			t.Errorf("the configuration does not know the gate %s", g.ID)
		} else if got := gates.Scope(config.Default().Gates.Get(g.ID).Scope); got != g.Scope {
			t.Errorf("gate %s: scope %s here, %s in the configuration", g.ID, g.Scope, got)
		}
	}
	order := config.BuiltIn()
	if !slices.IsSortedFunc(ids, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) }) {
		t.Errorf("gates %v are not in the order of the contract, %v", ids, order)
	}
	// All built-in gates that the configuration may ask for are there, built or not.
	asked, err := config.Parse("x", []byte("gates: {sast: {}, deps: {}, tests: {}, coverage: {min: 80}, duplication: {}, complexity: {}, lint: {}, types: {}, bundle: {}, checkpoints: {}}"))
	if err != nil {
		t.Fatal(err)
	}
	if err := gates.Validate(a.gateList(asked, options{})); err != nil {
		t.Error(err)
	}
}

// Every key of the verdict that the contract names is there.
func TestVerdictKeepsTheContract(t *testing.T) {
	v := gates.Judge(gates.Policy{Today: "2026-01-01"}, nil, nil)
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"schema", "verdict", "reasons", "tree", "head", "base", "policy", "gates", "suppressions_added", "started", "duration_ms"} {
		if _, ok := got[key]; !ok {
			t.Errorf("no key %q", key)
		}
	}
}
