package gates

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// writtenLimit is the size, in bytes, of the largest report that is compared
// with what is committed.
const writtenLimit = 64 << 20

// PlainFile refuses a path of a report that leads elsewhere: a committed link
// to a committed file would pass for one that a step has written, and so would,
// where the file system does not tell A from a, a committed file of another
// case.
func PlainFile(root *os.Root, t *Target, name string) error {
	for at := path.Clean(name); at != "." && at != "/"; at = path.Dir(at) {
		if info, err := root.Lstat(filepath.FromSlash(at)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is reached through a symbolic link: name the file itself", name)
		}
	}
	for _, f := range t.Tree.Files {
		if f.Path != name && strings.EqualFold(f.Path, name) {
			return fmt.Errorf("%s and %s differ in case only: take the one that is committed out of the repository", name, f.Path)
		}
	}
	return nil
}

// IsCommitted says whether a report, as it is on disk, is in HEAD: then no tool
// wrote it since the checkout. The tree is asked too: .gitattributes can make
// the bytes of a checkout others than those that are committed.
func IsCommitted(ctx context.Context, t *Target, name string, data []byte) (bool, error) {
	if t.Change.Head == "" {
		return false, nil
	}
	old, err := t.Repo.ReadFile(ctx, t.Change.Head, name, writtenLimit)
	if err != nil || old == nil {
		return false, err
	}
	if bytes.Equal(old, data) {
		return true, nil
	}
	f := t.Tree.File(name)
	if f == nil {
		return false, nil
	}
	now, err := t.Tree.Read(ctx, *f, writtenLimit)
	return err == nil && bytes.Equal(old, now), err
}

// Written is a file that a tool wrote into the work tree.
type Written struct {
	Path string
	Data []byte
	Time time.Time
}

// ReadWritten reads a file of the work tree, of limit bytes at most, without
// leaving it. A file that is committed as it is now was written by nobody since
// the checkout, and says nothing of the tree: it is refused.
func ReadWritten(ctx context.Context, root *os.Root, t *Target, name string, limit int64) (Written, error) {
	w := Written{Path: name}
	if err := PlainFile(root, t, name); err != nil {
		return w, err
	}
	f, err := root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return w, fmt.Errorf("%s is not there: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return w, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return w, err
	}
	switch {
	case !info.Mode().IsRegular():
		return w, fmt.Errorf("%s is not a file", name)
	case info.Size() > limit:
		return w, fmt.Errorf("%s is larger than %d MiB", name, limit>>20)
	}
	w.Time = info.ModTime()
	if w.Data, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
		return w, fmt.Errorf("read %s: %w", name, err)
	}
	same, err := IsCommitted(ctx, t, name, w.Data)
	if same {
		return w, fmt.Errorf("%s is committed, so it says nothing of this tree: let a step of the workflow write it, and have git ignore it", name)
	}
	return w, err
}

// OlderThan is the newest of the paths that was written after w, as it is in
// the work tree now; empty: none. A checkout gives every file the time of the
// checkout, so that what a later step writes is newer; what a cache brings back
// keeps its old time.
func (w Written) OlderThan(root *os.Root, paths []string) string {
	newest, when := "", w.Time
	for _, name := range paths {
		info, err := root.Stat(filepath.FromSlash(name))
		if err == nil && info.ModTime().After(when) {
			newest, when = name, info.ModTime()
		}
	}
	return newest
}
