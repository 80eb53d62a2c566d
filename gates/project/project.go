// Package project tells what is in a tree: which projects (a Go module, a
// package.json, …), how they hang together, and of each file whether a person
// of this repository wrote it as source or as a test, or whether it was
// vendored, generated or minified.
//
// It looks at a [git.Tree] only, never at the disk, and it decides nothing:
// what it does not know is an ordinary source file, so that no gate passes over
// what it should have looked at.
package project

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Kind is the ecosystem of a project.
type Kind string

const (
	Go     Kind = "go"
	Node   Kind = "node"
	Python Kind = "python"
	Rust   Kind = "rust"
)

// Project is one unit with dependencies and tests of its own. A directory with
// a go.mod and a package.json holds two.
type Project struct {
	Dir  string // slashes, relative to the tree's root; "." is the root
	Kind Kind
	Name string // the module's path, the package's name; may be empty

	// Manager is npm, pnpm, yarn, bun, pip, poetry, uv, pipenv, cargo or go.
	Manager string
	// Manifest is the path of what declares the project; empty: nothing does,
	// there are only sources.
	Manifest string
	// Lock is the path of the lock file, which may be a parent's; empty: none.
	Lock string
	// Workspace is the directory of the workspace that the project is a member
	// of; empty: none.
	Workspace string
	// Scripts are those of package.json.
	Scripts map[string]string
	// Problem is why the manifest could not be read in full.
	Problem string
}

// Holds says whether a path lies below the project's directory.
func (p Project) Holds(name string) bool { return below(p.Dir, name) }

// manifestLimit is more than any manifest that a person wrote.
const manifestLimit = 4 << 20

// lockNames are the lock files, and for each manager the order to look in.
var lockNames = map[Kind][]struct{ name, manager string }{
	Go: {{"go.sum", "go"}},
	Node: {
		{"pnpm-lock.yaml", "pnpm"}, {"yarn.lock", "yarn"}, {"bun.lock", "bun"}, {"bun.lockb", "bun"},
		{"package-lock.json", "npm"}, {"npm-shrinkwrap.json", "npm"},
	},
	Python: {
		{"uv.lock", "uv"}, {"poetry.lock", "poetry"}, {"Pipfile.lock", "pipenv"}, {"pylock.toml", "pip"}, {"requirements.txt", "pip"},
	},
	Rust: {{"Cargo.lock", "cargo"}},
}

// manifestNames declare a project; of several in one directory the first counts.
var manifestNames = []struct {
	name string
	kind Kind
}{
	{"go.mod", Go}, {"package.json", Node}, {"Cargo.toml", Rust},
	{"pyproject.toml", Python}, {"setup.py", Python}, {"setup.cfg", Python}, {"Pipfile", Python}, {"requirements.txt", Python},
}

// readAlso are files that are read for what they say of workspaces.
var readAlso = []string{"go.work", "pnpm-workspace.yaml"}

