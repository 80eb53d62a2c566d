package costs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A ledger comes out of a checkout, in which a link may lead anywhere: nothing is
// read through one, and nothing written.

// bookLimit is more than a book or the chain takes, in bytes.
const bookLimit = 256 << 20

var errNoFile = errors.New("not a regular file")

// readFile reads a regular file of so many bytes at most.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w; move it away", path, errNoFile)
	case info.Size() > limit:
		return nil, fmt.Errorf("%s: above %d MiB", path, limit>>20)
	}
	return os.ReadFile(path)
}

// folders of a ledger, below its own.
var folders = []string{".", "entries", "months", "before", "reports"}

// local says whether the ledger is where it says: its folders are folders.
func (l Ledger) local() error {
	for _, name := range folders {
		path := filepath.Join(l.Dir, name)
		switch info, err := os.Lstat(path); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s: not a folder; the ledger is one of the repository, and not a link to elsewhere: move it away", path)
		}
	}
	return nil
}
