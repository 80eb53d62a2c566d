//go:build unix

package state

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes a rename in a directory survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	// Some file systems (network, FUSE) cannot sync a directory; the rename is
	// done all the same.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
