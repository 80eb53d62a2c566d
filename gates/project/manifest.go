package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// workspace is a directory whose manifest names others as its members.
type workspace struct {
	dir      string
	kind     Kind
	patterns []string // of directories, relative to dir; "!" takes out
}

// parse fills a project in from its manifest, and notes a workspace.
func (d *detector) parse(p *Project, base string, data []byte) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch base {
	case "go.mod":
		p.Name, p.Manager = goModule(data), "go"
		if p.Name == "" {
			return fmt.Errorf("no module line")
		}
	case "package.json":
		return d.packageJSON(p, data)
	case "pyproject.toml":
		return d.pyproject(p, data)
	case "Pipfile":
		p.Manager = "pipenv"
	case "Cargo.toml":
		p.Manager = "cargo"
		return d.cargo(p, data)
	}
	return nil
}

// goModule is the path on the module line of a go.mod.
func goModule(data []byte) string {
	block := false
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "//")
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "module" && f[1] == "(":
			block = true
		case len(f) == 2 && f[0] == "module":
			return unquote(f[1])
		case block && len(f) == 1:
			return unquote(f[0])
		}
	}
	return ""
}

func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

func (d *detector) packageJSON(p *Project, data []byte) error {
	var m struct {
		Name       any             `json:"name"`
		Manager    any             `json:"packageManager"`
		Scripts    map[string]any  `json:"scripts"`
		Workspaces json.RawMessage `json:"workspaces"`
	}
	err := json.Unmarshal(data, &m)
	p.Name, _ = m.Name.(string)
	if s, ok := m.Manager.(string); ok {
		name, _, _ := strings.Cut(s, "@")
		if slices.Contains([]string{"npm", "pnpm", "yarn", "bun"}, name) {
			p.Manager = name
		}
	}
	for k, v := range m.Scripts {
		if s, ok := v.(string); ok {
			if p.Scripts == nil {
				p.Scripts = make(map[string]string)
			}
			p.Scripts[k] = s
		}
	}
	var patterns []string
	if json.Unmarshal(m.Workspaces, &patterns) != nil {
		var long struct{ Packages []string }
		_ = json.Unmarshal(m.Workspaces, &long)
		patterns = long.Packages
	}
	if y, ok := d.content[path.Join(p.Dir, "pnpm-workspace.yaml")]; ok {
		patterns = append(patterns, pnpmPackages(y)...)
	}
	if len(patterns) > 0 {
		d.members = append(d.members, workspace{p.Dir, Node, patterns})
	}
	return err
}

// pnpmPackages reads the list `packages` of a pnpm-workspace.yaml: one a line,
// or in brackets.
func pnpmPackages(data []byte) []string {
	var out []string
	inside := false
	for line := range strings.Lines(string(data)) {
		text := strings.TrimSpace(line)
		if i := strings.Index(text, " #"); i >= 0 {
			text = strings.TrimSpace(text[:i])
		}
		rest, key := strings.CutPrefix(text, "packages:")
		switch {
		case text == "" || text[0] == '#':
		case key && !strings.HasPrefix(line, " "):
			inside = true
			rest = strings.TrimSpace(rest)
			if list, ok := strings.CutPrefix(rest, "["); ok {
				for item := range strings.SplitSeq(strings.TrimSuffix(list, "]"), ",") {
					out = append(out, strings.Trim(strings.TrimSpace(item), `'"`))
				}
				inside = false
			}
		case inside && strings.HasPrefix(text, "- "):
			out = append(out, strings.Trim(strings.TrimSpace(text[2:]), `'"`))
		default:
			inside = false
		}
	}
	return out
}

