package gates

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/wf-ci/wf-ci/internal/run"
)

// CommandOptions is a gate of the user's (G16): a command, a SARIF file, or a
// command that writes one.
type CommandOptions struct {
	ID string // required

	// Run is a shell command line. Its exit status decides, unless SARIF is set.
	Run string
	// SARIF is a SARIF 2.1.0 file, relative to the tree's root: written by Run,
	// or by an earlier step when there is no Run.
	SARIF string
	// Severity maps a rule id, or a SARIF level, to a severity; a rule id goes first.
	Severity map[string]Severity
	// Env is what the command may see besides the runner's environment,
	// "KEY=value".
	Env []string
	// Dir is the working directory, relative to the tree's root.
	Dir string
}

// Command makes a gate of a user's command or SARIF file.
func Command(o CommandOptions) Gate {
	g := Gate{ID: o.ID, Scope: ScopeChange, Memory: 512}
	switch {
	case o.Run != "" && o.SARIF != "":
		g.Doc = fmt.Sprintf("results of `%s`, read from %s", o.Run, o.SARIF)
		g.Help = "Run the command yourself, and mend what it reports."
	case o.Run != "":
		g.Doc = fmt.Sprintf("exit status of `%s`", o.Run)
		g.Help = "Run the command yourself; it has to end with status 0."
		g.Rules = []Rule{{ID: "exit-status", Title: "The command failed", Help: g.Help}}
	default:
		g.Doc = "results of another tool, read from " + o.SARIF
		g.Help = "Mend what the tool reports."
	}
	plan := Plan{Checkout: o.Run != ""}
	if o.SARIF != "" {
		plan.Expect.Results = 1
	}
	g.Plan = func(context.Context, *Target) (Plan, error) { return plan, nil }
	g.Run = func(ctx context.Context, t *Target) (Outcome, error) { return o.run(ctx, t) }
	return g
}

func (o CommandOptions) run(ctx context.Context, t *Target) (Outcome, error) {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return Outcome{}, err
	}
	defer root.Close()
	switch {
	case o.Run == "":
		return o.readOnly(ctx, root, t)
	case o.SARIF == "":
		out, _, err := o.start(ctx, root, t)
		return out, err
	}
	before := o.sarifState(root)
	started, exit, err := o.start(ctx, root, t)
	if err != nil {
		return started, err
	}
	if unchanged(before, o.sarifState(root)) {
		return started, fmt.Errorf("the command did not write %s (exit status %d)", o.SARIF, exit)
	}
	out, err := readSARIF(root, t, o)
	out.Log = started.Log
	if err == nil && exit != 0 && len(out.Findings) == 0 {
		err = fmt.Errorf("the command ended with status %d, and %s has no result: it broke off, or its results are elsewhere", exit, o.SARIF)
	}
	return out, err
}

// readOnly reads a file that an earlier step wrote. One that the change itself
// commits would let the change judge itself.
func (o CommandOptions) readOnly(ctx context.Context, root *os.Root, t *Target) (Outcome, error) {
	if err := PlainFile(root, t, o.SARIF); err != nil {
		return Outcome{}, err
	}
	if !t.Change.Everything() && t.Change.HasFile(o.SARIF) {
		// One that cannot be read is said by readSARIF.
		if written, err := readSARIFFile(root, o.SARIF); err == nil {
			same, err := IsCommitted(ctx, t, o.SARIF, written)
			if err != nil {
				return Outcome{}, err
			}
			if same {
				return Outcome{}, fmt.Errorf("%s is part of the change that it judges: let a step of the workflow write it, and have git ignore it", o.SARIF)
			}
		}
	}
	return readSARIF(root, t, o)
}

// sarifState is the file as it is now; nil when it is not there.
func (o CommandOptions) sarifState(root *os.Root) os.FileInfo {
	info, err := root.Stat(filepath.FromSlash(o.SARIF))
	if err != nil {
		return nil
	}
	return info
}

func unchanged(before, after os.FileInfo) bool {
	if before == nil || after == nil {
		return after == nil
	}
	return os.SameFile(before, after) && after.ModTime().Equal(before.ModTime()) && after.Size() == before.Size()
}

// start runs the command. Its exit status is its own word, unless it says that
// a program was not found, not executable, or ended by a signal.
func (o CommandOptions) start(ctx context.Context, root *os.Root, t *Target) (Outcome, int, error) {
	if info, err := root.Stat(filepath.Join(".", filepath.FromSlash(o.Dir))); err != nil || !info.IsDir() {
		return Outcome{}, 0, fmt.Errorf("working directory %q: not a directory of the tree", o.Dir)
	}
	shell, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	res, err := t.Runner.Run(ctx, run.Command{
		Name: shell, Args: []string{flag, o.Run}, Dir: filepath.Join(t.Dir, filepath.FromSlash(o.Dir)),
		Env: o.Env, Keep: 64 << 10, Contain: true,
	})
	out := Outcome{Engine: Engine{Name: shell}, Log: commandLog(res)}
	var exit *run.ExitError
	switch {
	case err == nil:
		return out, 0, nil
	case !errors.As(err, &exit):
		return out, 0, err
	case noAnswer(res.Exit) != "":
		return out, 0, errors.New(noAnswer(res.Exit))
	}
	if o.SARIF == "" {
		out.Findings = []Finding{{
			Rule: "exit-status", Severity: SeverityError,
			Message: fmt.Sprintf("`%s` ended with exit status %d", o.Run, res.Exit),
		}}
	}
	return out, res.Exit, nil
}

// noAnswer is why an exit status says nothing about the tree; empty when it does.
func noAnswer(exit int) string {
	switch {
	case exit == 127:
		return "a program that the command needs is not installed (exit status 127)"
	case exit == 126:
		return "a program that the command needs cannot be executed (exit status 126)"
	case exit == 137:
		return "the command was killed (exit status 137: often for want of memory)"
	case exit > 128 && exit <= 128+64: // there are 64 signals; 255 is a common word of a command's own
		return fmt.Sprintf("the command was ended by signal %d (exit status %d)", exit-128, exit)
	case exit < 0:
		return "the command gave no exit status"
	}
	return ""
}

// commandLog is what a command printed, for people; not part of the verdict.
func commandLog(res run.Result) []byte {
	log := append([]byte(nil), res.Stdout.Bytes...)
	if len(log) > 0 && log[len(log)-1] != '\n' {
		log = append(log, '\n')
	}
	return append(log, res.Stderr.Bytes...)
}
