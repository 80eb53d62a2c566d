package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// workTrees are the directories of a repository: its work trees, and those that
// were there at an earlier import. They are read from git's own files, because
// each command of git takes as long as reading the logs does.
func workTrees(top, gitDir string, before []string) []string {
	roots := append([]string{top}, before...)
	if gitDir != "" {
		common := gitDir
		if data, err := optional(filepath.Join(gitDir, "commondir")); err == nil && data != nil {
			common = inside(gitDir, strings.TrimSpace(string(data)))
		}
		if filepath.Base(common) == ".git" {
			roots = append(roots, filepath.Dir(common))
		}
		links, _ := filepath.Glob(filepath.Join(globEscape(common), "worktrees", "*", "gitdir"))
		for _, link := range links {
			if data, err := optional(link); err == nil && data != nil {
				roots = append(roots, filepath.Dir(inside(filepath.Dir(link), strings.TrimSuffix(string(data), "\n"))))
			}
		}
	}
	for _, dir := range roots {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			roots = append(roots, real)
		}
	}
	slices.Sort(roots)
	return slices.Compact(roots)
}

// globEscape makes a path stand for itself in a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// projects says whether a directory is in one of the roots; or, for Gemini CLI,
// whether a name stands for one: the hash of its path, or the one in its list.
func projects(roots []string, home string) func(dir string) bool {
	names := make(map[string]bool)
	for _, root := range roots {
		sum := sha256.Sum256([]byte(root))
		names[hex.EncodeToString(sum[:])] = true
	}
	var list struct {
		Projects map[string]string `json:"projects"`
	}
	if data, err := optional(filepath.Join(home, ".gemini", "projects.json")); err == nil && json.Unmarshal(data, &list) == nil {
		for dir, name := range list.Projects {
			if slices.Contains(roots, filepath.Clean(dir)) {
				names[name] = true
			}
		}
	}
	return func(dir string) bool {
		if names[dir] || within(roots, dir) {
			return true
		}
		real, err := filepath.EvalSymlinks(dir)
		return err == nil && within(roots, real)
	}
}

// within says whether a directory is one of the roots, or below one.
func within(roots []string, dir string) bool {
	if !filepath.IsAbs(dir) {
		return false
	}
	dir = filepath.Clean(dir)
	return slices.ContainsFunc(roots, func(root string) bool {
		return dir == root || strings.HasPrefix(dir, strings.TrimSuffix(root, string(os.PathSeparator))+string(os.PathSeparator))
	})
}
