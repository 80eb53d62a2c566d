package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

const (
	fileLimit = 64 << 20 // of one built file
	walkLimit = 200_000  // entries of the work tree that are looked at
)

// built weighs the files that the policy names, as they are in the work tree,
// and those of the base: committed there, or known from an earlier verdict.
func (j *judge) built(ctx context.Context, t *gates.Target) error {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	names, err := matching(root, j.o.Paths)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("no file matches gates.bundle.paths (%s): build before wf-ci runs", j.o.Paths[0])
	}
	var now sizes
	committed := 0
	for _, name := range names {
		s, same, err := weigh(ctx, root, t, name)
		if err != nil {
			return err
		}
		if same {
			committed++
		}
		now.add(s)
		j.out.Examined.Files++
		j.out.Examined.Bytes += s.Raw
	}
	defer j.totals()
	then, reason, err := j.before(ctx, t, root, committed == len(names))
	switch {
	case err != nil:
		return err
	case reason != "":
		j.noBaseline("paths", now, reason)
	default:
		j.compare("paths", now, then)
	}
	return nil
}

// matching are the files of the work tree that match a pattern, sorted. Maps of
// sources are not shipped to those who use a page.
func matching(root *os.Root, patterns []string) ([]string, error) {
	var found []string
	n := 0
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // not readable: no output of a build
		}
		if n++; n > walkLimit {
			return fmt.Errorf("more than %d files: wf-ci does not look for built files among so many", walkLimit)
		}
		if d.IsDir() {
			if d.Name() == ".git" || d.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".map" && slices.ContainsFunc(patterns, func(p string) bool { return project.Match(path.Clean(p), name) }) {
			found = append(found, name)
		}
		return nil
	})
	slices.Sort(found)
	return found, err
}

// weigh measures a built file. One that is not committed has to be newer than
// the sources: an old one says nothing of this tree.
func weigh(ctx context.Context, root *os.Root, t *gates.Target, name string) (sizes, bool, error) {
	w, err := gates.ReadWritten(ctx, root, t, name, fileLimit)
	if err != nil {
		f := t.Tree.File(name)
		if w.Data == nil || f == nil || f.Kind == git.Symlink {
			return sizes{}, false, err
		}
		s, err := measure(w.Data) // committed: it is what is shipped
		return s, true, err
	}
	var sources []string
	for _, f := range t.Tree.Files {
		if f.Kind != git.Symlink && project.KindOf(project.Language(f.Path, nil)) == project.Node && project.Classify(f.Path, nil) == project.Source {
			sources = append(sources, f.Path)
		}
	}
	sources = slices.DeleteFunc(sources, func(s string) bool { return s == name })
	if newer := w.OlderThan(root, sources); newer != "" {
		return sizes{}, false, fmt.Errorf("%s is older than %s: build again, after the checkout and before wf-ci", name, newer)
	}
	s, err := measure(w.Data)
	return s, false, err
}

// before is the size at the base, or the reason why it is not known.
func (j *judge) before(ctx context.Context, t *gates.Target, root *os.Root, committed bool) (sizes, string, error) {
	switch {
	case t.Change.Base == "":
		return sizes{}, "there is no base to compare with", nil
	case j.o.Baseline != "":
		w, err := gates.ReadWritten(ctx, root, t, j.o.Baseline, fileLimit)
		if errors.Is(err, fs.ErrNotExist) {
			return sizes{}, j.o.Baseline + " is not there", nil
		}
		if err != nil {
			return sizes{}, "", err
		}
		s, err := readBaseline(w.Data, t.Change.Base)
		if err != nil {
			return sizes{}, fmt.Sprintf("%s: %v", j.o.Baseline, err), nil
		}
		return s, "", nil
	case !committed:
		return sizes{}, "the built files are not committed: keep the verdict of the base (wf-ci run --output json=FILE), and name it in gates.bundle.baseline", nil
	}
	tree, err := t.Repo.TreeAt(ctx, t.Change.Base)
	if err != nil {
		return sizes{}, "", err
	}
	var then sizes
	found := false
	for _, f := range tree.Files {
		if f.Kind == git.Symlink || path.Ext(f.Path) == ".map" || !slices.ContainsFunc(j.o.Paths, func(p string) bool { return project.Match(path.Clean(p), f.Path) }) {
			continue
		}
		data, err := tree.Read(ctx, f, fileLimit)
		if err != nil {
			return sizes{}, "", err
		}
		s, err := measure(data)
		if err != nil {
			return sizes{}, "", err
		}
		then.add(s)
		found = true
	}
	if !found {
		return sizes{}, "the base has no such file", nil
	}
	return then, "", nil
}

// readBaseline takes the sizes out of a verdict, which has to be the base's.
func readBaseline(data []byte, base string) (sizes, error) {
	var v struct {
		Schema string `json:"schema"`
		Head   string `json:"head"`
		Tree   string `json:"tree"`
		Gates  []struct {
			ID      string             `json:"id"`
			Metrics map[string]float64 `json:"metrics"`
		} `json:"gates"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return sizes{}, fmt.Errorf("no verdict: %w", err)
	}
	if v.Schema != gates.VerdictSchema {
		return sizes{}, errors.New("no verdict of wf-ci")
	}
	if v.Head != base {
		return sizes{}, fmt.Errorf("it is the verdict of the commit %.12q, and the base is %.12q", v.Head, base)
	}
	if strings.Contains(v.Tree, "-dirty-") {
		return sizes{}, errors.New("it is the verdict of a work tree with changes")
	}
	for _, g := range v.Gates {
		if g.ID != "bundle" {
			continue
		}
		s := sizes{int64(g.Metrics["raw:paths"]), int64(g.Metrics["gzip:paths"]), int64(g.Metrics["brotli:paths"])}
		if s.Raw <= 0 || s.Gzip <= 0 || s.Brotli <= 0 {
			return sizes{}, errors.New("it has no sizes of built files")
		}
		return s, nil
	}
	return sizes{}, errors.New("the gate bundle is not in it")
}
