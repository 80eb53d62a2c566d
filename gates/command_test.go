package gates_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func commandTarget(t *testing.T) *gates.Target {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no sh")
	}
	target := sarifTarget(t)
	target.Runner = gittest.Runner(t)
	return target
}

// A status is a command's own word, unless it says that a program was not
// there, or ended by a signal.
func TestCommandStatuses(t *testing.T) {
	t.Parallel()
	target := commandTarget(t)
	for _, tt := range []struct {
		status int
		want   string // an error; empty: a finding
	}{
		{1, ""}, {2, ""}, {3, ""}, {100, ""}, {125, ""}, {128, ""}, {193, ""}, {254, ""}, {255, ""},
		{126, "cannot be executed (exit status 126)"}, {127, "is not installed (exit status 127)"},
		{129, "ended by signal 1 (exit status 129)"}, {130, "ended by signal 2 "}, {137, "was killed (exit status 137"},
		{139, "ended by signal 11 "}, {143, "ended by signal 15 "}, {192, "ended by signal 64 "},
	} {
		r := runOne(t, target, gates.Command(gates.CommandOptions{ID: "c", Run: fmt.Sprintf("echo said; exit %d", tt.status)}))
		if string(r.Outcome.Log) != "said\n" {
			t.Errorf("status %d: log %q", tt.status, r.Outcome.Log)
		}
		if tt.want != "" {
			if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) || len(r.Outcome.Findings) != 0 {
				t.Errorf("status %d: %v, %d findings, want %q", tt.status, r.Err, len(r.Outcome.Findings), tt.want)
			}
			continue
		}
		if r.Err != nil || len(r.Outcome.Findings) != 1 {
			t.Errorf("status %d: %v, %d findings", tt.status, r.Err, len(r.Outcome.Findings))
			continue
		}
		f := r.Outcome.Findings[0]
		if f.Rule != "exit-status" || f.Severity != gates.SeverityError || f.Path != "" || !strings.HasSuffix(f.Message, fmt.Sprintf("ended with exit status %d", tt.status)) {
			t.Errorf("status %d: %+v", tt.status, f)
		}
	}
	if r := runOne(t, target, gates.Command(gates.CommandOptions{ID: "c", Run: "exit 0"})); r.Err != nil || len(r.Outcome.Findings) != 0 || r.Outcome.Engine.Name != "sh" {
		t.Errorf("status 0: %+v", r)
	}
}

