package lint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// nodeTool is a linter of JavaScript that a project may have configured.
type nodeTool struct {
	name   string
	config *lazyregexp.Regexp // the names of its configuration
	key    string             // its key in package.json; empty: none
	// nests: one run in the topmost directory reads the configurations below.
	nests bool
	args  []string
	read  func(s *session, dir string, p printed) (result, error)
}

func nodeTools() []nodeTool {
	return []nodeTool{
		{"eslint", lazyregexp.New(`^eslint\.config\.[cm]?[jt]s$`), "", false, []string{"--format", "json", "."}, readESLint},
		{"eslint", lazyregexp.New(`^\.eslintrc(\.(js|cjs|json|yaml|yml))?$`), "eslintConfig", true, []string{"--format", "json", "."}, readESLint},
		{"biome", lazyregexp.New(`^\.?biome\.jsonc?$`), "", true, []string{"lint", "--reporter=json", "--max-diagnostics=none", "--colors=off", "."}, readBiome},
		{"oxlint", lazyregexp.New(`^(\.oxlintrc\.jsonc?|oxlint\.config\.ts)$`), "", true, []string{"--format=json", "."}, readOxlint},
	}
}

// nodeUnits are the linters that the tree's projects have configured.
func nodeUnits(ctx context.Context, s *session) ([]unit, error) {
	var list []unit
	for _, tool := range nodeTools() {
		dirs, err := s.configured(ctx, tool)
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			if !s.hasKind(project.Node, dir) || slices.ContainsFunc(list, func(u unit) bool { return u.linter == tool.name && u.dir == dir }) {
				continue
			}
			s.take(project.Node, dir)
			list = append(list, unit{tool.name, dir, func(ctx context.Context) (result, error) { return s.node(ctx, tool, dir) }})
		}
	}
	return list, nil
}

// configured are the directories with a configuration of a tool.
func (s *session) configured(ctx context.Context, tool nodeTool) ([]string, error) {
	var dirs []string
	for _, f := range s.target.Tree.Files {
		base := path.Base(f.Path)
		config := tool.config.MatchString(base)
		if !config && tool.key != "" && base == "package.json" && f.Kind != git.Symlink && f.Size < 1<<20 {
			data, err := s.target.Tree.Read(ctx, f, 1<<20)
			if err != nil {
				return nil, err
			}
			var m map[string]json.RawMessage
			config = json.Unmarshal(data, &m) == nil && m[tool.key] != nil
		}
		if dir := path.Dir(f.Path); config && maintained(f.Path, nil) && !inAside(f.Path) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	if !tool.nests {
		return dirs, nil
	}
	return slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool {
		return slices.ContainsFunc(dirs, func(top string) bool { return top != dir && below(top, dir) })
	}), nil
}

// hasKind says whether somebody maintains a file of a kind below a directory.
func (s *session) hasKind(kind project.Kind, dir string) bool {
	return slices.ContainsFunc(s.target.Tree.Files, func(f git.File) bool {
		return below(dir, f.Path) && f.Kind != git.Symlink && project.KindOf(project.Language(f.Path, nil)) == kind && maintained(f.Path, nil)
	})
}

// bin is a program of the nearest node_modules, as npm finds it. One that is
// committed is the change's, not the installer's, but it is the project's own.
func (s *session) bin(dir, name string) string {
	if runtime.GOOS == "windows" {
		name += ".cmd"
	}
	for _, up := range ups(dir) {
		file := filepath.Join(s.disk(up), "node_modules", ".bin", name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue
		}
	}
	return ""
}

// node runs a linter of the project's in the directory of its configuration.
func (s *session) node(ctx context.Context, tool nodeTool, dir string) (result, error) {
	program, remedy := s.bin(dir, tool.name), s.nodeRemedy(dir)
	if program == "" {
		return result{}, missingTool{tool.name, remedy}
	}
	c := run.Command{Name: program, Args: tool.args}
	if tool.name == "biome" {
		c.Args = append(c.Args[:len(c.Args)-1:len(c.Args)-1], s.sources(dir)...)
	}
	if tool.key == "eslintConfig" {
		c.Env = []string{"ESLINT_USE_FLAT_CONFIG=false"}
	}
	p, err := s.start(ctx, dir, remedy, c)
	if err != nil {
		return result{log: p.stderr}, err
	}
	r, err := tool.read(s, dir, p)
	if err == nil && r.files == 0 {
		err = errors.New("it looked at no source of the project: correct its configuration, or take it out")
	}
	r.engine = tool.name + s.version(ctx, dir, program)
	return r, err
}

