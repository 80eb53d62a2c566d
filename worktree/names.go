package worktree

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// branchPrefix is what the branches of tasks begin with.
const branchPrefix = "feature/"

// slug is a name as a directory: no separators, no characters that a shell, a
// URL or Windows would take for something else.
func slug(name string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-', r > 0x7f:
			return r
		}
		return '-'
	}, name)
	s = strings.Trim(s, "-.")
	if s == "" {
		return "task"
	}
	return s
}

// digest is a few characters that tell equal slugs apart.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:3])
}

// taskName checks the name of a task: what makes a branch. A leading feature/
// is taken off.
func taskName(name string) (string, error) {
	name = strings.TrimPrefix(name, branchPrefix)
	if validBranch(branchPrefix + name) {
		return name, nil
	}
	return "", fmt.Errorf("%q cannot be the name of a branch: try %q", name, validName(name))
}

// validName is what comes nearest to a name and can be that of a branch.
func validName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\@`, r) {
			return '-'
		}
		return r
	}, strings.ToValidUTF8(name, "-"))
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		for strings.Contains(part, "..") {
			part = strings.ReplaceAll(part, "..", ".")
		}
		if part = strings.Trim(strings.TrimSuffix(strings.Trim(part, "-."), ".lock"), "-."); part != "" {
			parts = append(parts, part)
		}
	}
	if name = strings.Join(parts, "/"); validBranch(branchPrefix + name) {
		return name
	}
	return "task"
}

// validBranch are git's rules for a branch (git check-ref-format --branch).
func validBranch(b string) bool {
	if b == "" || len(b) > 200 || strings.HasPrefix(b, "-") || strings.HasSuffix(b, ".") || strings.Contains(b, "..") || strings.Contains(b, "@{") {
		return false
	}
	for _, r := range b {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) {
			return false
		}
	}
	for part := range strings.SplitSeq(b, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// nameOf is what a worktree is called where no registry says: its task, else
// its branch, else its folder.
func nameOf(branch, path string) string {
	if branch != "" {
		return strings.TrimPrefix(branch, branchPrefix)
	}
	return filepath.Base(path)
}

// samePath compares two directories as the file system does.
func samePath(a, b string) bool {
	a, b = filepath.Clean(a), filepath.Clean(b)
	if a == b {
		return true
	}
	if runtime.GOOS == "windows" {
		return strings.EqualFold(a, b)
	}
	return resolve(a) == resolve(b)
}

// resolve follows the links of a path, as far as it exists.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}

// within says whether a path is a directory or below it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(resolve(dir), resolve(path))
	return err == nil && (rel == "." || filepath.IsLocal(rel))
}
