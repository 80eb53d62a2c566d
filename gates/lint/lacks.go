package lint

import (
	"context"

	"github.com/wf-ci/wf-ci/gates"
)

// lacks are the linters that the tree's projects have configured, and that are
// not here.
func (o Options) lacks(ctx context.Context, t *gates.Target) ([]gates.Lack, error) {
	s := &session{target: t}
	units, err := o.units(ctx, t, s)
	if err != nil {
		return nil, err
	}
	var list []gates.Lack
	for _, u := range units {
		if s.earlier(u) != "" {
			continue
		}
		for _, program := range s.programs(u) {
			if !t.Runner.Has(program.name) {
				list = append(list, gates.Lack{Tool: program.shown, Remedy: program.remedy})
			}
		}
	}
	return list, nil
}

// program is what a unit starts.
type program struct{ shown, name, remedy string }

// programs are those of a unit; none: it is ours.
func (s *session) programs(u unit) []program {
	switch u.linter {
	case "go":
		return []program{{"go", "go", goRemedy}}
	case "clippy":
		return []program{{"cargo", "cargo", cargoRemedy}, {"clippy", "cargo-clippy", cargoRemedy}}
	case "eslint", "biome", "oxlint":
		name := s.bin(u.dir, u.linter)
		if name == "" {
			name = u.linter + " of node_modules" // no such program
		}
		return []program{{u.linter, name, s.nodeRemedy(u.dir)}}
	case "ruff", "flake8", "pylint":
		return []program{{u.linter, s.pythonProgram(u.linter, u.dir), pythonRemedy(u.linter, u.dir)}}
	}
	return nil
}
