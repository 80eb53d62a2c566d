package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// asking is the policy with sessions in a form of the test's own.
var asking = Options{Session: func(path string, data []byte) (Session, error) {
	var s Session
	if err := json.Unmarshal(data, &s); err != nil || s.ID == "" {
		return s, errors.New(path + ": no session")
	}
	return s, nil
}}

func (p *project) session(id, commit string, missing ...string) {
	p.t.Helper()
	data, err := json.Marshal(Session{ID: id, Commit: commit, Missing: missing})
	if err != nil {
		p.t.Fatal(err)
	}
	p.Write(".debug/"+id+".json", string(data))
}

// save commits all with a message and gives the commit.
func (p *project) save(message string) string {
	p.t.Helper()
	p.Git("add", "--all")
	p.Git("commit", "-qm", message)
	return strings.TrimSpace(p.Git("rev-parse", "HEAD"))
}

func TestIsFix(t *testing.T) {
	files := []git.File{{Path: "a.py"}}
	for _, tt := range []struct {
		message string
		want    bool
	}{
		{"fix: it\n", true}, {"Fix(api)!: it", true}, {"FIX!: it", true}, {"\n fix(a b): it", true}, {"fix : it", true},
		{"feat: it\n\nfix: no", false}, {"fixture: it", false}, {"fix it", false}, {"hotfix: it", false}, {"", false}, {"fix(a\n): it", false},
	} {
		if got := isFix(git.Commit{Message: tt.message, Files: files}); got != tt.want {
			t.Errorf("%q: %v", tt.message, got)
		}
	}
	fix := git.Commit{Message: "fix: x", Files: []git.File{{Path: ".debug/a.json"}}}
	if isFix(fix) || isFix(git.Commit{Message: "fix: x", Files: files, Merge: true}) || isFix(git.Commit{Message: "fix: x"}) {
		t.Error("a commit of sessions, a merge, or one of nothing mends something")
	}
}

// A fix needs a finished session that it names, that names it, or that it brings.
func TestFixes(t *testing.T) {
	p := newProject(t)
	p.Write("app.py", "import sys\n")
	p.save("feat: more")
	p.want(asking)
	p.Write("app.py", "import re\n")
	fix := p.save("fix(app): the import")
	p.want(Options{}) // nobody asks
	f := p.want(asking, fmt.Sprintf("fix: commit %.12s has no debug report: wf-ci debug fix TEXT --commit %.12s", fix, fix), "wf-ci debug report")
	if f.Commit != fix || f.Rule != "fix-report" || f.Severity != "error" {
		t.Errorf("got %+v", f)
	}
	// One about something else; one that is not finished; then the one.
	p.session("a", "")
	p.want(asking, "has no debug report: wf-ci debug fix")
	p.session("b", fix, "hypotheses: 1 of at least 3")
	p.want(asking, "the session b is not finished: hypotheses: 1 of at least 3; wf-ci debug report --session b")
	p.session("b", fix)
	p.want(asking)
	p.save("chore: sessions")
	p.want(asking)
	// The commit brings its session.
	p.Write("app.py", "import io\n")
	p.session("c", "")
	p.save("fix: again")
	p.want(asking)
	// The commit names it.
	p.Write("app.py", "import os\n")
	p.save("fix: once more\n\nDebug: a\n")
	p.want(asking)
	p.Write("app.py", "import ast\n")
	p.save("fix: with a name that nobody has\n\nDebug: z\n")
	p.want(asking, "has no debug report")
}

// A session that was there at the base is that of an earlier fix.
func TestOldSessionsReportNothing(t *testing.T) {
	p := newProject(t)
	p.session("a", "")
	p.base = p.save("chore: a session")
	p.Write("app.py", "import re\n")
	p.save("fix: it\n\nDebug: a")
	p.want(asking, "has no debug report")
}

func TestSessionsThatCannotBeRead(t *testing.T) {
	p := newProject(t)
	p.Write(".debug/bad.json", "{")
	p.Write(".debug/more/deep.json", "{")
	p.Write(".debug/notes.md", "{")
	p.save("chore: sessions")
	p.want(asking) // nothing is mended: nobody reads them
	p.Write("app.py", "import re\n")
	p.save("fix: it")
	findings, _, err := p.judge(asking)
	if err == nil || err.Error() != ".debug/bad.json: no session" || len(findings) != 1 {
		t.Errorf("got %+v, %v", findings, err)
	}
	p.Write("db/schema.rb", "create_table 2\n")
	if findings, _, err = p.judge(asking); err == nil || len(findings) != 2 {
		t.Errorf("got %+v, %v", findings, err)
	}
}

func TestShallowCannotTellWhatWasMended(t *testing.T) {
	p := newProject(t)
	p.Write("app.py", "import re\n")
	p.save("fix: it")
	p.Write("app.py", "import io\n")
	p.save("feat: more")
	shallow := gittest.At(t, t.TempDir())
	shallow.Git("clone", "-q", "--depth=1", "file://"+p.Dir, ".")
	shallow.Git("fetch", "-q", "--depth=1", "origin", p.base)
	s := &project{Repo: shallow, t: t, base: p.base}
	if _, _, err := s.judge(asking); err == nil || !strings.Contains(err.Error(), "fetch-depth: 0") {
		t.Errorf("got %v", err)
	}
}
