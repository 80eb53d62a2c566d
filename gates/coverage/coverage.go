// Package coverage is the gates tests and coverage: whether the project's tests
// pass, and how much of its code they run. The tests are the project's own, run
// by its own runner or by an earlier step; here reports are found, distrusted,
// read and judged.
package coverage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Options are those of the gate coverage. The zero value demands nothing.
type Options struct {
	// Min is the least percentage of executable lines that ran, in each project.
	Min float64
	// Patch is the least percentage of the change's executable lines that ran.
	Patch float64
	// MinLines is how many executable lines a change has to have to be judged
	// by Patch.
	MinLines int
	// Report is the only report to read, relative to the tree's root. Empty:
	// the usual places of each project's tools.
	Report string
	// Run is a shell command line that writes Report. Optional.
	Run string
}

var coverageRules = []gates.Rule{
	{ID: "coverage-total", Title: "Too few lines are run by the tests", Help: "Write tests for what the report shows as not run."},
	{ID: "coverage-patch", Title: "Too few of the changed lines are run by the tests", Help: "Write tests for the lines that the change adds; the notes uncovered-lines name them."},
	{ID: "uncovered-lines", Title: "Changed lines that no test runs", Help: "Write a test that runs them."},
	{ID: "not-in-report", Title: "The report does not know a file", Help: "Have the tool measure every source, also those that no test loads (go test -coverpkg=./..., jest collectCoverageFrom, coverage run --source=.)."},
}

// Gate is the gate coverage.
func Gate(o Options) gates.Gate {
	return gates.Gate{
		ID:     "coverage",
		Doc:    "how many of the lines, and of the changed lines, the tests run",
		Help:   "Write tests for the lines that are not run. Without a report: run the tests with coverage first.",
		Scope:  gates.ScopeChange,
		Rules:  coverageRules,
		Memory: 256,
		Plan: func(ctx context.Context, t *gates.Target) (gates.Plan, error) {
			if !hasSources(t.Tree) {
				return gates.Plan{Skip: "no source files"}, nil
			}
			return gates.Plan{Expect: gates.Examined{Files: 1, Results: 1}}, nil
		},
		Run: func(ctx context.Context, t *gates.Target) (gates.Outcome, error) { return o.run(ctx, t) },
	}
}

// measurable are the languages whose tools write the reports that we read.
var measurable = []string{"go", "javascript", "typescript", "vue", "svelte", "python", "rust", "java", "kotlin", "scala", "groovy", "ruby", "php", "csharp", "swift", "dart", "c", "cpp", "elixir"}

func canMeasure(name string, head []byte) bool {
	return slices.Contains(measurable, project.Language(name, head)) && project.Classify(name, head) == project.Source && project.Executable(name)
}

func hasSources(tree *git.Tree) bool {
	return slices.ContainsFunc(tree.Files, func(f git.File) bool { return f.Kind != git.Symlink && f.Size > 0 && canMeasure(f.Path, nil) })
}

// file is what is known of one file of the tree.
type file struct {
	path    string
	class   project.Class
	source  bool // its lines count
	reports []int
	data    *reportFile // merged; nil: no report names it
	project int         // index; -1: of none
}

type measurement struct {
	target   *gates.Target
	options  Options
	projects []project.Project
	matcher  *matcher
	root     *os.Root
	reports  []written
	formats  []string
	files    map[string]*file
	examined gates.Examined
	log      []byte
}

func (o Options) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return gates.Outcome{}, err
	}
	defer root.Close()
	m := &measurement{target: t, options: o, root: root, files: make(map[string]*file)}
	err = m.measure(ctx)
	out := gates.Outcome{Examined: m.examined, Engine: gates.Engine{Name: "wf-ci", Version: "coverage/1"}, Log: m.log}
	if len(m.formats) > 0 {
		out.Engine.Version += " (" + strings.Join(m.formats, ", ") + ")"
	}
	if err != nil {
		return out, err
	}
	return out, m.judge(&out)
}

func (m *measurement) measure(ctx context.Context) (err error) {
	t := m.target
	if m.projects, err = project.Detect(ctx, t.Tree); err != nil {
		return err
	}
	m.matcher = newMatcher(t.Dir, t.Tree, m.projects)
	if m.options.Run != "" {
		if err := m.command(ctx); err != nil {
			return err
		}
	}
	if err := m.read(ctx); err != nil {
		return err
	}
	if err := m.readSources(ctx); err != nil {
		return err
	}
	for i := range m.reports {
		if err := m.fresh(i); err != nil {
			return err
		}
	}
	return m.complete()
}

