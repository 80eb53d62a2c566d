package deps

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// declares says whether a project's manifest asks for packages of a registry. An
// unreadable manifest counts: whoever cannot tell has to look.
func declares(b *book, p project.Project) bool {
	data := b.files[p.Manifest]
	if p.Problem != "" {
		return true
	}
	switch path.Base(p.Manifest) {
	case "package.json":
		return nodeDeclares(data)
	case "pyproject.toml":
		m, err := parsePyproject(data)
		if err != nil {
			return true
		}
		prod, dev := m.wants()
		return len(prod)+len(dev) > 0 || setupDeclares(b, p)
	case "setup.py", "setup.cfg":
		return setupDeclares(b, p)
	case "Pipfile":
		var m struct {
			Packages map[string]any `toml:"packages"`
			Dev      map[string]any `toml:"dev-packages"`
		}
		return toml.Unmarshal(data, &m) != nil || len(m.Packages)+len(m.Dev) > 0
	case "requirements.txt":
		return false // a lock file itself, which is read as one
	case "Cargo.toml":
		m, err := parseCargo(data)
		return err != nil || m.any()
	}
	return false // a go.mod is its own lock file; sources alone declare nothing
}

func nodeDeclares(data []byte) bool {
	var m nodeManifest
	if json.Unmarshal(data, &m) != nil {
		return true
	}
	for _, group := range []map[string]any{m.Dependencies, m.Dev, m.Optional} {
		for _, v := range group {
			s, _ := v.(string)
			local := slices.ContainsFunc([]string{"workspace:", "file:", "link:", "portal:"}, func(prefix string) bool { return strings.HasPrefix(s, prefix) })
			if !local {
				return true
			}
		}
	}
	return false
}

var installRequires = lazyregexp.New(`(?m)^\s*(install_requires|extras_require|tests_require|requires)\b`)

// setupDeclares looks into setup.py and setup.cfg, as far as one can without
// running them: the word is there.
func setupDeclares(b *book, p project.Project) bool {
	return installRequires.Match(b.files[path.Join(p.Dir, "setup.py")]) || installRequires.Match(b.files[path.Join(p.Dir, "setup.cfg")])
}

// pyproject are the parts of a pyproject.toml that ask for packages.
type pyproject struct {
	Project struct {
		Dependencies []string            `toml:"dependencies"`
		Optional     map[string][]string `toml:"optional-dependencies"`
	} `toml:"project"`
	Groups map[string][]any `toml:"dependency-groups"`
	Tool   struct {
		Poetry struct {
			Dependencies map[string]any `toml:"dependencies"`
			Dev          map[string]any `toml:"dev-dependencies"`
			Group        map[string]struct {
				Dependencies map[string]any `toml:"dependencies"`
			} `toml:"group"`
		} `toml:"poetry"`
		PDM struct {
			Dev map[string][]string `toml:"dev-dependencies"`
		} `toml:"pdm"`
		UV struct {
			Dev []string `toml:"dev-dependencies"`
		} `toml:"uv"`
	} `toml:"tool"`
}

func parsePyproject(data []byte) (*pyproject, error) {
	m := &pyproject{}
	return m, toml.Unmarshal(data, m)
}

// wants are the normalised names that it asks for, to ship and to develop.
func (m *pyproject) wants() (prod, dev []string) {
	for _, s := range m.Project.Dependencies {
		prod = append(prod, requirementName(s))
	}
	for _, extra := range sortedKeys(m.Project.Optional) {
		for _, s := range m.Project.Optional[extra] {
			prod = append(prod, requirementName(s))
		}
	}
	for _, n := range sortedKeys(m.Tool.Poetry.Dependencies) {
		if n != "python" {
			prod = append(prod, normalisePyPI(n))
		}
	}
	for _, group := range sortedKeys(m.Groups) {
		for _, item := range m.Groups[group] {
			if s, ok := item.(string); ok {
				dev = append(dev, requirementName(s))
			}
		}
	}
	for _, n := range sortedKeys(m.Tool.Poetry.Dev) {
		dev = append(dev, normalisePyPI(n))
	}
	for _, group := range sortedKeys(m.Tool.Poetry.Group) {
		for _, n := range sortedKeys(m.Tool.Poetry.Group[group].Dependencies) {
			dev = append(dev, normalisePyPI(n))
		}
	}
	for _, group := range sortedKeys(m.Tool.PDM.Dev) {
		for _, s := range m.Tool.PDM.Dev[group] {
			dev = append(dev, requirementName(s))
		}
	}
	for _, s := range m.Tool.UV.Dev {
		dev = append(dev, requirementName(s))
	}
	return prod, dev
}

// cargoToml are the parts of a Cargo.toml that ask for crates.
type cargoToml struct {
	Package struct {
		Name string `toml:"name"`
	} `toml:"package"`
	cargoTables
	Target    map[string]cargoTables `toml:"target"`
	Workspace struct {
		Dependencies map[string]any `toml:"dependencies"`
	} `toml:"workspace"`
}

