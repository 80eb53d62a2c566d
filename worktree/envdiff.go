package worktree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// EnvDiff is how an env file of a worktree differs from the main worktree's: the
// names of variables, never their values.
type EnvDiff struct {
	File     string   `json:"file"`
	State    string   `json:"state"`     // same, differs, link, only-here, only-in-main, unreadable
	Set      []string `json:"set"`       // as a spawn sets them: ports, Compose project, databases
	Changed  []string `json:"changed"`   // another value than in the main worktree
	OnlyHere []string `json:"only_here"` // the main worktree has none of that name
	OnlyMain []string `json:"only_in_main"`
	Lines    bool     `json:"other_lines,omitempty"` // lines differ that are no assignments: comments, or what nobody can read
}

// EnvDiffs compares the env files of a worktree, as far as git ignores them,
// with those of the main worktree.
func (p *Project) EnvDiffs(ctx context.Context, name string) ([]EnvDiff, error) {
	t, err := p.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if t.Missing {
		return nil, usagef("%s is not there", t.Path)
	}
	c, err := p.condition(ctx, t, true)
	if err != nil {
		return nil, err
	}
	reg, _, err := p.registry.read()
	if err != nil {
		return nil, err
	}
	files, err := p.envFiles(t, c.Ignored)
	if err != nil {
		return nil, err
	}
	spawned := p.spawnChange(reg.at(t.Path))
	out := []EnvDiff{}
	for _, file := range files {
		out = append(out, p.envDiff(t, file, spawned))
	}
	return out, nil
}

// envFiles are the env files that git ignores in a worktree, and those at the top
// of the main worktree that this one has not.
func (p *Project) envFiles(t Tree, ignored []string) ([]string, error) {
	files := slices.DeleteFunc(slices.Clone(ignored), func(path string) bool { return strings.HasSuffix(path, "/") || !isEnvName(path) })
	entries, err := os.ReadDir(p.Main)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		_, err := os.Lstat(filepath.Join(t.Path, e.Name()))
		if isEnvName(e.Name()) && !e.IsDir() && errors.Is(err, fs.ErrNotExist) {
			files = append(files, e.Name())
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// spawnChange is what a spawn with all its switches would have changed.
func (p *Project) spawnChange(row *Row) envChange {
	if row == nil || len(row.Ports) == 0 {
		return envChange{}
	}
	return p.envChange(row.Name, row.Ports[0], true, true)
}

// envDiff compares one file.
func (p *Project) envDiff(t Tree, file string, spawned envChange) EnvDiff {
	d := EnvDiff{File: file, State: "unreadable", Set: []string{}, Changed: []string{}, OnlyHere: []string{}, OnlyMain: []string{}}
	here, mains := filepath.Join(t.Path, filepath.FromSlash(file)), filepath.Join(p.Main, filepath.FromSlash(file))
	if target, err := os.Readlink(here); err == nil && target == mains {
		d.State = "link"
		return d
	}
	ours, errHere := readRegular(here, envLimit)
	theirs, errMain := readRegular(mains, envLimit)
	switch {
	case errHere == nil && errMain == nil:
		d.compare(string(ours), string(theirs), spawned)
	case errHere == nil && errors.Is(errMain, fs.ErrNotExist):
		d.State, d.OnlyHere = "only-here", names(envValues(string(ours)))
	case errMain == nil && errors.Is(errHere, fs.ErrNotExist):
		d.State, d.OnlyMain = "only-in-main", names(envValues(string(theirs)))
	}
	return d
}

// compare sorts the names of two files.
func (d *EnvDiff) compare(ours, theirs string, spawned envChange) {
	d.State = "same"
	if ours == theirs {
		return
	}
	here, main := envValues(ours), envValues(theirs)
	set := spawned.values(theirs)
	for _, key := range names(here) {
		value, known := main[key]
		switch {
		case known && here[key] == value:
		case set(key, here[key]):
			d.Set = append(d.Set, key)
		case known:
			d.Changed = append(d.Changed, key)
		default:
			d.OnlyHere = append(d.OnlyHere, key)
		}
	}
	for _, key := range names(main) {
		if _, ok := here[key]; !ok {
			d.OnlyMain = append(d.OnlyMain, key)
		}
	}
	d.Lines = otherLines(ours) != otherLines(theirs)
	if len(d.Changed)+len(d.OnlyHere)+len(d.OnlyMain) > 0 || d.Lines {
		d.State = "differs"
	}
}

// values says whether a spawn would set a name to a value, with its switches or
// without.
func (c envChange) values(text string) func(key, value string) bool {
	if c.Port == 0 {
		return func(string, string) bool { return false }
	}
	c.Append = true
	plain := envChange{Port: c.Port, Append: true}
	all, least := envValues(c.rewrite(text)), envValues(plain.rewrite(text))
	return func(key, value string) bool {
		a, inAll := all[key]
		b, inLeast := least[key]
		return inAll && a == value || inLeast && b == value
	}
}

// envValues are the values of a file by their names; of two the last counts.
func envValues(text string) map[string]string {
	out := make(map[string]string)
	for line := range envLines(text) {
		if key, _, value, _, ok := splitAssignment(line); ok {
			out[key] = value
		}
	}
	return out
}

// otherLines are the lines that are no assignments.
func otherLines(text string) string {
	var b strings.Builder
	for line := range envLines(text) {
		if _, _, _, _, ok := splitAssignment(line); !ok {
			b.WriteString(strings.TrimSpace(line) + "\n")
		}
	}
	return b.String()
}

func names(values map[string]string) []string {
	out := make([]string, 0, len(values))
	for key := range values {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}
