//go:build unix

package worktree

import (
	"os"
	"syscall"
)

// plain says whether git would go up from a directory to a work tree and enter its
// repository without a word: both on one disk, and what it enters the user's own.
func plain(dir, top string, entered ...string) bool {
	from, ok := statOf(dir)
	if !ok {
		return false
	}
	for i, path := range append([]string{top}, entered...) {
		at, ok := statOf(path)
		if !ok || int(at.Uid) != os.Geteuid() || i == 0 && at.Dev != from.Dev {
			return false
		}
	}
	return true
}

func statOf(path string) (*syscall.Stat_t, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, false
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	return sys, ok
}
