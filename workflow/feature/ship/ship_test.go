package ship

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/journal"
)

var ctx = context.Background()

// project is a feature's work tree: one file staged, one changed, one that nobody
// has added, and a document.
type project struct {
	*gittest.Repo
	*Place
	t    *testing.T
	docs []Document
}

func newProject(t *testing.T) *project {
	r := gittest.New(t)
	for _, name := range []string{"staged", "changed", "TASK.md"} {
		r.Write(name, "old\n")
	}
	r.Commit("base")
	r.Git("switch", "-q", "-c", "feature/x")
	r.Write("staged", "new\n")
	r.Write("fresh", "new\n")
	r.Git("add", "staged", "fresh")
	r.Write("staged", "newer\n")
	r.Write("changed", "new\n")
	r.Write("stray", "new\n")
	p, err := Open(ctx, gittest.Runner(t), r.Dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &project{r, p, t, []Document{
		{Path: "TASK.md", Old: []byte("old\n"), New: []byte("ticked\n")},
		{Path: "docs/a b/LIST.md", New: []byte("list\n"), Fresh: true},
	}}
}

// state is all that may not get lost.
func (p *project) state() string {
	p.t.Helper()
	var b strings.Builder
	b.WriteString(p.Git("rev-parse", "HEAD") + p.Git("diff", "--cached") + p.Git("diff") + p.Git("status", "--porcelain=v1", "--untracked-files=all"))
	return b.String()
}

func (p *project) ship() (id string) {
	p.t.Helper()
	_, id, err := p.Commit("feat: x", "Cost $1", p.docs)
	if err != nil {
		p.t.Fatal(err)
	}
	return id
}

// Commit of both embedded types: the shipment's.
func (p *project) Commit(subject, body string, docs []Document) (string, string, error) {
	return p.Place.Commit(ctx, subject, body, docs)
}

func (p *project) undo(id string) error {
	p.t.Helper()
	e, err := p.Journal.Get(id)
	if err != nil {
		p.t.Fatal(err)
	}
	_, err = p.Undo(ctx, e)
	return err
}

func TestShipAndUndo(t *testing.T) {
	p := newProject(t)
	before := p.state()
	id := p.ship()
	if got := p.Git("show", "--format=%B", "--name-only"); !strings.Contains(got, "feat: x\n\nCost $1\n") || strings.Contains(got, "stray") || !strings.Contains(got, "LIST.md") || !strings.Contains(got, "changed") {
		t.Errorf("got %s", got)
	}
	if got := p.Git("status", "--porcelain=v1"); strings.TrimSpace(got) != "?? stray" {
		t.Errorf("got %s", got)
	}
	p.Write("later", "work that came after\n")
	if err := p.undo(id); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(p.Dir, "later")); err != nil {
		t.Error(err)
	}
	if got := p.state(); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
	if e, err := p.Journal.Get(id); err != nil || e.State != journal.Undone || e.Summary != "ship feat: x" {
		t.Errorf("got %+v, %v", e, err)
	}
	// What is staged outlives git's own cleaning.
	p.Git("cat-file", "-e", "refs/wf-ci/trash/"+id+":fresh")
}

func TestUndoRefuses(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		spoil func(*project)
	}{
		{"moved", func(p *project) { p.Git("commit", "-q", "--allow-empty", "-m", "more") }},
		{"moved", func(p *project) { p.Git("switch", "-q", "main") }},
		{"moved", func(p *project) { p.Git("switch", "-q", "--detach") }},
		{"pushed", func(p *project) { p.Git("update-ref", "refs/remotes/origin/feature/x", "HEAD") }},
		{"staged", func(p *project) { p.Git("add", "stray") }},
		{"edited", func(p *project) { p.Write("TASK.md", "mine\n") }},
		{"edited", func(p *project) {
			p.Git("rm", "-q", "--cached", "TASK.md")
			p.Git("reset", "-q")
			os.Remove(filepath.Join(p.Dir, "TASK.md"))
		}},
		{"operation", func(p *project) { p.Write(".git/MERGE_HEAD", "x") }},
	} {
		p := newProject(t)
		id := p.ship()
		tt.spoil(p)
		before := p.state()
		var no *RefusedError
		if err := p.undo(id); !errors.As(err, &no) || no.Rule != tt.rule {
			t.Errorf("%s: got %v", tt.rule, err)
		}
		if got := p.state(); got != before {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.rule, got, before)
		}
	}
}

// Killed at any step, the doctor gives all back or finishes; an error at any step
// gives all back at once.
func TestKilled(t *testing.T) {
	for _, tt := range []struct {
		at   string
		back bool // all is as it was
	}{{"begun", true}, {"written", true}, {"committed", false}} {
		p := newProject(t)
		before := p.state()
		killed(p, tt.at, func() { _, _, _ = p.Commit("feat: x", "Cost $1", p.docs) })
		p.mendLast(tt.at)
		if got := p.state(); got == before != tt.back {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.at, got, before)
		}
		if !tt.back {
			list, err := p.Journal.List()
			if err != nil || list[0].State != journal.Done {
				t.Errorf("got %+v, %v", list, err)
			}
			if err := p.undo(list[0].ID); err != nil || p.state() != before {
				t.Errorf("%s: %v, got\n%s", tt.at, err, p.state())
			}
		}

		p = newProject(t)
		before = p.state()
		p.step = func(name string) error {
			if name == tt.at {
				return errors.New("no more room")
			}
			return nil
		}
		if _, _, err := p.Commit("feat: x", "Cost $1", p.docs); err == nil || tt.back && p.state() != before {
			t.Errorf("%s: %v, got\n%s", tt.at, err, p.state())
		}
	}
	for _, at := range []string{"going back", "moved"} {
		p := newProject(t)
		before := p.state()
		id := p.ship()
		shipped := p.state()
		killed(p, at, func() { _ = p.undo(id) })
		p.mendLast(at)
		want := map[string]string{"going back": shipped, "moved": before}[at]
		if got := p.state(); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", at, got, want)
		}
	}
}

// killed runs something that ends at a step, as a killed process does: nothing
// after it happens.
func killed(p *project, at string, do func()) {
	p.step = func(name string) error {
		if name == at {
			panic(name)
		}
		return nil
	}
	defer func() {
		_ = recover()
		p.step = func(string) error { return nil }
	}()
	do()
}

func (p *project) mendLast(at string) {
	p.t.Helper()
	if _, _, err := p.Commit("feat: more", "x", nil); err == nil || !strings.Contains(err.Error(), "wf-ci worktree doctor") {
		p.t.Errorf("%s: got %v", at, err)
	}
	list, err := p.Journal.List()
	if err != nil || len(list) != 1 || list[0].State != journal.Begun {
		p.t.Fatalf("%s: got %+v, %v", at, list, err)
	}
	if _, err := p.Mend(ctx, list[0]); err != nil {
		p.t.Errorf("%s: %v", at, err)
	}
}

func TestNotAnEntry(t *testing.T) {
	for _, text := range []string{"", "{}", "[]", `{"top": "/x"}`} {
		if _, err := Where(journal.Entry{ID: "x", Before: []byte(text)}); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}
