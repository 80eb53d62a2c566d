package lint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// pythonTools are the linters in the order of preference, with what says that a
// project has configured them: a file, or a section of a file of many.
var pythonTools = []struct {
	name    string
	files   *lazyregexp.Regexp
	section *lazyregexp.Regexp
}{
	{"ruff", lazyregexp.New(`^\.?ruff\.toml$`), lazyregexp.New(`(?m)^\s*\[tool\.ruff[.\]]`)},
	{"flake8", lazyregexp.New(`^\.flake8$`), lazyregexp.New(`(?m)^\s*\[flake8\]`)},
	{"pylint", lazyregexp.New(`^\.?pylintrc(\.toml)?$`), lazyregexp.New(`(?m)^\s*\[(tool\.pylint[.\]]|pylint[.\]])`)},
}

var pythonFiles = []string{"pyproject.toml", "setup.cfg", "tox.ini"}

// pythonUnits are the linters that the tree's projects have configured; one run
// in the topmost directory reads the configurations below it.
func pythonUnits(ctx context.Context, s *session) ([]unit, error) {
	var list []unit
	for _, tool := range pythonTools {
		var dirs []string
		for _, f := range s.target.Tree.Files {
			base := path.Base(f.Path)
			many := slices.Contains(pythonFiles, base)
			if !tool.files.MatchString(base) && !many || f.Kind == git.Symlink || !maintained(f.Path, nil) || inAside(f.Path) {
				continue
			}
			if many && !tool.files.MatchString(base) {
				data, err := s.target.Tree.Read(ctx, f, sourceLimit)
				if err != nil {
					return nil, err
				}
				if !tool.section.Match(data) {
					continue
				}
			}
			dirs = append(dirs, path.Dir(f.Path))
		}
		slices.Sort(dirs)
		var tops []string
		for _, dir := range slices.Compact(dirs) {
			if s.hasKind(project.Python, dir) && !slices.ContainsFunc(tops, func(top string) bool { return below(top, dir) }) {
				tops = append(tops, dir)
			}
		}
		for _, dir := range tops {
			s.take(project.Python, dir)
			list = append(list, unit{tool.name, dir, func(ctx context.Context) (result, error) { return s.python(ctx, tool.name, dir) }})
		}
	}
	return list, nil
}

// python runs a linter of the project's virtual environment, or of PATH.
func (s *session) python(ctx context.Context, tool, dir string) (result, error) {
	program, remedy := s.pythonProgram(tool, dir), pythonRemedy(tool, dir)
	read := map[string]func(context.Context, *session, string, string, string) (result, error){"ruff": runRuff, "flake8": runFlake8, "pylint": runPylint}[tool]
	r, err := read(ctx, s, dir, program, remedy)
	if err == nil && r.files == 0 {
		err = errors.New("it looked at no source of the project: correct its configuration, or take it out")
	}
	if err == nil {
		r.engine = tool + s.version(ctx, dir, program)
	}
	return r, err
}

// pythonProgram is a tool of the nearest virtual environment, or of PATH.
func (s *session) pythonProgram(tool, dir string) string {
	for _, up := range ups(dir) {
		for _, venv := range []string{".venv", "venv"} {
			name := path.Join(up, venv, "bin", tool)
			file := filepath.Join(s.target.Dir, filepath.FromSlash(name))
			if info, err := os.Stat(file); err == nil && !info.IsDir() && s.target.Tree.File(name) == nil {
				return file
			}
		}
	}
	return tool
}

func pythonRemedy(tool, dir string) string {
	return "it is configured in " + shownDir(dir) + "; install it (pip install " + tool + ") before wf-ci" + otherwise
}

// runRuff asks which files ruff takes first: it ends well where there are none.
func runRuff(ctx context.Context, s *session, dir, program, remedy string) (result, error) {
	p, err := s.start(ctx, dir, remedy, run.Command{Name: program, Args: []string{"check", "--show-files", "--no-cache", "."}})
	if err != nil {
		return result{}, err
	}
	if p.exit != 0 {
		return result{}, p.failure()
	}
	r := result{files: s.countOwn(dir, strings.Split(strings.TrimSpace(string(p.stdout)), "\n"))}
	p, err = s.start(ctx, dir, remedy, run.Command{Name: program, Args: []string{"check", "--output-format=json", "--no-fix", "--no-cache", "."}})
	if err != nil {
		return r, err
	}
	r.findings, err = readRuff(s, dir, p)
	return r, err
}

