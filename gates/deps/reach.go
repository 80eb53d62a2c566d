package deps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// level is what the code has to do with a vulnerability of a Go module.
type level int

const (
	required level = iota // the module is needed; the package is not imported
	imported              // the package is imported; no vulnerable function is called
	called
)

// use is how one module uses a vulnerability.
type use struct {
	level level
	file  string // of the call, in the tree; empty: not known
	line  int
	from  string // the function that calls
	what  string // the function that is called

	inside bool // the change has the call
}

// severity is what a use counts as: what is called blocks, what is not does not.
func (u use) severity() gates.Severity {
	return [...]gates.Severity{gates.SeverityNote, gates.SeverityWarning, gates.SeverityError}[u.level]
}

func (u use) words() string {
	switch {
	case u.level == called && u.from != "" && u.file != "":
		return fmt.Sprintf("called: %s calls %s (%s:%d)", u.from, u.what, u.file, u.line)
	case u.level == called:
		return "called"
	case u.level == imported:
		return "imported, and no vulnerable function is called"
	}
	return "required, and not imported"
}

// reachability is what govulncheck says, for each go.mod by its path: the uses by
// the ids of Go's database.
type reachability map[string]map[string]use

// of is the use of a fault. False: nobody looked, or Go's own database does not
// know the fault, so that nobody can tell.
func (r reachability) of(lock string, f fault) (use, bool) {
	uses, ok := r[lock]
	if !ok {
		return use{}, false
	}
	best, known := use{}, false
	for _, record := range f.records {
		if !strings.HasPrefix(record.ID, "GO-") {
			continue
		}
		known = true
		if u, ok := uses[record.ID]; ok && u.level >= best.level {
			best = u
		}
	}
	return best, known
}

// toolchain is the Go that builds a module.
type toolchain struct {
	mod    string // path of the go.mod
	dir    string // absolute
	stdlib Package
}

// toolchains finds the Go of each module with sources. Without a go command there
// is none, and the reports say that nobody looked at what is called.
func (r *result) toolchains(ctx context.Context) ([]toolchain, error) {
	if !r.options.Reach {
		return nil, nil
	}
	var list []toolchain
	for _, p := range r.survey.projects {
		if p.Kind != project.Go || p.Manifest == "" || !r.hasGo(p) {
			continue
		}
		dir := filepath.Join(r.target.Dir, filepath.FromSlash(p.Dir))
		res, err := r.target.Runner.Run(ctx, run.Command{Name: "go", Args: []string{"env", "GOVERSION"}, Dir: dir, Env: r.goEnv(), Contain: true})
		var missing *run.NotStartedError
		if errors.As(err, &missing) && missing.Missing {
			r.reachNote = "no go command: what is called was not looked at"
			return nil, nil
		}
		version := strings.TrimSpace(string(res.Stdout.Bytes))
		if err != nil {
			return nil, fmt.Errorf("%s: ask go for its version: %w", p.Manifest, err)
		}
		version, _, _ = strings.Cut(strings.TrimPrefix(version, "go"), " ")
		if version == "" {
			return nil, fmt.Errorf("%s: go env GOVERSION says nothing", p.Manifest)
		}
		line := goDirective(r.survey.book.files[p.Manifest])
		list = append(list, toolchain{mod: p.Manifest, dir: dir, stdlib: Package{Ecosystem: Go, Name: stdlib, Version: goSemver(version), Line: line, EndLine: line}})
	}
	r.stdlibs = list
	return list, nil
}

// goSemver is a version of Go as OSV has it: 1.21rc2 is 1.21.0-rc.2.
func goSemver(v string) string {
	v, _, _ = strings.Cut(v, "-") // a vendor's mark
	for _, pre := range []string{"rc", "beta"} {
		if a, b, ok := strings.Cut(v, pre); ok {
			return a + ".0-" + pre + "." + b
		}
	}
	if strings.Count(v, ".") == 1 {
		v += ".0"
	}
	return v
}

func (r *result) hasGo(p project.Project) bool {
	return slices.ContainsFunc(r.target.Tree.Files, func(f git.File) bool {
		if !strings.HasSuffix(f.Path, ".go") || strings.HasSuffix(f.Path, "_test.go") || project.Aside(f.Path) {
			return false
		}
		of := project.Of(r.survey.projects, project.Go, f.Path)
		return of != nil && of.Dir == p.Dir
	})
}

// goEnv is what a go command is told besides the clean environment.
func (r *result) goEnv() []string {
	if r.target.Offline {
		return []string{"GOPROXY=off", "GOTOOLCHAIN=local"}
	}
	return nil
}

// reach runs govulncheck on each module that has something to look for.
func (r *result) reach(ctx context.Context, list []toolchain, found map[id][]*Record) (reachability, error) {
	out := make(reachability)
	if len(list) == 0 {
		return out, nil
	}
	db, err := os.MkdirTemp("", "wf-ci-vulndb-")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(db)
	n, err := writeVulnDB(db, found)
	if err != nil {
		return out, err
	}
	var errs []error
	for _, t := range list {
		if n == 0 {
			out[t.mod] = nil // nothing of Go's is vulnerable at all
			continue
		}
		r.reachNote = "govulncheck"
		var reply govulncheckReply
		err := r.target.RunEngine(ctx, gates.EngineCall{Name: Govulncheck, Dir: t.dir, Env: r.goEnv()}, govulncheckRequest{DB: db}, &reply)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.mod, err))
			continue
		}
		uses := make(map[string]use)
		for _, f := range reply.Findings { // sorted: of equal ones the first counts
			u := f.use(path.Dir(t.mod))
			u.inside = u.file != "" && r.target.Change.HasLines(u.file, u.line, u.line)
			if old, ok := uses[f.ID]; !ok || u.level > old.level || u.level == old.level && u.inside && !old.inside {
				uses[f.ID] = u
			}
		}
		out[t.mod] = uses
	}
	return out, errors.Join(errs...)
}

// writeVulnDB writes the records of Go's own database that matter here, in the
// form that govulncheck reads: its other records and those of others (GitHub's
// say nothing of functions) would be taken for whole packages.
func writeVulnDB(dir string, found map[id][]*Record) (int, error) {
	seen := make(map[string]bool)
	for p, records := range found {
		for _, r := range records {
			if p.ecosystem != Go || !goID(r.ID) || seen[r.ID] {
				continue
			}
			seen[r.ID] = true
			data, err := json.Marshal(r)
			if err != nil {
				return 0, err
			}
			if err := os.WriteFile(filepath.Join(dir, r.ID+".json"), data, 0o600); err != nil {
				return 0, err
			}
		}
	}
	return len(seen), nil
}

// goID says whether an id is one of Go's database: it becomes a file's name.
func goID(s string) bool {
	rest, ok := strings.CutPrefix(s, "GO-")
	return ok && rest != "" && strings.Trim(rest, "0123456789-") == ""
}

// findStdlib makes the findings of Go's standard library: only what govulncheck
// looked at, in the Go that is installed here.
func (r *result) findStdlib(ctx context.Context, src source, found map[id][]*Record, reached reachability) error {
	for _, mod := range sortedKeys(reached) {
		i := slices.IndexFunc(r.stdlibs, func(t toolchain) bool { return t.mod == mod })
		if i < 0 {
			continue
		}
		p := r.stdlibs[i].stdlib
		list := faults(p, found[p.id()])
		for i := range list {
			if err := list[i].resolve(ctx, src, p); err != nil {
				return err
			}
		}
		var spots spots
		r.place(&spots, &Lock{Path: mod}, p, list)
		for _, s := range spots.list {
			r.add(s, reached)
		}
	}
	return nil
}
