package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/state"
)

// documentLimit is the size of a document, in bytes, above which it is no
// document of people any more and is not written.
const documentLimit = 256 << 20

// ContextPath is where the context of a project is: at its top, or where it is
// kept already.
func ContextPath(dir string) string {
	for _, name := range contextFiles[0] {
		if info, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); err == nil && info.Mode().IsRegular() && insideTree(dir, name) {
			return name
		}
	}
	return contextName
}

// Save writes the context: our blocks of PROJECT_CONTEXT.md, and the file for
// programs. It gives the paths that it changed; where the context says what it
// said before, there are none. blockers become text of the document.
func (d Desk) Save(c *Collected, blockers []string) ([]string, error) {
	old, keys, had := readSavedKeys(d.Dir)
	next := c.Context
	if had && next.Same(old) {
		next.Updated, next.Duration = old.Updated, old.Duration
	}
	c.Context = next
	was := make(map[string][]string)
	if had {
		for _, b := range old.Blocks() {
			was[b.Name] = headed(b)
		}
	}
	var changed []string
	name := ContextPath(d.Dir)
	wrote, err := d.edit(name, func(data []byte) []byte {
		if len(data) == 0 {
			data = []byte("# Project Context: " + Clean(d.Mask(d.Project)) + "\n\n")
		}
		return withBlockers(ParseDocument(data).Update(next.Blocks(), was), blockers)
	})
	if err != nil {
		return nil, err
	}
	if wrote {
		changed = append(changed, name)
	}
	data, err := next.encode(keys)
	if err != nil {
		return changed, err
	}
	wrote, err = d.edit(savedName, func([]byte) []byte { return data })
	if wrote {
		changed = append(changed, savedName)
	}
	return changed, err
}

// editTries is how often a file may change while it is being edited.
const editTries = 5

// edit changes a file as a whole. One that somebody else writes in the meantime
// is read again: nothing of theirs is lost. False: it is as it was.
func (d Desk) edit(name string, change func([]byte) []byte) (bool, error) {
	path := filepath.Join(d.Dir, filepath.FromSlash(name))
	for range editTries {
		old, err := readFile(path, documentLimit)
		if err != nil && !missing(err) {
			return false, err
		}
		data := change(slices.Clone(old))
		if err == nil && bytes.Equal(old, data) {
			return false, nil
		}
		now, againErr := readFile(path, documentLimit)
		if missing(againErr) != missing(err) || !bytes.Equal(now, old) {
			continue
		}
		return true, d.write(name, data)
	}
	return false, fmt.Errorf("%s changes all the time; close what writes it, and end the day again", name)
}

// withBlockers puts lines of the person's behind our block of blockers; what is
// there already is not put twice.
func withBlockers(data []byte, blockers []string) []byte {
	doc := ParseDocument(data)
	var lines []byte
	for _, b := range blockers {
		line := "- " + b
		if !slices.ContainsFunc(strings.Split(string(doc.Text()), "\n"), func(l string) bool { return strings.TrimSpace(l) == line }) {
			lines = append(lines, line+doc.lineEnd()...)
		}
	}
	i := slices.IndexFunc(doc.parts, func(p part) bool { return p.name == "blockers" })
	if len(lines) == 0 || i < 0 {
		return data
	}
	doc.parts = slices.Insert(doc.parts, i+1, part{raw: lines})
	return doc.Bytes()
}

// Lock keeps a second end of the same work tree waiting.
func (d Desk) Lock(ctx context.Context) (unlock func(), err error) {
	return state.Lock(ctx, filepath.Join(d.Repo.GitDir, recordName))
}

// Ended writes down that the day is over, at a commit. The next one counts from
// there.
func (d Desk) Ended(c *Collected, head string) error {
	r := c.record
	if old := readRecord(d.Repo.GitDir); old != nil && !old.Ended.IsZero() && old.Head == head && old.Base == r.Base {
		return nil
	}
	r.Ended, r.Head = d.Now, head
	data, err := r.encode()
	if err == nil {
		err = d.remember(filepath.Join(d.Repo.GitDir, recordName), data)
	}
	if err != nil {
		return err
	}
	return r.write(d.Repo.GitDir)
}

// ReadContext is what is saved; an error where nothing is.
func ReadContext(dir string) (Context, error) {
	c, ok := readSaved(dir)
	if !ok {
		return c, errors.New("no context is saved here (" + savedName + "): wf-ci local end saves one")
	}
	return c, nil
}

// ReportDir makes the directory for reports. One that is made in the tree of a
// project is ignored by git; one that is there is left as it is, and a link in
// the tree is refused.
func ReportDir(project, dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s is no directory", dir)
	case !missing(err):
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	rel, err := filepath.Rel(project, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return nil
	}
	if err := state.Write(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o644); err != nil {
		return errors.Join(err, os.Remove(dir)) // the next end would find it there, and not ignored
	}
	return nil
}
