package refs

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Compaction is what [Store.Compact] has done.
type Compaction struct {
	Commit string   // where the branch is now; empty: it is not there, and nothing was to be folded
	Folded []string // refs whose entries are in the branch, and which are gone
	Added  int      // entries that were new to the branch
	// Rejected are refs that stay, because their entries are no entries, or
	// tell another story than those that are there.
	Rejected []Rejection
}

// Rejection is a ref that was not folded.
type Rejection struct{ Ref, Reason string }

// Fold makes the books of entries; see [costs.Fold].
type Fold func(entries []costs.Entry) (costs.Books, error)

// fileLimit is more than a file of entries may hold, in bytes.
const fileLimit = 64 << 20

// Compact folds the published refs into a branch (refs/heads/…), rebuilds the
// books there, and deletes the refs whose entries are in it. Another compactor
// may work at the same time, and a writer may: nothing is lost or doubled. Files
// of the branch that are not ours stay. fold nil: no books.
func (s Store) Compact(ctx context.Context, branch string, fold Fold) (Compaction, error) {
	var done Compaction
	err := retry(ctx, func() (err error) {
		done, err = s.compact(ctx, branch, fold)
		return err
	})
	return done, err
}

func (s Store) compact(ctx context.Context, branch string, fold Fold) (Compaction, error) {
	all, err := s.refs().List(ctx, branch, s.name("ledger"))
	if err != nil {
		return Compaction{}, err
	}
	done := Compaction{Commit: all[branch]}
	if err := s.refs().Bring(ctx, all); err != nil {
		return done, err
	}
	ledger := newFolding()
	if done.Commit != "" {
		if err := s.read(ctx, done.Commit, ledger); err != nil {
			return done, fmt.Errorf("the ledger in %s: %w", branch, err)
		}
	}
	before, tip := len(ledger.entries), done.Commit
	delete(all, branch)
	if done.Rejected, err = s.gather(ctx, all, ledger); err != nil {
		return done, err
	}
	for _, r := range done.Rejected {
		delete(all, r.Ref)
	}
	done.Folded = slices.Sorted(maps.Keys(all))
	done.Added = len(ledger.entries) - before
	if len(ledger.fresh) > 0 {
		if done.Commit, err = s.commit(ctx, tip, ledger, fold); err != nil {
			return done, err
		}
		if done.Commit, err = s.advance(ctx, git.Update{Ref: branch, Old: tip, New: done.Commit}); err != nil {
			return done, err
		}
	}
	return done, s.refs().Drop(ctx, all)
}

// commit makes the branch's next commit: the files that are new, and the books.
func (s Store) commit(ctx context.Context, tip string, ledger *folding, fold Fold) (string, error) {
	c := git.NewCommit{Parent: tip, Time: newest(ledger.entries), Files: make(map[string]string)}
	if fold != nil {
		books, err := fold(slices.Clone(ledger.entries))
		if err != nil {
			return "", err
		}
		if c.Files, err = s.blobs(ctx, books); err != nil {
			return "", err
		}
	}
	maps.Copy(c.Files, ledger.fresh)
	c.Message = fmt.Sprintf("costs: fold %d files of entries", len(ledger.fresh))
	return s.Repo.MakeCommit(ctx, c)
}

// folding are entries as they are brought together.
type folding struct {
	ref     string
	entries []costs.Entry
	files   map[string]string // path → id of the content
	fresh   map[string]string // those of them that the branch does not have yet
}

func newFolding() *folding {
	return &folding{files: make(map[string]string), fresh: make(map[string]string)}
}

// gather takes what refs hold, and gives those that it does not take.
func (s Store) gather(ctx context.Context, all map[string]string, ledger *folding) ([]Rejection, error) {
	var rejected []Rejection
	var parts []*folding
	for _, ref := range slices.Sorted(maps.Keys(all)) {
		part := newFolding()
		part.ref = ref
		switch err := s.read(ctx, all[ref], part); {
		case ctx.Err() != nil:
			return nil, err
		case err != nil:
			rejected = append(rejected, Rejection{ref, err.Error()})
		default:
			parts = append(parts, part)
		}
	}
	if ledger.take(parts...) == nil {
		return rejected, nil
	}
	for _, part := range parts { // one of them differs from the rest: which?
		if err := ledger.take(part); err != nil {
			rejected = append(rejected, Rejection{part.ref, err.Error()})
		}
	}
	return rejected, nil
}

// take adds what others have and this one not; none of it where they differ.
func (f *folding) take(parts ...*folding) error {
	all := slices.Clone(f.entries)
	for _, p := range parts {
		all = append(all, p.entries...)
	}
	all, err := costs.Once(all)
	if err != nil {
		return err
	}
	f.entries = all
	for _, p := range parts {
		for path, id := range p.files {
			if _, ok := f.files[path]; !ok {
				f.files[path], f.fresh[path] = id, id
			}
		}
	}
	return nil
}

// read adds the entries of a commit.
func (s Store) read(ctx context.Context, commit string, into *folding) error {
	files, err := s.Repo.FilesAt(ctx, commit, "costs/entries")
	if err != nil {
		return err
	}
	var ids []string
	for _, f := range files {
		if !costs.IsEntries(f.Path) || f.Size > fileLimit {
			return fmt.Errorf("%q: not a file of entries, or above %d MiB", f.Path, fileLimit>>20)
		}
		ids = append(ids, f.OID)
		into.files[f.Path] = f.OID
	}
	var all []costs.Entry
	err = s.Repo.Blobs(ctx, ids, func(i int, _ int64, content io.Reader) error {
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		list, err := costs.Decode(files[i].Path, data)
		all = append(all, list...)
		return err
	})
	if err != nil {
		return err
	}
	into.entries, err = costs.Once(all)
	return err
}

// Entries are those of a branch and of the refs that are not folded into it
// yet: what is known to the remote. It changes nothing.
func (s Store) Entries(ctx context.Context, branch string) ([]costs.Entry, []Rejection, error) {
	all, err := s.refs().List(ctx, branch, s.name("ledger"))
	if err != nil {
		return nil, nil, err
	}
	if err := s.refs().Bring(ctx, all); err != nil {
		return nil, nil, err
	}
	ledger := newFolding()
	if tip := all[branch]; tip != "" {
		if err := s.read(ctx, tip, ledger); err != nil {
			return nil, nil, fmt.Errorf("the ledger in %s: %w", branch, err)
		}
	}
	delete(all, branch)
	rejected, err := s.gather(ctx, all, ledger)
	return ledger.entries, rejected, err
}
