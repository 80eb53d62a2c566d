package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/checkpoints"
	"github.com/wf-ci/wf-ci/gates/secrets"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
)

// runFlags are what run and local share. Each can be set by WF_CI_<NAME>.
type runFlags struct {
	Dir     string        `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Base    string        `placeholder:"REV" help:"Compare with this revision. Default: from the event in CI, else the merge base with the default branch."`
	Config  string        `placeholder:"PATH" help:"Configuration file in the repository. Default: .wf-ci.yml, .github/wf-ci.yml."`
	All     bool          `help:"Findings outside the change block too."`
	Only    []string      `placeholder:"G,G" help:"Run these gates only."`
	Skip    []string      `placeholder:"G,G" help:"Leave these gates out."`
	Jobs    int           `short:"j" placeholder:"N" help:"How many gates run at once. Default: one a core."`
	Timeout time.Duration `placeholder:"D" help:"How long a gate may take, such as 5m. Default: the policy's."`
	Output  []string      `sep:"none" placeholder:"FORMAT=PATH" help:"Also write a report: json, sarif, junit, markdown, html. Repeatable."`
	SARIF   string        `name:"sarif" placeholder:"FILE" help:"The same as --output sarif=FILE."`
	NoCache bool          `help:"Run every gate, also those whose outcome is known."`
	Offline bool          `help:"Use no network."`
	JSON    bool          `name:"json" help:"Write the verdict as JSON to stdout."`
	Verbose bool          `short:"v" help:"Say more on stderr."`
}

type runCmd struct{ runFlags }

// localCmd is the gates on a laptop, and the day around them.
type localCmd struct {
	Gates localGatesCmd `cmd:"" default:"withargs" help:"Run the gates. This is what wf-ci local does by itself."`
	Start startCmd      `cmd:"" help:"Begin the day: where things stand, what to do first, and what is left."`
	End   endCmd        `cmd:"" help:"End the day: nothing leaks, nothing is forgotten, everything is written down."`
}

type localGatesCmd struct {
	runFlags
	partFlags
}

func (c *runCmd) Run(ctx context.Context, a *app) error { return a.runGates(ctx, c.runFlags, hooks{}) }

func (c *localGatesCmd) Run(ctx context.Context, a *app) error {
	part, since, err := a.part(c.partFlags)
	if err != nil {
		return err
	}
	return a.runGates(ctx, c.runFlags, hooks{part: part, since: since, trace: !c.JSON && !ci.InCI(a.getenv)})
}

// runGates is run and local: judge, show, write. The error is the verdict's.
func (a *app) runGates(ctx context.Context, f runFlags, h hooks) error {
	specs := slices.Clone(f.Output)
	if f.SARIF != "" {
		specs = append(specs, "sarif="+f.SARIF)
	}
	outputs, err := a.parseOutputs(specs)
	if err != nil {
		return err
	}
	if f.Jobs < 0 {
		return usagef("--jobs %d: want 1 or more; 0 is one a core", f.Jobs)
	}
	if f.Timeout < 0 {
		return usagef("--timeout %s: want more than zero", f.Timeout)
	}
	h.tell = func(v *gates.Verdict) { a.tellRunner(v, true) }
	v, err := a.judgeAndShow(ctx, f, outputs, h)
	if err != nil {
		return err
	}
	if v.Decision != gates.Pass {
		return verdictError{v.Decision}
	}
	return nil
}

// hooks are what a command does in the course of a run.
type hooks struct {
	opened func(dir string) // the repository is known
	// reviews asks the platform who looked at the change; nil: there is none.
	reviews func(context.Context) (checkpoints.Reviews, error)
	tell    func(*gates.Verdict) // after the outputs, before the result is shown. Required.
	ours    []string             // more files that this run writes
	part    secrets.Part         // what of it is looked at
	since   string               // see partFlags
	trace   bool                 // say where secrets come from, and what to do
}

// judgeAndShow runs the gates with their progress on stderr, and writes the
// result to stdout and to every output.
func (a *app) judgeAndShow(ctx context.Context, f runFlags, outputs []output, h hooks) (*gates.Verdict, error) {
	o := options{
		dir: f.Dir, base: f.Base, config: f.Config, all: f.All, only: f.Only, skip: f.Skip, jobs: f.Jobs,
		timeout: f.Timeout, noCache: f.NoCache, offline: f.Offline, verbose: f.Verbose,
		outputs: h.ours, opened: h.opened, reviews: h.reviews, part: h.part, since: h.since,
	}
	for _, out := range outputs {
		o.outputs = append(o.outputs, out.path)
	}
	traces := ""
	if h.trace {
		o.judged = func(ctx context.Context, j *job, v *gates.Verdict) { traces = a.trace(ctx, j, v) }
	}
	v, err := a.judgeLive(ctx, o)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(a.stderr, traces)
	for _, out := range outputs {
		if err := a.write(out, v); err != nil {
			// A report that cannot be written is said, and turns no verdict.
			fmt.Fprintf(a.stderr, "wf-ci: warning: %v\n", err)
		}
	}
	h.tell(v)
	style := a.style(a.outWidth)
	style.Brief = a.outWidth > 0 && a.errWidth > 0
	style.Repeat = append(f.repeat(), h.repeat()...)
	show := report.Text(style)
	out := io.Writer(a.stdout)
	if f.JSON {
		show, out = report.JSON, a.rawOut
	}
	if err := show(out, v); err != nil {
		if v.Decision == gates.Fail { // that outranks a result that nobody takes
			fmt.Fprintf(a.stderr, "wf-ci: warning: %v\n", err)
			return v, nil
		}
		return nil, err
	}
	return v, nil
}

func (h hooks) repeat() []string {
	switch {
	case h.part != secrets.Whole:
		return []string{"--" + string(h.part)}
	case h.since != "":
		return []string{"--since", h.since}
	}
	return nil
}

// judgeLive runs the gates with their progress, and what they had to say, on
// stderr.
func (a *app) judgeLive(ctx context.Context, o options) (*gates.Verdict, error) {
	var live *report.Live
	o.started = func(ids []string) { live = report.NewLive(a.stderr, a.style(a.errWidth), ids, a.now) }
	o.observe = func(e gates.Event) { live.Event(e) }
	o.doing = func(gate string, what []string) { live.Doing(gate, what) }
	v, results, notes, err := a.judge(ctx, o)
	if live != nil {
		live.Close()
	}
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		fmt.Fprintf(a.stderr, "note: %s\n", n)
	}
	a.showLogs(v, results)
	return v, nil
}

// repeat are the flags that a second run needs to look at the same.
func (f runFlags) repeat() []string {
	var args []string
	add := func(name, value string) {
		if value != "" {
			args = append(args, name, value)
		}
	}
	if f.Dir != "." {
		add("-C", f.Dir)
	}
	add("--base", f.Base)
	add("--config", f.Config)
	if f.All {
		args = append(args, "--all")
	}
	if f.Timeout > 0 {
		add("--timeout", f.Timeout.String())
	}
	return args
}

// style is how a stream's reader sees.
func (a *app) style(width int) report.Style {
	noColor := a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb"
	locale := a.getenv("LC_ALL") + a.getenv("LC_CTYPE") + a.getenv("LANG")
	utf8 := strings.Contains(strings.ToLower(strings.ReplaceAll(locale, "-", "")), "utf8")
	return report.Style{
		Color: width > 0 && !noColor, Width: width,
		Unicode: utf8 || ci.Actions(a.getenv),
	}
}

// showLogs prints the end of what failing commands said, without secrets.
func (a *app) showLogs(v *gates.Verdict, results []gates.Result) {
	for i, r := range results {
		status := v.Gates[i].Status
		if len(r.Outcome.Log) == 0 || status == gates.StatusPass || status == gates.StatusSkipped {
			continue
		}
		_ = a.commands.Group("output of " + r.Gate.ID)
		if !ci.Actions(a.getenv) {
			fmt.Fprintf(a.stderr, "output of %s:\n", r.Gate.ID)
		}
		for line := range strings.Lines(a.redactor.Redact(string(r.Outcome.Log))) {
			fmt.Fprintf(a.stderr, "  %s\n", report.Visible(strings.TrimRight(line, "\r\n")))
		}
		_ = a.commands.EndGroup()
	}
}

// output is one report that is asked for.
type output struct {
	format report.Format
	name   string
	path   string
	plain  bool // a file and nothing else: what is there, a link to a device too, is replaced
}

func (a *app) parseOutputs(specs []string) ([]output, error) {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	var outputs []output
	for _, spec := range specs {
		name, path, ok := strings.Cut(spec, "=")
		if !ok || path == "" {
			return nil, usagef("--output %s: want FORMAT=PATH, such as sarif=results.sarif", spec)
		}
		format, ok := report.Lookup(name)
		if !ok {
			return nil, usagef("--output %s: there is no format %q; there are: %s", spec, name, strings.Join(names, ", "))
		}
		if path == "-" {
			return nil, usagef("--output %s: want a file (./- where it is to have that name); JSON goes to standard output with --json", spec)
		}
		if err := writable(inside(a.dir, path)); err != nil {
			return nil, usagef("--output %s: %v", spec, err)
		}
		outputs = append(outputs, output{format: format, name: name, path: path})
	}
	return outputs, nil
}

// writable refuses what a report must not replace: directories, and git's own
// files.
func writable(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return errors.New("it is a directory")
	}
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if real, err := filepath.EvalSymlinks(dir); err == nil && filepath.Base(real) == ".git" {
			return errors.New("it is in git's own directory")
		}
	}
	return nil
}

// write renders a report and puts it in place whole; in a container the file,
// and the directories made for it, get the workspace's owner.
func (a *app) write(out output, v *gates.Verdict) error {
	path := inside(a.dir, out.path)
	var buf bytes.Buffer
	if err := out.format(&buf, v); err != nil {
		return fmt.Errorf("render %s: %w", out.name, err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !out.plain {
		return writeStream(path, buf.Bytes()) // a device or a pipe: written to, never replaced
	}
	workspace := ci.NewWorkspace(a.getenv)
	if err := makeDir(filepath.Dir(path), workspace.Own); err != nil {
		return fmt.Errorf("write %s: %w", out.path, err)
	}
	if err := state.Write(path, buf.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", out.path, err)
	}
	return workspace.Own(path)
}

func writeStream(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// makeDir makes a directory and its parents, and calls own for each new one.
func makeDir(dir string, own func(string) error) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeDir(parent, own); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return own(dir)
}
