//go:build unix

package ci

import (
	"fmt"
	"os"
	"syscall"
)

// Owner is whose a file or directory is; a symlink is not followed.
func Owner(path string) (uid, gid int, ok bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// Own gives a file or directory away. A symlink itself is given away, never
// what it points to. Only root can: for others it does nothing.
func Own(path string, uid, gid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fmt.Errorf("give to user %d: %w", uid, err)
	}
	return nil
}

// chownIn is Own under a root that no symlink on the way leads out of.
func chownIn(root *os.Root, rel string, uid, gid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := root.Lchown(rel, uid, gid); err != nil {
		return fmt.Errorf("give to user %d: %w", uid, err)
	}
	return nil
}
