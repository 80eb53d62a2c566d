package git

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"sort"
	"strings"
)

// Diff is what is new in tree against the commit base, with the commits of
// base..head. An empty base means that everything is new.
func (r *Repo) Diff(ctx context.Context, base, head string, tree *Tree) (*Change, error) {
	c := &Change{Base: base, Head: head}
	if base == "" {
		return c, nil
	}
	cmd := r.asStore("diff-tree", "-r", "-M", "--raw", "-z", "-p", "-U0", "--no-color", "--no-ext-diff",
		"--no-textconv", "--full-index", "--ignore-submodules=all", base+"^{tree}", tree.ID)
	err := r.parsed(ctx, cmd, func(out *bufio.Reader) (err error) {
		var entries []rawEntry
		c.files, entries, err = parseDiff(out)
		c.moves(entries)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compare with %s: %w", base, err)
	}
	var commits, merges []string
	if head != "" {
		// Merges too: a finding may stand in one.
		if commits, merges, err = r.Split(ctx, head, "^"+base); err != nil {
			return nil, fmt.Errorf("list the commits since %s: %w", base, err)
		}
	}
	c.hold(commits, merges)
	return c, nil
}

// moves notes which paths of the base are gone, and where they went.
func (c *Change) moves(entries []rawEntry) {
	c.renamed = make(map[string]string)
	for _, e := range entries {
		if e.gone == "" {
			continue
		}
		c.gone = append(c.gone, e.gone)
		if e.path != "" {
			c.renamed[e.path] = e.gone
		}
	}
	sort.Strings(c.gone)
}

// rawEntry is one line of --raw.
type rawEntry struct {
	path    string // of the new side; empty: deleted
	gone    string // path of the old side that is there no more; empty: none
	added   bool
	patches int // how many "diff --git" stand for it
}

// parseDiff reads --raw -z followed by the patches, which come in the same
// order. Paths are taken from the raw part, where nothing is quoted.
func parseDiff(in *bufio.Reader) (map[string]fileChange, []rawEntry, error) {
	entries, err := parseRaw(in)
	if err != nil {
		return nil, nil, err
	}
	files := make(map[string]fileChange, len(entries))
	for _, e := range entries {
		if e.path != "" {
			files[e.path] = fileChange{whole: e.added}
		}
	}
	p := patchParser{in: in}
	current, left := -1, 0
	for {
		line, err := p.next()
		if err == io.EOF {
			return files, entries, nil
		}
		if err != nil {
			return nil, nil, err
		}
		switch {
		case bytes.HasPrefix(line, []byte("diff --git ")):
			if left == 0 {
				if current++; current >= len(entries) {
					return nil, nil, fmt.Errorf("more patches than the %d changed files", len(entries))
				}
				left = entries[current].patches
			}
			left--
		case current < 0:
			if len(line) > 0 {
				return nil, nil, fmt.Errorf("patch line %.80q before the first file", line)
			}
		case bytes.HasPrefix(line, []byte("Binary files ")):
			if path := entries[current].path; path != "" {
				files[path] = fileChange{whole: true}
			}
		case bytes.HasPrefix(line, []byte("@@ ")):
			removed, span, err := parseHunkHeader(string(line))
			if err != nil {
				return nil, nil, err
			}
			if _, err := p.hunk(removed, span.count); err != nil {
				return nil, nil, err
			}
			if f := files[entries[current].path]; span.count > 0 && !f.whole {
				f.ranges = append(f.ranges, lineSpan{span.from, span.from + span.count - 1})
				files[entries[current].path] = f
			}
		}
	}
}

// parseRaw reads ":<mode> <mode> <oid> <oid> <status>\0<path>\0[<path>\0]"
// entries up to the empty one that ends them.
func parseRaw(in *bufio.Reader) ([]rawEntry, error) {
	var entries []rawEntry
	for {
		first, err := in.Peek(1)
		if err == io.EOF {
			return entries, nil // no patch follows: nothing changed
		}
		if err != nil {
			return nil, err
		}
		if first[0] != ':' {
			if first[0] == 0 {
				_, err = in.Discard(1)
			}
			return entries, err
		}
		meta, err := readNUL(in)
		if err != nil {
			return nil, err
		}
		f := strings.Fields(meta)
		if len(f) != 5 {
			return nil, fmt.Errorf("raw entry %.80q", meta)
		}
		path, err := readNUL(in)
		if err != nil {
			return nil, err
		}
		e := rawEntry{path: path, patches: 1}
		switch f[4][0] {
		case 'A':
			e.added = true
		case 'D':
			e.path, e.gone = "", path
		case 'T': // shown as a deletion and an addition
			e.added, e.patches = true, 2
		case 'R', 'C':
			if f[4][0] == 'R' {
				e.gone = path
			}
			if e.path, err = readNUL(in); err != nil {
				return nil, err
			}
		}
		entries = append(entries, e)
	}
}

func readNUL(in *bufio.Reader) (string, error) {
	s, err := in.ReadString(0)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return strings.TrimSuffix(s, "\x00"), err
}
