package deps

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// stdlib is how OSV calls Go's standard library.
const stdlib = "stdlib"

// readGoMod reads a go.mod, which is its own lock file. Before Go 1.17 it does
// not list what is needed indirectly: there go.sum does, beside it.
func readGoMod(b *book, name string, data []byte) (*Lock, error) {
	f, err := modfile.Parse(name, data, nil)
	if err != nil {
		line := 0
		var list modfile.ErrorList
		if errors.As(err, &list) && len(list) > 0 {
			line = list[0].Pos.Line
			err = list[0].Err
			if err == nil {
				err = errors.New("not a go.mod")
			}
		}
		return nil, &lockError{name, line, fmt.Sprintf("cannot be read: %v (go mod tidy)", err)}
	}
	l := &Lock{}
	seen := make(map[string]bool)
	for _, r := range f.Require {
		p := Package{
			Ecosystem: Go, Name: r.Mod.Path, Version: strings.TrimPrefix(r.Mod.Version, "v"),
			Line: r.Syntax.Start.Line, EndLine: r.Syntax.End.Line, Direct: !r.Indirect,
		}
		seen[p.Name] = true
		if goReplaced(f, &p, r.Mod.Version) {
			l.Packages = append(l.Packages, p)
		}
	}
	goVersion := "1.16"
	if f.Go != nil {
		goVersion = f.Go.Version
	}
	if semver.Compare("v"+majorMinor(goVersion), "v1.17") < 0 {
		l.goSum(b.beside(name, "go.sum"), f, seen)
	}
	return l, nil
}

// majorMinor is "1.17" of "1.17rc1".
func majorMinor(v string) string {
	end := strings.IndexFunc(v, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		v = v[:end]
	}
	if parts := strings.Split(v, "."); len(parts) > 2 {
		v = parts[0] + "." + parts[1]
	}
	return v
}

// goReplaced puts the module that go.mod puts in another's place. False: a folder
// of the tree, which no database knows.
func goReplaced(f *modfile.File, p *Package, version string) bool {
	for _, r := range f.Replace {
		if r.Old.Path != p.Name || r.Old.Version != "" && r.Old.Version != version {
			continue
		}
		if r.New.Version == "" {
			return false
		}
		p.Name, p.Version = r.New.Path, strings.TrimPrefix(r.New.Version, "v")
		p.Line, p.EndLine = r.Syntax.Start.Line, r.Syntax.End.Line
		return true
	}
	return true
}

// goSum adds the modules that only go.sum knows, each in its greatest version:
// at least that one was looked at, and mostly it is the one that is built.
func (l *Lock) goSum(data []byte, f *modfile.File, seen map[string]bool) {
	greatest := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		w := strings.Fields(line)
		if len(w) != 3 || seen[w[0]] || strings.HasSuffix(w[1], "/go.mod") || !semver.IsValid(w[1]) {
			continue
		}
		if semver.Compare(greatest[w[0]], w[1]) < 0 {
			greatest[w[0]] = w[1]
		}
	}
	for _, name := range sortedKeys(greatest) {
		p := Package{Ecosystem: Go, Name: name, Version: strings.TrimPrefix(greatest[name], "v")}
		if goReplaced(f, &p, greatest[name]) {
			l.Packages = append(l.Packages, p)
		}
	}
}

// goDirective is the line of a go.mod that says which Go is used: its toolchain
// line, or else its go line.
func goDirective(data []byte) int {
	f, err := modfile.ParseLax("go.mod", slices.Clone(data), nil)
	switch {
	case err != nil:
		return 0
	case f.Toolchain != nil:
		return f.Toolchain.Syntax.Start.Line
	case f.Go != nil:
		return f.Go.Syntax.Start.Line
	}
	return 0
}
