package coverage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"sync"

	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// sourceLimit is the size above which a file is not one that a person wrote.
const sourceLimit = 16 << 20

// look classifies the tree's files by their content, once, and holds what the
// candidates say of them against it.
func (m *measurement) look(ctx context.Context, list []*candidate) error {
	first := len(m.files) == 0
	var files []git.File
	for _, f := range m.target.Tree.Files {
		if f.Kind == git.Symlink || f.Size > sourceLimit || !slices.Contains(measurable, project.Language(f.Path, nil)) {
			continue
		}
		if first || slices.ContainsFunc(list, func(c *candidate) bool { return c.says[f.Path] != nil }) {
			files = append(files, f)
		}
	}
	var mu sync.Mutex
	return m.target.Tree.Each(ctx, files, m.target.Jobs, func(_ context.Context, gf git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		f := m.classify(gf.Path, data)
		mu.Lock()
		defer mu.Unlock()
		if known := m.files[gf.Path]; known != nil {
			f = known
		} else {
			m.files[gf.Path] = f
			if f.source {
				m.examined.Files++
				m.examined.Bytes += int64(len(data))
			}
		}
		if f.source {
			for _, c := range list {
				c.hold(f.path, data)
			}
		}
		return nil
	})
}

func (m *measurement) classify(name string, data []byte) *file {
	f := &file{path: name, class: project.Classify(name, data), project: -1}
	f.source = canMeasure(name, data[:min(len(data), project.HeadSize)]) && holdsCode(name, data)
	if p := project.Of(m.projects, project.KindOf(project.Language(name, data)), name); p != nil {
		f.project = slices.IndexFunc(m.projects, func(q project.Project) bool { return q.Dir == p.Dir && q.Kind == p.Kind })
	}
	return f
}

// holdsCode says whether a source holds anything that can run: a Go file may hold
// types alone, a Python file nothing.
func holdsCode(name string, data []byte) bool {
	if path.Ext(name) == ".go" {
		return bytes.Contains(data, []byte("func ")) || bytes.Contains(data, []byte("func("))
	}
	return len(bytes.TrimSpace(data)) > 0
}

// fits holds what a report says of a file against its content.
func fits(rf *reportFile, data []byte) error {
	source := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	last := 0
	for line := range rf.hits {
		last = max(last, line)
	}
	// One more: some tools count the end of the last line.
	if last > len(source)+1 {
		return fmt.Errorf("it has line %d, and the file has %d", last, len(source))
	}
	if n := len(source); rf.lines > 0 && len(data) > 0 && rf.lines != n && rf.lines != n+1 {
		return fmt.Errorf("it has %d lines, and the file has %d", rf.lines, n)
	}
	if err := checkSums(rf, source); err != nil {
		return err
	}
	return expand(rf, source)
}

// merge adds what another report says of the same file.
func (f *file) merge(rf *reportFile) {
	if f.data == nil {
		f.data = rf
		return
	}
	f.data.merge(rf)
}

func (f *reportFile) merge(rf *reportFile) {
	for line, n := range rf.hits {
		f.hits[line] = add(f.hits[line], n)
	}
	f.blocks = append(f.blocks, rf.blocks...)
	f.spans = append(f.spans, rf.spans...)
	f.lines = max(f.lines, rf.lines)
	if f.sums == nil {
		f.sums = rf.sums
	}
	switch {
	case rf.summary && len(f.hits)+len(f.blocks)+len(f.spans) == 0:
		f.summary, f.covered, f.total = true, max(f.covered, rf.covered), max(f.total, rf.total)
	case !rf.summary:
		f.summary = false
	}
}
