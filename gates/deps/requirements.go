package deps

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// requirementsName are requirements.txt, requirements-dev.txt, dev-requirements.txt.
var requirementsName = regexp.MustCompile(`^(.+[-_.])?requirements([-_.].+)?\.txt$`)

func isRequirements(base string) bool { return requirementsName.MatchString(base) }

// devName are the words by which people name what only development needs.
var devName = regexp.MustCompile(`(^|[-_./])(dev|develop|development|tests?|testing|lint|docs?)([-_.]|$)`)

// include is a line -r or -c.
type include struct {
	line int
	path string // in the tree; empty: not in it
	text string
}

var (
	comment     = regexp.MustCompile(`(^|\s)#.*$`)
	pinned      = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)$`)
	leadingName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*`)
	option      = regexp.MustCompile(`\s--?[A-Za-z][a-z-]*(=|\s|$)`)
	following   = regexp.MustCompile(`^(-r|--requirement|-c|--constraint)(?:[=\s]\s*|\b)(.+)$`)
)

// readRequirements reads a requirements file as pip does: a line that pins one
// version is a package, -r and -c name further files, and every other
// requirement is open: which version is installed is decided elsewhere.
func readRequirements(_ *book, name string, data []byte) (*Lock, error) {
	l := &Lock{Path: name}
	dev := devName.MatchString(strings.TrimSuffix(path.Base(name), ".txt")) || devName.MatchString(path.Base(path.Dir(name))+"/"+path.Base(name)) && path.Base(path.Dir(name)) == "requirements"
	all := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	for i := 0; i < len(all); i++ {
		first := i + 1
		line := comment.ReplaceAllString(all[i], "")
		for strings.HasSuffix(line, `\`) && i+1 < len(all) {
			i++
			line = strings.TrimSuffix(line, `\`) + comment.ReplaceAllString(all[i], "")
		}
		l.requirement(name, strings.TrimSpace(line), span{first, i + 1}, dev)
	}
	return l, nil
}

func (l *Lock) requirement(name, line string, at span, dev bool) {
	if m := following.FindStringSubmatch(line); m != nil {
		to := strings.Trim(strings.TrimSpace(m[2]), `"'`)
		joined := path.Join(path.Dir(name), to)
		if path.IsAbs(to) || strings.Contains(to, "://") || joined == ".." || strings.HasPrefix(joined, "../") {
			joined = ""
		}
		l.includes = append(l.includes, include{line: at.from, path: joined, text: to})
		return
	}
	editable := strings.HasPrefix(line, "-e ") || strings.HasPrefix(line, "--editable")
	switch {
	case line == "", strings.HasPrefix(line, "-") && !editable:
		return // options of pip
	case editable, strings.HasPrefix(line, "."), strings.HasPrefix(line, "/"), strings.Contains(line, "://"), strings.HasPrefix(line, "file:"):
		l.elsewhere(line, at, dev)
		return
	}
	if cut := option.FindStringIndex(line); cut != nil {
		line = line[:cut[0]]
	}
	line, _, _ = strings.Cut(line, ";")
	line = strings.TrimSpace(line)
	if m := pinned.FindStringSubmatch(line); m != nil {
		l.Packages = append(l.Packages, Package{Ecosystem: PyPI, Name: m[1], Version: m[2], Line: at.from, EndLine: at.to, Dev: dev})
		return
	}
	l.open = append(l.open, openLine{at.from, line})
}

// elsewhere notes a package that comes from a URL. A path of the tree is part of
// what is judged anyway.
func (l *Lock) elsewhere(line string, at span, dev bool) {
	if !strings.Contains(line, "://") {
		return
	}
	name := leadingName.FindString(line)
	if _, egg, ok := strings.Cut(line, "#egg="); ok {
		name = leadingName.FindString(egg)
	} else if !strings.Contains(line, "@ ") || name == "" {
		name = "a package at a URL"
	}
	l.Packages = append(l.Packages, Package{Ecosystem: PyPI, Name: name, Line: at.from, EndLine: at.to, Elsewhere: true, Dev: dev})
}

// requirementName is the normalised name at the start of a requirement.
func requirementName(s string) string {
	return normalisePyPI(leadingName.FindString(strings.TrimSpace(s)))
}

// pins says whether the file pins the package that an open line asks for.
func (l *Lock) pins(line string) bool {
	name := requirementName(line)
	return slices.ContainsFunc(l.Packages, func(p Package) bool { return p.Name == name && !p.Elsewhere })
}
