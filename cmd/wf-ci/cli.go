package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/secrets"
	"github.com/wf-ci/wf-ci/internal/ci"
)

// Exit statuses; the contract for every command.
const (
	exitPass         = 0
	exitFail         = 1
	exitUsage        = 2
	exitInconclusive = 3
	exitInterrupted  = 130
)

// cli is the command line.
type cli struct {
	Run      runCmd           `cmd:"" help:"Run the gates and give one verdict (in CI)."`
	Local    localCmd         `cmd:"" help:"Run the same gates with the same policy, drawn for a terminal."`
	Init     initCmd          `cmd:"" help:"Make a repository ready: project structure, configuration, workflows, what coding agents read. Overwrites nothing."`
	Gates    gatesCmd         `cmd:"" help:"Show which gates apply here and what each would examine, without running them."`
	Baseline baselineCmd      `cmd:"" help:"Show what the change adds to the findings of its base, and takes from them."`
	Approve  approveCmd       `cmd:"" help:"Record that you approve a change of a schema, a research decision or protected code."`
	Waive    waiveCmd         `cmd:"" help:"Let findings of a gate pass until a day, with a reason: writes the waivers into the configuration."`
	Report   reportCmd        `cmd:"" help:"Render a finished run in another format."`
	DB       dbCmd            `cmd:"" name:"db" help:"Update and show the databases of vulnerabilities on this machine."`
	Config   configCmd        `cmd:"" help:"Show and check the configuration."`
	Context  contextCmd       `cmd:"" help:"What was saved of the last day: show it, compress it, bring a backup back."`
	Costs    costsCmd         `cmd:"" help:"What the work cost, against the budget."`
	Agents   agentsCmd        `cmd:"" help:"Which agent for which task: routing, outcomes, chains."`
	Worktree worktreeCmd      `cmd:"" help:"Parallel work: a worktree, a branch and ports for each task, and nothing lost."`
	Rollback rollbackCmd      `cmd:"" help:"Take changes back: planned first, with new commits, and nothing lost."`
	Debug    debugCmd         `cmd:"" help:"Why is it broken: bisect, logs, evidence, hypotheses, report."`
	Undo     undoCmd          `cmd:"" help:"Take back what a command has changed (worktree, merge, …)."`
	Hook     hookCmd          `cmd:"" help:"Look before each commit and each push; a hook that is there already is kept."`
	Notify   notifyCmd        `cmd:"" help:"Tell Slack, Discord or a webhook; --test tries it."`
	Trust    trustCmd         `cmd:"" help:"Trust a script of the project, as it is now: wf-ci local start runs it."`
	Feature  featureCmd       `cmd:"" help:"A feature, from its plan until it is shipped."`
	Research researchCmd      `cmd:"" help:"Find out before building: what is there, what it costs, GO or NO-GO."`
	Action   actionCmd        `cmd:"" help:"Run as a step of GitHub Actions: options come from INPUT_* variables."`
	Doctor   doctorCmd        `cmd:"" help:"Say what is missing on this machine and in this repository, and what mends it; --github: is the check really required?"`
	Publish  publishCmd       `cmd:"" help:"Post the result of a pull request's run that could not write to GitHub itself (in a workflow_run workflow)."`
	Post     postCmd          `cmd:"" hidden:"" help:"Run as the action's post step: closes the check run of a step that was ended."`
	Engine   engineCmd        `cmd:"" hidden:"" help:"Run one of the engines (for wf-ci itself)."`
	Version  kong.VersionFlag `short:"V" help:"Print the version and exit."`
}

// app is what every command gets.
type app struct {
	environment
	commands *ci.Commands
	redactor *secrets.Redactor
	rawOut   interface{ Write([]byte) (int, error) } // stdout past the sanitizer, for machines
}

// usageError is a mistake of the caller's: status 2, and nothing was changed.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// verdictError carries the status of a finished run out of a command.
type verdictError struct{ decision gates.Decision }

func (e verdictError) Error() string { return string(e.decision) }

// exitStatus is the status that a decision stands for.
func exitStatus(d gates.Decision) int {
	switch d {
	case gates.Pass:
		return exitPass
	case gates.Fail:
		return exitFail
	default:
		return exitInconclusive
	}
}

