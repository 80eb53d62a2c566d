package costs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// Batch collects calls from logs for one [Ledger.Append]. Each is checked, sealed
// and written down at once; what is kept of it is small, because there may be a
// hundred thousand calls.
type Batch struct {
	now   time.Time
	list  []called
	kinds map[kind]*kind
	lines spill // what the ledger will hold
	line  []byte
}

// called is what is kept of a call.
type called struct {
	key string
	of  *kind
	id  [idSize / 2]byte
	at  int64 // nanoseconds since 1970: the years that an entry may be of fit
	usd Nano
	extent
	end int64 // of its line
}

// kind is what many calls have in common.
type kind struct {
	Category, Model, PriceRef, Feature, Task, Branch, Commit, Source, Replaces, Reason string
	Basis                                                                              Basis
}

// extent is how far a telling of a call goes.
type extent struct{ output, all Count }

// NewBatch makes room for so many entries; now is the clock. What is more than a
// few goes to a file in scratch, until [Batch.Close].
func NewBatch(now time.Time, room int, scratch string) *Batch {
	return &Batch{now: now, list: make([]called, 0, room), kinds: make(map[kind]*kind), lines: spill{dir: scratch}}
}

// Close gives back what the batch holds on the disk.
func (b *Batch) Close() error { return b.lines.close() }

// Add seals an entry and takes it. Its units may be used again afterwards.
func (b *Batch) Add(e Entry) error {
	e.Time = e.Time.UTC()
	if err := e.sealable(b.now); err != nil {
		return err
	}
	var err error
	var id string
	if id, b.line, err = e.line(b.line[:0]); err != nil {
		return err
	}
	b.line = append(b.line, '\n')
	if _, err := b.lines.Write(b.line); err != nil {
		return fmt.Errorf("keep an entry: %w", err)
	}
	c := called{key: e.Key, of: b.kind(e), at: e.Time.UnixNano(), usd: e.USD, extent: e.extent(), end: b.lines.size}
	if _, err := hex.Decode(c.id[:], []byte(id)); err != nil {
		return err
	}
	b.list = append(b.list, c)
	return nil
}

// kind shares one copy of what calls have in common.
func (b *Batch) kind(e Entry) *kind {
	k := kind{
		Category: e.Category, Model: e.Model, PriceRef: e.PriceRef, Feature: e.Feature, Task: e.Task, Branch: e.Branch,
		Commit: e.Commit, Source: e.Source, Replaces: e.Replaces, Reason: e.Reason, Basis: e.Basis,
	}
	known, ok := b.kinds[k]
	if !ok {
		known = &k
		b.kinds[k] = known
	}
	return known
}

// Entry is the n-th entry, without its id and its units.
func (b *Batch) Entry(n int) Entry {
	c := &b.list[n]
	return Entry{
		Key: c.key, Time: c.time(), USD: c.usd, Category: c.of.Category, Model: c.of.Model, PriceRef: c.of.PriceRef, Feature: c.of.Feature,
		Task: c.of.Task, Branch: c.of.Branch, Commit: c.of.Commit, Source: c.of.Source, Replaces: c.of.Replaces, Reason: c.of.Reason, Basis: c.of.Basis,
	}
}

func (c *called) time() time.Time { return time.Unix(0, c.at).UTC() }

// Tokens is how many units the n-th entry has, all kinds together.
func (b *Batch) Tokens(n int) int64 { return int64(b.list[n].all / one) }

// start is where the n-th entry's line begins.
func (b *Batch) start(n int) int64 {
	if n == 0 {
		return 0
	}
	return b.list[n-1].end
}

// write puts entries of the batch into files, one for each month, as [Files]
// names them.
func (b *Batch) write(l Ledger, added []int) error {
	added = slices.Clone(added)
	slices.SortFunc(added, func(x, y int) int {
		c, d := &b.list[x], &b.list[y]
		return cmp.Or(cmp.Compare(c.at, d.at), bytes.Compare(c.id[:], d.id[:]))
	})
	month := func(n int) string { return b.list[n].time().Format("2006-01") }
	for len(added) > 0 {
		first := month(added[0])
		n := slices.IndexFunc(added, func(x int) bool { return month(x) != first })
		if n < 0 {
			n = len(added)
		}
		if err := b.writeMonth(l, first, added[:n]); err != nil {
			return fmt.Errorf("write entries: %w", err)
		}
		added = added[n:]
	}
	return nil
}

// writeMonth goes over the lines twice: for the name, which is their hash, and to
// write them.
func (b *Batch) writeMonth(l Ledger, month string, list []int) error {
	sum := sha256.New()
	if err := b.copy(sum, list); err != nil {
		return err
	}
	dir := filepath.Join(l.Dir, "entries", month)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := hex.EncodeToString(sum.Sum(nil)[:16]) + ".jsonl"
	return state.WriteFrom(filepath.Join(dir, name), 0o644, func(w io.Writer) error { return b.copy(w, list) })
}

// copy writes the lines of entries, those that stand in a row at once.
func (b *Batch) copy(w io.Writer, list []int) error {
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n] == list[0]+n {
			n++
		}
		start, end := b.start(list[0]), b.list[list[n-1]].end
		if _, err := io.Copy(w, io.NewSectionReader(&b.lines, start, end-start)); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}
