package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/workflow/debug"
	"github.com/wf-ci/wf-ci/workflow/debug/logs"
	"github.com/wf-ci/wf-ci/workflow/debug/machine"
)

type debugCollectCmd struct {
	debugSession
	Record bool `help:"Add the environment to the debug session."`
}

// collected is what debug collect finds. No secret is in it.
type collected struct {
	At        time.Time         `json:"at"`
	System    []string          `json:"system"`
	Runtimes  []string          `json:"runtimes"`
	Project   []string          `json:"project"`
	Commits   []string          `json:"commits"`
	Status    []string          `json:"status"`
	Ports     []machine.Port    `json:"ports"`
	Processes []machine.Process `json:"processes"`
	Errors    []string          `json:"errors"`
	Unknown   []string          `json:"unknown"` // what could not be looked at
}

// versions are the programs whose version is asked for.
var versions = [][]string{
	{"node", "--version"}, {"npm", "--version"}, {"python3", "--version"}, {"go", "version"}, {"rustc", "--version"}, {"java", "-version"},
	{"ruby", "--version"}, {"php", "--version"}, {"docker", "--version"}, {"psql", "--version"}, {"git", "--version"},
}

// manifests say what kind of project it is.
var manifests = []string{"package.json", "pyproject.toml", "requirements.txt", "go.mod", "Cargo.toml", "pom.xml", "build.gradle", "Gemfile", "composer.json", "Dockerfile", "docker-compose.yml", "compose.yaml", "Makefile"}

// most is how many of each are listed.
const most = 50

func (c *debugCollectCmd) Run(ctx context.Context, a *app) error {
	dir := inside(a.dir, c.Dir)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return usagef("%s is not a directory", c.Dir)
	}
	dir = projectDir(dir)
	out := &collected{At: a.now().UTC(), Unknown: []string{}}
	out.System = append([]string{runtime.GOOS + "/" + runtime.GOARCH + ", " + plural(runtime.NumCPU(), "processor")}, machine.System()...)
	out.Runtimes = a.runtimes(ctx, dir)
	out.Project = project(dir)
	out.git(ctx, a, c.Dir)
	var err error
	if out.Ports, err = machine.Listening(); err != nil {
		out.Unknown = append(out.Unknown, "listening ports: "+err.Error())
	}
	if out.Processes, err = machine.Processes(dir); err != nil {
		out.Unknown = append(out.Unknown, "processes: "+err.Error())
	}
	for i := range out.Processes {
		out.Processes[i].Command = a.mask(out.Processes[i].Command)
	}
	out.Errors = a.recentErrors(ctx, dir, out)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.Record {
		one := c.debugSession
		one.JSON = false
		err := one.change(ctx, a, func(s *debug.Session) error {
			s.Add(debug.Evidence{Environment: slices.Concat(out.System[:min(2, len(out.System))], out.Runtimes)}, a.now())
			return nil
		})
		if err != nil {
			return err
		}
	}
	if c.JSON {
		return writeJSON(a.rawOut, out)
	}
	return out.print(a)
}

// runtimes asks every program for its version, side by side, but never for long.
func (a *app) runtimes(ctx context.Context, dir string) []string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r := &run.Runner{Env: run.CleanEnv(a.environ)}
	found := make([]string, len(versions))
	var wait sync.WaitGroup
	for i, v := range versions {
		wait.Go(func() {
			res, err := r.Run(ctx, run.Command{Name: v[0], Args: v[1:], Dir: os.TempDir(), Keep: 4096, Contain: true})
			if err != nil {
				return // it is not installed, or does not say
			}
			first, _, _ := strings.Cut(strings.TrimSpace(string(res.Stdout.Bytes)+string(res.Stderr.Bytes)), "\n")
			found[i] = v[0] + ": " + first
		})
	}
	wait.Wait()
	return slices.DeleteFunc(found, func(s string) bool { return s == "" })
}

