//go:build unix

package state

import (
	"fmt"
	"os"
	"syscall"
)

// checkOurs says whether a directory is ours, and writable for us alone.
func checkOurs(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%w: it is no directory", ErrUntrusted)
	case ok && int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%w: it belongs to user %d", ErrUntrusted, st.Uid)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%w: others may write to it (mode %04o)", ErrUntrusted, info.Mode().Perm())
	}
	return nil
}
