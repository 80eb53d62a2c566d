package lint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// compileError is the rule of what the compiler refuses.
const compileError = "compile-error"

// goUnits are the Go modules of the tree.
func goUnits(_ context.Context, s *session) ([]unit, error) {
	var list []unit
	for _, p := range s.projects {
		if p.Kind != project.Go || p.Manifest == "" || !s.hasGo(p) {
			continue
		}
		s.take(project.Go, p.Dir)
		list = append(list, unit{"go", p.Dir, func(ctx context.Context) (result, error) {
			m := &goModule{session: s, project: p, rules: goRules()}
			return m.lint(ctx)
		}})
	}
	return list, nil
}

func (s *session) hasGo(p project.Project) bool {
	for _, f := range s.target.Tree.Files {
		if strings.HasSuffix(f.Path, ".go") && p.Holds(f.Path) && maintained(f.Path, nil) && !inAside(f.Path) {
			if own := project.Of(s.projects, project.Go, f.Path); own != nil && own.Dir == p.Dir {
				return true
			}
		}
	}
	return false
}

// goModule is the work on one module.
type goModule struct {
	session *session
	project project.Project
	rules   map[string]goRule
	result  result
}

// goPackage is the part of `go list -json` that is read.
type goPackage struct {
	ImportPath, Dir                                              string
	GoFiles, CgoFiles, TestGoFiles, XTestGoFiles, IgnoredGoFiles []string
	Error                                                        *goLoadError
	DepsErrors                                                   []*goLoadError
}

type goLoadError struct{ Pos, Err string }

const goRemedy = "put Go on PATH (actions/setup-go; in our image run wf-ci on the runner itself)" + otherwise

// env is what `go` is told beside the clean environment.
func (m *goModule) env() []string {
	env := []string{"GOTOOLCHAIN=local"}
	if m.session.target.Offline {
		env = append(env, "GOPROXY=off")
	}
	return env
}

func (m *goModule) lint(ctx context.Context) (result, error) {
	m.result.engine = "go vet + staticcheck " + staticcheckVersion
	m.result.metrics = make(map[string]float64)
	packages, err := m.list(ctx)
	if err != nil {
		return m.result, err
	}
	names, err := m.loadable(packages)
	if len(names) > 0 {
		err = errors.Join(err, m.vet(ctx, names))
	}
	kept, other := m.ignored(ctx, m.result.findings)
	m.result.findings = kept
	return m.result, errors.Join(err, other)
}

// list asks for the module's packages. What is not compiled on this machine is
// counted.
func (m *goModule) list(ctx context.Context) ([]goPackage, error) {
	p, err := m.session.start(ctx, m.project.Dir, goRemedy, run.Command{
		Name: "go", Args: []string{"list", "-e", "-json=ImportPath,Dir,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,IgnoredGoFiles,Error,DepsErrors", "./..."}, Env: m.env(),
	})
	if err != nil {
		return nil, err
	}
	if p.exit != 0 {
		return nil, fmt.Errorf("the module cannot be loaded: %s", firstLine(p.stderr))
	}
	packages, err := readGoList(p.stdout)
	if err == nil && len(packages) == 0 {
		err = errors.New("`go list ./...` found no package: " + firstLine(p.stderr))
	}
	return packages, err
}

func readGoList(data []byte) ([]goPackage, error) {
	var list []goPackage
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return list, fmt.Errorf("answer of `go list`: %w", err)
		}
		list = append(list, p)
	}
}

// unresolved is how Go says that an import is not there: a fault of the
// machine, or of go.mod, after which types are not known.
var unresolved = lazyregexp.New(`cannot find (module|package)|no required module|not in std|is not in GOROOT|missing go\.sum|import lookup disabled|module lookup disabled|updates to go\.mod needed|could not import|no such host|dial tcp|reading https?://|unrecognized import path|inconsistent vendoring`)

// loadable are the packages that can be looked at. A syntax error is a
// finding; an import that cannot be resolved is an error.
func (m *goModule) loadable(packages []goPackage) ([]string, error) {
	var names, missing []string
	for _, p := range packages {
		m.result.metrics["go_files_not_built_here"] += float64(m.session.countOwn(m.project.Dir, within(p.Dir, p.IgnoredGoFiles)))
		faults := p.DepsErrors
		if p.Error != nil {
			faults = append([]*goLoadError{p.Error}, faults...)
		}
		faults = slices.DeleteFunc(faults, func(e *goLoadError) bool {
			return strings.Contains(e.Err, "build constraints exclude all Go files") || strings.Contains(e.Err, "no non-test Go files")
		})
		for _, e := range faults {
			switch {
			case unresolved.MatchString(e.Err):
				missing = append(missing, strings.TrimSpace(strings.TrimPrefix(firstLine([]byte(e.Err)), "go: ")))
			case !m.compile(e.Pos, e.Err):
				missing = append(missing, firstLine([]byte(e.Err)))
			}
		}
		if all := slices.Concat(p.GoFiles, p.CgoFiles, p.TestGoFiles, p.XTestGoFiles); len(faults) > 0 {
			m.result.metrics["go_packages_not_examined"]++
		} else if len(all) > 0 {
			names = append(names, p.ImportPath)
			m.result.files += m.session.countOwn(m.project.Dir, within(p.Dir, all))
		}
	}
	if len(missing) == 0 {
		return names, nil
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	return names, fmt.Errorf("%s cannot be loaded (%s): run `go mod tidy` and `go mod download` before wf-ci", gates.Plural(len(missing), "package"), missing[0])
}

func within(dir string, names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = filepath.Join(dir, name)
	}
	return list
}

