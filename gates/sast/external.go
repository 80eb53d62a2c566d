package sast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// external is an engine that is a program of its own. It runs on a copy of the
// files that it is for, in a scratch directory: what is judged is the tree, no
// ignore file and no configuration of the checkout is there, and orders that the
// change adds are out of work (see disarm).
type external struct {
	name     string
	install  string   // the command that installs it
	least    [3]int   // the oldest version that may be trusted
	files    []string // endings of the files that it is for; none: all of ours
	settings settings
	// args is the command line, run in the copy.
	args func(c call) []string
	// status are the exit statuses that are an answer.
	status []int
	read   func(c call, stdout, stderr []byte) (reading, error)
	// canary is a file with a fault that the engine has to find, so that one
	// that is blind is not believed. Its content; empty: none. rule is what it
	// has to be found by.
	canary, rule string
}

// settings say what an engine does with a file of the policy.
type settings struct {
	needed bool   // there are no rules without it
	name   string // of the copy
	text   string // what stands for it where the policy names none
}

// call is one start of an engine.
type call struct {
	dir    string // the copy, absolute
	config string // the configuration, absolute; empty: none
	files  int    // in the copy
	tool   string // the program's own path, links resolved
}

// reading is what an engine's output says.
type reading struct {
	found  []foreign // paths relative to the copy, or absolute
	looked []string  // files that it says it looked at; nil: it does not say
	count  int       // or how many; -1: it does not say
	unread []unread  // What is a path
}

// externals are the engines that are programs, the best first.
func externals() []external {
	return []external{semgrep("semgrep"), semgrep("opengrep"), bandit(), ruff(), eslint(), astGrep()}
}

// canaryName is where the canary is, beside all files: no tree has such a name.
const canaryName = "wfci_canary_7b1f"

// external runs an engine. Nil without an error: there is no file for it.
func (g *gate) external(ctx context.Context, t *gates.Target, x external) (*ran, error) {
	files := g.filesFor(t, x)
	if len(files) == 0 {
		return nil, nil
	}
	version, err := x.version(ctx, t)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "wf-ci-sast-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	c := call{dir: filepath.Join(realPath(scratch), "tree"), files: len(files)}
	if c.config, err = g.config(ctx, t, x, realPath(scratch)); err != nil {
		return nil, err
	}
	if err := copyFiles(ctx, t, c.dir, files); err != nil {
		return nil, err
	}
	canary := ""
	if x.canary != "" && g.options.Configs[x.name] == "" {
		canary = canaryName + x.files[0]
		if err := os.WriteFile(filepath.Join(c.dir, canary), []byte(x.canary), 0o600); err != nil {
			return nil, err
		}
		c.files++
	}
	got, err := x.start(ctx, t, c)
	if err != nil {
		return nil, err
	}
	return x.judge(got, c, files, canary, version)
}

// lacks are the engines that the policy names, that there is something for, and
// that are not here.
func (g *gate) lacks(_ context.Context, t *gates.Target) ([]gates.Lack, error) {
	var list []gates.Lack
	for _, x := range externals() {
		if _, asked := g.options.uses(x.name); asked && !t.Runner.Has(x.name) && len(g.filesFor(t, x)) > 0 {
			list = append(list, gates.Lack{Tool: x.name, Remedy: x.install + ", or take it out of gates.sast.engines"})
		}
	}
	return list, nil
}

// filesFor are the files that an engine is for.
func (g *gate) filesFor(t *gates.Target, x external) []git.File {
	all, _ := g.candidates(t)
	return slices.DeleteFunc(all, func(f git.File) bool {
		return f.Size > readLimit || len(x.files) > 0 && !slices.Contains(x.files, strings.ToLower(path.Ext(f.Path)))
	})
}

var versionPattern = lazyregexp.New(`(?:^|[^\d.])((\d+)\.(\d+)(?:\.(\d+))?)\b`)

// version asks the program for its version: one that is not there, or that is
// too old, is an error.
func (x external) version(ctx context.Context, t *gates.Target) (string, error) {
	res, err := t.Runner.Run(ctx, run.Command{Name: x.name, Args: []string{"--version"}, Dir: os.TempDir(), Env: x.env(), Contain: true})
	var missing *run.NotStartedError
	if errors.As(err, &missing) && missing.Missing {
		return "", fmt.Errorf("%s is not in PATH: install it (%s), or take it out of gates.sast.engines", x.name, x.install)
	}
	if err != nil {
		return "", err
	}
	m := versionPattern.FindStringSubmatch(string(res.Stdout.Bytes))
	if m == nil {
		return "", fmt.Errorf("%s --version says no version: %q", x.name, clip(string(res.Stdout.Bytes), 100))
	}
	var v [3]int
	for i := range v {
		v[i], _ = strconv.Atoi(m[i+2])
	}
	if slices.Compare(v[:], x.least[:]) < 0 {
		return "", fmt.Errorf("%s %s is too old, it overlooks faults: %d.%d.%d is the oldest that is believed (%s)", x.name, m[1], x.least[0], x.least[1], x.least[2], x.install)
	}
	return m[1], nil
}

// env keeps engines from the network, and in one language.
func (external) env() []string {
	return []string{"LC_ALL=C.UTF-8", "PYTHONUTF8=1", "NO_COLOR=1", "SEMGREP_SEND_METRICS=off", "SEMGREP_ENABLE_VERSION_CHECK=0", "NODE_OPTIONS=", "PYTHONPATH="}
}

