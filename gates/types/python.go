package types

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

const pythonRemedy = "install mypy in the project's environment (pip install mypy), and let the workflow set it up"

// mypy runs mypy, of the project's environment or of PATH, over the project.
// What it says of faults does not count here, but its lists of expressions of
// type Any and of functions without annotations are the places.
func mypy(ctx context.Context, t *gates.Target, root *os.Root, u unit) (measure, []byte, error) {
	var m measure
	scratch, err := os.MkdirTemp("", "wf-ci-mypy-")
	if err != nil {
		return m, nil, err
	}
	defer os.RemoveAll(scratch)
	name := "mypy"
	for _, venv := range []string{".venv", "venv"} {
		tool := path.Join(u.project.Dir, venv, "bin", "mypy")
		if _, err := root.Lstat(filepath.FromSlash(tool)); err == nil && t.Tree.File(tool) == nil {
			name = filepath.Join(t.Dir, filepath.FromSlash(tool))
			break
		}
	}
	out := capped{limit: reportLimit}
	dir := filepath.Join(t.Dir, filepath.FromSlash(u.project.Dir))
	res, err := t.Runner.Run(ctx, run.Command{
		Name: name, Dir: dir, Stdout: &out, Contain: true, Env: []string{"NO_COLOR=1", "PYTHONDONTWRITEBYTECODE=1"},
		Args: []string{
			"--any-exprs-report", scratch, "--cache-dir", filepath.Join(scratch, "cache"), "--disallow-any-expr", "--disallow-untyped-defs",
			"--disallow-incomplete-defs", "--show-column-numbers", "--no-error-summary", "--no-pretty", "--no-color-output", "--hide-error-context", ".",
		},
	})
	log := append(res.Stderr.Bytes, out.Bytes()[:min(out.Len(), 16<<10)]...)
	var exit *run.ExitError
	var gone *run.NotStartedError
	switch {
	case errors.As(err, &gone) && gone.Missing:
		return m, log, missingTool{tool: "mypy", remedy: pythonRemedy}
	case err != nil && !errors.As(err, &exit):
		return m, log, err
	case res.Exit > 1: // a syntax error, a module that is there twice: nothing was measured
		return m, log, fmt.Errorf("mypy could not check %s (exit status %d): %s", u.name(), res.Exit, firstLine(append(out.Bytes(), res.Stderr.Bytes...)))
	case out.over:
		return m, log, fmt.Errorf("mypy prints more than %d MiB", reportLimit>>20)
	}
	data, err := os.ReadFile(filepath.Join(scratch, "any-exprs.txt"))
	if err != nil {
		return m, log, errors.New("mypy wrote no report (--any-exprs-report)")
	}
	if missing := unresolvedImport.FindSubmatch(out.Bytes()); missing != nil {
		log = append(log, "modules that mypy does not find count as Any\n"...)
	}
	modules, err := readModules(data)
	if err != nil {
		return m, log, fmt.Errorf("any-exprs.txt: %w", err)
	}
	if m, err = tie(modules, u.project.Dir, u.sources, "mypy"); err != nil {
		return m, log, err
	}
	m.lines(readMypy(out.Bytes(), u.project.Dir), u.sources)
	return m, log, nil
}

var unresolvedImport = regexp.MustCompile(`(?m)^.*Cannot find implementation or library stub for module.*$`)

func firstLine(data []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
	return fmt.Sprintf("%.300s", line)
}

// module is a line of a report of mypy's.
type module struct {
	name           string
	typed, symbols int
}

