package coverage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// baseline is what a total is compared with, where only what the change makes
// worse may block.
type baseline struct {
	known  bool
	byDir  map[string]sum    // of the base
	edited map[string]string // by directory: a test, or its configuration, that the change weakens
	// tolerance is how many lines without a test are one too many.
	tolerance int
}

// compare says whether the change makes a project worse, and why. Where the
// base's figures are known they decide; else the change's own lines do, and
// whether it touches what measures them.
func (b *baseline) compare(dir string, u *unit) (worse bool, why string) {
	if b.known {
		was, is := b.byDir[dir].missed(), u.all.missed()
		why = fmt.Sprintf("no test runs %s, %d at the base", gates.Plural(is, "line"), was)
		switch grown := is - was; {
		case grown >= b.tolerance:
			return true, why
		case grown > 0:
			return false, fmt.Sprintf("it does not block: %s, which is fewer than min_lines (%d) more", why, b.tolerance)
		}
		return false, "it does not block: " + why
	}
	missed := u.patch.missed()
	switch {
	case u.blind:
		return true, "the change touches it, and the report has no lines"
	case missed >= b.tolerance:
		return true, fmt.Sprintf("of the lines of the change no test runs %d", missed)
	case b.edited[dir] != "":
		return true, fmt.Sprintf("the change takes away from its tests or their configuration (%s)", gates.Path(b.edited[dir]))
	case !u.touched:
		return false, "it does not block: the change touches no source of it"
	case missed > 0:
		return false, fmt.Sprintf("it does not block: of the lines of the change no test runs %d, fewer than min_lines (%d)", missed, b.tolerance)
	}
	return false, "it does not block: the change adds no line that no test runs"
}

// figures are how a project's lines are kept.
type figures struct{ Covered, Lines int }

// base finds what the totals are compared with, and keeps those of this tree for
// the changes that will have it as their base.
func (m *measurement) base(ctx context.Context, units map[string]*unit) (*baseline, error) {
	b := &baseline{byDir: make(map[string]sum), tolerance: max(1, m.options.MinLines)}
	if len(m.problems) == 0 {
		m.keep(units)
	}
	change := m.target.Change
	if change.Everything() || m.options.All {
		return b, nil
	}
	below := slices.ContainsFunc(slices.Collect(maps.Values(units)), func(u *unit) bool { return u.all.below(m.options.Min) })
	if !below && m.options.BaseReport == "" {
		return b, nil
	}
	tree, err := m.target.Repo.TreeAt(ctx, change.Base)
	if err != nil {
		return nil, fmt.Errorf("read the base: %w", err)
	}
	switch {
	case m.options.BaseReport != "":
		b.known = true
		b.byDir, err = m.baseReport(ctx, tree)
	default:
		if b.byDir, b.known = m.kept(tree.ID); !b.known {
			b.edited, err = m.edited(ctx, tree)
		}
	}
	return b, err
}

func (m *measurement) cacheKey(tree string) string {
	return "coverage-figures/1 " + tree + " " + m.options.Report
}

func (m *measurement) keep(units map[string]*unit) {
	if m.target.Cache == nil {
		return
	}
	byDir := make(map[string]figures)
	for dir, u := range units {
		byDir[dir] = figures{u.all.covered, u.all.lines}
	}
	data, err := json.Marshal(byDir)
	if err == nil {
		err = m.target.Cache.Put(m.cacheKey(m.target.Tree.ID), data)
	}
	if err != nil {
		m.target.Log.Warn("cache not written", "error", err)
	}
}

// kept are the figures that an earlier run on this machine has come to.
func (m *measurement) kept(tree string) (map[string]sum, bool) {
	if m.target.Cache == nil {
		return nil, false
	}
	var byDir map[string]figures
	data, ok := m.target.Cache.Get(m.cacheKey(tree))
	if !ok || json.Unmarshal(data, &byDir) != nil || len(byDir) == 0 {
		return nil, false
	}
	out := make(map[string]sum)
	for dir, f := range byDir {
		if f.Covered < 0 || f.Lines < f.Covered {
			return nil, false
		}
		out[dir] = sum{f.Covered, f.Lines}
	}
	return out, true
}

// baseReport reads the report of the base's tests, and holds it against the
// base's files as any other against this tree's.
func (m *measurement) baseReport(ctx context.Context, tree *git.Tree) (map[string]sum, error) {
	t := *m.target
	t.Tree = tree
	b := &measurement{target: &t, root: m.root, files: make(map[string]*file)}
	if err := b.begin(ctx); err != nil {
		return nil, err
	}
	c := b.load(ctx, m.options.BaseReport)
	if errors.Is(c.err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: let a step bring the report of the base's tests, or take gates.coverage.base_report out", c.err)
	}
	c.ours = true // of another time than the files of this tree
	if err := b.believe(ctx, []*candidate{c}); err != nil {
		return nil, err
	}
	if c.err != nil {
		return nil, fmt.Errorf("the report of the base: %w", c.err)
	}
	if err := b.complete(); err != nil {
		return nil, fmt.Errorf("the report of the base: %w", err)
	}
	out := make(map[string]sum)
	for dir, u := range b.units() {
		out[dir] = u.all
	}
	return out, nil
}

