// Package refs carries entries between clones, through the refs of a git
// repository, without a server of its own.
//
//	[Store.Publish]  entries → a ref of their own: writers never meet
//	[Store.Compact]  all such refs → one branch, with its books; then they go
//
// Everything is idempotent, because files of entries are named by their
// content: what is published twice is one ref, what is folded twice is in the
// branch once. A writer or a compactor that is killed at any point leaves
// nothing that the next one would not finish.
package refs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Store is where the refs are.
type Store struct {
	Repo   *git.Repo  // whose objects are used. Required.
	Remote git.Remote // who holds the refs. Zero: the repository itself.
	// Space is what the names of our refs begin with. Empty: refs/wf-ci.
	Space string
	// Sign is asked where the remote refuses a push to a branch: it may make a
	// commit of the same tree and parent on the remote that is not refused, and
	// give its id. Nil: a refusal is an error.
	Sign func(ctx context.Context, u git.Update, refusal error) (commit string, err error)
}

func (s Store) refs() git.Refs { return s.Repo.Refs(s.Remote) }

// advance moves a branch, and gives the commit that it is at then.
func (s Store) advance(ctx context.Context, u git.Update) (string, error) {
	err := s.refs().Set(ctx, u)
	if err == nil || s.Sign == nil || errors.Is(err, git.ErrMoved) || ctx.Err() != nil {
		return u.New, err
	}
	return s.Sign(ctx, u, err)
}

func (s Store) name(parts ...string) string {
	space := s.Space
	if space == "" {
		space = "refs/wf-ci"
	}
	return space + "/" + strings.Join(parts, "/")
}

// How often, and how patiently, what another writer has overtaken is tried
// again: with 64 writers at once on one ref, somebody succeeds in each round.
const (
	tries    = 200
	firstGap = 20 * time.Millisecond
	lastGap  = 2 * time.Second
)

// retry calls fn until it is not overtaken. The gaps grow, and no two writers
// have the same.
func retry(ctx context.Context, fn func() error) error {
	gap := firstGap
	for range tries {
		err := fn()
		if err == nil || !errors.Is(err, git.ErrMoved) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(gap/2 + rand.N(gap)):
		}
		gap = min(gap*3/2, lastGap)
	}
	return fmt.Errorf("given up after %d tries: %w", tries, git.ErrMoved)
}
