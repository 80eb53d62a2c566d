package deps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// fileLimit is more than any lock file.
const fileLimit = 64 << 20

// manifests are the files that are read beside the lock files.
var manifests = []string{"package.json", "pyproject.toml", "Pipfile", "setup.py", "setup.cfg", "Cargo.toml", "go.sum"}

// survey is what a tree depends on, as far as its files say.
type survey struct {
	projects []project.Project
	locks    []*Lock // that could be read, by path
	names    []string
	bytes    int64
	binary   map[string]bool // folders with a lock file of bun's binary form
	book     *book
	problems []error // what could not be read or judged
}

// look reads every lock file of the tree. What is wrong with one is noted; the
// others are read all the same.
func look(ctx context.Context, t *gates.Target) (*survey, error) {
	s := &survey{book: &book{files: make(map[string][]byte)}, binary: make(map[string]bool)}
	var err error
	if s.projects, err = project.Detect(ctx, t.Tree); err != nil {
		return nil, err
	}
	if err := s.read(ctx, t); err != nil {
		return nil, err
	}
	queue := slices.Clone(s.names)
	seen := make(map[string]bool)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		l, err := s.lock(name)
		if err != nil {
			s.problems = append(s.problems, err)
			continue
		}
		s.locks = append(s.locks, l)
		for _, i := range l.includes {
			if err := s.include(ctx, t, l, i); err != nil {
				s.problems = append(s.problems, err)
			} else if !seen[i.path] {
				queue = append(queue, i.path)
			}
		}
	}
	slices.SortFunc(s.locks, func(a, b *Lock) int { return strings.Compare(a.Path, b.Path) })
	s.check()
	return s, nil
}

// lock reads one file; one that has no name of a lock file is a requirements
// file that another one includes.
func (s *survey) lock(name string) (*Lock, error) {
	data, ok := s.book.files[name]
	if !ok {
		return nil, &lockError{path: name, message: fmt.Sprintf("it is larger than %d MiB: nothing in it is judged", fileLimit>>20)}
	}
	s.bytes += int64(len(data))
	if readerOf(name) != nil {
		return readLock(s.book, name, data)
	}
	l, err := readRequirements(s.book, name, data)
	if err == nil {
		for i := range l.Packages {
			l.Packages[i].Name = normalisePyPI(l.Packages[i].Name)
		}
	}
	return l, err
}

// include makes a file that a requirements file names known.
func (s *survey) include(ctx context.Context, t *gates.Target, l *Lock, i include) error {
	if _, ok := s.book.files[i.path]; ok {
		return nil
	}
	var f *git.File
	if i.path != "" {
		f = t.Tree.File(i.path)
	}
	if f == nil || f.Kind == git.Symlink {
		return &lockError{l.Path, i.line, fmt.Sprintf("%.120q is not in the repository: what it asks for cannot be judged", i.text)}
	}
	data, err := t.Tree.Read(ctx, *f, fileLimit)
	if err != nil {
		return err
	}
	s.book.files[i.path] = data
	return nil
}

// read fills the book.
func (s *survey) read(ctx context.Context, t *gates.Target) error {
	var files []git.File
	for _, f := range t.Tree.Files {
		base := path.Base(f.Path)
		lock := readerOf(f.Path) != nil
		if f.Kind == git.Symlink || project.Aside(f.Path) || !lock && base != "bun.lockb" && !slices.Contains(manifests, base) {
			continue
		}
		if base == "bun.lockb" {
			s.binary[path.Dir(f.Path)] = true
			continue
		}
		if lock {
			s.names = append(s.names, f.Path)
		}
		if f.Size <= fileLimit {
			files = append(files, f)
		}
	}
	var mu sync.Mutex
	return t.Tree.Each(ctx, files, t.Jobs, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		mu.Lock()
		defer mu.Unlock()
		s.book.files[f.Path] = data
		return err
	})
}

// ecosystemOf is where a project's packages come from.
func ecosystemOf(k project.Kind) Ecosystem {
	return map[project.Kind]Ecosystem{project.Node: NPM, project.Python: PyPI, project.Rust: Crates, project.Go: Go}[k]
}

// formatOf is the ecosystem that a lock file is for.
func formatOf(name string) Ecosystem {
	switch base := path.Base(name); base {
	case "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock":
		return NPM
	case "Cargo.lock":
		return Crates
	case "go.mod":
		return Go
	}
	return PyPI
}

// locksOf are the lock files of a project: beside its manifest, and beside that
// of its workspace.
func (s *survey) locksOf(p project.Project) []*Lock {
	var out []*Lock
	for _, l := range s.locks {
		dir := path.Dir(l.Path)
		own := dir == p.Dir || p.Workspace != "" && dir == p.Workspace || l.Path == p.Lock ||
			p.Kind == project.Python && dir == path.Join(p.Dir, "requirements")
		if own && formatOf(l.Path) == ecosystemOf(p.Kind) {
			out = append(out, l)
		}
	}
	return out
}

// tried says whether a project has a lock file, readable or not.
func (s *survey) tried(p project.Project) bool {
	return slices.ContainsFunc(s.names, func(name string) bool {
		dir := path.Dir(name)
		return formatOf(name) == ecosystemOf(p.Kind) && (dir == p.Dir || p.Workspace != "" && dir == p.Workspace || name == p.Lock)
	})
}