type cargoTables struct {
	Dependencies map[string]any `toml:"dependencies"`
	Build        map[string]any `toml:"build-dependencies"`
	Dev          map[string]any `toml:"dev-dependencies"`
}

func parseCargo(data []byte) (*cargoToml, error) {
	m := &cargoToml{}
	return m, toml.Unmarshal(data, m)
}

func (m *cargoToml) tables() []cargoTables {
	list := []cargoTables{m.cargoTables}
	for _, t := range sortedKeys(m.Target) {
		list = append(list, m.Target[t])
	}
	return list
}

// any says whether it asks for a crate that is not a folder of its own.
func (m *cargoToml) any() bool {
	for _, t := range m.tables() {
		for _, group := range []map[string]any{t.Dependencies, t.Build, t.Dev} {
			for _, v := range group {
				if table, ok := v.(map[string]any); !ok || !has(table, "path") {
					return true
				}
			}
		}
	}
	return false
}

// onlyDev says whether a crate is asked for in dev-dependencies, and nowhere else.
func (m *cargoToml) onlyDev(crate string) bool {
	dev := false
	for _, t := range m.tables() {
		if cargoAsks(t.Dependencies, crate) || cargoAsks(t.Build, crate) {
			return false
		}
		dev = dev || cargoAsks(t.Dev, crate)
	}
	return dev
}

func cargoAsks(table map[string]any, crate string) bool {
	for key, v := range table {
		if t, ok := v.(map[string]any); ok {
			if renamed, ok := t["package"].(string); ok {
				key = renamed
			}
		}
		if key == crate {
			return true
		}
	}
	return false
}

// cargoManifest finds the manifest of a crate of the workspace.
func cargoManifest(b *book, lock, crate string) (*cargoToml, bool) {
	dir := path.Dir(lock)
	if b.crates == nil {
		b.crates = make(map[string]map[string]*cargoToml)
	}
	if b.crates[dir] == nil {
		b.crates[dir] = make(map[string]*cargoToml)
		for name, data := range b.files {
			if path.Base(name) != "Cargo.toml" || dir != "." && !strings.HasPrefix(name, dir+"/") {
				continue
			}
			if m, err := parseCargo(data); err == nil && m.Package.Name != "" {
				b.crates[dir][m.Package.Name] = m
			}
		}
	}
	m, ok := b.crates[dir][crate]
	return m, ok
}

// remedy is the command that writes a project's lock file.
func remedy(p project.Project) string {
	switch p.Manager {
	case "npm":
		return "npm install --package-lock-only"
	case "pnpm":
		return "pnpm install --lockfile-only"
	case "yarn":
		return "yarn install"
	case "bun":
		return "bun install --save-text-lockfile --lockfile-only"
	case "poetry":
		return "poetry lock"
	case "uv":
		return "uv lock"
	case "pipenv":
		return "pipenv lock"
	case "cargo":
		return "cargo generate-lockfile"
	}
	return "pip lock -e . (pip 25.1 and later), or pip-compile --generate-hashes, or uv lock"
}

// wants are the names that a project asks for itself, as its lock files call
// them. Of a weak lock file only what is always installed can be expected.
func wants(b *book, p project.Project, weak bool) []string {
	data := b.files[p.Manifest]
	switch path.Base(p.Manifest) {
	case "package.json":
		return nodeWants(data)
	case "pyproject.toml":
		return pythonWants(data, weak)
	case "Cargo.toml":
		return cargoWants(data)
	}
	return nil
}

// unnamed are the beginnings of what is asked for by its place: the name that it
// has in a lock file is its own.
var unnamed = []string{"workspace:", "file:", "link:", "portal:", "git", "http", "patch:", "catalog:"}

func nodeWants(data []byte) (out []string) {
	var m nodeManifest
	_ = json.Unmarshal(data, &m) // it was read before
	for _, group := range []map[string]any{m.Dependencies, m.Dev} {
		for name, v := range group {
			s, _ := v.(string)
			if alias, ok := strings.CutPrefix(s, "npm:"); ok {
				name, _ = cutDescriptor(alias)
			}
			if strings.Contains(s, "/") || slices.ContainsFunc(unnamed, func(prefix string) bool { return strings.HasPrefix(s, prefix) }) {
				continue
			}
			out = append(out, name)
		}
	}
	return out
}

func pythonWants(data []byte, weak bool) (out []string) {
	m, err := parsePyproject(data)
	if err != nil {
		return nil
	}
	if !weak {
		prod, dev := m.wants()
		return append(prod, dev...)
	}
	for _, s := range m.Project.Dependencies {
		out = append(out, requirementName(s))
	}
	return out
}

func cargoWants(data []byte) (out []string) {
	m, err := parseCargo(data)
	if err != nil {
		return nil
	}
	for _, t := range m.tables() {
		for _, group := range []map[string]any{t.Dependencies, t.Build, t.Dev} {
			for name, v := range group {
				table, _ := v.(map[string]any)
				if renamed, ok := table["package"].(string); ok {
					name = renamed
				}
				if !has(table, "path") && table["workspace"] != true && table["optional"] != true {
					out = append(out, name)
				}
			}
		}
	}
	return out
}
