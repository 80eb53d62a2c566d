package lint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// reportUnits are the SARIF files of an earlier step. They stand for the
// linters of all projects.
func reportUnits(s *session, reports []string) []unit {
	for _, kind := range []project.Kind{project.Go, project.Node, project.Python, project.Rust} {
		s.take(kind, ".")
	}
	var list []unit
	for _, name := range reports {
		list = append(list, unit{"report", name, func(ctx context.Context) (result, error) { return s.report(ctx, name) }})
	}
	return list
}

// reportLimit is the size, in bytes, of the largest report that is read.
const reportLimit = 64 << 20

// report judges a SARIF file. It is believed when nobody committed it, and when
// it is newer than every source.
func (s *session) report(ctx context.Context, name string) (result, error) {
	t := s.target
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return result{}, err
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(name))
	switch {
	case err != nil:
		return result{}, fmt.Errorf("%s is not there: let an earlier step of the workflow run the linter and write it", name)
	case !info.Mode().IsRegular() || info.Size() > reportLimit:
		return result{}, fmt.Errorf("%s is no file, or larger than %d MiB", name, reportLimit>>20)
	}
	data, err := root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return result{}, err
	}
	same, err := gates.IsCommitted(ctx, t, name, data)
	if err != nil {
		return result{}, err
	}
	if same {
		return result{}, fmt.Errorf("%s is committed, so it says nothing of this tree: let a step of the workflow write it, and have git ignore it", name)
	}
	if newer := s.newer(root, info.ModTime()); newer != "" {
		return result{}, fmt.Errorf("%s is older than %s: run the linter again. (In a workflow, check out first, then lint, then run wf-ci; a report out of a cache does not count.)", name, newer)
	}
	out, err := gates.Command(gates.CommandOptions{ID: ID, SARIF: name}).Run(ctx, t)
	r := result{findings: out.Findings, rules: out.Rules, engine: out.Engine.Name + " " + out.Engine.Version}
	if err == nil {
		r.files = 1
	}
	return r, err
}

// newer is the newest source that is younger than a report.
func (s *session) newer(root *os.Root, than time.Time) string {
	name, when := "", than
	for _, f := range s.target.Tree.Files {
		if f.Kind == git.Symlink || project.KindOf(project.Language(f.Path, nil)) == "" || !maintained(f.Path, nil) {
			continue
		}
		if info, err := root.Stat(filepath.FromSlash(f.Path)); err == nil && info.ModTime().After(when) {
			name, when = f.Path, info.ModTime()
		}
	}
	return name
}