// command runs the user's command, which has to write the report: a script that
// passes its flags over leaves an old one, or none.
func (m *measurement) command(ctx context.Context) error {
	before := stat(m.root, m.options.Report)
	exit, log, err := shell(ctx, m.target, m.options.Run)
	m.log = log
	if err != nil {
		return err
	}
	if !rewritten(before, stat(m.root, m.options.Report)) {
		return fmt.Errorf("the command did not write %s (exit status %d)", m.options.Report, exit)
	}
	if exit != 0 {
		return fmt.Errorf("the command wrote %s and ended with status %d: the run of the tests was not a whole one", m.options.Report, exit)
	}
	return nil
}

// read reads the reports and ties what they say to the files of the tree.
func (m *measurement) read(ctx context.Context) error {
	names := []string{m.options.Report}
	if m.options.Report == "" {
		if names = m.usual(); len(names) == 0 {
			return fmt.Errorf("there is no coverage report: %s", m.remedy(nil))
		}
	}
	for _, name := range names {
		w, err := readWritten(ctx, m.root, m.target, name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w; %s", err, m.remedy(nil))
		}
		if err != nil {
			return err
		}
		rep, err := readReport(w.data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		w.data = nil
		m.reports = append(m.reports, w)
		if !slices.Contains(m.formats, rep.format) {
			m.formats = append(m.formats, rep.format)
		}
		m.examined.Results++
		if err := m.tie(rep, len(m.reports)-1); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	return nil
}

// tie gives the files of a report to those of the tree. A report most of whose
// sources are not there is of another tree.
func (m *measurement) tie(rep *report, index int) error {
	known, unknown, example := 0, 0, ""
	for i, p := range m.matcher.match(rep, m.reports[index].path) {
		rf := &rep.files[i]
		if p == "" {
			if class := project.Classify(slashed(rf.name), nil); class == project.Source {
				unknown++
				example = rf.name
			}
			continue
		}
		known++
		f := m.files[p]
		if f == nil {
			f = &file{path: p, project: -1}
			m.files[p] = f
		}
		f.reports = append(f.reports, index)
		f.merge(rf)
	}
	switch {
	case known == 0:
		return fmt.Errorf("is of another tree: none of its files is in this one (it names %.200q)", rep.files[0].name)
	case unknown > known:
		return fmt.Errorf("is of another tree: %d of its %d files are not in this one (such as %.200q)", unknown, known+unknown, example)
	}
	return nil
}

// merge adds what another report says of the same file.
func (f *file) merge(rf *reportFile) {
	if f.data == nil {
		f.data = rf
		return
	}
	for line, n := range rf.hits {
		f.data.hits[line] = add(f.data.hits[line], n)
	}
	f.data.blocks = append(f.data.blocks, rf.blocks...)
	f.data.lines = max(f.data.lines, rf.lines)
	if f.data.sums == nil {
		f.data.sums = rf.sums
	}
	switch {
	case rf.summary && len(f.data.hits)+len(f.data.blocks) == 0:
		f.data.summary, f.data.covered, f.data.total = true, max(f.data.covered, rf.covered), max(f.data.total, rf.total)
	case !rf.summary:
		f.data.summary = false
	}
}

// sourceLimit is the size above which a file is not one that a person wrote.
const sourceLimit = 16 << 20

// readSources classifies the tree's files by their content, and holds what the
// reports say of them against it.
func (m *measurement) readSources(ctx context.Context) error {
	var list []git.File
	for _, f := range m.target.Tree.Files {
		if f.Kind != git.Symlink && f.Size <= sourceLimit && slices.Contains(measurable, project.Language(f.Path, nil)) {
			list = append(list, f)
		}
	}
	var mu sync.Mutex
	misfits := make(map[string]error)
	err := m.target.Tree.Each(ctx, list, m.target.Jobs, func(_ context.Context, gf git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		class := project.Classify(gf.Path, data)
		mu.Lock()
		defer mu.Unlock()
		f := m.files[gf.Path]
		if f == nil {
			f = &file{path: gf.Path, project: -1}
			m.files[gf.Path] = f
		}
		f.class = class
		f.source = canMeasure(gf.Path, data[:min(len(data), project.HeadSize)]) && holdsCode(gf.Path, data)
		if p := project.Of(m.projects, project.KindOf(project.Language(gf.Path, data)), gf.Path); p != nil {
			f.project = slices.IndexFunc(m.projects, func(q project.Project) bool { return q.Dir == p.Dir && q.Kind == p.Kind })
		}
		if !f.source {
			return nil
		}
		m.examined.Files++
		m.examined.Bytes += int64(len(data))
		if f.data == nil {
			return nil
		}
		if err := fits(f.data, data); err != nil {
			misfits[gf.Path] = fmt.Errorf("%s was not made of this tree: %s: %w; run the tests again", m.reports[f.reports[0]].path, gf.Path, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(misfits)) {
		return misfits[name] // the first, whatever the timing
	}
	return nil
}

// holdsCode says whether a source holds anything that can run: a Go file may hold
// types alone, a Python file nothing.
func holdsCode(name string, data []byte) bool {
	if path.Ext(name) == ".go" {
		return bytes.Contains(data, []byte("func ")) || bytes.Contains(data, []byte("func("))
	}
	return len(bytes.TrimSpace(data)) > 0
}

// fits holds what a report says of a file against its content.
func fits(rf *reportFile, data []byte) error {
	source := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	last := 0
	for line := range rf.hits {
		last = max(last, line)
	}
	// One more: some tools count the end of the last line.
	if last > len(source)+1 {
		return fmt.Errorf("it has line %d, and the file has %d", last, len(source))
	}
	if n := len(source); rf.lines > 0 && len(data) > 0 && rf.lines != n && rf.lines != n+1 {
		return fmt.Errorf("it has %d lines, and the file has %d", rf.lines, n)
	}
	if err := checkSums(rf, source); err != nil {
		return err
	}
	return expand(rf, source)
}

// fresh is an error when a report is older than a source or a test of the
// projects that it covers. A checkout gives every file the time of the
// checkout, so that what a later step writes is newer; what a cache brings back
// keeps its old time, and is refused.
func (m *measurement) fresh(index int) error {
	covers := make(map[int]bool)
	for _, f := range m.files {
		if f.source && f.project >= 0 && slices.Contains(f.reports, index) {
			covers[f.project] = true
		}
	}
	w := m.reports[index]
	newest, when := "", w.time
	for _, f := range m.files {
		counts := slices.Contains(f.reports, index) || covers[f.project] && (f.class == project.Source || f.class == project.Test)
		if !counts {
			continue
		}
		info := stat(m.root, f.path)
		if info == nil || !info.ModTime().After(w.time) {
			continue
		}
		if newest == "" || info.ModTime().After(when) || info.ModTime().Equal(when) && f.path < newest {
			newest, when = f.path, info.ModTime()
		}
	}
	if newest != "" {
		return fmt.Errorf("%s is older than %s: run the tests again. (In a workflow, check out first, then test, then run wf-ci; a report out of a cache does not count.)", w.path, newest)
	}
	return nil
}

// complete is an error when a project with sources is in no report.
func (m *measurement) complete() error {
	sources, known := make(map[int]int), make(map[int]int)
	total := 0
	for _, f := range m.files {
		if f.source && f.data != nil {
			known[f.project]++
			total++
		}
		if f.source {
			sources[f.project]++
		}
	}
	if total == 0 {
		return errors.New("the coverage report names no source of this tree, but tests, generated or vendored files only")
	}
	for i, p := range m.projects {
		if p.Manifest != "" && known[i] > 0 && 2*known[i] < sources[i] {
			return fmt.Errorf("the coverage report speaks of %d of the %d sources of %s only: have the tool measure all, also what no test loads (%s)", known[i], sources[i], p.Manifest, measureAll[p.Kind])
		}
	}
	if m.options.Report != "" {
		return nil // one report, and no other is wanted
	}
	var missing []int
	for i, p := range m.projects {
		if p.Manifest != "" && sources[i] > 0 && known[i] == 0 {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var dirs []string
	for _, i := range missing {
		dirs = append(dirs, m.projects[i].Manifest)
	}
	return fmt.Errorf("no coverage report speaks of %s: %s", strings.Join(dirs, ", "), m.remedy(missing))
}

// sum is the lines of some files.
type sum struct{ covered, lines int }

func (s sum) percent() float64 { return 100 * float64(s.covered) / float64(s.lines) }

// below says whether the sum is below a percentage, exactly.
func (s sum) below(min float64) bool { return float64(s.covered)*100 < min*float64(s.lines) }

// shown cuts, so that 79.999 is not shown as 80.
func shown(percent float64) float64 { return math.Floor(percent*100) / 100 }

func (s sum) String() string {
	return fmt.Sprintf("%g %% (%d of %s)", shown(s.percent()), s.covered, gates.Plural(s.lines, "line"))
}

func (m *measurement) judge(out *gates.Outcome) error {
	var all, patch sum
	byDir := make(map[string]*sum)
	change := m.target.Change
	var names gates.Fingerprints
	unknown := 0
	for _, p := range slices.Sorted(maps.Keys(m.files)) {
		f := m.files[p]
		switch {
		case !f.source:
			continue
		case f.data == nil && m.declared(f):
			unknown++
			if !change.Everything() && change.HasFile(p) {
				out.Findings = append(out.Findings, gates.Finding{
					Rule: "not-in-report", Severity: gates.SeverityWarning, Path: gates.Path(p), Message: "the change touches it, and no coverage report knows it",
				})
			}
			continue
		case f.data == nil:
			continue
		}
		dir := "."
		if f.project >= 0 {
			dir = m.projects[f.project].Dir
		}
		if byDir[dir] == nil {
			byDir[dir] = new(sum)
		}
		if f.data.summary {
			if m.options.Patch > 0 && !change.Everything() && change.HasFile(p) {
				return fmt.Errorf("the report (%s) does not say which lines of %s ran, so the change cannot be judged: have the tool write lcov.info or coverage-final.json too", strings.Join(m.formats, ", "), p)
			}
			byDir[dir].covered += f.data.covered
			byDir[dir].lines += f.data.total
			continue
		}
		byDir[dir].add(f.data.hits)
		if !change.Everything() && change.HasFile(p) {
			part, found := m.changed(f)
			patch.covered, patch.lines = patch.covered+part.covered, patch.lines+part.lines
			out.Findings = append(out.Findings, found...)
		}
	}
	for _, s := range byDir {
		all.covered, all.lines = all.covered+s.covered, all.lines+s.lines
	}
	if all.lines == 0 {
		return errors.New("the coverage report holds no line that can run: were the tests run with coverage?")
	}
	out.Metrics = map[string]float64{
		"coverage": shown(all.percent()), "covered_lines": float64(all.covered), "executable_lines": float64(all.lines),
	}
	if n := unknown; n > 0 {
		out.Metrics["unreported_files"] = float64(n)
		out.Findings = append(out.Findings, gates.Finding{
			Rule: "not-in-report", Severity: gates.SeverityNote, Message: fmt.Sprintf("%s in no coverage report, and not in the figures", be(n, "source")),
			Fingerprint: names.Of("coverage", "not-in-report"),
		})
	}
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		s := byDir[dir]
		if s.lines == 0 {
			continue
		}
		prefix := ""
		if len(byDir) > 1 {
			out.Metrics["coverage:"+dir] = shown(s.percent())
			prefix = dir + ": "
		}
		if s.below(m.options.Min) {
			out.Findings = append(out.Findings, gates.Finding{
				Rule: "coverage-total", Severity: gates.SeverityError,
				Message:     fmt.Sprintf("%sthe tests run %s, less than %g %%", prefix, s, m.options.Min),
				Fingerprint: names.Of("coverage", "coverage-total", dir),
			})
		}
	}
	if patch.lines > 0 {
		out.Metrics["patch_coverage"], out.Metrics["patch_lines"] = shown(patch.percent()), float64(patch.lines)
		if patch.lines >= m.options.MinLines && patch.below(m.options.Patch) {
			out.Findings = append(out.Findings, gates.Finding{
				Rule: "coverage-patch", Severity: gates.SeverityError,
				Message:     fmt.Sprintf("of the changed lines the tests run %s, less than %g %%", patch, m.options.Patch),
				Fingerprint: names.Of("coverage", "coverage-patch"),
			})
		}
	}
	return nil
}

// declared says whether a file belongs to a project with a manifest, and not to
// the scripts beside one.
func (m *measurement) declared(f *file) bool {
	return f.project < 0 || m.projects[f.project].Manifest != "" || !slices.ContainsFunc(m.projects, func(p project.Project) bool { return p.Manifest != "" })
}

// be is "1 file is", "2 files are".
func be(n int, noun string) string {
	if n == 1 {
		return gates.Plural(n, noun) + " is"
	}
	return gates.Plural(n, noun) + " are"
}

func (s *sum) add(hits map[int]int64) {
	for _, n := range hits {
		s.lines++
		if n > 0 {
			s.covered++
		}
	}
}

// changed are the changed lines of a file that can run, and a note for each
// row of those that did not.
func (m *measurement) changed(f *file) (sum, []gates.Finding) {
	var s sum
	var found []gates.Finding
	var open *gates.Finding
	for _, line := range slices.Sorted(maps.Keys(f.data.hits)) {
		if !m.target.Change.HasLines(f.path, line, line) {
			open = nil
			continue
		}
		s.lines++
		if f.data.hits[line] > 0 {
			s.covered++
			open = nil
			continue
		}
		if open == nil {
			found = append(found, gates.Finding{Rule: "uncovered-lines", Severity: gates.SeverityNote, Path: gates.Path(f.path), Line: line})
			open = &found[len(found)-1]
		}
		open.EndLine = line
	}
	for i, n := range found {
		found[i].Message = "no test runs this line"
		if n.EndLine > n.Line {
			found[i].Message = "no test runs these lines"
		}
	}
	return s, found
}

// usualPlaces are where the tools of an ecosystem leave their reports, relative
// to a project's directory.
var usualPlaces = []struct {
	kind    project.Kind // empty: languages without projects of ours
	places  []string
	command string
}{
	{project.Go, []string{"coverage.out", "cover.out", "c.out", "coverage.txt", "cover.profile", "profile.cov"}, "go test -coverpkg=./... -coverprofile=coverage.out ./..."},
	{project.Node, []string{"coverage/coverage-final.json", "coverage/lcov.info", "lcov.info", "coverage/cobertura-coverage.xml", "coverage/coverage-summary.json"}, "npm test -- --coverage"},
	{project.Python, []string{"coverage.xml", "coverage.json", "coverage.lcov", "cobertura.xml", "lcov.info"}, "python -m pytest --cov=. --cov-report=xml"},
	{project.Rust, []string{"lcov.info", "target/llvm-cov/lcov.info", "target/llvm-cov/cov.json", "target/llvm-cov/cobertura.xml", "coverage.json", "cobertura.xml", "coverage/lcov.info"}, "cargo llvm-cov --lcov --output-path lcov.info"},
	{"", []string{"target/site/jacoco/jacoco.xml", "build/reports/jacoco/test/jacocoTestReport.xml", "coverage/.resultset.json", "coverage.xml", "cobertura.xml", "lcov.info"}, "the tests with coverage"},
}

// usual are the reports in the usual places: of each project the newest.
func (m *measurement) usual() []string {
	var names []string
	take := func(dir string, places []string) {
		best := ""
		var when os.FileInfo
		for _, place := range places {
			name := path.Join(dir, place)
			info := stat(m.root, name)
			if info == nil || !info.Mode().IsRegular() || when != nil && !info.ModTime().After(when.ModTime()) {
				continue
			}
			best, when = name, info
		}
		if best != "" && !slices.Contains(names, best) {
			names = append(names, best)
		}
	}
	for _, p := range m.projects {
		take(p.Dir, placesOf(p.Kind))
	}
	var more []string
	var err error
	if slices.ContainsFunc(m.target.Tree.Files, func(f git.File) bool {
		return slices.Contains([]string{"java", "kotlin", "scala", "groovy", "ruby"}, project.Language(f.Path, nil))
	}) {
		more, err = globbed(m.root, []string{"**/build/reports/jacoco/**/*.xml", "**/target/site/jacoco/jacoco.xml", "**/coverage/.resultset.json"})
	}
	if err == nil {
		for _, name := range more {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		for _, u := range usualPlaces {
			take(".", u.places)
		}
	}
	return names
}

// measureAll is how the tools are told of the sources that no test loads.
var measureAll = map[project.Kind]string{
	project.Go: "go test -coverpkg=./...", project.Node: "jest's collectCoverageFrom, vitest's coverage.include, c8 --all",
	project.Python: "pytest --cov=.", project.Rust: "cargo llvm-cov --workspace",
}

func placesOf(kind project.Kind) []string {
	for _, u := range usualPlaces {
		if u.kind == kind {
			return u.places
		}
	}
	return nil
}

// remedy is what makes the reports of some projects; nil: of all.
func (m *measurement) remedy(which []int) string {
	var commands []string
	for i, p := range m.projects {
		if which != nil && !slices.Contains(which, i) {
			continue
		}
		for _, u := range usualPlaces {
			if u.kind != p.Kind {
				continue
			}
			command := "`" + u.command + "`"
			if p.Dir != "." {
				command += " in " + p.Dir
			}
			if !slices.Contains(commands, command) {
				commands = append(commands, command)
			}
		}
	}
	if len(commands) == 0 {
		return "run the tests with coverage first, or name the report in gates.coverage.report"
	}
	slices.SortStableFunc(commands, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	rest := ""
	if len(commands) > 3 {
		commands, rest = commands[:3], ", …"
	}
	return "run " + strings.Join(commands, ", ") + rest + " first, or name the report in gates.coverage.report"
}