// configuration is what decides which tests run and what is measured, and
// nothing else.
var configuration = regexp.MustCompile(`^(jest|vitest|vite|karma|playwright|cypress|ava|tap)\.config\.[cm]?[jt]s(on)?$|^\.(nycrc|c8rc|mocharc|taprc)(\..*)?$|^(pytest\.ini|tox\.ini|setup\.cfg|\.coveragerc|conftest\.py|nextest\.toml)$`)

// edited names, for each project, the first test or configuration of tests from
// which the change takes something away.
func (m *measurement) edited(ctx context.Context, base *git.Tree) (map[string]string, error) {
	change := m.target.Change
	names := append(change.Files(), change.Gone()...)
	slices.Sort(names)
	out := make(map[string]string)
	for _, name := range names {
		f := base.File(name)
		if f == nil || f.Kind == git.Symlink || f.Size > sourceLimit || !m.decidesTests(name) {
			continue
		}
		less, err := m.lessened(ctx, base, f)
		if err != nil {
			return nil, err
		}
		if !less {
			continue
		}
		for _, dir := range m.dirsOf(name) {
			if out[dir] == "" {
				out[dir] = name
			}
		}
	}
	return out, nil
}

func (m *measurement) decidesTests(name string) bool {
	base := path.Base(name)
	return project.Classify(name, nil) == project.Test || configuration.MatchString(base) || base == "package.json" || base == "pyproject.toml"
}

// dirsOf are the projects that a file has a say in: a test in its own, a file of
// no language in all that it lies beside or above.
func (m *measurement) dirsOf(name string) []string {
	if kind := project.KindOf(project.Language(name, nil)); kind != "" && project.Classify(name, nil) == project.Test {
		if p := project.Of(m.projects, kind, name); p != nil {
			return []string{p.Dir}
		}
	}
	dirs := []string{"."}
	for _, p := range m.projects {
		if dir := path.Dir(name); p.Holds(name) || dir == "." || strings.HasPrefix(p.Dir+"/", dir+"/") {
			dirs = append(dirs, p.Dir)
		}
	}
	return dirs
}

// lessened says whether the change takes lines of a file away; of a manifest,
// whether it changes what is in it about tests. A test that only gets more lines
// is no loss.
func (m *measurement) lessened(ctx context.Context, base *git.Tree, was *git.File) (bool, error) {
	old, err := base.Read(ctx, *was, sourceLimit)
	if err != nil {
		return false, err
	}
	is := m.target.Tree.File(was.Path)
	if is == nil {
		return true, nil
	}
	if is.Kind == git.Symlink || is.Size > sourceLimit {
		return true, nil
	}
	now, err := m.target.Tree.Read(ctx, *is, sourceLimit)
	if err != nil {
		return false, err
	}
	switch path.Base(was.Path) {
	case "package.json":
		return !reflect.DeepEqual(section(json.Unmarshal, old, "scripts", "jest", "vitest", "nyc", "c8", "mocha", "ava", "tap"),
			section(json.Unmarshal, now, "scripts", "jest", "vitest", "nyc", "c8", "mocha", "ava", "tap")), nil
	case "pyproject.toml":
		return !reflect.DeepEqual(pytools(old), pytools(now)), nil
	}
	added := 0
	lines := bytes.Count(now, []byte("\n"))
	if len(now) > 0 && now[len(now)-1] != '\n' {
		lines++
	}
	for i := 1; i <= lines; i++ {
		if m.target.Change.HasLines(was.Path, i, i) {
			added++
		}
	}
	before := bytes.Count(old, []byte("\n"))
	if len(old) > 0 && old[len(old)-1] != '\n' {
		before++
	}
	return before > lines-added, nil
}

// section is some keys of a document. One that cannot be read is equal to itself
// alone.
func section(read func([]byte, any) error, data []byte, keys ...string) any {
	var top map[string]any
	if read(data, &top) != nil {
		return string(data)
	}
	out := make(map[string]any)
	for _, k := range keys {
		out[k] = top[k]
	}
	return out
}

func pytools(data []byte) any {
	top := section(toml.Unmarshal, data, "tool")
	doc, ok := top.(map[string]any)
	if !ok {
		return top
	}
	tool, _ := doc["tool"].(map[string]any)
	return []any{tool["pytest"], tool["coverage"]}
}
