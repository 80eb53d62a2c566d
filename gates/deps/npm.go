package deps

import (
	"fmt"
	"path"
	"strings"

	"github.com/tidwall/jsonc"
)

// readNPM reads package-lock.json and npm-shrinkwrap.json, versions 1 to 3.
func readNPM(_ *book, name string, data []byte) (*Lock, error) {
	doc, err := parseJSON(name, data)
	if err != nil {
		return nil, err
	}
	version := doc.get("lockfileVersion").text
	packages, dependencies := doc.get("packages"), doc.get("dependencies")
	switch {
	case doc.kind != isObject:
		return nil, &lockError{name, 1, "not an object"}
	case version != "" && version != "1" && version != "2" && version != "3":
		return nil, &lockError{name, doc.get("lockfileVersion").line, fmt.Sprintf("lockfileVersion %.20s is not known to this version of wf-ci (1, 2 and 3 are)", version)}
	case packages.kind == isObject && (version == "2" || version == "3"):
		return npmPackages(name, packages)
	case dependencies.kind == isObject:
		l := &Lock{}
		npmDependencies(l, dependencies)
		return l, nil
	case version == "3" || version == "2":
		return nil, &lockError{name, 0, "no packages: write it again with npm install --package-lock-only"}
	}
	return &Lock{}, nil
}

// npmPackages reads the map of folders that version 2 and 3 have.
func npmPackages(name string, packages *value) (*Lock, error) {
	l := &Lock{}
	at := make(map[string]int) // folder → package
	for _, m := range packages.members {
		if m.kind != isObject {
			return nil, &lockError{name, m.line, fmt.Sprintf("the entry %.80q is no object", m.key)}
		}
		_, installed := cutLast(m.key, "node_modules/")
		if m.key == "" || m.get("link").isTrue() || !installed {
			continue // the project, its workspaces, and links to them
		}
		at[m.key] = len(l.Packages)
		l.Packages = append(l.Packages, npmPackage(m))
	}
	for _, m := range packages.members {
		npmRequires(l, at, packages, m)
	}
	return l, nil
}

// npmPackage is what is in a folder of node_modules.
func npmPackage(m member) Package {
	version := m.get("version")
	p := Package{Ecosystem: NPM, Name: m.get("name").str(), Version: version.str(), Line: m.line, EndLine: max(m.line, version.line), folder: m.key}
	if p.Name == "" {
		folder, in := path.Split(m.key)
		p.Name = in
		if scope := path.Base(folder); strings.HasPrefix(scope, "@") {
			p.Name = scope + "/" + in
		}
	}
	p.Elsewhere = fromElsewhere(m.get("resolved").str()) || p.Version == ""
	return p
}

// npmRequires adds what a package needs, or what the project and its workspaces
// ask for.
func npmRequires(l *Lock, at map[string]int, packages *value, m member) {
	i, isPackage := at[m.key]
	for _, field := range npmFields {
		if field == devField && isPackage {
			continue // of somebody else's development
		}
		for _, d := range m.get(field).members {
			to, ok := npmResolve(at, packages, m.key, d.key)
			switch {
			case !ok:
			case isPackage:
				l.Packages[i].requires = append(l.Packages[i].requires, to)
			case m.get("link").isTrue():
			default:
				l.ask(field, to)
			}
		}
	}
}

const devField = "devDependencies"

var npmFields = []string{"dependencies", "optionalDependencies", "peerDependencies", devField}

// ask adds what a project asks for in a field of its manifest.
func (l *Lock) ask(field string, to ...int) {
	if field == devField {
		l.dev = append(l.dev, to...)
	} else {
		l.prod = append(l.prod, to...)
	}
}

// npmResolve finds what a package gets when it asks for a name: in its own
// node_modules, then in those above it.
func npmResolve(at map[string]int, packages *value, from, name string) (int, bool) {
	for dir := from; ; {
		folder := path.Join(dir, "node_modules", name)
		if i, ok := at[folder]; ok {
			return i, true
		}
		if packages.get(folder).get("link").isTrue() {
			return 0, false // a workspace: its own entry says what it needs
		}
		if dir == "" || dir == "." {
			return 0, false
		}
		if i := strings.LastIndex(dir, "node_modules/"); i >= 0 {
			dir = strings.TrimSuffix(dir[:i], "/")
		} else {
			dir = path.Dir(dir)
		}
	}
}

