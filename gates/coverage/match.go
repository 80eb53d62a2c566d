package coverage

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// matcher finds the files of a tree that a report, or a test's output, names.
// Whatever a name is, what comes out is a path of the tree.
type matcher struct {
	tree     *git.Tree
	dirs     []string // of the checkout on this machine, slashes
	projects []project.Project
	byBase   map[string][]string
}

func newMatcher(dir string, tree *git.Tree, projects []project.Project) *matcher {
	m := &matcher{tree: tree, projects: projects, dirs: []string{filepath.ToSlash(dir)}}
	if real, err := filepath.EvalSymlinks(dir); err == nil && real != dir {
		m.dirs = append(m.dirs, filepath.ToSlash(real))
	}
	return m
}

// has says whether a path is a file of the tree.
func (m *matcher) has(name string) bool {
	f := m.tree.File(name)
	return f != nil && f.Kind != git.Symlink
}

// match gives the tree's path of each file of a report; empty: it is not in
// the tree. at is the report's own path.
func (m *matcher) match(rep *report, at string) []string {
	switch rep.naming {
	case byImport:
		return m.matchImports(rep)
	case byPackage:
		return m.matchPackages(rep, at)
	}
	out := make([]string, len(rep.files))
	names := make([][]string, len(rep.files)) // what each may mean, the likeliest first
	for i, f := range rep.files {
		names[i] = candidates(f.name, rep.sources)
	}
	roots := m.roots(names)
	base := m.base(names, path.Dir(at))
	for i := range names {
		for _, name := range names[i] {
			if out[i] = m.find(name, roots, base); out[i] != "" {
				break
			}
		}
	}
	return out
}

// candidates are the forms of a name with slashes, alone and below each source
// directory.
func candidates(name string, sources []string) []string {
	list := []string{slashed(name)}
	if !strings.HasPrefix(list[0], "/") {
		for _, s := range sources {
			if s = strings.TrimSpace(s); s != "" && s != "." {
				list = append(list, path.Join(slashed(s), list[0]))
			}
		}
	}
	return list
}

// slashed is a path of any system, cleaned; a drive becomes the root.
func slashed(name string) string {
	name = strings.TrimPrefix(name, "file://")
	if !strings.Contains(name, "/") || len(name) > 1 && name[1] == ':' {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	if len(name) > 2 && name[1] == ':' && name[2] == '/' {
		name = name[2:]
	}
	return path.Clean(name)
}

func (m *matcher) find(name string, roots []string, base string) string {
	if !strings.HasPrefix(name, "/") {
		if p := path.Join(base, name); m.has(p) {
			return p
		}
		return ""
	}
	for _, root := range roots {
		if rest, ok := strings.CutPrefix(name, root+"/"); ok && m.has(rest) {
			return rest
		}
	}
	return ""
}

// sample is how many names decide where the others are.
const sample = 2000

// roots are the directories that absolute names of this report are below: our
// checkout, or else the one directory of another machine under which most of
// them are files of the tree.
func (m *matcher) roots(names [][]string) []string {
	var absolute []string
	for _, list := range names {
		for _, name := range list {
			if strings.HasPrefix(name, "/") && len(absolute) < sample {
				absolute = append(absolute, name)
			}
		}
	}
	for _, name := range absolute {
		if m.find(name, m.dirs, ".") != "" {
			return m.dirs
		}
	}
	best, most := "", 0
	tried := make(map[string]bool)
	for i, name := range absolute {
		if i >= 50 {
			break
		}
		for dir := path.Dir(name); ; dir = path.Dir(dir) {
			root := strings.TrimSuffix(dir, "/")
			if !tried[root] {
				tried[root] = true
				n := 0
				for _, other := range absolute {
					if m.find(other, []string{root}, ".") != "" {
						n++
					}
				}
				if n > most || n == most && n > 0 && len(root) < len(best) {
					best, most = root, n
				}
			}
			if dir == "/" {
				break
			}
		}
	}
	if most == 0 {
		return m.dirs
	}
	return []string{best}
}

// base is the directory that the relative names of a report start from: where
// most of them are files, of equals the one nearest to the report.
func (m *matcher) base(names [][]string, reportDir string) string {
	var dirs []string
	for dir := reportDir; ; dir = path.Dir(dir) {
		if slices.ContainsFunc(m.projects, func(p project.Project) bool { return p.Dir == dir }) {
			dirs = append(dirs, dir)
		}
		if dir == "." || dir == "/" {
			break
		}
	}
	dirs = append(dirs, ".", reportDir)
	for _, p := range m.projects {
		dirs = append(dirs, p.Dir)
	}
	best, most := ".", 0
	for _, dir := range dirs {
		n := 0
		for _, list := range names[:min(len(names), sample)] {
			if slices.ContainsFunc(list, func(name string) bool { return m.find(name, nil, dir) != "" }) {
				n++
			}
		}
		if n > most {
			best, most = dir, n
		}
	}
	return best
}

// importDir is the directory of a Go package; false: it is of no module here.
func (m *matcher) importDir(name string) (string, bool) {
	var best *project.Project
	for i := range m.projects {
		p := &m.projects[i]
		if p.Kind == project.Go && p.Name != "" && (name == p.Name || strings.HasPrefix(name, p.Name+"/")) && (best == nil || len(p.Name) > len(best.Name)) {
			best = p
		}
	}
	if best == nil {
		return "", false
	}
	return path.Join(best.Dir, strings.TrimPrefix(strings.TrimPrefix(name, best.Name), "/")), true
}

func (m *matcher) matchImports(rep *report) []string {
	out := make([]string, len(rep.files))
	for i, f := range rep.files {
		name := f.name
		if dir, ok := m.importDir(path.Dir(name)); ok {
			name = path.Join(dir, path.Base(name))
		} else if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "./") {
			name = m.find(path.Clean(name), m.dirs, ".")
		} else {
			name = ""
		}
		if name != "" && m.has(name) {
			out[i] = name
		}
	}
	return out
}

// matchPackages finds the files that end in a package's path. Of several, the
// one in the report's own project is meant; else none.
func (m *matcher) matchPackages(rep *report, at string) []string {
	out := make([]string, len(rep.files))
	for i, f := range rep.files {
		out[i] = m.ending(slashed(f.name), at)
	}
	return out
}

// ending is the only file of the tree whose path ends in name.
func (m *matcher) ending(name, at string) string {
	if m.byBase == nil {
		m.byBase = make(map[string][]string)
		for _, f := range m.tree.Files {
			if f.Kind != git.Symlink {
				m.byBase[path.Base(f.Path)] = append(m.byBase[path.Base(f.Path)], f.Path)
			}
		}
	}
	var found []string
	for _, p := range m.byBase[path.Base(name)] {
		if p == name || strings.HasSuffix(p, "/"+name) {
			found = append(found, p)
		}
	}
	for dir := path.Dir(at); len(found) > 1 && dir != "." && dir != "/"; dir = path.Dir(dir) {
		var near []string
		for _, p := range found {
			if strings.HasPrefix(p, dir+"/") {
				near = append(near, p)
			}
		}
		if len(near) > 0 {
			found = near
			break
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// place is the tree's path that some text of a tool means: absolute, relative
// to a directory, or the end of one path.
func (m *matcher) place(name, dir string) string {
	name = slashed(name)
	if p := m.find(name, m.dirs, dir); p != "" {
		return p
	}
	if p := m.find(name, nil, "."); p != "" {
		return p
	}
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "..") {
		return ""
	}
	return m.ending(name, path.Join(dir, "x"))
}
