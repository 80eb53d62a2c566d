package types

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/run"
)

const nodeRemedy = "`npm i -D type-coverage typescript`, and let the workflow install the project's packages"

// switches are the options of type-coverage that a package.json may set, and the
// command line too: what the base says is said there, so that the change has no
// say. The rest is what would write files or end the run.
var (
	switches = []string{
		"strict", "ignore-catch", "ignore-unread", "ignore-nested", "ignore-as-assertion", "ignore-type-assertion",
		"ignore-non-null-assertion", "ignore-object", "ignore-empty-type",
	}
	never = []string{
		"at-least", "is", "update", "update-if-higher", "history-file", "cache", "debug", "suppressError",
		"show-relative-path", "no-detail-when-failed", "report-unused-ignore", "not-only-in-cwd",
	}
)

// typeCoverage runs the project's own type-coverage.
func typeCoverage(ctx context.Context, t *gates.Target, root *os.Root, u unit) (measure, []byte, error) {
	var total measure
	tool, err := findTool(ctx, t, root, u)
	if err != nil {
		return total, nil, err
	}
	if len(u.configs) == 0 {
		return total, nil, missingTool{tool: "a tsconfig.json", remedy: "add one, and " + nodeRemedy}
	}
	options, err := pinned(ctx, t, u)
	if err != nil {
		return total, nil, err
	}
	for _, config := range u.configs {
		out := capped{limit: reportLimit}
		args := slices.Concat([]string{"-p", config, "--json-output", "--detail", "--report-semantic-error"}, options)
		dir := filepath.Join(t.Dir, filepath.FromSlash(u.project.Dir))
		res, err := t.Runner.Run(ctx, run.Command{Name: tool, Args: args, Dir: dir, Stdout: &out, Contain: true, Env: []string{"NO_COLOR=1", "CI=true"}})
		var exit *run.ExitError
		switch {
		case err != nil && !errors.As(err, &exit):
			return total, res.Stderr.Bytes, err
		case out.over:
			return total, res.Stderr.Bytes, fmt.Errorf("type-coverage prints more than %d MiB", reportLimit>>20)
		}
		m, err := readTypeCoverage(out.Bytes(), t.Dir)
		if err != nil {
			return total, append(res.Stderr.Bytes, out.Bytes()[:min(out.Len(), 4<<10)]...), fmt.Errorf("type-coverage -p %s (exit status %d): %w", config, res.Exit, err)
		}
		total.typed, total.symbols = total.typed+m.typed, total.symbols+m.symbols
		total.places = append(total.places, m.places...)
	}
	if total.symbols == 0 {
		return total, nil, fmt.Errorf("type-coverage found no symbol: does %s/tsconfig.json include the sources?", u.project.Dir)
	}
	total.engine = "type-coverage"
	return total, nil, nil
}

// findTool is the nearest type-coverage from the project up to the root. One
// that is committed is code of the change, not a tool.
func findTool(ctx context.Context, t *gates.Target, root *os.Root, u unit) (string, error) {
	declared := false
	for dir := u.project.Dir; ; dir = path.Dir(dir) {
		name := path.Join(dir, "node_modules/.bin/type-coverage")
		if _, err := root.Lstat(filepath.FromSlash(name)); err == nil && t.Tree.File(name) == nil {
			return filepath.Join(t.Dir, filepath.FromSlash(name)), nil
		}
		if f := t.Tree.File(path.Join(dir, "package.json")); f != nil {
			data, err := t.Tree.Read(ctx, *f, settingsLimit)
			if err != nil {
				return "", err
			}
			var m struct{ Dependencies, DevDependencies map[string]any }
			_ = json.Unmarshal(data, &m)
			declared = declared || m.Dependencies["type-coverage"] != nil || m.DevDependencies["type-coverage"] != nil
		}
		if dir == "." {
			break
		}
	}
	if declared {
		return "", errors.New("package.json names type-coverage, and it is not installed: run `npm ci` (or the install of your package manager) before wf-ci")
	}
	return "", missingTool{tool: "type-coverage", remedy: nodeRemedy}
}

