package journal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// FilesKind is how the kinds of entries begin that are about files alone.
const FilesKind = "files."

const (
	// filesKept is how long an entry about files is kept.
	filesKept = 7 * 24 * time.Hour
	// oldLimit bounds what is read of a file, in bytes.
	oldLimit = 256 << 20
)

// RefusedError says why nothing was taken back.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

// Files remembers what a command is about to write, in one entry that grows by a
// file at a time. It is told of a file before that is written, so that the entry
// can be taken back however far the command has come.
type Files struct {
	Journal Journal   // Required.
	Kind    string    // FilesKind and the command's name. Required.
	Summary string    // Required.
	Now     time.Time // Required.

	entry *Entry
	was   earlier
}

// earlier is what an entry about files remembers.
type earlier struct {
	Files  []earlierFile `json:"files"`
	Commit string        `json:"commit,omitempty"` // the files are in it: git takes that back
}

// earlierFile is a file as it was, and how to know that nobody has changed it
// since.
type earlierFile struct {
	Path string      `json:"path"` // its folder without links
	Sum  string      `json:"sum"`  // digest of what it held; empty: it was not there
	Gzip []byte      `json:"gzip,omitempty"`
	Mode fs.FileMode `json:"mode,omitempty"`
	Made []string    `json:"made,omitempty"` // folders that were not there, the innermost first
	Next string      `json:"next"`           // digest of what it is about to hold
}

// Before remembers a file, as it is, that is about to hold data. What is no
// regular file is an error.
func (f *Files) Before(path string, data []byte) error {
	now, err := earlierOf(path)
	if err != nil {
		return fmt.Errorf("remember what is there: %w", err)
	}
	now.Next = digest(data)
	if i := slices.IndexFunc(f.was.Files, func(o earlierFile) bool { return o.Path == now.Path }); i >= 0 {
		f.was.Files[i].Next = now.Next // written twice: it is the first that comes back
	} else {
		f.was.Files = append(f.was.Files, now)
	}
	return f.put()
}

// Committed says that the files are in a commit.
func (f *Files) Committed(commit string) error {
	if f.entry == nil {
		return nil
	}
	f.was.Commit = commit
	return f.put()
}

func (f *Files) put() error {
	if f.entry != nil {
		return f.Journal.Put(f.entry, f.was)
	}
	f.Journal.forgetFiles(f.Now)
	e, err := f.Journal.Note(f.Kind, f.Summary, f.Now, f.was)
	if err == nil {
		f.entry = &e
	}
	return err
}

// forgetFiles gives up entries about files that are too old. One that cannot be
// read, or dropped, keeps nobody from his work.
func (j Journal) forgetFiles(now time.Time) {
	list, _ := j.List()
	for _, e := range list {
		if strings.HasPrefix(e.Kind, FilesKind) && now.Sub(e.At) > filesKept {
			_ = j.Drop(e.ID)
		}
	}
}

func earlierOf(path string) (earlierFile, error) {
	var f earlierFile
	dir := filepath.Dir(path)
	real, err := filepath.EvalSymlinks(dir)
	for ; errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); real, err = filepath.EvalSymlinks(dir) {
		f.Made = append(f.Made, dir)
		dir = filepath.Dir(dir)
	}
	if err != nil {
		return f, err
	}
	rest, err := filepath.Rel(dir, path)
	if err != nil {
		return f, err
	}
	f.Path = filepath.Join(real, rest)
	data, mode, err := content(f.Path)
	if err != nil || data == nil {
		return f, err
	}
	f.Sum, f.Mode = digest(data), mode
	f.Gzip, err = pack(data)
	return f, err
}

// content is what a regular file holds; nil: it is not there.
func content(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular() || info.Size() > oldLimit:
		return nil, 0, fmt.Errorf("%s is no regular file, or too large", filepath.Base(path))
	}
	data, err := os.ReadFile(path)
	return append([]byte{}, data...), info.Mode().Perm(), err
}

// UndoFiles brings the files of an entry back, and says which. Where one of them
// was changed since, nothing is touched, and the error is a [RefusedError].
func (j Journal) UndoFiles(e Entry) ([]string, error) {
	var was earlier
	if err := json.Unmarshal(e.Before, &was); err != nil {
		return nil, fmt.Errorf("journal entry %s: %w", e.ID, err)
	}
	if was.Commit != "" {
		return nil, &RefusedError{fmt.Sprintf("it is in commit %.12s: git revert %.12s takes it back", was.Commit, was.Commit)}
	}
	var changed []string
	for _, f := range was.Files {
		if sum, err := f.now(); err != nil || sum != f.Sum && sum != f.Next {
			changed = append(changed, f.Path)
		}
	}
	if len(changed) > 0 {
		return nil, &RefusedError{"changed since, so nothing was touched: " + strings.Join(changed, ", ")}
	}
	back := []string{}
	for _, f := range was.Files {
		did, err := f.bringBack()
		if err != nil {
			return back, err
		}
		if did {
			back = append(back, f.Path)
		}
	}
	return back, j.Mark(&e, Undone)
}

// now is the digest of what the file holds; empty: it is not there. A folder of
// it that has become a link is an error.
func (f earlierFile) now() (string, error) {
	dir := filepath.Dir(f.Path)
	real, err := filepath.EvalSymlinks(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case real != dir:
		return "", fmt.Errorf("%s is a link now", dir)
	}
	data, _, err := content(f.Path)
	if err != nil || data == nil {
		return "", err
	}
	return digest(data), nil
}

// bringBack makes a file what it was. False: it is.
func (f earlierFile) bringBack() (bool, error) {
	sum, err := f.now()
	if err != nil || sum == f.Sum {
		return false, err
	}
	if f.Sum == "" {
		if err := os.Remove(f.Path); err != nil {
			return false, err
		}
		for _, dir := range f.Made {
			_ = os.Remove(dir) // where nobody has put anything into it
		}
		return true, nil
	}
	data, err := unpack(f.Gzip)
	if err == nil && digest(data) != f.Sum {
		err = fmt.Errorf("the journal does not hold %s as it was", f.Path)
	}
	if err != nil {
		return false, err
	}
	return true, state.Write(f.Path, data, f.Mode)
}

func pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

func unpack(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, oldLimit+1))
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
