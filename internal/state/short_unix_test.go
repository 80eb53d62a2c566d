//go:build linux || darwin

package state_test

import (
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/wf-ci/wf-ci/internal/state"
)

// writeShort writes more than it may (as on a full disk), and succeeds when
// that is an error.
func writeShort(args []string) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 4096, Max: 4096}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	err := state.Write(args[0], []byte(strings.Repeat("x", 1<<16)), 0o644)
	if err == nil {
		return os.ErrInvalid
	}
	return nil
}

func mkfifo(name string) error { return syscall.Mkfifo(name, 0o600) }
