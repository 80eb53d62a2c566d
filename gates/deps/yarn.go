package deps

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// yarnEntry is one block of a yarn.lock.
type yarnEntry struct {
	line        int
	descriptors []string // name@range
	name        string
	version     string
	versionLine int
	resolved    string
	requires    [][2]string // name, range
	local       bool        // a workspace's own entry
}

// readYarn reads both forms of yarn.lock. The file does not say which
// dependencies are direct and which are for development only: the package.json
// beside it does, and those of its workspaces.
func readYarn(b *book, name string, data []byte) (*Lock, error) {
	var entries []yarnEntry
	var err error
	berry := bytes.Contains(data, []byte("\n__metadata:")) || bytes.HasPrefix(data, []byte("__metadata:"))
	if berry {
		entries, err = yarnBerry(name, data)
	} else {
		entries, err = yarnClassic(name, data)
	}
	if err != nil {
		return nil, err
	}
	l := &Lock{}
	at := make(map[string]int)
	byName := make(map[string][]int)
	index := make([]int, len(entries))
	for i, e := range entries {
		index[i] = -1
		if e.local {
			continue
		}
		index[i] = len(l.Packages)
		for _, d := range e.descriptors {
			at[d] = index[i]
			n, _ := cutDescriptor(d)
			byName[n] = append(byName[n], index[i])
		}
		l.Packages = append(l.Packages, Package{
			Ecosystem: NPM, Name: e.name, Version: e.version, Line: e.line, EndLine: max(e.line, e.versionLine),
			Elsewhere: fromElsewhere(e.resolved),
		})
	}
	find := func(d [2]string) (int, bool) {
		for _, spelling := range []string{d[0] + "@" + d[1], d[0] + "@npm:" + d[1]} {
			if i, ok := at[spelling]; ok {
				return i, true
			}
		}
		if list := slices.Compact(byName[d[0]]); len(list) == 1 {
			return list[0], true // a resolution that overrides the range
		}
		return 0, false
	}
	for i, e := range entries {
		for _, d := range e.requires {
			if to, ok := find(d); ok && index[i] >= 0 {
				l.Packages[index[i]].requires = append(l.Packages[index[i]].requires, to)
			}
		}
	}
	l.yarnRoots(b, name, find)
	return l, nil
}

// yarnRoots reads what the manifests below the lock file ask for. Without one,
// everything counts as shipped, and nothing is known to be direct.
func (l *Lock) yarnRoots(b *book, name string, find func([2]string) (int, bool)) {
	dir := path.Dir(name)
	var names []string
	for file := range b.files {
		if path.Base(file) == "package.json" && (dir == "." || strings.HasPrefix(file, dir+"/")) {
			names = append(names, file)
		}
	}
	slices.Sort(names)
	for _, file := range names {
		var m nodeManifest
		if json.Unmarshal(b.files[file], &m) != nil {
			continue // project.Detect tells of it
		}
		for _, group := range []struct {
			of   map[string]any
			into *[]int
		}{{m.Dependencies, &l.prod}, {m.Optional, &l.prod}, {m.Peer, &l.prod}, {m.Dev, &l.dev}} {
			for n, r := range group.of {
				if text, ok := r.(string); ok {
					if i, ok := find([2]string{n, text}); ok {
						*group.into = append(*group.into, i)
					}
				}
			}
		}
	}
	slices.Sort(l.prod)
	slices.Sort(l.dev)
	l.prod, l.dev = slices.Compact(l.prod), slices.Compact(l.dev)
}

// cutDescriptor takes "@scope/name@range" apart at the first @ behind the scope.
func cutDescriptor(d string) (name, rng string) {
	i := strings.IndexByte(d[min(1, len(d)):], '@')
	if i < 0 {
		return d, ""
	}
	return d[:i+1], d[i+2:]
}

// yarnName is the package behind a descriptor: of an alias, the real one.
func yarnName(descriptor string) string {
	name, rng := cutDescriptor(descriptor)
	if alias, ok := strings.CutPrefix(rng, "npm:"); ok && strings.Contains(alias[min(1, len(alias)):], "@") {
		name, _ = cutDescriptor(alias)
	}
	return name
}