// config writes the engine's configuration: the policy's file, as it is at the
// base of a pull request, or our own.
func (g *gate) config(ctx context.Context, t *gates.Target, x external, scratch string) (string, error) {
	text := []byte(x.settings.text)
	if name := g.options.Configs[x.name]; name != "" {
		data, err := t.ReadPolicy(ctx, name)
		if err != nil {
			return "", fmt.Errorf("configuration of %s, %q: %w", x.name, name, err)
		}
		if data == nil {
			return "", fmt.Errorf("configuration of %s, %q: it is not there (on a pull request it is read at the base)", x.name, name)
		}
		text = data
	} else if x.settings.needed {
		return "", fmt.Errorf("%s has no rules of its own: name a file of them in gates.sast.%s_rules", x.name, strings.NewReplacer("-", "_", "opengrep", "semgrep").Replace(x.name))
	}
	if len(text) == 0 {
		return "", nil
	}
	file := filepath.Join(scratch, x.settings.name)
	return file, os.WriteFile(file, text, 0o600)
}

// copyFiles writes files of the tree, as engines are to see them.
func copyFiles(ctx context.Context, t *gates.Target, dir string, files []git.File) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // no name of the tree leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	return t.Tree.Each(ctx, files, max(1, t.Jobs), func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		data, _ = disarm(t.Change, f.Path, data)
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(f.Path)), 0o700); err != nil {
			return err
		}
		return root.WriteFile(filepath.FromSlash(f.Path), data, 0o600)
	})
}

// start runs the program, and reads what it says.
func (x external) start(ctx context.Context, t *gates.Target, c call) (reading, error) {
	var stdout bytes.Buffer
	out := &limited{w: &stdout, left: outputLimit}
	res, err := t.Runner.Run(ctx, run.Command{Name: x.name, Args: x.args(c), Dir: c.dir, Env: x.env(), Stdout: out, Contain: true})
	var exit *run.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		return reading{}, err
	case !slices.Contains(x.status, res.Exit):
		return reading{}, fmt.Errorf("%s broke off (exit status %d): %s", x.name, res.Exit, strings.TrimSpace(clip(string(res.Stderr.Bytes), 600)))
	case out.left < 0:
		return reading{}, fmt.Errorf("%s printed more than %d MiB", x.name, outputLimit>>20)
	}
	got, err := x.read(c, stdout.Bytes(), res.Stderr.Bytes)
	if err != nil {
		return got, fmt.Errorf("%s (exit status %d): %w", x.name, res.Exit, err)
	}
	return got, nil
}

// judge says whether an answer can be believed, and brings its paths into the
// tree.
func (x external) judge(got reading, c call, files []git.File, canary, version string) (*ran, error) {
	r := &ran{name: x.name, version: version, files: len(files)}
	if err := x.findings(r, got, c, canary); err != nil {
		return nil, err
	}
	if err := x.unread(r, got, c, files, canary); err != nil {
		return nil, err
	}
	if got.count >= 0 && got.count < c.files {
		return nil, fmt.Errorf("%s looked at %d of %d files", x.name, got.count, c.files)
	}
	if len(files) > 0 && len(r.unread) >= len(files) {
		return nil, fmt.Errorf("%s looked at no file: %s", x.name, clip(r.unread[0].Why, 300))
	}
	return r, nil
}

// findings takes over what was found. The canary has a fault that the engine has
// to find, and that is none of the tree's.
func (x external) findings(r *ran, got reading, c call, canary string) error {
	warned := canary == ""
	for _, f := range got.found {
		name, ok := x.place(c, string(f.Path))
		if !ok {
			return fmt.Errorf("%s reports %q, which is outside the tree", x.name, clip(string(f.Path), 200))
		}
		if name == canary && canary != "" {
			warned = warned || f.rule == x.rule
			continue
		}
		f.Path, f.engine, f.Rule = gates.Path(name), x.name, x.name+"/"+f.rule
		if f.class == "" {
			f.class = faultClass(f.Rule, f.cwe)
		}
		r.found = append(r.found, f)
	}
	if !warned {
		return fmt.Errorf("%s does not find the fault that is put there to try it (%s): it is not believed", x.name, x.rule)
	}
	return nil
}

// unread takes over what could not be read, and of an engine that names what it
// looked at what it does not name.
func (x external) unread(r *ran, got reading, c call, files []git.File, canary string) error {
	missing := make(map[string]bool)
	for _, f := range files {
		missing[f.Path] = got.looked != nil
	}
	for _, f := range got.looked {
		if name, ok := x.place(c, f); ok {
			delete(missing, name)
		}
	}
	for _, u := range got.unread {
		name, ok := x.place(c, u.What)
		if !ok || name == canary {
			return fmt.Errorf("%s: %s: %s", x.name, clip(u.What, 200), clip(u.Why, 300))
		}
		delete(missing, name)
		r.unread = append(r.unread, unread{What: name, Why: strings.ReplaceAll(u.Why, c.dir+string(filepath.Separator), ""), path: gates.Path(name)})
	}
	for name, away := range missing {
		if away {
			r.unread = append(r.unread, unread{What: name, Why: "it does not say that it did", path: gates.Path(name)})
		}
	}
	slices.SortFunc(r.unread, func(a, b unread) int { return strings.Compare(a.What+"\x00"+a.Why, b.What+"\x00"+b.Why) })
	return nil
}

// place is a path below the copy.
func (external) place(c call, name string) (string, bool) {
	if filepath.IsAbs(name) {
		return relative(c.dir, name)
	}
	name = path.Clean(filepath.ToSlash(name))
	return name, insideTree(name) && name != "."
}

// outputLimit is the most that an engine may print, in bytes.
const outputLimit = 128 << 20

// limited passes on what is written up to a limit.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return len(p), nil
	}
	return l.w.Write(p)
}
