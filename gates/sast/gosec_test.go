package sast

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

const goModule = "module example.com/m\n\ngo 1.26\n"

// sqlThrough follows a value through a function of the program's own, which our
// rules do not.
const sqlThrough = `package m

import (
	"database/sql"
	"net/http"
)

func name(r *http.Request) string { return r.FormValue("name") }

func find(db *sql.DB, r *http.Request) {
	q := "SELECT * FROM users WHERE name = '" + name(r) + "'"
	_, _ = db.Query(q)
}
`

func goFiles(t *testing.T, files map[string]string) *gates.Target {
	t.Helper()
	repo := gittest.New(t)
	for name, text := range files {
		repo.Write(name, text)
	}
	repo.Commit("one")
	return gatestest.Target(t, repo, "")
}

func messages(findings []gates.Finding) string {
	var list []string
	for _, f := range findings {
		list = append(list, f.Message)
	}
	return strings.Join(list, "\n")
}

func TestGosecVersion(t *testing.T) {
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "github.com/securego/gosec/v2 v"+gosecVersion+"\n") {
		t.Errorf("gosecVersion %s is not what go.mod says", gosecVersion)
	}
}

func TestGosec(t *testing.T) {
	needParsers(t)
	tg := goFiles(t, map[string]string{"svc/go.mod": goModule, "svc/a.go": sqlThrough, "svc/a_test.go": "package m\n", "vendor/x/x.go": "package x\n"})
	res := runGate(t, tg, Options{})
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	want := "svc/a.go:12:9-12:20 error go-sql-built"
	if got := show(res.Outcome.Findings); got != want {
		t.Errorf("findings\n%s\nwant\n%s", got, want)
	}
	if got := messages(res.Outcome.Findings); !strings.Contains(got, "found by gosec G701 too") {
		t.Errorf("message %s", got)
	}
	if e := res.Outcome.Engine; e.Name != "wf-ci + gosec/analyzers 2.30.0" {
		t.Errorf("engine %+v", e)
	}
	// Without gosec the fault has the same name.
	own := runGate(t, tg, Options{Engines: []string{"wf-ci"}})
	if own.Outcome.Engine.Name != "wf-ci" || own.Outcome.Findings[0].Fingerprint != res.Outcome.Findings[0].Fingerprint {
		t.Errorf("%+v, %+v", own.Outcome, res.Outcome)
	}
	alone := runGate(t, tg, Options{Engines: []string{"gosec"}})
	if alone.Err != nil || show(alone.Outcome.Findings) != "svc/a.go:12:17-0:0 error gosec/G701" || alone.Outcome.Examined.Files != 1 {
		t.Errorf("%v %s %+v", alone.Err, show(alone.Outcome.Findings), alone.Outcome.Examined)
	}
	tg.TreeOnly = true
	if tree := runGate(t, tg, Options{}); tree.Outcome.Engine.Name != "wf-ci" {
		t.Errorf("engine %+v of a tree that is not on disk", tree.Outcome.Engine)
	}
}

// Where gosec cannot look: a note where our own rules did, an error where nobody
// has.
func TestGosecCannotLook(t *testing.T) {
	needParsers(t)
	for name, tt := range map[string]struct {
		files map[string]string
		note  string // in the note of an automatic run
	}{
		"no types":     {map[string]string{"go.mod": goModule, "a.go": "package m\n\nvar x int = \"a\"\n"}, "could not look at example.com/m: "},
		"no module":    {map[string]string{"go.mod": goModule, "a.go": "package m\n\nimport _ \"example.com/none\"\n"}, "could not look at "},
		"newer go":     {map[string]string{"go.mod": "module m\n\ngo 1.99\n", "a.go": "package m\n"}, "1.99"},
		"other system": {map[string]string{"go.mod": goModule, "a_plan9.go": "package m\n"}, "could not look at "},
	} {
		t.Run(name, func(t *testing.T) {
			tg := goFiles(t, tt.files)
			tg.Offline = true
			res := runGate(t, tg, Options{})
			if got := messages(res.Outcome.Findings); res.Err != nil || !strings.Contains(got, tt.note) || strings.Contains(got, tg.Dir) {
				t.Errorf("error %v, findings %s", res.Err, got)
			}
			if res.Outcome.Engine.Name != "wf-ci" {
				t.Errorf("engine %+v", res.Outcome.Engine)
			}
			if res := runGate(t, tg, Options{Engines: []string{"gosec"}}); res.Err == nil || !strings.Contains(res.Err.Error(), "gosec looked at no package") {
				t.Errorf("error %v", res.Err)
			}
		})
	}
}

func TestNoGo(t *testing.T) {
	needParsers(t)
	tg := goFiles(t, map[string]string{"go.mod": goModule, "a.go": sqlThrough})
	tg.Runner.Env = slices.DeleteFunc(slices.Clone(tg.Runner.Env), func(kv string) bool { return strings.HasPrefix(kv, "PATH=") })
	tg.Runner.Env = append(tg.Runner.Env, "PATH="+t.TempDir())
	g := &gate{options: Options{Classify: Classify}}
	if r, err := g.gosec(ctx, tg, false); r != nil || err != nil {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := g.gosec(ctx, tg, true); err == nil || !strings.Contains(err.Error(), "install it (https://go.dev/dl)") {
		t.Errorf("error %v", err)
	}
}

// A marker that was there before holds for what was there before.
func TestNosec(t *testing.T) {
	needParsers(t)
	hushed := strings.Replace(sqlThrough, "Query(q)", "Query(q) // #nosec G701", 1)
	for name, tt := range map[string]struct {
		before, after string
		found         bool
	}{
		"before":       {hushed, hushed + "\nvar x int\n", false},
		"added":        {sqlThrough, hushed, true},
		"added above":  {sqlThrough, strings.Replace(sqlThrough, "\t_, _ =", "\t// #nosec\n\t_, _ =", 1), true},
		"around added": {"package m\n", "", true},
		"directive":    {sqlThrough, strings.Replace(sqlThrough, "\t_, _ =", "\t//gosec:disable G701\n\t_, _ =", 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := tt.before, tt.after
			if name == "around added" { // the marker is old, the fault is new
				after = strings.Replace(sqlThrough, "func find", "// #nosec\nfunc find", 1)
				before = regexp.MustCompile(`(?m)^\t_, _ = db.*\n`).ReplaceAllString(after, "\t_ = q\n")
			}
			repo := gittest.New(t)
			repo.Write("go.mod", goModule)
			repo.Write("a.go", before)
			repo.Commit("one")
			repo.Git("branch", "base")
			repo.Write("a.go", after)
			repo.Commit("two")
			res := runGate(t, gatestest.Target(t, repo, "base"), Options{Engines: []string{"gosec"}})
			if got := len(res.Outcome.Findings) > 0; res.Err != nil || got != tt.found {
				t.Errorf("error %v, findings %s", res.Err, show(res.Outcome.Findings))
			}
		})
	}
}

// The engine's directory may be reached through a link.
func TestRelative(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	if got, ok := relative(link, filepath.Join(dir, "a", "b.go")); got != "a/b.go" || !ok {
		t.Errorf("%q, %v", got, ok)
	}
	if got, ok := relative(dir, filepath.Join(filepath.Dir(dir), "b.go")); ok {
		t.Errorf("%q is outside", got)
	}
}
