//go:build !unix

package state

import (
	"fmt"
	"os"
)

// checkOurs says whether it is a directory at all: owners and modes are not
// known here.
func checkOurs(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: it is no directory", ErrUntrusted)
	}
	return nil
}
