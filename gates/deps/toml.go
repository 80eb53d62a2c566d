package deps

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// parseTOML decodes a document, and says where each [[table]] begins and where
// its version stands.
func parseTOML(name string, data []byte, table string, into any) ([]span, error) {
	if err := toml.Unmarshal(data, into); err != nil {
		line := 0
		var decode *toml.DecodeError
		if errors.As(err, &decode) {
			line, _ = decode.Position()
		}
		return nil, &lockError{name, line, fmt.Sprintf("cannot be read: %v; write it again with its package manager", err)}
	}
	return tables(data, table), nil
}

// span is where an entry's name and version stand, in lines.
type span struct{ from, to int }

// tables finds the [[name]] tables of a document that is known to be right.
func tables(data []byte, name string) []span {
	var out []span
	at := newLines(data)
	var p unstable.Parser
	p.Reset(data)
	inside := false
	for p.NextExpression() {
		e := p.Expression()
		key := tomlKey(e)
		switch e.Kind {
		case unstable.ArrayTable, unstable.Table:
			inside = e.Kind == unstable.ArrayTable && len(key) == 1 && key[0].text == name
			if inside {
				line := at.at(key[0].offset)
				out = append(out, span{line, line})
			}
		case unstable.KeyValue:
			if inside && len(key) == 1 && key[0].text == "version" {
				out[len(out)-1].to = at.at(key[0].offset)
			}
		}
	}
	return out
}

type tomlPart struct {
	text   string
	offset int
}

func tomlKey(e *unstable.Node) []tomlPart {
	var key []tomlPart
	for it := e.Key(); it.Next(); {
		n := it.Node()
		key = append(key, tomlPart{string(n.Data), int(n.Raw.Offset)})
	}
	return key
}

// place gives a package its lines: the i-th table's, where the counts agree.
func place(p *Package, spans []span, i, total int) {
	if len(spans) == total {
		p.Line, p.EndLine = spans[i].from, max(spans[i].from, spans[i].to)
	}
}

// tomlPackage is an entry of all the TOML lock files.
type tomlPackage struct {
	Name         string         `toml:"name"`
	Version      string         `toml:"version"`
	Category     string         `toml:"category"` // poetry before 1.5
	Groups       []string       `toml:"groups"`   // poetry 2, pdm
	Source       any            `toml:"source"`   // a table; Cargo: a string
	Dependencies any            `toml:"dependencies"`
	Optional     map[string]any `toml:"optional-dependencies"` // uv
	DevGroups    map[string]any `toml:"dev-dependencies"`      // uv

	VCS       any `toml:"vcs"` // pylock
	Directory any `toml:"directory"`
	Archive   any `toml:"archive"`
	Git       any `toml:"git"` // pdm
	Path      any `toml:"path"`
	URL       any `toml:"url"`
}

type tomlLock struct {
	Version  any           `toml:"version"`      // uv, Cargo
	LockV    string        `toml:"lock-version"` // pylock
	Packages []tomlPackage `toml:"package"`
	Plural   []tomlPackage `toml:"packages"` // pylock
	Metadata struct {
		LockVersion string `toml:"lock-version"` // poetry
		PDM         string `toml:"lock_version"` // pdm
	} `toml:"metadata"`
}

func unknownVersion(name, what string, found any, known string) error {
	return &lockError{name, 0, fmt.Sprintf("%s %.20q is not known to this version of wf-ci (%s)", what, fmt.Sprint(found), known)}
}

// readUV reads uv.lock. The project and its workspaces are entries too, and say
// what they ask for.
func readUV(_ *book, name string, data []byte) (*Lock, error) {
	var doc tomlLock
	spans, err := parseTOML(name, data, "package", &doc)
	if err != nil {
		return nil, err
	}
	if v := fmt.Sprint(doc.Version); v != "1" {
		return nil, unknownVersion(name, "version", doc.Version, "1 is")
	}
	l := &Lock{}
	at := make(map[string][]int)
	index := make([]int, len(doc.Packages))
	for i, e := range doc.Packages {
		source, _ := e.Source.(map[string]any)
		index[i] = -1
		if has(source, "virtual") || has(source, "editable") {
			continue
		}
		p := Package{Ecosystem: PyPI, Name: e.Name, Version: e.Version, Elsewhere: !has(source, "registry") && len(source) > 0}
		place(&p, spans, i, len(doc.Packages))
		index[i] = len(l.Packages)
		at[e.Name] = append(at[e.Name], index[i])
		l.Packages = append(l.Packages, p)
	}
	for i, e := range doc.Packages {
		needs := uvNames(e.Dependencies, at)
		for _, extra := range sortedKeys(e.Optional) {
			needs = append(needs, uvNames(e.Optional[extra], at)...)
		}
		if index[i] >= 0 {
			l.Packages[index[i]].requires = needs
			continue
		}
		l.prod = append(l.prod, needs...)
		for _, group := range sortedKeys(e.DevGroups) {
			l.dev = append(l.dev, uvNames(e.DevGroups[group], at)...)
		}
	}
	return l, nil
}