func (d *detector) pyproject(p *Project, data []byte) error {
	var m struct {
		Project struct {
			Name string `toml:"name"`
		} `toml:"project"`
		Tool struct {
			Poetry *struct {
				Name string `toml:"name"`
			} `toml:"poetry"`
			UV *struct {
				Workspace *struct {
					Members []string `toml:"members"`
					Exclude []string `toml:"exclude"`
				} `toml:"workspace"`
			} `toml:"uv"`
		} `toml:"tool"`
	}
	err := toml.Unmarshal(data, &m)
	p.Name = m.Project.Name
	if m.Tool.Poetry != nil {
		p.Manager = "poetry"
		if p.Name == "" {
			p.Name = m.Tool.Poetry.Name
		}
	}
	if uv := m.Tool.UV; uv != nil {
		p.Manager = "uv"
		if uv.Workspace != nil {
			d.members = append(d.members, workspace{p.Dir, Python, without(uv.Workspace.Members, uv.Workspace.Exclude)})
		}
	}
	return err
}

func (d *detector) cargo(p *Project, data []byte) error {
	var m struct {
		Package *struct {
			Name string `toml:"name"`
		} `toml:"package"`
		Workspace *struct {
			Members []string `toml:"members"`
			Exclude []string `toml:"exclude"`
		} `toml:"workspace"`
	}
	err := toml.Unmarshal(data, &m)
	if m.Package != nil {
		p.Name = m.Package.Name
	}
	if m.Workspace != nil {
		d.members = append(d.members, workspace{p.Dir, Rust, without(m.Workspace.Members, m.Workspace.Exclude)})
	}
	return err
}

func without(patterns, exclude []string) []string {
	for _, e := range exclude {
		patterns = append(patterns, "!"+e)
	}
	return patterns
}

// goWork are the directories that a go.work uses.
func goWork(data []byte) []string {
	var out []string
	block := false
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "//")
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "use" && f[1] == "(":
			block = true
		case len(f) == 2 && f[0] == "use":
			out = append(out, unquote(f[1]))
		case len(f) == 1 && f[0] == ")":
			block = false
		case block && len(f) == 1:
			out = append(out, unquote(f[0]))
		}
	}
	return out
}

// workspaces ties members to their workspace: the deepest one that names them.
func (d *detector) workspaces() {
	for name, data := range d.content {
		if path.Base(name) == "go.work" {
			d.members = append(d.members, workspace{path.Dir(name), Go, goWork(data)})
		}
	}
	for i := range d.found {
		p := &d.found[i]
		best := -1
		for j, w := range d.members {
			if w.kind == p.Kind && w.has(p.Dir) && (best < 0 || len(w.dir) > len(d.members[best].dir)) {
				best = j
			}
		}
		if best >= 0 {
			p.Workspace = d.members[best].dir
			for _, root := range d.found {
				if p.Kind == Node && root.Kind == Node && root.Dir == p.Workspace && p.Manager == "" {
					p.Manager = root.Manager
				}
			}
		}
	}
}

// has says whether the workspace names a directory as its member. Its own
// directory is the workspace, not a member.
func (w workspace) has(dir string) bool {
	if dir == w.dir || !below(w.dir, dir) {
		return false
	}
	rel := dir
	if w.dir != "." {
		rel = strings.TrimPrefix(dir, w.dir+"/")
	}
	in := false
	for _, pattern := range w.patterns {
		pattern, out := strings.CutPrefix(pattern, "!")
		if Match(path.Clean(strings.TrimPrefix(pattern, "./")), rel) {
			in = !out
		}
	}
	return in
}

// Match says whether a path matches a pattern in which * stands for any part
// of one name, and ** for any number of directories. A pattern that is not well
// formed matches nothing.
func Match(pattern, name string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(name, "/")
	i, j, star, mark := 0, 0, -1, 0
	for j < len(have) {
		switch {
		case i < len(want) && want[i] == "**":
			star, mark = i, j
			i++
		case i < len(want) && matchName(want[i], have[j]):
			i, j = i+1, j+1
		case star >= 0: // the last ** takes one more: those before it need not
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(want) && want[i] == "**" {
		i++
	}
	return i == len(want)
}

func matchName(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
