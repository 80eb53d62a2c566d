package types

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/tidwall/jsonc"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// settingsLimit is more than any settings that a person wrote.
const settingsLimit = 1 << 20

// units are the projects whose types are measured, or the reason why there is
// none.
func (o Options) units(ctx context.Context, t *gates.Target) ([]unit, string, error) {
	projects, err := project.Detect(ctx, t.Tree)
	if err != nil {
		return nil, "", err
	}
	var units []unit
	scripts, python := 0, 0
	for _, p := range projects {
		switch p.Kind {
		case project.Node:
			u := unit{project: p, sources: own(t.Tree, projects, p, "typescript")}
			if len(u.sources) == 0 {
				scripts += len(own(t.Tree, projects, p, "javascript"))
				continue
			}
			if u.configs, err = tsconfigs(ctx, t.Tree, projects, p); err != nil {
				return nil, "", err
			}
			units = append(units, u)
		case project.Python:
			u := unit{project: p, python: true, sources: own(t.Tree, projects, p, "python")}
			if len(u.sources) == 0 {
				continue
			}
			wants, err := wantsTypes(ctx, t.Tree, p)
			if err != nil {
				return nil, "", err
			}
			if wants || o.Asked {
				units = append(units, u)
			} else {
				python++
			}
		}
	}
	switch {
	case python > 0:
		return units, "Python without the configuration of a type checker (mypy, pyright, py.typed)", nil
	case scripts > 0:
		return units, "JavaScript only: no tsconfig.json, no TypeScript", nil
	}
	return units, "no TypeScript and no Python", nil
}

// own are the sources in a language that belong to a project, not to one below.
// Declarations hold nothing that anybody runs.
func own(tree *git.Tree, projects []project.Project, p project.Project, language string) []git.File {
	var list []git.File
	for _, f := range tree.Files {
		if f.Kind == git.Symlink || f.Size == 0 || project.Language(f.Path, nil) != language || project.Classify(f.Path, nil) != project.Source || strings.HasSuffix(f.Path, ".d.ts") {
			continue
		}
		if q := project.Of(projects, p.Kind, f.Path); q != nil && q.Dir == p.Dir {
			list = append(list, f)
		}
	}
	return list
}

// wantsTypes says whether a Python project shows that it cares about types.
func wantsTypes(ctx context.Context, tree *git.Tree, p project.Project) (bool, error) {
	for _, f := range tree.Files {
		base := path.Base(f.Path)
		switch {
		case !p.Holds(f.Path):
		case base == "py.typed":
			return true, nil
		case path.Dir(f.Path) != p.Dir:
		case base == "mypy.ini" || base == ".mypy.ini" || base == "pyrightconfig.json":
			return true, nil
		case base == "setup.cfg" || base == "pyproject.toml":
			data, err := tree.Read(ctx, f, settingsLimit)
			if err != nil {
				return false, err
			}
			if base == "setup.cfg" && bytes.Contains(data, []byte("[mypy")) || base != "setup.cfg" && len(typeTables(data)) > 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

// typeTables are the parts of a pyproject.toml that are about types.
func typeTables(data []byte) map[string]any {
	var m struct {
		Tool map[string]any `toml:"tool"`
	}
	if toml.Unmarshal(data, &m) != nil {
		return nil
	}
	out := make(map[string]any)
	for _, name := range []string{"mypy", "pyright", "basedpyright"} {
		if v, ok := m.Tool[name]; ok {
			out[name] = v
		}
	}
	return out
}

// settingsOf are the files that decide what a unit's tool measures.
func settingsOf(tree *git.Tree, u unit) []string {
	names := []string{"mypy.ini", ".mypy.ini", "setup.cfg", "pyproject.toml"}
	if !u.python {
		names = append(slices.Clone(u.configs), "tsconfig.json")
	}
	var out []string
	for _, name := range names {
		name = path.Join(u.project.Dir, name)
		if tree.File(name) != nil && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// alters says whether the change alters what a settings file says of types: of
// a pyproject.toml its tables, of every other all.
func alters(ctx context.Context, t *gates.Target, name string) (bool, error) {
	if path.Base(name) != "pyproject.toml" {
		return true, nil
	}
	now, err := t.Tree.Read(ctx, *t.Tree.File(name), settingsLimit)
	if err != nil {
		return false, err
	}
	old, err := t.Repo.ReadFile(ctx, t.Change.Base, name, settingsLimit)
	if err != nil {
		return false, err
	}
	return !reflect.DeepEqual(typeTables(now), typeTables(old)), nil
}

// tsconfigs are the configurations of a project, relative to it: its
// tsconfig.json, or the ones in the project that this refers to where it holds
// no file itself. None: the project has none.
func tsconfigs(ctx context.Context, tree *git.Tree, projects []project.Project, p project.Project) ([]string, error) {
	name := path.Join(p.Dir, "tsconfig.json")
	f := tree.File(name)
	if f == nil || f.Kind == git.Symlink {
		return nil, nil
	}
	var c struct {
		Files      *[]string `json:"files"`
		Include    *[]string `json:"include"`
		References []struct {
			Path string `json:"path"`
		} `json:"references"`
	}
	data, err := tree.Read(ctx, *f, settingsLimit)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(jsonc.ToJSON(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), &c); err != nil {
		return nil, fmt.Errorf("%s: %w (tsc and type-coverage would pass over it and measure something else)", name, err)
	}
	if len(c.References) == 0 || c.Files == nil || len(*c.Files) > 0 || c.Include != nil && len(*c.Include) > 0 {
		return []string{"tsconfig.json"}, nil
	}
	var out []string
	for _, r := range c.References {
		at := path.Join(p.Dir, r.Path)
		if tree.File(at) == nil {
			at = path.Join(at, "tsconfig.json")
		}
		if q := project.Of(projects, project.Node, at); tree.File(at) == nil || q == nil || q.Dir != p.Dir {
			continue // of another project, which is a unit of its own
		}
		out = append(out, strings.TrimPrefix(at, strings.TrimPrefix(p.Dir+"/", "./")))
	}
	return out, nil
}
