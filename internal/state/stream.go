package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteFrom is [Write] for content that is not held in memory: fn writes it. An
// error of fn leaves what was there before.
func WriteFrom(path string, perm os.FileMode, fn func(io.Writer) error) error {
	err := writeFrom(path, perm, fn)
	if err == nil {
		err = syncDir(filepath.Dir(path)) // of no effect on what is in place
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, plain(err))
	}
	sweepOnce(filepath.Dir(path))
	return nil
}

func writeFrom(path string, perm os.FileMode, fn func(io.Writer) error) (err error) {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return errors.New("it is a directory")
	}
	f, err := Temp(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close() // twice after a success, which is harmless
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := fn(f); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(perm.Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Temp makes a file for what is not finished yet. The caller removes it; one
// that a killed process leaves behind is removed by a later Write beside it.
func Temp(dir string) (*os.File, error) {
	return os.CreateTemp(dir, tempPrefix+"*"+tempSuffix)
}
