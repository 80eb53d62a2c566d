package coverage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
)

// sum is the lines of some files.
type sum struct{ covered, lines int }

func (s sum) percent() float64 { return 100 * float64(s.covered) / float64(s.lines) }

// below says whether the sum is below a percentage, exactly.
func (s sum) below(min float64) bool { return float64(s.covered)*100 < min*float64(s.lines) }

func (s sum) missed() int { return s.lines - s.covered }

func (s *sum) plus(o sum) { s.covered, s.lines = s.covered+o.covered, s.lines+o.lines }

func (s *sum) add(hits map[int]int64) {
	for _, n := range hits {
		s.lines++
		if n > 0 {
			s.covered++
		}
	}
}

// shown cuts, so that 79.999 is not shown as 80.
func shown(percent float64) float64 { return math.Floor(percent*100) / 100 }

func (s sum) String() string {
	return fmt.Sprintf("%g %% (%d of %s)", shown(s.percent()), s.covered, gates.Plural(s.lines, "line"))
}

// unit is the lines of one project: of all of its kinds in one directory.
type unit struct {
	all, patch sum
	touched    bool // the change touches a source of it
	blind      bool // it touches one whose report has no lines
}

// units are the projects' lines by directory.
func (m *measurement) units() map[string]*unit {
	units := make(map[string]*unit)
	for _, f := range m.files {
		if !f.source || f.data == nil {
			continue
		}
		dir := m.dirOf(f)
		if units[dir] == nil {
			units[dir] = new(unit)
		}
		if f.data.summary {
			units[dir].all.plus(sum{f.data.covered, f.data.total})
		} else {
			units[dir].all.add(f.data.hits)
		}
	}
	return units
}

func (m *measurement) dirOf(f *file) string {
	if f.project >= 0 {
		return m.projects[f.project].Dir
	}
	return "."
}

func (m *measurement) judge(ctx context.Context, out *gates.Outcome) error {
	units := m.units()
	patch, err := m.judgeChange(units, out)
	if err != nil {
		return err
	}
	var all sum
	for _, u := range units {
		all.plus(u.all)
	}
	if all.lines == 0 && len(m.problems) == 0 {
		return errors.New("the coverage report holds no line that can run: were the tests run with coverage?")
	}
	if all.lines == 0 {
		return nil // said by the problems
	}
	m.metrics(out, units, all, patch)
	m.reportUnknown(out)
	if err := m.judgeTotals(ctx, out, units); err != nil {
		return err
	}
	if patch.lines >= m.options.MinLines && patch.lines > 0 && patch.below(m.options.Patch) {
		out.Findings = append(out.Findings, gates.Finding{
			Rule: "coverage-patch", Severity: gates.SeverityError,
			Message:     fmt.Sprintf("of the changed lines the tests run %s, less than %g %%", patch, m.options.Patch),
			Fingerprint: new(gates.Fingerprints).Of("coverage", "coverage-patch"),
		})
	}
	return nil
}

// judgeChange looks at what the change touches: its lines, and the sources that
// no report knows.
func (m *measurement) judgeChange(units map[string]*unit, out *gates.Outcome) (patch sum, err error) {
	if m.target.Change.Everything() {
		return patch, nil
	}
	for _, p := range slices.Sorted(maps.Keys(m.files)) {
		f := m.files[p]
		switch {
		case !f.source || !m.target.Change.HasFile(p):
			continue
		case f.data == nil && m.declared(f):
			out.Findings = append(out.Findings, gates.Finding{
				Rule: "not-in-report", Severity: gates.SeverityWarning, Path: gates.Path(p), Message: "the change touches it, and no coverage report knows it",
			})
			continue
		case f.data == nil:
			continue
		}
		u := units[m.dirOf(f)]
		u.touched = true
		if f.data.summary {
			if m.options.Patch > 0 {
				return patch, fmt.Errorf("the report (%s) does not say which lines of %s ran, so the change cannot be judged: have the tool write lcov.info or coverage-final.json too", strings.Join(m.formats, ", "), p)
			}
			u.blind = true
			continue
		}
		part, found := m.changed(f)
		patch.plus(part)
		u.patch.plus(part)
		out.Findings = append(out.Findings, found...)
	}
	return patch, nil
}

func (m *measurement) metrics(out *gates.Outcome, units map[string]*unit, all, patch sum) {
	out.Metrics = map[string]float64{
		"coverage": shown(all.percent()), "covered_lines": float64(all.covered), "executable_lines": float64(all.lines),
	}
	if patch.lines > 0 {
		out.Metrics["patch_coverage"], out.Metrics["patch_lines"] = shown(patch.percent()), float64(patch.lines)
	}
	for dir, u := range units {
		if len(units) > 1 && u.all.lines > 0 {
			out.Metrics["coverage:"+dir] = shown(u.all.percent())
		}
	}
}

// reportUnknown tells of the sources that are not in the figures.
func (m *measurement) reportUnknown(out *gates.Outcome) {
	var names gates.Fingerprints
	n := 0
	for _, f := range m.files {
		if f.source && f.data == nil && m.declared(f) {
			n++
		}
	}
	if n > 0 {
		out.Metrics["unreported_files"] = float64(n)
		out.Findings = append(out.Findings, gates.Finding{
			Rule: "not-in-report", Severity: gates.SeverityNote, Message: fmt.Sprintf("%s in no coverage report, and not in the figures", be(n, "source")),
			Fingerprint: names.Of("coverage", "not-in-report"),
		})
	}
	_, known, _ := m.known()
	for _, p := range m.without {
		i := slices.IndexFunc(m.projects, func(q project.Project) bool { return q.Dir == p.Dir && q.Kind == p.Kind })
		if known[i] == 0 && p.Manifest != "" {
			out.Findings = append(out.Findings, gates.Finding{
				Rule: "not-in-report", Severity: gates.SeverityWarning, Path: gates.Path(p.Manifest), Message: "the project has sources and no tests: it is not in the figures",
			})
		}
	}
}

func (m *measurement) judgeTotals(ctx context.Context, out *gates.Outcome, units map[string]*unit) error {
	base, err := m.base(ctx, units)
	if err != nil {
		return err
	}
	var names gates.Fingerprints
	for _, dir := range slices.Sorted(maps.Keys(units)) {
		u := units[dir]
		if u.all.lines == 0 || !u.all.below(m.options.Min) {
			continue
		}
		f := gates.Finding{
			Rule: "coverage-total", Severity: gates.SeverityError,
			Message:     fmt.Sprintf("the tests run %s, less than %g %%", u.all, m.options.Min),
			Fingerprint: names.Of("coverage", "coverage-total", dir),
		}
		if len(units) > 1 {
			f.Message = dir + ": " + f.Message
		}
		if !m.options.All && !m.target.Change.Everything() {
			worse, why := base.compare(dir, u)
			if f.Message += "; " + why; !worse {
				f.Severity = gates.SeverityWarning
			}
		}
		out.Findings = append(out.Findings, f)
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
