package deps

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// Ecosystem is where packages come from, in OSV's words.
type Ecosystem string

const (
	NPM    Ecosystem = "npm"
	PyPI   Ecosystem = "PyPI"
	Crates Ecosystem = "crates.io"
	Go     Ecosystem = "Go"
)

// Ecosystems are all that the gate knows, in the order of reports.
func Ecosystems() []Ecosystem { return []Ecosystem{NPM, PyPI, Crates, Go} }

// Package is one entry of a lock file.
type Package struct {
	Ecosystem Ecosystem
	Name      string // as the registry knows it; PyPI's names are normalised
	Version   string

	// Line and EndLine hold what changes with an upgrade: the entry's name and
	// its version. From 1; zero: not known.
	Line, EndLine int

	// Elsewhere says that the package comes from no registry (a repository, a
	// file, a URL): no database knows it by its version.
	Elsewhere bool

	// Dev: only development needs it. Via is the direct dependency that brings
	// it; empty: it is direct, or the file does not say.
	Dev    bool
	Direct bool
	Via    string

	folder   string // npm's, from version 2 of its lock file
	requires []int  // indices in the lock's packages
}

// Lock is a lock file, read.
type Lock struct {
	Path     string
	Packages []Package

	// prod and dev are the packages that the project asks for itself. Where a
	// format has none, its reader fills Package.Dev as far as the file says it.
	prod, dev []int

	// open are lines that name no one version (requirements).
	open []openLine
	// includes are files that this one pulls in.
	includes []include
}

type openLine struct {
	line int
	text string
}

// reader reads one format. Its errors are a *lockError where a line is known.
type reader struct {
	name    string // of the format
	matches func(base string) bool
	read    func(b *book, name string, data []byte) (*Lock, error)
	// weak: other files of the project say more; lines that it leaves open count
	// only where there is no other.
	weak bool
}

// book gives a reader the files beside the lock file, by path; nil: not there.
type book struct {
	files  map[string][]byte
	crates map[string]map[string]*cargoToml // of each lock file's folder
}

func (b *book) beside(name, base string) []byte {
	return b.files[path.Join(path.Dir(name), base)]
}

func named(names ...string) func(string) bool {
	return func(base string) bool { return slices.Contains(names, base) }
}

// pylockName is what the standard (PEP 751) allows.
var pylockName = regexp.MustCompile(`^pylock(\.[^.]+)?\.toml$`)

// readers are all formats.
func readers() []reader {
	return []reader{
		{name: "package-lock.json", matches: named("package-lock.json", "npm-shrinkwrap.json"), read: readNPM},
		{name: "pnpm-lock.yaml", matches: named("pnpm-lock.yaml"), read: readPNPM},
		{name: "yarn.lock", matches: named("yarn.lock"), read: readYarn},
		{name: "bun.lock", matches: named("bun.lock"), read: readBun},
		{name: "uv.lock", matches: named("uv.lock"), read: readUV},
		{name: "poetry.lock", matches: named("poetry.lock"), read: readPoetry},
		{name: "pdm.lock", matches: named("pdm.lock"), read: readPDM},
		{name: "Pipfile.lock", matches: named("Pipfile.lock"), read: readPipfile},
		{name: "pylock.toml", matches: pylockName.MatchString, read: readPylock},
		{name: "requirements", matches: isRequirements, read: readRequirements, weak: true},
		{name: "Cargo.lock", matches: named("Cargo.lock"), read: readCargo},
		{name: "go.mod", matches: named("go.mod"), read: readGoMod},
	}
}

func readerOf(name string) *reader {
	for _, r := range readers() {
		if r.matches(path.Base(name)) {
			return &r
		}
	}
	return nil
}

// lockError is what is wrong with a lock file, and where.
type lockError struct {
	path    string
	line    int
	message string
}

func (e *lockError) Error() string {
	if e.line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.path, e.line, e.message)
	}
	return e.path + ": " + e.message
}

// readLock reads a lock file with the reader of its name, and traces what needs
// what.
func readLock(b *book, name string, data []byte) (*Lock, error) {
	r := readerOf(name)
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if line := conflict(data); line > 0 {
		return nil, &lockError{name, line, "a merge conflict is left in it: resolve it, and write the file again with its package manager"}
	}
	l, err := r.read(b, name, data)
	if err != nil {
		return nil, err
	}
	l.Path = name
	for i := range l.Packages {
		p := &l.Packages[i]
		if p.Ecosystem == PyPI {
			p.Name = normalisePyPI(p.Name)
		}
		if p.Name == "" || !p.Elsewhere && p.Version == "" {
			return nil, &lockError{name, p.Line, fmt.Sprintf("an entry without a name or a version (%.60q, %.60q): write the file again with its package manager", p.Name, p.Version)}
		}
	}
	l.trace()
	return l, nil
}

// conflict is the line of a conflict marker, zero where there is none.
func conflict(data []byte) int {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if bytes.HasPrefix(line, []byte("<<<<<<< ")) || bytes.HasPrefix(line, []byte(">>>>>>> ")) {
			return n
		}
	}
	return 0
}

// pep503 is the rule by which PyPI tells names apart.
var pep503 = regexp.MustCompile(`[-_.]+`)

func normalisePyPI(name string) string {
	return strings.ToLower(pep503.ReplaceAllString(name, "-"))
}

// trace follows what needs what: from what the project ships first, then from
// what it develops with, so that a package that both need is shipped. One that
// nothing needs counts as shipped. A direct dependency is nobody's Via.
func (l *Lock) trace() {
	if len(l.prod)+len(l.dev) == 0 {
		return
	}
	seen := make([]bool, len(l.Packages))
	l.follow(l.prod, seen, false)
	l.follow(l.dev, seen, true)
	for _, i := range append(slices.Clone(l.prod), l.dev...) {
		l.Packages[i].Direct, l.Packages[i].Via = true, ""
	}
}

func (l *Lock) follow(roots []int, seen []bool, dev bool) {
	queue := slices.Clone(roots)
	sort.SliceStable(queue, func(a, b int) bool { return l.Packages[queue[a]].Name < l.Packages[queue[b]].Name })
	for _, i := range queue {
		if !seen[i] {
			seen[i], l.Packages[i].Dev = true, dev
		}
	}
	for len(queue) > 0 {
		from := l.Packages[queue[0]]
		queue = queue[1:]
		via := from.Via
		if via == "" {
			via = from.Name
		}
		for _, to := range from.requires {
			if !seen[to] {
				seen[to] = true
				l.Packages[to].Dev, l.Packages[to].Via = dev, via
				queue = append(queue, to)
			}
		}
	}
}

// lines turns offsets into lines.
type lines []int

func newLines(data []byte) lines {
	starts := lines{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// at is the line of an offset, from 1.
func (l lines) at(offset int) int {
	return sort.SearchInts(l, offset+1)
}