// pinned are the options as the policy's package.json has them.
func pinned(ctx context.Context, t *gates.Target, u unit) ([]string, error) {
	data, err := t.ReadPolicy(ctx, path.Join(u.project.Dir, "package.json"))
	if err != nil {
		return nil, err
	}
	var m struct {
		TypeCoverage map[string]any `json:"typeCoverage"`
	}
	_ = json.Unmarshal(data, &m)
	var args []string
	for _, name := range never {
		args = append(args, "--no-"+name)
	}
	for _, name := range switches {
		on, _ := m.TypeCoverage[name].(bool)
		if alias, ok := m.TypeCoverage[camel(name)].(bool); ok {
			on = alias
		}
		if on {
			args = append(args, "--"+name)
		} else {
			args = append(args, "--no-"+name)
		}
	}
	files, _ := m.TypeCoverage["ignoreFiles"].([]any)
	if other, ok := m.TypeCoverage["ignore-files"].([]any); ok {
		files = other
	}
	for _, f := range files {
		if s, ok := f.(string); ok {
			args = append(args, "--ignore-files="+s)
		}
	}
	if len(files) == 0 {
		args = append(args, "--no-ignore-files")
	}
	return args, nil
}

// camel is ignore-files as ignoreFiles.
func camel(name string) string {
	parts := strings.Split(name, "-")
	for i, p := range parts[1:] {
		parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "")
}

// reportLimit bounds what a tool may answer.
const reportLimit = 64 << 20

// capped keeps what a child prints, up to a limit.
type capped struct {
	bytes.Buffer
	limit int
	over  bool
}

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > c.limit {
		c.over = true
		return len(p), nil
	}
	return c.Buffer.Write(p)
}

var (
	// diagnostic is a message of the compiler among the names of symbols, which
	// hold no blanks: type-coverage has one list for both.
	diagnostic = regexp.MustCompile(`^\S+ .*[.?:]$`)
	// unresolved is a package that is not installed. What comes out of it counts
	// as typed, so that a project without its packages has 100 %.
	unresolved = regexp.MustCompile(`^Cannot find module '([^'./][^']*)'`)
)

// readTypeCoverage reads the JSON of type-coverage. Without a symbol its
// percentage is null, and its status that of a success.
func readTypeCoverage(data []byte, dir string) (measure, error) {
	var r struct {
		Succeeded *bool    `json:"succeeded"`
		Error     any      `json:"error"`
		Correct   *int     `json:"correctCount"`
		Total     *int     `json:"totalCount"`
		Percent   *float64 `json:"percent"`
		Details   []struct {
			FilePath  string `json:"filePath"`
			Line      int    `json:"line"`
			Character int    `json:"character"`
			Text      string `json:"text"`
		} `json:"details"`
	}
	m := measure{engine: "type-coverage"}
	if err := json.Unmarshal(data, &r); err != nil {
		return m, fmt.Errorf("its answer is no JSON: %w", err)
	}
	switch {
	case r.Correct == nil || r.Total == nil:
		return m, fmt.Errorf("it gives no counts: %.300v", r.Error)
	case *r.Total == 0 && *r.Correct == 0:
		return m, nil // the caller says what that means
	case r.Percent == nil || *r.Correct < 0 || *r.Correct > *r.Total:
		return m, fmt.Errorf("%d typed symbols of %d", *r.Correct, *r.Total)
	}
	m.typed, m.symbols = *r.Correct, *r.Total
	for _, d := range r.Details {
		if diagnostic.MatchString(d.Text) {
			if name := unresolved.FindStringSubmatch(d.Text); name != nil {
				return m, fmt.Errorf("the package %q is not installed (or has no types), so that what comes from it would count as typed: run the install of the project's packages first", name[1])
			}
			m.symbols--
			continue
		}
		p := relative(dir, d.FilePath)
		if p == "" || d.Line < 0 || d.Character < 0 {
			continue
		}
		m.places = append(m.places, place{path: p, line: d.Line + 1, col: d.Character + 1, text: fmt.Sprintf("%.200s has no type (any)", d.Text)})
	}
	if m.typed > m.symbols {
		return m, fmt.Errorf("%d typed symbols of %d", m.typed, m.symbols)
	}
	return m, nil
}

// relative is a file of a report as a path of the tree; empty: outside.
func relative(dir, name string) string {
	name = strings.ReplaceAll(name, "\\", "/")
	if path.IsAbs(name) {
		dirs := []string{filepath.ToSlash(dir)}
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dirs = append(dirs, filepath.ToSlash(real))
		}
		for _, d := range dirs {
			if rest, ok := strings.CutPrefix(name, d+"/"); ok {
				return path.Clean(rest)
			}
		}
		return ""
	}
	if name = path.Clean(name); name == "." || name == ".." || strings.HasPrefix(name, "../") {
		return ""
	}
	return name
}