// nodeRemedy is what helps where a linter of a directory is not installed.
func (s *session) nodeRemedy(dir string) string {
	return "it is configured in " + shownDir(dir) + "; run `" + s.installs(dir) + "` before wf-ci" + otherwise
}

// argsLimit is how many bytes of names are given to a program.
const argsLimit = 100 << 10

// sources are the files that biome is to look at. It counts what it looked at,
// JSON too, so that only a list of sources tells that it looked at none. Where
// there are too many names, it is the directory.
func (s *session) sources(dir string) []string {
	var list []string
	size := 0
	for _, f := range s.target.Tree.Files {
		if f.Kind != git.Symlink && below(dir, f.Path) && project.KindOf(project.Language(f.Path, nil)) == project.Node && maintained(f.Path, nil) {
			list = append(list, relative(dir, f.Path))
			size += len(f.Path) + 4
		}
	}
	if size > argsLimit {
		return []string{"."}
	}
	return list
}

func shownDir(dir string) string {
	if dir == "." {
		return "the root"
	}
	return dir
}

// installs is the command that installs what a directory's project needs.
func (s *session) installs(dir string) string {
	manager := "npm"
	if p := project.Of(s.projects, project.Node, path.Join(dir, "x")); p != nil {
		manager = p.Manager
	}
	switch manager {
	case "pnpm":
		return "pnpm install --frozen-lockfile"
	case "yarn":
		return "yarn install --immutable"
	case "bun":
		return "bun install --frozen-lockfile"
	}
	return "npm ci"
}

var versionNumber = lazyregexp.New(`\d+\.\d+[\w.+-]*`)

// version is " 1.2.3", or empty where the tool does not tell.
func (s *session) version(ctx context.Context, dir, program string) string {
	p, err := s.start(ctx, dir, "", run.Command{Name: program, Args: []string{"--version"}})
	if v := versionNumber.Find(p.stdout); err == nil && v != nil && len(v) < 40 {
		return " " + string(v)
	}
	return ""
}

// readESLint reads `eslint -f json`: a list of files, also of those without a
// fault. Status 2 is a fault of eslint's own or of its configuration.
func readESLint(s *session, dir string, p printed) (result, error) {
	var files []struct {
		FilePath string `json:"filePath"`
		Messages []struct {
			RuleID                           *string
			Severity                         int
			Fatal                            bool
			Line, Column, EndLine, EndColumn int
			Message                          string
		} `json:"messages"`
	}
	if p.exit != 0 && p.exit != 1 {
		return result{}, p.failure()
	}
	if err := json.Unmarshal(fromFirst(p.stdout, '['), &files); err != nil {
		return result{}, p.failure()
	}
	var r result
	for _, f := range files {
		name := s.path(dir, f.FilePath)
		ignored := false
		for _, m := range f.Messages {
			if m.RuleID == nil && !m.Fatal && m.Line == 0 && strings.HasPrefix(m.Message, "File ignored") {
				ignored = true
				continue
			}
			rule, severity := "eslint/parse", gates.SeverityWarning
			if m.RuleID != nil {
				rule = "eslint/" + *m.RuleID
			}
			if m.Fatal || m.Severity >= 2 {
				severity = gates.SeverityError
			}
			r.findings = append(r.findings, at(rule, severity, name, m.Line, m.Column, m.EndLine, m.EndColumn, m.Message))
		}
		if !ignored {
			r.files += s.countOwn(".", []string{name})
		}
	}
	return r, p.unexplained(r)
}

// fromFirst leaves out what a program printed before its JSON.
func fromFirst(data []byte, open byte) []byte {
	if i := bytes.IndexByte(data, open); i > 0 && (data[i-1] == '\n' || bytes.IndexByte(data[:i], '\n') < 0) {
		return data[i:]
	}
	return data
}