func project(dir string) []string {
	out := []string{dir}
	for _, m := range manifests {
		if info, err := os.Lstat(filepath.Join(dir, m)); err == nil && info.Mode().IsRegular() {
			out = append(out, m)
		}
	}
	return out
}

// git adds the last commits, and what is not committed.
func (out *collected) git(ctx context.Context, a *app, dir string) {
	out.Commits, out.Status = []string{}, []string{}
	w, _, done, err := a.gitIn(ctx, dir)
	if err != nil {
		out.Unknown = append(out.Unknown, "git: "+err.Error())
		return
	}
	defer done()
	if log, err := w.Git(ctx, "log", "--no-show-signature", "--format=%h %cI %s", "-n", "10"); err == nil {
		out.Commits = a.lines(log, 10)
	}
	status, err := w.Git(ctx, "status", "--porcelain")
	if err != nil {
		out.Unknown = append(out.Unknown, "git status: "+err.Error())
	}
	out.Status = a.lines(status, most)
}

// lines are those of a text, without secrets, and not too many.
func (a *app) lines(text string, limit int) []string {
	out := []string{}
	for line := range strings.Lines(text) {
		if len(out) == limit {
			return append(out, "…")
		}
		out = append(out, a.line(strings.TrimRight(line, "\r\n")))
	}
	return out
}

// recentErrors are the ends of the project's logs: lines that say what went wrong.
func (a *app) recentErrors(ctx context.Context, dir string, out *collected) []string {
	errs := []string{}
	root, err := os.OpenRoot(dir)
	if err != nil {
		out.Unknown = append(out.Unknown, "logs: "+err.Error())
		return errs
	}
	defer root.Close()
	for _, pattern := range []string{"*.log", "log/*.log", "logs/*.log"} {
		names, err := fs.Glob(root.FS(), pattern)
		if err != nil {
			continue
		}
		for _, name := range names[:min(len(names), 20)] {
			lines, err := tailOf(root, name)
			if err != nil || ctx.Err() != nil {
				continue
			}
			for _, l := range logs.Troubled(lines, 20) {
				errs = append(errs, a.line(name+": "+l))
			}
		}
	}
	return errs
}

// tailOf is the last 64 KiB of a file, from the start of a line.
func tailOf(root *os.Root, name string) (string, error) {
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return "", fs.ErrInvalid
	}
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	from := max(0, info.Size()-64<<10)
	buf := make([]byte, info.Size()-from)
	n, err := f.ReadAt(buf, from)
	if n == 0 {
		return "", err
	}
	text := string(buf[:n])
	if _, rest, ok := strings.Cut(text, "\n"); from > 0 && ok {
		text = rest
	}
	return text, nil
}

func (out *collected) print(a *app) error {
	var b strings.Builder
	section := func(title string, lines []string) {
		fmt.Fprintf(&b, "## %s\n", title)
		if len(lines) == 0 {
			b.WriteString("none\n")
		}
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
		b.WriteString("\n")
	}
	section("System", out.System)
	section("Runtimes", out.Runtimes)
	section("Project", out.Project)
	section("Recent commits", out.Commits)
	section("Status", out.Status)
	var ports, processes []string
	for _, p := range out.Ports {
		line := fmt.Sprintf("%d on %s", p.Port, p.Address)
		if p.PID != 0 {
			line += fmt.Sprintf(" (%s, process %d)", p.Name, p.PID)
		}
		ports = append(ports, line)
	}
	for _, p := range out.Processes[:min(len(out.Processes), most)] {
		processes = append(processes, fmt.Sprintf("%d %s, %.1f MB: %s", p.PID, p.Name, float64(p.Memory)/1e6, p.Command))
	}
	section("Listening ports", ports)
	section("Related processes", processes)
	section("Recent errors", out.Errors)
	if len(out.Unknown) > 0 {
		section("Not known", out.Unknown)
	}
	_, err := fmt.Fprint(a.stdout, a.mask(visibleLines(b.String())))
	return err
}