func readRuff(s *session, dir string, p printed) ([]gates.Finding, error) {
	var list []struct {
		Code              *string
		Filename, Message string
		Location          struct{ Row, Column int }
		End               struct{ Row, Column int } `json:"end_location"`
	}
	if p.exit != 0 && p.exit != 1 || json.Unmarshal(fromFirst(p.stdout, '['), &list) != nil {
		return nil, p.failure()
	}
	if p.exit == 1 && len(list) == 0 {
		return nil, p.failure()
	}
	var out []gates.Finding
	for _, d := range list {
		rule := "syntax"
		if d.Code != nil {
			rule = *d.Code
		}
		// ruff has no grades: what is selected makes its run fail.
		out = append(out, at("ruff/"+rule, gates.SeverityError, s.path(dir, d.Filename), d.Location.Row, d.Location.Column, d.End.Row, d.End.Column, d.Message))
	}
	return out, nil
}

var (
	flake8Line  = lazyregexp.New(`^(.+?):(\d+):(\d+): ([A-Z]+\d+) (.*)$`)
	flake8Files = lazyregexp.New(`(?m)^\s*(\d+)\s+total files processed`)
)

// runFlake8 has flake8 count the files (--benchmark): it ends well without any.
func runFlake8(ctx context.Context, s *session, dir, program, remedy string) (result, error) {
	p, err := s.start(ctx, dir, remedy, run.Command{Name: program, Args: []string{"--benchmark", "--format=default", "."}})
	if err != nil {
		return result{}, err
	}
	return readFlake8(s, dir, p)
}

func readFlake8(s *session, dir string, p printed) (result, error) {
	n := flake8Files.FindSubmatch(p.stdout)
	if p.exit != 0 && p.exit != 1 || n == nil {
		return result{}, p.failure()
	}
	var r result
	r.files, _ = strconv.Atoi(string(n[1]))
	for line := range bytes.Lines(p.stdout) {
		g := flake8Line.FindStringSubmatch(strings.TrimRight(string(line), "\r\n"))
		if g == nil {
			continue
		}
		row, _ := strconv.Atoi(g[2])
		column, _ := strconv.Atoi(g[3])
		r.findings = append(r.findings, at("flake8/"+g[4], gates.SeverityError, s.path(dir, g[1]), row, column, 0, 0, g[5]))
	}
	return r, p.unexplained(r)
}

// runPylint gives pylint the files: it names none of those without a fault.
func runPylint(ctx context.Context, s *session, dir, program, remedy string) (result, error) {
	var files []string
	for _, f := range s.target.Tree.Files {
		if below(dir, f.Path) && path.Ext(f.Path) == ".py" && f.Kind != git.Symlink && maintained(f.Path, nil) && !inAside(f.Path) {
			files = append(files, relative(dir, f.Path))
		}
	}
	p, err := s.start(ctx, dir, remedy, run.Command{Name: program, Args: append([]string{"--output-format=json"}, files...)})
	if err != nil {
		return result{}, err
	}
	findings, err := readPylint(s, dir, p)
	return result{findings: findings, files: len(files)}, err
}

// readPylint: the bits of the status are kinds of messages, and 32 is a fault of
// its own. error and fatal are errors, warning a warning, the rest notes.
func readPylint(s *session, dir string, p printed) ([]gates.Finding, error) {
	var list []struct {
		Type, Symbol, Message, Path string
		Line, Column                int
	}
	if p.exit&32 != 0 || json.Unmarshal(fromFirst(p.stdout, '['), &list) != nil || p.exit != 0 && len(list) == 0 {
		return nil, p.failure()
	}
	var out []gates.Finding
	for _, m := range list {
		severity := gates.SeverityNote
		switch m.Type {
		case "error", "fatal":
			severity = gates.SeverityError
		case "warning":
			severity = gates.SeverityWarning
		}
		out = append(out, at("pylint/"+m.Symbol, severity, s.path(dir, m.Path), m.Line, m.Column+1, 0, 0, m.Message))
	}
	return out, nil
}
