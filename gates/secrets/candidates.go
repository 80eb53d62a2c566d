package secrets

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/wf-ci/wf-ci/internal/git"
)

// manyCommits is from where on it pays to look at contents first.
const manyCommits = 64

// candidates are those of the commits that can have a finding: they bring a
// content in which a run of lines could hold one, see [scan.Prefilter]. What a
// commit adds to a file is such a run. All others need no patch.
//
// Each content is read once, however many commits and paths it is at. Contents
// of one path follow each other, so that only what differs is looked at.
func (l *look) candidates(ctx context.Context, commits []string) ([]string, error) {
	h := historyFiles{look: l, seen: make(map[string]bool), places: make(map[string]uint64), paths: make(map[string]int)}
	if err := h.list(ctx, commits); err != nil {
		return nil, fmt.Errorf("list the history's files: %w", err)
	}
	may, err := h.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the history's files: %w", err)
	}
	var out []string
	for i, c := range commits {
		if h.named[i] {
			out = append(out, c)
			continue
		}
		for _, oid := range h.brings[i] {
			if may[oid] {
				out = append(out, c)
				break
			}
		}
	}
	return out, nil
}

// historyFiles are the contents that commits bring.
type historyFiles struct {
	*look
	brings [][]string // by commit: contents
	named  []bool     // by commit: a file whose name is a finding

	groups [][]string     // contents by path, each once
	paths  map[string]int // -> group
	seen   map[string]bool
	places map[string]uint64 // by content: see [scan.Prefilter.Place]

	mu sync.Mutex
}

func (h *historyFiles) list(ctx context.Context, commits []string) error {
	names := h.rules.detector.Prefilter()
	defer names.Close()
	type verdict struct {
		may, alone bool
		rules      uint64
	}
	known := make(map[string]verdict)
	h.brings, h.named = make([][]string, len(commits)), make([]bool, len(commits))
	i := 0
	return h.target.Repo.Changes(ctx, commits, func(_ string, files []git.File) error {
		for _, f := range files {
			if f.OID == "" {
				continue
			}
			v, ok := known[f.Path]
			if !ok {
				v.may, v.alone, v.rules = names.Place(f.Path)
				known[f.Path] = v
			}
			if h.named[i] = h.named[i] || v.alone; !v.may {
				continue
			}
			h.brings[i] = append(h.brings[i], f.OID)
			h.add(f.Path, f.OID)
			h.places[f.OID] |= v.rules
		}
		i++
		return nil
	})
}

func (h *historyFiles) add(path, oid string) {
	if h.seen[oid] {
		return
	}
	h.seen[oid] = true
	g, ok := h.paths[path]
	if !ok {
		g = len(h.groups)
		h.paths[path] = g
		h.groups = append(h.groups, nil)
	}
	h.groups[g] = append(h.groups[g], oid)
}

// read gives the contents that could hold a finding.
func (h *historyFiles) read(ctx context.Context) (map[string]bool, error) {
	may := make(map[string]bool)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(h.jobs)
	for _, part := range h.parts() {
		g.Go(func() error {
			found, err := h.readPart(gctx, part)
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, oid := range found {
				may[oid] = true
			}
			return err
		})
	}
	return may, g.Wait()
}

// parts are groups for each of the git processes.
func (h *historyFiles) parts() [][][]string {
	size := len(h.seen)/h.jobs + 1
	var parts [][][]string
	n := size
	for _, g := range h.groups {
		if n >= size {
			parts, n = append(parts, nil), 0
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], g)
		n += len(g)
	}
	return parts
}

// maxContent bounds what is looked at as one text, in bytes: larger ones are
// candidates unseen.
const maxContent = 32 << 20

func (h *historyFiles) readPart(ctx context.Context, groups [][]string) (found []string, err error) {
	defer func() {
		if p := recover(); p != nil { // it would end the process
			err = fmt.Errorf("%s crashed", engineName)
		}
	}()
	filter := h.rules.detector.Prefilter()
	defer filter.Close()
	var oids []string
	var buffer []byte
	first := make(map[int]bool) // of a path
	for _, g := range groups {
		first[len(oids)] = true
		oids = append(oids, g...)
	}
	err = h.target.Repo.Blobs(ctx, oids, func(i int, size int64, in io.Reader) error {
		if first[i] {
			filter.Reset()
		}
		if size > maxContent {
			found = append(found, oids[i])
			return nil
		}
		if int64(cap(buffer)) < size {
			buffer = make([]byte, size+size/4)
		}
		if _, err := io.ReadFull(in, buffer[:size]); err != nil {
			return fmt.Errorf("object %s: %w", oids[i], err)
		}
		text := string(buffer[:size])
		if !isBinary(text) && filter.May(text, h.places[oids[i]]) {
			found = append(found, oids[i])
		}
		return nil
	})
	return found, err
}

// isBinary says whether git shows no patch of a content.
func isBinary(text string) bool {
	return strings.IndexByte(text[:min(len(text), binaryHead)], 0) >= 0
}
