package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// errBusy says that somebody else holds the lock.
var errBusy = errors.New("held by another process")

// Waiting looks again after these times: soon at first, for the locks that are
// held for a moment, and never so often that waiting costs a core.
const (
	firstWait = time.Millisecond
	lastWait  = 50 * time.Millisecond
)

// Lock waits until this caller alone holds the lock of path, and gives the
// function that lets it go (calling it twice is harmless). It works between
// processes and between goroutines.
//
// The lock is the file path + ".lock", which stays; the operating system lets
// it go when its holder dies, so no lock is ever stale. path itself need not
// exist, its directory has to. The error is the context's when that ended the
// waiting. Where the system has no such locks, it is errors.ErrUnsupported.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	name := path + ".lock"
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		f, err := tryLock(name)
		if err == nil {
			var once sync.Once
			return func() { once.Do(func() { _ = f.Close() }) }, nil
		}
		if !errors.Is(err, errBusy) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the lock %s: %w", name, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// tryLock opens and locks the file. It is [errBusy] where another holds it, or
// where the file was replaced while it was locked: a lock on a file that has no
// name keeps nobody out.
func tryLock(name string) (*os.File, error) {
	f, err := openLock(name)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	held, err := f.Stat()
	if err == nil && !held.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err == nil {
		if named, statErr := os.Lstat(name); statErr != nil || !os.SameFile(held, named) {
			err = errBusy
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