// program is all of main, testable: everything it touches is in env.
func program(ctx context.Context, env environment) int {
	a := &app{environment: env, rawOut: env.stdout, redactor: secrets.NewRedactor()}
	if ci.Actions(env.getenv) {
		// The runner reads both streams for commands: nothing of a checkout may
		// reach them unchanged.
		out := ci.NewWriter(env.stdout)
		errs := out.Beside(env.stderr)
		defer out.Flush()
		defer errs.Flush()
		a.stdout, a.stderr = out, errs
		a.commands = ci.NewCommands(errs, env.getenv)
	} else {
		a.commands = ci.NewCommands(ci.NewWriter(env.stderr), env.getenv)
	}
	return a.status(ctx, a.execute(ctx))
}

// helpShown ends the parser where it would exit the process.
type helpShown struct{ code int }

func (a *app) execute(ctx context.Context) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case helpShown:
			err = nil
		default: // Go would end us with the status of wrong use
			fmt.Fprintf(a.stderr, "%s\n", a.redactor.Redact(string(debug.Stack())))
			err = fmt.Errorf("this is a fault of wf-ci: %v", p)
		}
	}()
	parser, err := kong.New(grammar(a.args),
		kong.Name("wf-ci"),
		kong.Description("Security and quality gates with one honest verdict, the same in CI and on a laptop.\n\n"+
			"Exit status: 0 pass, 1 a gate blocks, 2 wrong use or configuration, 3 inconclusive."),
		kong.Vars{"version": "wf-ci " + version},
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(func(code int) { panic(helpShown{code}) }),
		kong.Resolvers(fromEnvironment(a.getenv)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(a),
	)
	if err != nil {
		return err
	}
	args := a.args
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		hint := "wf-ci --help"
		var p *kong.ParseError
		if errors.As(err, &p) && p.Context.Command() != "" {
			hint = "wf-ci " + strings.Fields(p.Context.Command())[0] + " --help"
		}
		return usagef("%v; see %s", err, hint)
	}
	return parsed.Run()
}

// grammar is the part of [cli] that the arguments are about: the command that
// they begin with, or all of it. The parser takes as long as its grammar is
// large, at every start.
func grammar(args []string) any {
	return reflect.New(pruned(reflect.TypeFor[cli](), args)).Interface()
}

// pruned is a group of commands with the one alone that the arguments begin
// with; all of it where they begin with none of them.
func pruned(group reflect.Type, args []string) reflect.Type {
	if len(args) == 0 || reflect.PointerTo(group).NumMethod() > 0 {
		return group
	}
	version := args[0] == "--version" || args[0] == "-V"
	var part []reflect.StructField
	found := version && group == reflect.TypeFor[cli]()
	for i := range group.NumField() {
		f := group.Field(i)
		_, command := f.Tag.Lookup("cmd")
		switch {
		case !command:
			part = append(part, f)
		case strings.ReplaceAll(args[0], "-", "") == strings.ToLower(f.Name):
			found = true
			f.Type = pruned(f.Type, args[1:])
			part = append(part, f)
		}
	}
	if !found {
		return group
	}
	return reflect.StructOf(part)
}

// fromEnvironment gives each flag the value of WF_CI_<NAME>.
func fromEnvironment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		name := "WF_CI_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		if v := getenv(name); v != "" && flag.Name != "help" && flag.Name != "version" {
			return v, nil
		}
		return nil, nil
	})
}

// status says what went wrong, once, and gives the exit status.
func (a *app) status(ctx context.Context, err error) int {
	var verdict verdictError
	var usage usageError
	switch {
	case err == nil:
		return exitPass
	case errors.As(err, &verdict):
		return exitStatus(verdict.decision)
	case errors.As(err, new(refused)):
		return exitFail
	case ctx.Err() != nil:
		fmt.Fprintln(a.stderr, "wf-ci: interrupted")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "wf-ci: %s\n", a.redactor.Redact(err.Error()))
		return exitUsage
	}
	fmt.Fprintf(a.stderr, "wf-ci: %s\n", a.redactor.Redact(err.Error()))
	return exitInconclusive
}