// npmDependencies reads the nested map that version 1 has.
func npmDependencies(l *Lock, dependencies *value) {
	for _, m := range dependencies.members {
		version := m.get("version")
		p := Package{
			Ecosystem: NPM, Name: m.key, Version: version.str(), Line: m.line, EndLine: max(m.line, version.line),
			Dev: m.get("dev").isTrue(),
		}
		if alias, ok := strings.CutPrefix(p.Version, "npm:"); ok {
			p.Name, p.Version = cutVersion(alias)
		}
		p.Elsewhere = fromElsewhere(p.Version) || fromElsewhere(m.get("resolved").str()) || p.Version == ""
		if !m.get("bundled").isTrue() || p.Version != "" {
			l.Packages = append(l.Packages, p)
		}
		npmDependencies(l, m.get("dependencies"))
	}
}

// fromElsewhere says whether a source is no registry: a repository, a folder. A
// tarball is taken for what it says it is, wherever it is: a registry of one's
// own looks like any other server.
func fromElsewhere(source string) bool {
	for _, prefix := range []string{"git:", "git+", "git@", "ssh:", "github:", "gitlab:", "bitbucket:", "file:", "link:", "portal:", "workspace:", "patch:"} {
		if strings.HasPrefix(source, prefix) {
			return true
		}
	}
	_, rest, ok := strings.Cut(source, "://")
	if !ok {
		return false
	}
	host, file, _ := strings.Cut(rest, "/")
	if i := strings.IndexAny(file, "?#"); i >= 0 {
		file = file[:i]
	}
	tarball := (strings.HasSuffix(file, ".tgz") || strings.HasSuffix(file, ".tar.gz")) && !strings.HasSuffix(file, "/archive.tar.gz")
	return host == "codeload.github.com" || !tarball && !strings.Contains("/"+file, "/-/") && !strings.Contains("/"+file, "/download/")
}

// cutVersion takes "@scope/name@version" apart.
func cutVersion(s string) (name, version string) {
	if i := strings.LastIndex(s, "@"); i > 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func cutLast(s, sep string) (before string, found bool) {
	i := strings.LastIndex(s, sep)
	return s[:max(i, 0)], i >= 0
}

// readBun reads bun's text lock file.
func readBun(_ *book, name string, data []byte) (*Lock, error) {
	doc, err := parseJSON(name, jsonc.ToJSON(data)) // bun's dialect; no offset moves
	if err != nil {
		return nil, err
	}
	if v := doc.get("lockfileVersion"); v.text != "0" && v.text != "1" {
		return nil, &lockError{name, v.line, fmt.Sprintf("lockfileVersion %.20q is not known to this version of wf-ci (0 and 1 are)", v.text)}
	}
	l := &Lock{}
	at := make(map[string]int)
	packages := doc.get("packages").members
	for _, m := range packages {
		p, err := bunPackage(name, m)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(p.Version, "workspace:") && p.Version != "root:" {
			at[m.key] = len(l.Packages)
			l.Packages = append(l.Packages, p)
		}
	}
	for _, m := range packages {
		if i, ok := at[m.key]; ok {
			l.Packages[i].requires = bunRequires(at, m)
		}
	}
	for _, w := range doc.get("workspaces").members {
		own := w.get("name").str()
		for _, field := range npmFields {
			for _, d := range w.get(field).members {
				if to, ok := bunResolve(at, own, d.key); ok {
					l.ask(field, to)
				}
			}
		}
	}
	return l, nil
}

// bunPackage is an entry of bun's: ["name@version", …].
func bunPackage(name string, m member) (Package, error) {
	id := m.item(0).str()
	first := strings.Index(id[min(1, len(id)):], "@") // behind the scope's
	if m.kind != isList || first < 0 {
		return Package{}, &lockError{name, m.line, fmt.Sprintf("the entry %.80q names no package and version", m.key)}
	}
	version := id[first+2:]
	return Package{Ecosystem: NPM, Line: m.line, EndLine: m.line, Name: id[:first+1], Version: version, Elsewhere: strings.ContainsAny(version, ":#/")}, nil
}

func bunRequires(at map[string]int, m member) (list []int) {
	for _, info := range m.items {
		for _, field := range []string{"dependencies", "optionalDependencies", "peerDependencies"} {
			for _, d := range info.get(field).members {
				if to, ok := bunResolve(at, m.key, d.key); ok {
					list = append(list, to)
				}
			}
		}
	}
	return list
}

// bunResolve finds what a package gets: "a/b" is the b of a.
func bunResolve(at map[string]int, from, name string) (int, bool) {
	for dir := from; dir != "" && dir != "."; dir = path.Dir(dir) {
		if i, ok := at[dir+"/"+name]; ok {
			return i, true
		}
	}
	i, ok := at[name]
	return i, ok
}