// Detect finds the projects of a tree, ordered by directory and kind. Manifests
// in vendored directories and in test data are no projects.
func Detect(ctx context.Context, tree *git.Tree) ([]Project, error) {
	d := detector{tree: tree, content: make(map[string][]byte)}
	if err := d.read(ctx); err != nil {
		return nil, err
	}
	for _, f := range d.manifests {
		d.add(f.Path)
	}
	d.workspaces()
	for i := range d.found {
		d.manage(&d.found[i])
	}
	d.undeclared()
	slices.SortFunc(d.found, func(a, b Project) int {
		return cmp.Or(strings.Compare(a.Dir, b.Dir), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return d.found, nil
}

// Of is the deepest project of a kind that holds the path; nil: there is none.
func Of(list []Project, kind Kind, name string) *Project {
	var best *Project
	for i := range list {
		p := &list[i]
		if p.Kind == kind && p.Holds(name) && (best == nil || len(p.Dir) > len(best.Dir) || best.Dir == ".") {
			best = p
		}
	}
	return best
}

// KindOf is the ecosystem that a language belongs to; empty: none of ours.
func KindOf(language string) Kind {
	switch language {
	case "go":
		return Go
	case "javascript", "typescript", "vue", "svelte":
		return Node
	case "python":
		return Python
	case "rust":
		return Rust
	}
	return ""
}

type detector struct {
	tree      *git.Tree
	manifests []git.File
	found     []Project
	members   []workspace

	mu      sync.Mutex
	content map[string][]byte
}

// read fills content with every manifest of the tree.
func (d *detector) read(ctx context.Context) error {
	var files []git.File
	for _, f := range d.tree.Files {
		base := path.Base(f.Path)
		manifest := slices.ContainsFunc(manifestNames, func(m struct {
			name string
			kind Kind
		}) bool {
			return m.name == base
		})
		if !manifest && !slices.Contains(readAlso, base) || f.Kind == git.Symlink || Aside(f.Path) {
			continue
		}
		if manifest {
			d.manifests = append(d.manifests, f)
		}
		if f.Size <= manifestLimit {
			files = append(files, f)
		}
	}
	err := d.tree.Each(ctx, files, 1, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.content[f.Path] = data
		return err
	})
	if err != nil {
		return fmt.Errorf("read the manifests: %w", err)
	}
	return nil
}

// aside are directories whose manifests belong to no project of the repository.
var aside = []string{"testdata", "fixtures", "__fixtures__", "test-fixtures"}

// Aside says whether a path lies where no project of the repository is: in
// somebody else's code, or in test data.
func Aside(name string) bool { return set(aside, path.Dir(name)) || vendoredPath(name) }

// set says whether one of the path's directories is in the list.
func set(list []string, dir string) bool {
	for part := range strings.SplitSeq(dir, "/") {
		if slices.Contains(list, part) {
			return true
		}
	}
	return false
}

// add makes a project of a manifest, unless a better one of its directory has.
func (d *detector) add(name string) {
	dir, base := path.Dir(name), path.Base(name)
	rank := slices.IndexFunc(manifestNames, func(m struct {
		name string
		kind Kind
	}) bool {
		return m.name == base
	})
	kind := manifestNames[rank].kind
	if kind == Python {
		for _, better := range manifestNames[:rank] {
			if better.kind == Python && d.tree.File(path.Join(dir, better.name)) != nil {
				return
			}
		}
		if weak := base == "requirements.txt" || base == "setup.cfg"; weak && !d.hasSource(dir, Python) {
			return // of the documentation's tool, of a linter
		}
	}
	p := Project{Dir: dir, Kind: kind, Manifest: name}
	data, ok := d.content[name]
	if !ok {
		p.Problem = fmt.Sprintf("%s is larger than %d MiB", name, manifestLimit>>20)
		d.found = append(d.found, p)
		return
	}
	if err := d.parse(&p, base, data); err != nil {
		p.Problem = fmt.Sprintf("%s: %v", name, err)
	}
	if kind != Rust || p.Name != "" || p.Problem != "" || d.hasSource(dir, Rust) {
		d.found = append(d.found, p)
	}
}

func (d *detector) hasSource(dir string, kind Kind) bool {
	for _, f := range d.tree.Files {
		if below(dir, f.Path) && KindOf(Language(f.Path, nil)) == kind && !vendoredPath(f.Path) && !set(aside, path.Dir(f.Path)) {
			return true
		}
	}
	return false
}

// undeclared finds sources that belong to no project of their kind.
func (d *detector) undeclared() {
	lonely := make(map[Kind]bool)
	for _, f := range d.tree.Files {
		kind := KindOf(Language(f.Path, nil))
		if kind == "" || lonely[kind] || f.Kind == git.Symlink || Of(d.found, kind, f.Path) != nil {
			continue
		}
		if c := Classify(f.Path, nil); (c == Source || c == Test) && !set(aside, path.Dir(f.Path)) {
			lonely[kind] = true
		}
	}
	for kind := range lonely {
		manager := map[Kind]string{Go: "go", Node: "npm", Python: "pip", Rust: "cargo"}[kind]
		d.found = append(d.found, Project{Dir: ".", Kind: kind, Manager: manager})
	}
}

// manage finds the lock file and the manager: in the project's directory, then
// in those above it.
func (d *detector) manage(p *Project) {
	for dir := p.Dir; p.Lock == ""; dir = path.Dir(dir) {
		for _, l := range lockNames[p.Kind] {
			if p.Manager != "" && p.Manager != l.manager {
				continue
			}
			name := path.Join(dir, l.name)
			if d.tree.File(name) == nil || dir != p.Dir && !d.sharesLock(p, dir, l.name) {
				continue
			}
			p.Lock, p.Manager = name, l.manager
			break
		}
		if dir == "." {
			break
		}
	}
	if p.Manager == "" {
		p.Manager = map[Kind]string{Go: "go", Node: "npm", Python: "pip", Rust: "cargo"}[p.Kind]
	}
}

// sharesLock says whether a lock file above a project may be its own: in a
// workspace it is, and in none a Go module's sums are never another's.
func (d *detector) sharesLock(p *Project, dir, lock string) bool {
	return p.Workspace == dir && p.Kind != Go && lock != "requirements.txt"
}

// below says whether a path is in a directory, or in one below it.
func below(dir, name string) bool {
	return dir == "." || strings.HasPrefix(name, dir+"/")
}
