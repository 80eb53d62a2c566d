package logs

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Import reads logs.
type Import struct {
	Places []Place // Required.
	// Inside says whether a call counts by the directory it was made in, or by
	// the name that the tool gives to it. Nil: every call counts.
	Inside func(dir string) bool
	// Since leaves out older calls. Zero: none.
	Since time.Time
	// Before is what was read by earlier imports. Nil: nothing.
	Before *State
	// Workers is how many logs are read at once. Zero: one.
	Workers int
	// Reading is called before the first log is opened, if any is. Optional.
	Reading func()
}

// Result is what the logs hold that was not read before.
type Result struct {
	Calls   Calls
	Notes   Notes  // of all logs, those that were read before included
	Logs    int    // that were found
	Changed int    // that were read now
	State   *State // for the next import, once the calls are booked
}

// Run reads what is new in the logs. It fails only when it is cancelled: what
// cannot be read is noted.
func (im Import) Run(ctx context.Context) (*Result, error) {
	res := &Result{State: &State{files: make(map[string]Read)}}
	before := im.Before
	if before == nil {
		before = &State{}
	}
	all := find(im.Places, func(string) { res.Notes.Unreadable++ })
	res.Logs = len(all)
	var todo []file
	for _, f := range all {
		if old, ok := before.files[f.path]; ok && old.Size == f.size && old.Mtime == f.mtime {
			res.State.files[f.path] = old
			continue
		}
		todo = append(todo, f)
	}
	res.Changed = len(todo)
	if len(todo) > 0 {
		if im.Reading != nil {
			im.Reading()
		}
		if err := im.read(ctx, all, todo, before, res); err != nil {
			return nil, err
		}
	}
	res.Notes.Add(res.State.Notes())
	return res, nil
}

// outcome is what came of one file.
type outcome struct {
	read  Read
	codex *codexFile
}

// read reads the files side by side, the large ones first, and puts together
// what they tell: the order does not matter.
func (im Import) read(ctx context.Context, all, todo []file, before *State, res *Result) error {
	main := newWork(im.Inside, im.Since, newCalls())
	sessions, err := im.readAll(ctx, todo, before, res, main.calls)
	if err != nil {
		return err
	}
	sessions, err = im.withParents(ctx, all, sessions)
	if err != nil {
		return err
	}
	for _, path := range settleCodex(main, sessions) {
		if f, ok := res.State.files[path]; ok {
			f.Notes.MissingParents = 1
			res.State.files[path] = f
		}
	}
	res.Notes.Malformed += main.notes.Malformed // calls without a time
	res.Calls = main.calls.settled()
	return nil
}

// readAll reads files into calls, and gives the sessions of Codex among them,
// which are settled when all are known.
func (im Import) readAll(ctx context.Context, todo []file, before *State, res *Result, into *calls) ([]*codexFile, error) {
	slices.SortStableFunc(todo, func(a, b file) int { return cmp.Compare(b.size, a.size) })
	outcomes := make([]outcome, len(todo))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(len(todo), max(1, im.Workers)) {
		work := newWork(im.Inside, im.Since, into)
		group.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(todo) || ctx.Err() != nil {
					return
				}
				outcomes[n] = work.file(todo[n], before.files[todo[n].path])
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var sessions []*codexFile
	for i, o := range outcomes {
		res.State.files[todo[i].path] = o.read
		if o.codex != nil {
			sessions = append(sessions, o.codex)
		}
	}
	return sessions, nil
}

// withParents reads the logs of the parents of forks, where they did not change:
// only with them can be told what a fork copied.
func (im Import) withParents(ctx context.Context, all []file, sessions []*codexFile) ([]*codexFile, error) {
	known := make(map[string]bool)
	for _, s := range sessions {
		known[s.session] = true
	}
	for i := 0; i < len(sessions); i++ { // grows: a parent may have one, too
		id := sessions[i].parent
		if id == "" || known[id] {
			continue
		}
		known[id] = true
		for _, f := range all {
			if !strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(f.path, ".zst"), ".jsonl"), id) {
				continue
			}
			w := newWork(im.Inside, im.Since, newCalls())
			if w.file(f, Read{}); w.codex != nil {
				sessions = append(sessions, w.codex)
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return sessions, nil
}

// file reads one log, from where it was read before if it only grew.
func (w *work) file(f file, old Read) outcome {
	w.path, w.offset, w.notes, w.codex = f.path, 0, Notes{}, nil
	read := Read{Size: f.size, Mtime: f.mtime, Source: f.source}
	if err := w.open(f, old, &read); err != nil && !errors.Is(err, os.ErrNotExist) {
		w.notes.Unreadable++
	}
	read.Offset, read.Notes = w.offset, w.notes
	return outcome{read, w.codex}
}

func (w *work) open(f file, old Read, read *Read) error {
	r, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer r.Close()
	if f.source == "" {
		read.Source = sniff(f.path, r)
	}
	read.Head = headOf(r, f.size)
	if read.Source == "claude" && old.Offset > 0 && old.Size <= f.size && headOf(r, old.Size) == old.Head {
		w.offset = old.Offset
		w.notes = old.Notes
		w.notes.Torn = 0 // that line is read again
		if _, err := r.Seek(w.offset, io.SeekStart); err != nil {
			return err
		}
	}
	return w.reader(read.Source)(r)
}

// reader is the reader of a source's form, which may depend on the file's name.
func (w *work) reader(source string) func(r io.Reader) error {
	read := readClaude
	switch document := strings.HasSuffix(w.path, ".json"); {
	case source == "codex" && strings.HasSuffix(w.path, ".zst"):
		read = readCodexZstd
	case source == "codex":
		read = readCodex
	case source == "gemini" && document:
		read = readGemini
	case source == "gemini":
		read = readGeminiLines
	case source == "opencode" && strings.HasSuffix(w.path, ".db"):
		return func(io.Reader) error { return readOpencodeDB(w, w.path) }
	case source == "opencode":
		read = readOpencode
	case source == "copilot":
		read = readCopilot
	case source == "amp":
		read = readAmp
	case source == "qwen":
		read = readQwen
	}
	return func(r io.Reader) error { return read(w, r) }
}
