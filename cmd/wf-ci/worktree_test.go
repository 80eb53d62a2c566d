package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// shop is a repository with worktrees in all their states, for the picture.
type shop struct {
	t    *testing.T
	dir  string
	home string
	day  time.Time
	env  []string
}

// with is the same with more in the environment.
func (d *shop) with(env ...string) *shop {
	more := *d
	more.env = env
	return &more
}

func (d *shop) git(dir string, args ...string) { d.t.Helper(); d.out(dir, args...) }

// out is what git prints.
func (d *shop) out(dir string, args ...string) string {
	d.t.Helper()
	date := d.day.Format(time.RFC3339)
	out, err := gittest.Runner(d.t).Run(context.Background(), run.Command{
		Name: "git", Args: args, Dir: dir, Env: []string{"GIT_AUTHOR_DATE=" + date, "GIT_COMMITTER_DATE=" + date},
	})
	if err != nil {
		d.t.Fatalf("git %v: %v", args, err)
	}
	return string(out.Stdout.Bytes)
}

func (d *shop) write(dir, name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *shop) commit(dir, name string) {
	d.t.Helper()
	d.write(dir, name, name)
	d.git(dir, "add", "--all")
	d.git(dir, "commit", "--quiet", "--message", name)
}

// wfci runs the program on the day, and gives what it prints.
func (d *shop) wfci(args ...string) string {
	d.t.Helper()
	var out, errs bytes.Buffer
	environ := slices.Concat(gittest.Runner(d.t).Env, []string{"HOME=" + d.home}, d.env)
	getenv := func(key string) string {
		value := ""
		for _, kv := range environ {
			if v, ok := strings.CutPrefix(kv, key+"="); ok {
				value = v
			}
		}
		return value
	}
	status := program(context.Background(), environment{
		args: args, dir: d.dir, environ: environ, getenv: getenv, stdout: &out, stderr: &errs, now: func() time.Time { return d.day },
	})
	if status != 0 {
		d.t.Fatalf("wf-ci %v: status %d\n%s%s", args, status, &out, &errs)
	}
	return out.String()
}

func newShop(t *testing.T) *shop {
	d := &shop{t: t, dir: filepath.Join(t.TempDir(), "shop"), home: t.TempDir(), day: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	origin := filepath.Join(t.TempDir(), "origin.git")
	d.git(d.dir, "init", "--quiet", "--initial-branch=main")
	d.write(d.dir, ".wf-ci.yml", "worktree: {ports: 18100-18199}\n") // real ones may be in use here
	d.commit(d.dir, "one")
	d.git(d.dir, "clone", "--quiet", "--bare", d.dir, origin)
	d.git(d.dir, "remote", "add", "origin", origin)
	d.git(d.dir, "fetch", "--quiet")
	at := func(name string) string { return filepath.Join(d.home, "tmp", "worktrees", "shop", name) }

	d.wfci("worktree", "spawn", "search", "--task", "Index the articles")
	d.commit(at("search"), "index")
	d.commit(at("search"), "query")
	d.commit(at("search"), "rank")
	d.wfci("costs", "record", "-C", at("search"), "--usd", "4.10", "--category", "llm", "--at", d.day.Format(time.RFC3339), "--id", "a")
	d.git(at("search"), "add", "--all")
	d.git(at("search"), "commit", "--quiet", "--message", "costs")
	d.day = d.day.AddDate(0, 0, 9)
	d.wfci("worktree", "spawn", "checkout", "--task", "Basket", "--task", "Payment", "--task", "Receipt")
	d.commit(at("checkout"), "basket")
	d.git(at("checkout"), "push", "--quiet", "origin", "feature/checkout")
	d.write(at("checkout"), "WORKTREE_TASK.md", "- [x] Basket\n- [x] Payment\n- [ ] Receipt\n## Blockers\n- [ ] the bank's test account\n")
	d.write(at("checkout"), "payment.go", "package shop\n")
	d.git(d.dir, "worktree", "add", "--quiet", "-b", "agent-7", filepath.Join(filepath.Dir(d.dir), "agent-7"))
	d.day = d.day.AddDate(0, 0, 2)
	return d
}

// The picture of the documentation is what the program prints.
func TestWorktreePicture(t *testing.T) {
	list := strings.ReplaceAll(newShop(t).wfci("worktree", "list"), "181", "81")

	picture := filepath.Join("..", "..", "worktree", "list.svg")
	page := filepath.Join("..", "..", "worktree", "README.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	svg := drawn("$ wf-ci worktree list\n" + list)
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		if err := os.WriteFile(picture, []byte(svg), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(picture); err != nil || string(have) != svg {
		t.Errorf("worktree/list.svg is not what the program prints (UPDATE_SCRIPTS=1 go test ./cmd/wf-ci -run Picture): %v", err)
	}
	if !strings.Contains(string(text), "```console\n$ wf-ci worktree list\n"+list+"```") {
		t.Errorf("worktree/README.md does not show what the program prints:\n%s", list)
	}
}

// drawn is a terminal's text as a picture.
func drawn(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	width := 0
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(l))
	}
	var b strings.Builder
	w, h := width*8+32, len(lines)*19+28
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"wf-ci worktree list\">\n", w, h, w, h)
	fmt.Fprintf(&b, "<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#0d1117\"/>\n<g font-family=\"ui-monospace,Menlo,Consolas,monospace\" font-size=\"13\" fill=\"#e6edf3\" xml:space=\"preserve\">\n", w, h)
	for i, l := range lines {
		fmt.Fprintf(&b, "<text x=\"16\" y=\"%d\">%s</text>\n", 27+19*i, html.EscapeString(l))
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}
