package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	gh "github.com/google/go-github/v60/github"
)

// ErrMoved says that a branch is not where its writer believed it to be.
var ErrMoved = errors.New("the branch was moved by another writer")

// SignedCommit is a commit that GitHub makes and signs, because it names no
// author: it is verified, as a push of ours would not be.
type SignedCommit struct {
	Branch  string // refs/heads/…
	Tree    string // id of a tree that the repository has
	Parent  string // where the branch has to be; empty: it must not be there
	Message string
}

// Commit makes a commit and moves the branch to it. The error is [ErrMoved]
// where somebody else was faster, or a [Failure].
func Commit(ctx context.Context, server Server, repository string, c SignedCommit) (string, error) {
	s, err := newSession(server, repository)
	if err != nil {
		return "", err
	}
	parents := []*gh.Commit{}
	if c.Parent != "" {
		parents = append(parents, &gh.Commit{SHA: gh.String(c.Parent)})
	}
	if !isCommit(c.Tree) || c.Parent != "" && !isCommit(c.Parent) || !strings.HasPrefix(c.Branch, "refs/heads/") {
		return "", fmt.Errorf("a commit of the tree %.80q on %.80q", c.Tree, c.Parent)
	}
	made, _, err := s.rest.Git.CreateCommit(repeat(ctx), s.owner, s.repo, &gh.Commit{
		Message: gh.String(c.Message), Tree: &gh.Tree{SHA: gh.String(c.Tree)}, Parents: parents,
	}, nil)
	if err != nil {
		return "", failed("the ledger's commit", needContents, err)
	}
	ref := &gh.Reference{Ref: gh.String(c.Branch), Object: &gh.GitObject{SHA: made.SHA}}
	if c.Parent == "" {
		_, _, err = s.rest.Git.CreateRef(ctx, s.owner, s.repo, ref)
	} else {
		_, _, err = s.rest.Git.UpdateRef(ctx, s.owner, s.repo, ref, false)
	}
	if moved(err) {
		return "", ErrMoved
	}
	if f := failed("the ledger's branch", needContents, err); f != nil {
		return "", f
	}
	return made.GetSHA(), nil
}

const needContents = "contents: write"

// moved says whether a ref was refused because it is elsewhere by now. GitHub's
// words: "Update is not a fast forward", "Reference already exists".
func moved(err error) bool {
	var answer *gh.ErrorResponse
	if !errors.As(err, &answer) || statusOf(err) != http.StatusUnprocessableEntity {
		return false
	}
	said := strings.ToLower(answer.Message)
	return strings.Contains(said, "fast forward") || strings.Contains(said, "already exists")
}
