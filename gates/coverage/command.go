package coverage

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/run"
)

// shell runs a command line of the user's at the tree's root. An error means
// that it did not run, or was ended: its status says nothing then.
func shell(ctx context.Context, t *gates.Target, line string) (exit int, log []byte, err error) {
	name, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		name, flag = "cmd", "/C"
	}
	res, err := t.Runner.Run(ctx, run.Command{Name: name, Args: []string{flag, line}, Dir: t.Dir, Keep: 64 << 10, Contain: true})
	log = printed(res)
	if err := answered(res.Exit, err); err != nil {
		return res.Exit, log, err
	}
	return res.Exit, log, nil
}

// answered is an error when a child's end says nothing about the tree.
func answered(exit int, err error) error {
	var exited *run.ExitError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &exited):
		return err
	case exit == 127 || exit == 126:
		return fmt.Errorf("a program that the tests need is not installed (exit status %d)", exit)
	case exit > 128 && exit <= 128+64:
		return fmt.Errorf("the tests were ended by signal %d (exit status %d)", exit-128, exit)
	}
	return nil
}

// printed is what a child printed, for people; not part of the verdict.
func printed(res run.Result) []byte {
	log := append([]byte(nil), res.Stdout.Bytes...)
	if len(log) > 0 && log[len(log)-1] != '\n' {
		log = append(log, '\n')
	}
	return append(log, res.Stderr.Bytes...)
}
