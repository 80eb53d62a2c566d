//go:build !unix

package worktree

// plain is not known here: git has to say.
func plain(string, string, ...string) bool { return false }
