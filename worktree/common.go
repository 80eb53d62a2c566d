package worktree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// common finds the git directory that all worktrees share, without git: the .git
// of a work tree of the user's own, or what that of a linked one names. false:
// there is none, or something is special about it, and git has to be asked.
func common(dir string) (string, bool) {
	shared, entered, ok := commonDir(dir)
	return shared, ok && plain(entered[0], entered[1], entered[2:]...)
}

// commonDir is common, whosever it is; entered are the directory, and the places
// whose owner git would look at.
func commonDir(dir string) (shared string, entered []string, ok bool) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", nil, false
	}
	top, ok := workTree(dir)
	if !ok {
		return "", nil, false
	}
	dot := filepath.Join(top, ".git")
	info, err := os.Lstat(dot)
	if err != nil {
		return "", nil, false
	}
	admin, shared := dot, dot
	if !info.IsDir() {
		if admin, shared, ok = sharedBy(dot); !ok {
			return "", nil, false
		}
	}
	return shared, []string{dir, top, dot, admin, shared}, isGitDir(shared) && new(Tree).readHead(admin)
}

// workTree is the directory with a .git that a directory is in.
func workTree(dir string) (string, bool) {
	for {
		_, err := os.Lstat(filepath.Join(dir, ".git"))
		if err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || isGitDir(dir) || parent == dir {
			return "", false
		}
		dir = parent
	}
}

// isGitDir are git's own signs of a git directory.
func isGitDir(dir string) bool {
	for name, folder := range map[string]bool{"HEAD": false, "objects": true, "refs": true} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() != folder {
			return false
		}
	}
	return true
}

// sharedBy reads the .git file of a linked worktree: git's own directory of it,
// and the one that all share.
func sharedBy(file string) (admin, shared string, ok bool) {
	data, err := readRegular(file, 1<<16)
	if err != nil {
		return "", "", false
	}
	admin, ok = strings.CutPrefix(strings.TrimSuffix(string(data), "\n"), "gitdir: ")
	if !ok {
		return "", "", false
	}
	admin = inDir(filepath.Dir(file), admin)
	data, err = readRegular(filepath.Join(admin, "commondir"), 1<<16)
	if err != nil {
		return "", "", false
	}
	shared, err = filepath.EvalSymlinks(inDir(admin, strings.TrimSuffix(string(data), "\n")))
	return admin, shared, err == nil
}