var place = lazyregexp.New(`^(?:vet: )?(.+?\.go):(\d+)(?::(\d+))?(?:: (.*))?$`)

// compile makes findings of what the compiler says, a fault a line.
func (m *goModule) compile(pos, text string) bool {
	found := false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		g := place.FindStringSubmatch(line)
		if g == nil || g[4] == "" {
			if g = place.FindStringSubmatch(pos); g == nil || line == "" || found {
				continue
			}
			g[4] = line
		}
		found = m.add(compileError, gates.SeverityError, g[1]+":"+g[2]+":"+g[3], g[4]) || found
	}
	return found
}

// add is a finding at "file:line:column"; false: that is no place of the tree.
func (m *goModule) add(rule string, severity gates.Severity, posn, message string) bool {
	g := place.FindStringSubmatch(strings.TrimSuffix(posn, ":"))
	if g == nil {
		return false
	}
	name := m.session.path(m.project.Dir, g[1])
	if name == "" {
		return false
	}
	line, _ := strconv.Atoi(g[2])
	column, _ := strconv.Atoi(g[3])
	column = m.session.characters(context.Background(), name, line, column)
	m.result.findings = append(m.result.findings, gates.Finding{
		Rule: rule, Severity: severity, Path: gates.Path(name), Line: line, Column: column, Message: strings.TrimSpace(message),
	})
	return true
}

// vet runs `go vet` with this program as its tool.
func (m *goModule) vet(ctx context.Context, names []string) error {
	tool, err := m.session.vetTool()
	if err != nil {
		return err
	}
	p, err := m.session.start(ctx, m.project.Dir, goRemedy, run.Command{
		Name: "go", Args: append([]string{"vet", "-vettool=" + tool, "-json"}, names...), Env: m.env(),
	})
	if err != nil {
		return err
	}
	diagnostics, said, err := readVet(p.stdout, p.stderr)
	if err != nil {
		return err
	}
	if err := m.diagnostics(diagnostics); err != nil {
		return err
	}
	compiled := true
	for _, line := range said {
		if !unresolved.MatchString(line) && m.compile("", line) {
			compiled = false
		}
	}
	if p.exit != 0 && compiled {
		return fmt.Errorf("go vet broke off (exit status %d): %s", p.exit, firstLine([]byte(strings.Join(said, "\n"))))
	}
	return nil
}

// vetTool is a link to this program of the name by which it knows that it is
// `go vet` that starts it.
func (s *session) vetTool() (string, error) {
	if len(s.target.Self) == 0 {
		return "", gates.ErrNoEngine
	}
	name := VetToolName
	if strings.EqualFold(filepath.Ext(s.target.Self[0]), ".exe") {
		name += ".exe"
	}
	link := filepath.Join(s.scratch, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	err := os.Symlink(s.target.Self[0], link)
	if err != nil && !errors.Is(err, os.ErrExist) {
		err = os.Link(s.target.Self[0], link) // Windows
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return link, nil
}

// vetDiagnostic is what a pass reports.
type vetDiagnostic struct {
	Posn    string `json:"posn"`
	Message string `json:"message"`
}

// vetAnswer is package → analyzer → diagnostics, or {"error": …}.
type vetAnswer map[string]map[string]json.RawMessage

// readVet takes the objects of `go vet -json` out of what it printed, and gives
// the other lines. Go up to 1.24 writes the objects on the standard error.
func readVet(stdout, stderr []byte) (vetAnswer, []string, error) {
	all := make(vetAnswer)
	var said []string
	var object []byte
	for _, stream := range [][]byte{stdout, stderr} {
		for line := range bytes.Lines(stream) {
			text := bytes.TrimRight(line, "\r\n")
			switch {
			case object != nil:
				object = append(object, line...)
				if !bytes.Equal(text, []byte("}")) {
					continue
				}
				var one vetAnswer
				if err := json.Unmarshal(object, &one); err != nil {
					return all, said, fmt.Errorf("answer of `go vet`: %w", err)
				}
				for pkg, analyzers := range one {
					if all[pkg] == nil {
						all[pkg] = make(map[string]json.RawMessage)
					}
					maps.Copy(all[pkg], analyzers)
				}
				object = nil
			case bytes.Equal(text, []byte("{")):
				object = append([]byte(nil), line...)
			case len(text) > 0 && text[0] != '#' && !bytes.Equal(text, []byte("{}")):
				said = append(said, string(text))
			}
		}
		if object != nil {
			return all, said, errors.New("the answer of `go vet` is cut off")
		}
	}
	return all, said, nil
}

func (m *goModule) diagnostics(all vetAnswer) error {
	checks, err := m.checks()
	if err != nil {
		return err
	}
	for _, pkg := range slices.Sorted(maps.Keys(all)) {
		for _, name := range slices.Sorted(maps.Keys(all[pkg])) {
			var list []vetDiagnostic
			if json.Unmarshal(all[pkg][name], &list) != nil {
				var fault struct {
					Error string `json:"error"`
				}
				_ = json.Unmarshal(all[pkg][name], &fault)
				return fmt.Errorf("the check %s broke off in %s: %s", name, pkg, firstLine([]byte(fault.Error)))
			}
			known, ok := m.rules[name]
			if !ok || isSA(name) && !checks(name) || name == "SA5009" && all[pkg]["printf"] != nil {
				continue // SA5009 says again what vet's printf says
			}
			for _, d := range list {
				m.add(name, known.severity, d.Posn, d.Message)
			}
			m.result.rules = append(m.result.rules, known.rule)
		}
	}
	return nil
}

func isSA(name string) bool { return strings.HasPrefix(name, "SA") }
