package worktree

import (
	"context"
	"strconv"
	"strings"
)

// mergedInLog adds the branches that the subjects of the target's merge commits
// name, as git and GitHub write them.
func (p *Project) mergedInLog(ctx context.Context, target Target, names map[string]bool) error {
	out, err := p.git.Git(ctx, "log", "--merges", "--no-show-signature", "--format=%s", "--max-count="+strconv.Itoa(walkLimit), target.Ref, "--")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		if b := branchOfSubject(strings.TrimSpace(line)); b != "" {
			names[b] = true
		}
	}
	return nil
}

// branchOfSubject reads "Merge branch 'feature/x' into …" and "Merge pull request
// #1 from owner/feature/x".
func branchOfSubject(subject string) string {
	if rest, ok := strings.CutPrefix(subject, "Merge branch '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		return name
	}
	if rest, ok := strings.CutPrefix(subject, "Merge pull request #"); ok {
		_, from, _ := strings.Cut(rest, " from ")
		_, name, _ := strings.Cut(from, "/")
		return name
	}
	return ""
}
