// Command wf-ci runs security and quality gates over a repository and gives
// one verdict: pass, fail or inconclusive. The same gates run in CI and on a
// laptop.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/wf-ci/wf-ci/gates/lint"
)

// version is set by the release: -ldflags "-X main.version=1.2.3".
var version = "devel"

// environment is all that a run sees of the machine it runs on.
type environment struct {
	args    []string // without the program's name
	dir     string   // working directory, absolute
	environ []string // "KEY=value"
	getenv  func(string) string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	// outWidth and errWidth are the terminals' widths in columns; zero: no terminal.
	outWidth, errWidth int
	now                func() time.Time
}

func main() { os.Exit(start()) }

func start() int {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == lint.VetToolName {
		lint.VetTool() // `go vet` starts us; it ends the process
	}
	roomyStart()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return program(ctx, environment{
		args: arguments(os.Args), dir: dir, environ: os.Environ(), getenv: os.Getenv,
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		outWidth: width(os.Stdout), errWidth: width(os.Stderr), now: time.Now,
	})
}

// arguments are those after the program's name. Under the name wf-ci-post it is
// the post step of the action: that is an entry point of its own, to which the
// runner gives the arguments of the action all the same.
func arguments(args []string) []string {
	if filepath.Base(args[0]) == "wf-ci-post" {
		return []string{"post"}
	}
	return args[1:]
}

func width(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 {
		return 80
	}
	return columns
}
