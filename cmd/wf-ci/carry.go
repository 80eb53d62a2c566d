package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wf-ci/wf-ci/costs/refs"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/session"
)

const (
	contextFile  = "PROJECT_CONTEXT.md"
	contextState = ".claude/context.json"
)

// contextSources are what a context is made of, besides the history.
var contextSources = []string{
	contextFile, ".claude/" + contextFile, contextState, ".claude/todos.json", "CLAUDE.md", "TASK.md", "PLANNING.md", "Backlog.md",
}

// carry brings PROJECT_CONTEXT.md up to date with what was done since the last
// time, and sends it to the branch of the ledger. The checkout stays as it is:
// the files are made of the commit, in a directory of our own.
func (b *bookkeeper) carry(ctx context.Context, l *ledger) error {
	a := b.p.a
	env := append(run.CleanEnv(a.environ), ci.NewWorkspace(a.getenv).GitEnv(a.getenv, b.p.top)...)
	repo, err := git.Open(ctx, &run.Runner{Env: env}, b.p.top, filepath.Join(l.dir, "scratch"))
	if err != nil {
		return fmt.Errorf("open the repository: %w", err)
	}
	desk := session.Desk{
		Dir: filepath.Join(l.dir, "context"), Project: session.ProjectName(b.p.top), Repo: repo, Now: a.now(), Mask: a.prose,
	}
	old, err := b.layOut(ctx, l, desk)
	if err != nil {
		return err
	}
	found, err := session.Collect(ctx, desk, session.Ending{Team: true, Deserted: true, Coverage: (&evening{verdict: b.verdict}).coverage()})
	if err != nil {
		return fmt.Errorf("find out what was done: %w", err)
	}
	changed, err := desk.Save(found, nil)
	if err != nil {
		return err
	}
	edits := make(map[string]refs.Edit)
	for _, path := range changed {
		data, err := os.ReadFile(filepath.Join(desk.Dir, filepath.FromSlash(path)))
		if err != nil {
			return err
		}
		edits[path] = refs.Edit{Old: old[path], New: data}
	}
	if len(edits) == 0 {
		return nil
	}
	l.signs = session.CommitSubject + " " + desk.Now.UTC().Format("2006-01-02")
	return l.store.Put(ctx, l.branch, l.signs, desk.Now, edits)
}

// layOut puts the sources into the directory of the desk: those of the commit,
// and what the ledger's branch has of ours. It gives what that branch had.
func (b *bookkeeper) layOut(ctx context.Context, l *ledger, desk session.Desk) (map[string][]byte, error) {
	if err := os.Mkdir(desk.Dir, 0o755); err != nil {
		return nil, err
	}
	old := make(map[string][]byte)
	for _, path := range contextSources {
		data, err := desk.Repo.ReadFile(ctx, b.p.event.SHA, path, configLimit)
		if err != nil {
			return nil, err
		}
		if l.branch == b.p.event.Ref {
			old[path] = data
		} else if path == contextFile || path == contextState {
			if old[path], err = l.store.File(ctx, l.branch, path); err != nil {
				return nil, err
			}
			if old[path] != nil {
				data = old[path]
			}
		}
		if data == nil {
			continue
		}
		file := filepath.Join(desk.Dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := state.Write(file, data, 0o644); err != nil {
			return nil, err
		}
	}
	return old, nil
}