// at is a finding at a place; what is not above zero is not known.
func at(rule string, severity gates.Severity, name string, line, column, endLine, endColumn int, message string) gates.Finding {
	return gates.Finding{
		Rule: rule, Severity: severity, Path: gates.Path(name), Line: max(line, 0), Column: max(column, 0),
		EndLine: max(endLine, 0), EndColumn: max(endColumn, 0), Message: clip(strings.TrimSpace(message)),
	}
}

// clip cuts a message to what a report can carry.
func clip(s string) string {
	const limit = 2000
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// readBiome reads `biome lint --reporter=json`.
func readBiome(s *session, dir string, p printed) (result, error) {
	var out struct {
		Summary *struct {
			Changed, Unchanged, DiagnosticsNotPrinted int
		} `json:"summary"`
		Diagnostics []struct {
			Severity, Category string
			Message            json.RawMessage
			Description        string
			Location           struct {
				Path       json.RawMessage
				Start, End struct{ Line, Column int }
				Span       []int
			}
		} `json:"diagnostics"`
	}
	if err := json.Unmarshal(fromFirst(p.stdout, '{'), &out); err != nil || out.Summary == nil {
		return result{}, p.failure()
	}
	if n := out.Summary.DiagnosticsNotPrinted; n > 0 {
		return result{}, fmt.Errorf("it kept %d findings to itself", n)
	}
	// Biome does not name the files that it has looked at, it counts them.
	r := result{files: out.Summary.Changed + out.Summary.Unchanged}
	for _, d := range out.Diagnostics {
		var name, message string
		if json.Unmarshal(d.Location.Path, &name) != nil { // Biome 1
			var old struct{ File string }
			_ = json.Unmarshal(d.Location.Path, &old)
			name = old.File
		}
		if json.Unmarshal(d.Message, &message) != nil {
			message = d.Description
		}
		if name != "" {
			name = s.path(dir, name)
		}
		line := d.Location.Start.Line
		if line == 0 && len(d.Location.Span) == 2 {
			line = s.lineAt(name, d.Location.Span[0])
		}
		f := at("biome/"+strings.TrimPrefix(d.Category, "lint/"), severityOf(d.Severity), name, line, d.Location.Start.Column, d.Location.End.Line, d.Location.End.Column, message)
		if name == "" && f.Severity != gates.SeverityError {
			continue
		}
		r.findings = append(r.findings, f)
	}
	return r, p.unexplained(r)
}

func (s *session) lineAt(name string, offset int) int {
	data, err := s.text(context.Background(), name)
	if err != nil || offset < 0 || offset > len(data) {
		return 0
	}
	return bytes.Count(data[:offset], []byte("\n")) + 1
}

// severityOf is a severity by the words that linters use for it. One that is
// not known is not let through.
func severityOf(word string) gates.Severity {
	switch strings.ToLower(word) {
	case "warning", "warn", "advice":
		return gates.SeverityWarning
	case "info", "information", "note", "help", "hint":
		return gates.SeverityNote
	}
	return gates.SeverityError
}

// readOxlint reads `oxlint --format=json`. Status 0 says nothing: warnings end
// so, and status 1 is also that of no file and of a broken configuration.
func readOxlint(s *session, dir string, p printed) (result, error) {
	var out struct {
		Diagnostics []struct {
			Message, Code, Severity, Filename string
			Labels                            []struct {
				Span struct{ Line, Column int }
			}
		} `json:"diagnostics"`
		Files *int `json:"number_of_files"`
	}
	if err := json.Unmarshal(fromFirst(p.stdout, '{'), &out); err != nil || out.Files == nil {
		return result{}, p.failure()
	}
	r := result{files: *out.Files}
	for _, d := range out.Diagnostics {
		line, column := 0, 0
		if len(d.Labels) > 0 {
			line, column = d.Labels[0].Span.Line, d.Labels[0].Span.Column
		}
		rule := d.Code
		if rule == "" {
			rule = "parse"
		}
		r.findings = append(r.findings, at("oxlint/"+rule, severityOf(d.Severity), s.path(dir, d.Filename), line, column, 0, 0, d.Message))
	}
	return r, p.unexplained(r)
}