// check compares the manifests with the lock files: what is asked for has to be
// in one.
func (s *survey) check() {
	for _, p := range s.projects {
		if p.Problem != "" {
			s.problems = append(s.problems, fmt.Errorf("%s: what it depends on cannot be told", p.Problem))
			continue
		}
		if p.Kind == project.Go || !declares(s.book, p) {
			continue
		}
		locks := s.locksOf(p)
		switch {
		case len(locks) == 0 && s.binary[p.Dir]:
			s.problems = append(s.problems, &lockError{path: path.Join(p.Dir, "bun.lockb"), message: "its form is known to bun only: bun install --save-text-lockfile --frozen-lockfile --lockfile-only writes bun.lock"})
		case len(locks) == 0 && !s.tried(p):
			s.problems = append(s.problems, &lockError{path: p.Manifest, message: "it asks for packages, and there is no lock file: which versions are installed cannot be told; write one (" + remedy(p) + ") and commit it"})
		case len(locks) > 0:
			s.complete(p, locks)
		}
	}
	s.openLines()
}

// complete says which packages of a manifest no lock file has: they would be
// installed, and nobody would have looked at them.
func (s *survey) complete(p project.Project, locks []*Lock) {
	known := make(map[string]bool)
	weak := true
	for _, l := range locks {
		weak = weak && (readerOf(l.Path) == nil || readerOf(l.Path).weak || pylockName.MatchString(path.Base(l.Path)))
		for _, q := range l.Packages {
			known[q.Name] = true
			if i := strings.LastIndex(q.folder, "node_modules/"); i >= 0 {
				known[q.folder[i+len("node_modules/"):]] = true // the name of an alias
			}
		}
		for _, o := range l.open {
			known[requirementName(o.text)] = true // it is told of as open
		}
	}
	for _, own := range s.projects { // a package of the repository is in its tree
		if own.Kind == p.Kind {
			known[own.Name], known[normalisePyPI(own.Name)] = true, true
		}
	}
	var missing []string
	for _, name := range wants(s.book, p, weak) {
		if !known[name] && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return
	}
	slices.Sort(missing)
	list := strings.Join(missing[:min(len(missing), 5)], ", ")
	if len(missing) > 5 {
		list += fmt.Sprintf(" and %d more", len(missing)-5)
	}
	s.problems = append(s.problems, &lockError{path: p.Manifest, message: fmt.Sprintf("it asks for %s, which %s does not have: bring the lock file up to date (%s)", list, locks[0].Path, remedy(p))})
}

// openLines are requirements that name no one version, in projects where no
// other file does.
func (s *survey) openLines() {
	byPath := make(map[string]*Lock)
	for _, l := range s.locks {
		byPath[l.Path] = l
	}
	for _, l := range s.locks {
		if len(l.open) == 0 || s.strong(l) {
			continue
		}
		var lines []string
		for _, o := range l.open {
			if !pinnedBy(byPath, l, o.text, make(map[string]bool)) {
				lines = append(lines, fmt.Sprintf("%s:%d", l.Path, o.line))
			}
		}
		if len(lines) == 0 {
			continue
		}
		more := ""
		if len(lines) > 5 {
			lines, more = lines[:5], fmt.Sprintf(" and %d more", len(lines)-5)
		}
		s.problems = append(s.problems, fmt.Errorf("%s%s: no version is pinned, so which one is installed cannot be judged: pin it (name==1.2.3, pip-compile writes such a file), or commit a lock file (uv lock, poetry lock, pip lock)", strings.Join(lines, ", "), more))
	}
}

// strong says whether the project of a requirements file has a real lock file.
func (s *survey) strong(l *Lock) bool {
	p := project.Of(s.projects, project.Python, l.Path)
	return p != nil && slices.ContainsFunc(s.locksOf(*p), func(o *Lock) bool {
		r := readerOf(o.Path)
		return r != nil && !r.weak
	})
}

// pinnedBy looks for a pin in the file itself and in those that it includes.
func pinnedBy(byPath map[string]*Lock, l *Lock, line string, seen map[string]bool) bool {
	if l == nil || seen[l.Path] {
		return false
	}
	seen[l.Path] = true
	return l.pins(line) || slices.ContainsFunc(l.includes, func(i include) bool { return pinnedBy(byPath, byPath[i.path], line, seen) })
}

// problem is all that could not be judged, as one error; nil: nothing.
func (s *survey) problem() error {
	texts := make(map[string]error)
	for _, err := range s.problems {
		texts[err.Error()] = err
	}
	var list []error
	for _, text := range sortedKeys(texts) {
		list = append(list, texts[text])
	}
	return errors.Join(list...)
}

// nothing says that no project asks for a package, and no lock file has one.
func (s *survey) nothing() bool {
	return len(s.names) == 0 && len(s.problems) == 0
}

// alone says that there are lock files, and no package in any of them: all that
// could be looked at is the language's own library.
func (s *survey) alone() bool {
	return len(s.problems) == 0 && !slices.ContainsFunc(s.locks, func(l *Lock) bool { return len(l.Packages) > 0 })
}