func has(m map[string]any, key string) bool { _, ok := m[key]; return ok }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// uvNames are the packages of a list of tables with a name.
func uvNames(list any, at map[string][]int) []int {
	var out []int
	items, _ := list.([]any)
	for _, item := range items {
		m, _ := item.(map[string]any)
		name, _ := m["name"].(string)
		out = append(out, at[name]...) // several versions of one name: all of them
	}
	return out
}

// readPoetry reads poetry.lock. What is direct is in pyproject.toml, beside it.
func readPoetry(b *book, name string, data []byte) (*Lock, error) {
	var doc tomlLock
	spans, err := parseTOML(name, data, "package", &doc)
	if err != nil {
		return nil, err
	}
	if v := doc.Metadata.LockVersion; !strings.HasPrefix(v, "1.") && !strings.HasPrefix(v, "2.") && (v != "" || len(doc.Packages) == 0) {
		return nil, unknownVersion(name, "lock-version", v, "1 and 2 are")
	}
	l := &Lock{}
	at := make(map[string][]int)
	for i, e := range doc.Packages {
		source, _ := e.Source.(map[string]any)
		kind, _ := source["type"].(string)
		p := Package{Ecosystem: PyPI, Name: normalisePyPI(e.Name), Version: e.Version, Elsewhere: kind != "" && kind != "legacy"}
		p.Dev = e.Category != "" && e.Category != "main" || len(e.Groups) > 0 && !slices.Contains(e.Groups, "main")
		place(&p, spans, i, len(doc.Packages))
		at[p.Name] = append(at[p.Name], i)
		l.Packages = append(l.Packages, p)
	}
	for i, e := range doc.Packages {
		needs, _ := e.Dependencies.(map[string]any)
		for _, n := range sortedKeys(needs) {
			l.Packages[i].requires = append(l.Packages[i].requires, at[normalisePyPI(n)]...)
		}
	}
	l.pythonRoots(b.beside(name, "pyproject.toml"), at)
	return l, nil
}

// readPDM reads pdm.lock.
func readPDM(b *book, name string, data []byte) (*Lock, error) {
	var doc tomlLock
	spans, err := parseTOML(name, data, "package", &doc)
	if err != nil {
		return nil, err
	}
	if v := doc.Metadata.PDM; !strings.HasPrefix(v, "4.") && (v != "" || len(doc.Packages) == 0) {
		return nil, unknownVersion(name, "lock_version", v, "4 is")
	}
	l := &Lock{}
	at := make(map[string][]int)
	for i, e := range doc.Packages {
		p := Package{Ecosystem: PyPI, Name: normalisePyPI(e.Name), Version: e.Version, Elsewhere: e.Git != nil || e.Path != nil || e.URL != nil}
		p.Dev = len(e.Groups) > 0 && !slices.Contains(e.Groups, "default")
		place(&p, spans, i, len(doc.Packages))
		at[p.Name] = append(at[p.Name], i)
		l.Packages = append(l.Packages, p)
	}
	for i, e := range doc.Packages {
		needs, _ := e.Dependencies.([]any)
		for _, n := range needs {
			if s, ok := n.(string); ok {
				l.Packages[i].requires = append(l.Packages[i].requires, at[requirementName(s)]...)
			}
		}
	}
	l.pythonRoots(b.beside(name, "pyproject.toml"), at)
	return l, nil
}

// pythonRoots reads what a pyproject.toml asks for. It only says what is direct
// where the lock file itself says what is for development: both are kept.
func (l *Lock) pythonRoots(manifest []byte, at map[string][]int) {
	m, err := parsePyproject(manifest)
	if manifest == nil || err != nil {
		return
	}
	prod, dev := m.wants()
	for _, n := range prod {
		l.prod = append(l.prod, at[n]...)
	}
	for _, n := range dev {
		l.dev = append(l.dev, at[n]...)
	}
	if len(l.prod) == 0 && len(l.dev) == 0 {
		return
	}
	flags := make([]bool, len(l.Packages))
	grouped := false
	for i, p := range l.Packages {
		flags[i], grouped = p.Dev, grouped || p.Dev
	}
	if grouped {
		l.trace()
		l.prod, l.dev = nil, nil // traced
		for i := range l.Packages {
			l.Packages[i].Dev = flags[i]
		}
	}
}