// readModules reads any-exprs.txt (Name, Anys, Exprs, Coverage) or
// linecount.txt (typed lines, lines, typed functions, functions, module).
func readModules(data []byte) ([]module, error) {
	var list []module
	total := false
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		var m module
		switch {
		case len(f) == 0 || f[0] == "Name" || strings.Trim(f[0], "-") == "":
			continue
		case len(f) == 4 && strings.HasSuffix(f[3], "%"):
			anys, err1 := strconv.Atoi(f[1])
			exprs, err2 := strconv.Atoi(f[2])
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			m = module{f[0], exprs - anys, exprs}
		case len(f) == 5:
			typed, err1 := strconv.Atoi(f[0])
			lines, err2 := strconv.Atoi(f[1])
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			m = module{f[4], typed, lines}
		default:
			return nil, fmt.Errorf("a line that mypy does not write: %.80q", strings.TrimSpace(line))
		}
		if m.typed < 0 || m.typed > m.symbols || m.symbols > 1<<30 {
			return nil, fmt.Errorf("%.80q: %d of %d", m.name, m.typed, m.symbols)
		}
		if strings.EqualFold(m.name, "total") {
			total = true
			continue
		}
		list = append(list, m)
	}
	if !total {
		return nil, errors.New("it has no line of the total: it is cut off, or no report of mypy's")
	}
	return list, nil
}

// tie adds up the modules that are sources of the tree. A report most of whose
// modules are not there is of another tree.
func tie(modules []module, dir string, sources []git.File, engine string) (measure, error) {
	m := measure{engine: engine}
	byModule := make(map[string]string)
	for _, f := range sources {
		name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(f.Path, strings.TrimPrefix(dir+"/", "./")), ".py"), ".pyi")
		parts := strings.Split(strings.TrimSuffix(name, "/__init__"), "/")
		for i := range parts { // src/a/b is a.b, whatever lies before
			if n := strings.Join(parts[i:], "."); byModule[n] == "" || i == 0 {
				byModule[n] = f.Path
			}
		}
	}
	known, strange := 0, 0
	for _, mod := range modules {
		at := byModule[mod.name]
		if at == "" {
			if project.Classify(strings.ReplaceAll(mod.name, ".", "/")+".py", nil) == project.Source {
				strange++
			}
			continue
		}
		known++
		m.typed, m.symbols = m.typed+mod.typed, m.symbols+mod.symbols
		if mod.typed < mod.symbols {
			m.places = append(m.places, place{path: at, text: "expressions of type Any"})
		}
	}
	switch {
	case known == 0 || strange > known:
		return m, fmt.Errorf("the report of mypy is of another tree: it knows %d of its modules, and %d others", known, strange)
	case 2*known < len(sources):
		return m, fmt.Errorf("mypy measured %d of %d sources only: look at `files` and `exclude` in its configuration", known, len(sources))
	case m.symbols == 0:
		return m, errors.New("mypy found nothing to measure")
	}
	return m, nil
}

var (
	mypyLine = regexp.MustCompile(`^(.+?):(\d+):(\d+): error: (.*?)(?:  \[[a-z-]+\])?$`)
	isAny    = regexp.MustCompile(`^(Expression type contains "Any"|Expression has type "Any"|Function is missing a )`)
)

// readMypy are the places that mypy prints.
func readMypy(data []byte, dir string) []place {
	var list []place
	for line := range strings.Lines(string(data)) {
		f := mypyLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if f == nil || !isAny.MatchString(f[4]) {
			continue
		}
		n, err1 := strconv.Atoi(f[2])
		col, err2 := strconv.Atoi(f[3])
		p := relative("", f[1])
		if err1 != nil || err2 != nil || p == "" {
			continue
		}
		list = append(list, place{path: path.Join(dir, p), line: n, col: col, text: fmt.Sprintf("%.200s", f[4])})
	}
	return list
}

// lines puts places with lines where only files are known. A file with none
// keeps its own: a marker in it may have silenced mypy.
func (m *measure) lines(list []place, sources []git.File) {
	has := make(map[string]bool)
	own := make(map[string]bool)
	for _, f := range sources {
		own[f.Path] = true
	}
	var out []place
	for _, p := range list {
		if own[p.path] {
			has[p.path] = true
			out = append(out, p)
		}
	}
	m.places = append(slices.DeleteFunc(m.places, func(p place) bool { return has[p.path] }), out...)
}
