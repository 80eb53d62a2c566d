package gates

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
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