// yarnClassic reads the form of yarn 1: like YAML, and none.
func yarnClassic(name string, data []byte) ([]yarnEntry, error) {
	var entries []yarnEntry
	var e *yarnEntry
	n, inside := 0, false
	for line := range bytes.Lines(data) {
		n++
		s := strings.TrimRight(string(line), "\r\n")
		content := strings.TrimLeft(s, " ")
		indent := len(s) - len(content)
		key, value := yarnWords(content)
		switch {
		case content == "" || content[0] == '#':
		case indent == 0 && !strings.HasSuffix(s, ":"):
			return nil, &lockError{name, n, fmt.Sprintf("not a line of a yarn.lock: %.60q; write the file again with yarn install", s)}
		case indent == 0:
			entries = append(entries, yarnEntry{line: n})
			e, inside = &entries[len(entries)-1], false
			for d := range strings.SplitSeq(strings.TrimSuffix(s, ":"), ", ") {
				e.descriptors = append(e.descriptors, strings.Trim(d, `"`))
			}
			e.name = yarnName(e.descriptors[0])
		case e == nil:
			return nil, &lockError{name, n, "a line that belongs to no package: write the file again with yarn install"}
		case indent == 2:
			inside = content == "dependencies:" || content == "optionalDependencies:"
			switch key {
			case "version":
				e.version, e.versionLine = value, n
			case "resolved":
				e.resolved = value
			}
		case indent == 4 && inside:
			e.requires = append(e.requires, [2]string{key, value})
		}
	}
	for i := range entries {
		if entries[i].version == "" {
			return nil, &lockError{name, entries[i].line, fmt.Sprintf("%.60q has no version: write the file again with yarn install", entries[i].name)}
		}
	}
	if len(entries) == 0 && !bytes.Contains(data, []byte("# yarn lockfile v1")) {
		return nil, &lockError{name, 1, "empty, or no yarn.lock: write it again with yarn install"}
	}
	return entries, nil
}

// yarnWords are the two words of a line, each of which may be quoted.
func yarnWords(s string) (key, value string) {
	if strings.HasPrefix(s, `"`) {
		if end := strings.IndexByte(s[1:], '"'); end >= 0 {
			return s[1 : end+1], strings.Trim(strings.TrimSpace(s[end+2:]), `"`)
		}
	}
	key, value, _ = strings.Cut(s, " ")
	return key, strings.Trim(strings.TrimSpace(value), `"`)
}

// yarnBerry reads the form of yarn 2 and later, which is YAML.
func yarnBerry(name string, data []byte) ([]yarnEntry, error) {
	doc, err := parseYAML(name, data)
	if err != nil {
		return nil, err
	}
	var entries []yarnEntry
	for _, p := range pairs(doc) {
		if p.key.Value == "__metadata" {
			switch v := text(child(p.value, "version")); v {
			case "4", "5", "6", "7", "8":
			default:
				return nil, &lockError{name, p.key.Line, fmt.Sprintf("version %.20q is not known to this version of wf-ci (4 to 8 are)", v)}
			}
			continue
		}
		e := yarnEntry{line: p.key.Line, version: text(child(p.value, "version"))}
		if v := child(p.value, "version"); v != nil {
			e.versionLine = v.Line
		}
		for d := range strings.SplitSeq(p.key.Value, ", ") {
			e.descriptors = append(e.descriptors, d)
		}
		resolution := text(child(p.value, "resolution"))
		var reference string
		e.name, reference = cutDescriptor(resolution)
		e.local = strings.HasPrefix(reference, "workspace:")
		switch {
		case strings.HasPrefix(reference, "npm:"):
		case strings.HasPrefix(reference, "patch:"):
			continue // of a package that has an entry of its own
		default:
			e.resolved = "git:" + reference // whatever it is, it is no registry
		}
		if e.name == "" || e.version == "" {
			return nil, &lockError{name, p.key.Line, fmt.Sprintf("the entry %.80q has no resolution or no version: write the file again with yarn install", p.key.Value)}
		}
		for _, field := range []string{"dependencies", "optionalDependencies"} {
			for _, d := range pairs(child(p.value, field)) {
				e.requires = append(e.requires, [2]string{d.key.Value, text(d.value)})
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}