// A SARIF file counts only when the command wrote it, in whatever way.
func TestCommandHasToWriteItsSARIF(t *testing.T) {
	t.Parallel()
	good, old := sarifLog("", `{"level": "error"}`, ""), sarifLog("", ``, "")
	old += strings.Repeat(" ", len(good)-len(old)) // as large as the new one
	for _, tt := range []struct {
		name, run string
		before    bool // there is an old file
		want      string
	}{
		{"writes it", "cat new >out.sarif", false, ""},
		{"writes it, and fails for what it found", "cat new >out.sarif; exit 1", false, ""},
		{"writes nothing", "true", false, "did not write out.sarif (exit status 0)"},
		{"writes nothing, and fails", "exit 9", false, "did not write out.sarif (exit status 9)"},
		{"leaves the old one", "true", true, "did not write out.sarif"},
		{"reads the old one", "cat out.sarif", true, "did not write out.sarif"},
		{"takes the old one away", "rm out.sarif", true, "did not write out.sarif"},
		{"writes over the old one, of the same size", "cat new >out.sarif", true, ""},
		{"puts a new one in its place, as large and as old", "touch -r out.sarif new && mv new out.sarif", true, ""},
		{"takes it away and writes it again", "rm out.sarif; cat new >out.sarif", true, ""},
		{"appends", "touch -r out.sarif old; printf ' ' >>out.sarif; touch -r old out.sarif", true, "none"},
		{"is not there", "cat new >out.sarif; exit 127", false, "not installed"},
		{"breaks off and leaves no result", "cat none >out.sarif; exit 2", false, "ended with status 2, and out.sarif has no result"},
	} {
		target := commandTarget(t)
		write := func(name, text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(target.Dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("new", good)
		write("none", old)
		if tt.before {
			write("out.sarif", old)
			past := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			if err := os.Chtimes(filepath.Join(target.Dir, "out.sarif"), past, past); err != nil {
				t.Fatal(err)
			}
		}
		r := runOne(t, target, gates.Command(gates.CommandOptions{ID: "c", Run: tt.run, SARIF: "out.sarif"}))
		findings := 0
		if tt.want == "" {
			findings = 1
		}
		if tt.want == "none" {
			tt.want = ""
		}
		if tt.want == "" && r.Err != nil || tt.want != "" && (r.Err == nil || !strings.Contains(r.Err.Error(), tt.want)) || len(r.Outcome.Findings) != findings {
			t.Errorf("%s: %v, %d findings, want %q", tt.name, r.Err, len(r.Outcome.Findings), tt.want)
		}
	}
}

// What a command printed is there for people, also when its time was up or its
// SARIF file is of no use.
func TestCommandLog(t *testing.T) {
	t.Parallel()
	target := commandTarget(t)
	o := options()
	o.Timeouts = map[string]time.Duration{"slow": 300 * time.Millisecond}
	results := run(t, target, o,
		gates.Command(gates.CommandOptions{ID: "slow", Run: "echo begun; exec sleep 60"}),
		gates.Command(gates.CommandOptions{ID: "both", Run: "printf out; echo err >&2; exit 1"}),
		gates.Command(gates.CommandOptions{ID: "sarif", Run: "echo none; echo >out.sarif", SARIF: "out.sarif"}),
		gates.Command(gates.CommandOptions{ID: "unwritten", Run: "echo nothing", SARIF: "other.sarif"}),
	)
	for i, want := range []string{"begun\n", "out\nerr\n", "none\n", "nothing\n"} {
		if got := string(results[i].Outcome.Log); got != want {
			t.Errorf("%s: log %q, want %q (%v)", results[i].Gate.ID, got, want, results[i].Err)
		}
	}
	if !errors.Is(results[0].Err, gates.ErrTimeout) || results[2].Err == nil || results[3].Err == nil {
		t.Errorf("%v, %v, %v", results[0].Err, results[2].Err, results[3].Err)
	}
}

// A result that the change commits, and that no step wrote over, is not
// another's word.
func TestSARIFOfTheChangeItself(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("a", "x\n")
	base := repo.Commit("base")
	repo.Write("in.sarif", sarifLog("", "", ""))
	repo.Commit("a result of its own")
	gate := gates.Command(gates.CommandOptions{ID: "tool", SARIF: "in.sarif"})
	if r := runOne(t, newTarget(t, repo, base), gate); r.Err == nil || !strings.Contains(r.Err.Error(), "part of the change that it judges") {
		t.Errorf("committed: %v", r.Err)
	}
	repo.Write("in.sarif", sarifLog("", `{"level": "error"}`, ""))
	if r := runOne(t, newTarget(t, repo, base), gate); r.Err != nil || len(r.Outcome.Findings) != 1 {
		t.Errorf("written over by a step: %v", r.Err)
	}
}

// A cancelled context ends the command, and with it what it started.
func TestCommandIsCancelled(t *testing.T) {
	t.Parallel()
	target := commandTarget(t)
	ctx, cancel := context.WithCancel(context.Background())
	o := options()
	o.Observe = func(e gates.Event) {
		if !e.Done {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
	}
	begun := time.Now()
	_, err := gates.Run(ctx, target, []gates.Gate{gates.Command(gates.CommandOptions{ID: "c", Run: "sleep 60 & wait"})}, o)
	if !errors.Is(err, context.Canceled) || time.Since(begun) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
}
