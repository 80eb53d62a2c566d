package gates_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// Markers count on lines of the change, in files that a tool reads.
func TestSuppressions(t *testing.T) {
	t.Parallel()
	const mark, two = "x() # no~sec\n", "x()  # no~qa # no~sec\n"
	repo := gittest.New(t)
	repo.Write("old.py", plain(mark+"one\ntwo\n"+mark))
	repo.Write("moved.py", plain(strings.Repeat("a\n", 20)+mark))
	repo.Write("kept.py", plain(mark))
	repo.Write(".gitleaksignore", "old:entry:1\n")
	base := repo.Commit("base")

	repo.Write("old.py", plain(mark+"one\nthree\n"+mark+"four\n"+two))
	repo.Git("mv", "moved.py", "there.py")
	repo.Write("new.py", plain("\n"+mark+"\tx() # no~sec\r\n"+two))
	repo.Write("caf\xe9 \n.py", plain(mark))
	repo.Write("plain.py", "nothing\n")
	repo.Write(".gitleaksignore", "old:entry:1\n# a note\n\nnew:entry:2\n  indented:entry:3\n")
	repo.Write("sub/.trivyignore.yaml", "a: b\n")
	repo.Write("audit-ci.json", "{\n}\n")
	for _, name := range []string{"a.md", "a.MARKDOWN", "a.rst", "a.txt", "a.json", "a.svg", "go.lock"} {
		repo.Write(name, plain(mark))
	}
	repo.Write("binary.py", plain("\x00"+mark))
	repo.Write("late.py", plain(strings.Repeat("x", 8000)+"\x00\n"+mark)) // for git it is text as well
	repo.Write("large.py", plain(mark)+strings.Repeat("x", 4<<20))
	symlink(t, repo, plain("# no~sec"), "link.py")
	repo.Commit("change")
	repo.Write("dirty.py", plain(mark)) // not committed is part of the change too

	target := newTarget(t, repo, base)
	r := runOne(t, target, gates.Suppressions())
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	want := []gates.Suppression{
		{Path: ".gitleaksignore", Line: 4, Marker: ".gitleaksignore"}, {Path: ".gitleaksignore", Line: 5, Marker: ".gitleaksignore"},
		{Path: "audit-ci.json", Line: 1, Marker: "audit-ci.json"}, {Path: "audit-ci.json", Line: 2, Marker: "audit-ci.json"},
		{Path: "caf\xe9 \n.py", Line: 1, Marker: "nosec"}, {Path: "dirty.py", Line: 1, Marker: "nosec"}, {Path: "late.py", Line: 2, Marker: "nosec"},
		{Path: "new.py", Line: 2, Marker: "nosec"}, {Path: "new.py", Line: 3, Marker: "nosec"}, {Path: "new.py", Line: 4, Marker: "noqa"}, {Path: "new.py", Line: 4, Marker: "nosec"},
		{Path: "old.py", Line: 6, Marker: "noqa"}, {Path: "old.py", Line: 6, Marker: "nosec"},
		{Path: "sub/.trivyignore.yaml", Line: 1, Marker: ".trivyignore.yaml"},
	}
	if diff := cmp.Diff(want, r.Outcome.Suppressions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(r.Outcome.Findings) != len(want) {
		t.Errorf("%d findings", len(r.Outcome.Findings))
	}
	for i, f := range r.Outcome.Findings {
		rule := "suppression-added"
		if strings.HasPrefix(string(f.Path), ".git") || strings.Contains(string(f.Path), "audit") || strings.Contains(string(f.Path), "trivy") {
			rule = "ignore-file"
		}
		if f.Path != want[i].Path || f.Line != want[i].Line || f.Rule != rule || f.Severity != gates.SeverityWarning || !strings.Contains(f.Message, want[i].Marker) {
			t.Errorf("finding %d is %+v", i, f)
		}
	}
	// Those listed, there.py and plain.py; binary.py too, though no line of it counts.
	if got := r.Outcome.Examined.Files; got != 11 {
		t.Errorf("%d files examined", got)
	}

	// They warn, and say so in the verdict; policy may make them block.
	v := gates.Judge(gates.Policy{Today: today}, target.Change, []gates.Result{r})
	if v.Decision != gates.Pass || len(v.SuppressionsAdded) != len(want) {
		t.Errorf("verdict %s, %d suppressions", v.Decision, len(v.SuppressionsAdded))
	}
	p := gates.Policy{Today: today, Gates: map[string]gates.GatePolicy{"suppressions": {BlockOn: gates.SeverityWarning}}}
	v = gates.Judge(p, target.Change, []gates.Result{r})
	sameList(t, "reasons", v.Reasons, []string{fmt.Sprintf("suppressions: %d findings in 8 files", len(want))})
}

func TestSuppressionsWithoutAChange(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("a.py", plain("x() # no~sec\n"))
	base := repo.Commit("one")
	if r := runOne(t, newTarget(t, repo, ""), gates.Suppressions()); r.Skipped != "no base to compare with" {
		t.Errorf("no base: %+v", r)
	}
	if r := runOne(t, newTarget(t, repo, base), gates.Suppressions()); r.Err != nil || r.Skipped != "" || len(r.Outcome.Findings) != 0 {
		t.Errorf("nothing changed: %+v", r)
	}
}

// Every ignore file is read, whatever its ending is, line by line; of a
// configuration it is enough to know that it changed. A marker in one counts
// where the line is a comment.
func TestIgnoreFiles(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	base := repo.Commit("base")
	want := make(map[gates.Path][]string)
	for _, name := range gates.IgnoreFiles {
		repo.Write("dir/"+name, "one\n\ntwo\n")
		lines := []string{"1 " + name, "3 " + name}
		if strings.HasSuffix(name, ".toml") {
			lines = lines[:1]
		}
		want[gates.Path("dir/"+name)] = lines
	}
	name := gates.IgnoreFiles[0]
	repo.Write("not."+name, "entry\n")
	repo.Write("comment/"+name, plain("# git~leaks:allow\n"))
	want[gates.Path("comment/"+name)] = []string{plain("1 git~leaks:allow")}
	got := make(map[gates.Path][]string)
	for _, s := range runOne(t, newTarget(t, repo, base), gates.Suppressions()).Outcome.Suppressions {
		got[s.Path] = append(got[s.Path], fmt.Sprint(s.Line, " ", s.Marker))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