// readPylock reads pylock.toml (PEP 751).
func readPylock(_ *book, name string, data []byte) (*Lock, error) {
	var doc tomlLock
	spans, err := parseTOML(name, data, "packages", &doc)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(doc.LockV, "1.") {
		return nil, unknownVersion(name, "lock-version", doc.LockV, "1 is")
	}
	l := &Lock{}
	for i, e := range doc.Plural {
		if e.Directory != nil {
			continue // the project itself, or a part of it
		}
		p := Package{Ecosystem: PyPI, Name: e.Name, Version: e.Version, Elsewhere: e.VCS != nil || e.Archive != nil && e.Version == ""}
		place(&p, spans, i, len(doc.Plural))
		l.Packages = append(l.Packages, p)
	}
	return l, nil
}

// readPipfile reads Pipfile.lock. What is direct is in Pipfile, beside it.
func readPipfile(b *book, name string, data []byte) (*Lock, error) {
	doc, err := parseJSON(name, data)
	if err != nil {
		return nil, err
	}
	if v := doc.get("_meta").get("pipfile-spec").text; v != "6" {
		return nil, unknownVersion(name, "pipfile-spec", v, "6 is")
	}
	var pipfile struct {
		Packages map[string]any `toml:"packages"`
		Dev      map[string]any `toml:"dev-packages"`
	}
	_ = toml.Unmarshal(b.beside(name, "Pipfile"), &pipfile) // project.Detect tells of it
	wanted := make(map[string]bool)
	for _, n := range append(sortedKeys(pipfile.Packages), sortedKeys(pipfile.Dev)...) {
		wanted[normalisePyPI(n)] = true
	}
	l := &Lock{}
	shipped := make(map[string]bool)
	for _, section := range []string{"default", "develop"} {
		for _, m := range doc.get(section).members {
			version := m.get("version")
			p := Package{
				Ecosystem: PyPI, Name: m.key, Version: strings.TrimPrefix(version.str(), "=="), Line: m.line, EndLine: max(m.line, version.line),
				Dev: section == "develop", Direct: wanted[normalisePyPI(m.key)],
			}
			p.Elsewhere = p.Version == "" && (m.get("git").kind != isNull || m.get("file").kind != isNull || m.get("path").kind != isNull)
			if section == "default" {
				shipped[p.Name+"@"+p.Version] = true
			} else if shipped[p.Name+"@"+p.Version] {
				continue
			}
			l.Packages = append(l.Packages, p)
		}
	}
	return l, nil
}

// readCargo reads Cargo.lock. An entry without a source is of the workspace; what
// is only for development is in the Cargo.toml beside it, and in those below.
func readCargo(b *book, name string, data []byte) (*Lock, error) {
	var doc tomlLock
	spans, err := parseTOML(name, data, "package", &doc)
	if err != nil {
		return nil, err
	}
	if v, ok := doc.Version.(int64); doc.Version != nil && (!ok || v < 1 || v > 4) {
		return nil, unknownVersion(name, "version", doc.Version, "1 to 4 are")
	}
	l := &Lock{}
	at := make(map[string][]int)
	index := make([]int, len(doc.Packages))
	for i, e := range doc.Packages {
		source, _ := e.Source.(string)
		index[i] = -1
		if source == "" {
			continue
		}
		p := Package{Ecosystem: Crates, Name: e.Name, Version: e.Version, Elsewhere: !strings.HasPrefix(source, "registry+") && !strings.HasPrefix(source, "sparse+")}
		place(&p, spans, i, len(doc.Packages))
		index[i] = len(l.Packages)
		at[e.Name] = append(at[e.Name], index[i])
		at[e.Name+" "+e.Version] = append(at[e.Name+" "+e.Version], index[i])
		l.Packages = append(l.Packages, p)
	}
	for i, e := range doc.Packages {
		own, known := cargoManifest(b, name, e.Name)
		needs, _ := e.Dependencies.([]any)
		for _, n := range needs {
			s, _ := n.(string)
			words := strings.Fields(s) // name, version, (source)
			to := at[strings.Join(words[:min(2, len(words))], " ")]
			switch {
			case index[i] >= 0:
				l.Packages[index[i]].requires = append(l.Packages[index[i]].requires, to...)
			case known && len(words) > 0 && own.onlyDev(words[0]):
				l.dev = append(l.dev, to...)
			default:
				l.prod = append(l.prod, to...)
			}
		}
	}
	return l, nil
}

// nodeManifest are the parts of a package.json that ask for packages.
type nodeManifest struct {
	Dependencies map[string]any  `json:"dependencies"`
	Dev          map[string]any  `json:"devDependencies"`
	Optional     map[string]any  `json:"optionalDependencies"`
	Peer         map[string]any  `json:"peerDependencies"`
	Workspaces   json.RawMessage `json:"workspaces"`
}
