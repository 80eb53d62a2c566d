// Package state is the only way anything durable is written: files that are
// old or new but never between ([Write]), locks between processes ([Lock]),
// and a bounded cache that trusts nobody's bytes but its own ([DirCache]).
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Temporary files are named apart from everything a user has, so that what a
// killed writer left behind can be known and removed.
const (
	tempPrefix = ".wf-ci-"
	tempSuffix = ".tmp"
	tempAge    = time.Hour // no write takes that long
)

// Write makes path hold data, all of it or, after an error or a crash at any
// moment, what it held before. The mode is perm exactly: the umask has no say.
//
// A symlink at path is replaced, not followed; links above it are followed.
// The directory has to exist. After a success the content survives a power
// cut, as far as the file system keeps its promises; where only the last step
// towards that is refused (syncing the directory), the error comes with the new
// content in place.
func Write(path string, data []byte, perm os.FileMode) error {
	if err := write(path, data, perm, true); err != nil {
		return fmt.Errorf("write %s: %w", path, plain(err))
	}
	sweepOnce(filepath.Dir(path))
	return nil
}

// write is Write; durable false leaves out the waiting for the disk, for what
// may be lost.
func write(path string, data []byte, perm os.FileMode, durable bool) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return errors.New("it is a directory")
	}
	temp, err := fill(filepath.Dir(path), data, perm, durable)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if durable {
		return syncDir(filepath.Dir(path))
	}
	return nil
}

// fill makes a temporary file with the data. On an error there is none.
func fill(dir string, data []byte, perm os.FileMode, durable bool) (name string, err error) {
	f, err := os.CreateTemp(dir, tempPrefix+"*"+tempSuffix)
	if err != nil {
		return "", err
	}
	defer func() {
		// Closing twice is an error that says nothing; the first one counts.
		_ = f.Close()
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(data); err != nil {
		return "", err
	}
	if err := f.Chmod(perm.Perm()); err != nil {
		return "", err
	}
	if durable {
		if err := f.Sync(); err != nil {
			return "", err
		}
	}
	return f.Name(), f.Close()
}

// plain takes the operation and the temporary name out of an error: the caller
// says which file it was about.
func plain(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}

var swept sync.Map // directories, each looked at once in a process

// sweepOnce removes what killed writers left in a directory.
func sweepOnce(dir string) {
	if _, done := swept.LoadOrStore(dir, true); !done {
		sweep(dir, time.Now().Add(-tempAge))
	}
}

// sweep removes temporary files last written before a time. One that cannot be
// removed stays: it is litter, not a fault.
func sweep(dir string, before time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !isTemp(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// isTemp knows the names of [os.CreateTemp]: our prefix, digits, our suffix.
func isTemp(name string) bool {
	middle, ok := strings.CutPrefix(name, tempPrefix)
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, tempSuffix)
	return ok && middle != "" && strings.Trim(middle, "0123456789") == ""
}
