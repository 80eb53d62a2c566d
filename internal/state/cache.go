package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrUntrusted says that a directory is not ours alone, so nothing in it is
// believed and nothing is put there.
var ErrUntrusted = errors.New("the directory is not ours alone")

// defaultCacheBytes bounds a cache whose owner said nothing.
const defaultCacheBytes = 64 << 20

// cacheHeader is the first line of every entry, followed by the checksum. A
// change of the form is a new name here: old entries then read as none.
const cacheHeader = "wf-ci/cache/v1 "

// DirCache keeps bytes by key in a directory of its own, for processes side by
// side. An entry that is torn, edited or moved to another key reads as none.
//
// It guards against accidents and against other users, not against one who may
// write as we do: the directory must be ours, and writable for nobody else.
type DirCache struct {
	// Dir is made at the first Put. Its parent is made too. Required.
	Dir string
	// MaxBytes bounds all entries together; the least recently used go first.
	// Zero means 64 MiB.
	MaxBytes int64
}

// Get is what was put under the key; (nil, false) where there is nothing that
// can be trusted.
func (c DirCache) Get(key string) ([]byte, bool) {
	if checkOurs(c.Dir) != nil {
		return nil, false
	}
	name := c.file(key)
	data, err := c.read(name)
	if err != nil {
		return nil, false
	}
	body, ok := decode(key, data)
	if ok {
		now := time.Now()
		_ = os.Chtimes(name, now, now) // used just now; only the order of removal hangs on it
	}
	return body, ok
}

// read reads an entry: a regular file, no larger than the whole cache may be.
func (c DirCache) read(name string) ([]byte, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > c.max() {
		return nil, errors.New("not an entry")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, c.max()))
}

// Put keeps data under the key. An error means that it is not kept; what was
// there before still is. It is [ErrUntrusted] where the directory is not ours.
func (c DirCache) Put(key string, data []byte) error {
	if err := c.put(key, data); err != nil {
		return fmt.Errorf("cache %s: %w", c.Dir, plain(err))
	}
	return nil
}

func (c DirCache) put(key string, data []byte) error {
	entry := encode(key, data)
	if int64(len(entry)) > c.max() {
		return fmt.Errorf("an entry of %d bytes is larger than the cache may be (%d)", len(entry), c.max())
	}
	if err := c.make(); err != nil {
		return err
	}
	// Room first: alone, a writer never goes above the bound, not even for a
	// moment; side by side they may, by what they write at once.
	if err := c.trim(c.max() - int64(len(entry))); err != nil {
		return err
	}
	// Not durable: an entry lost in a crash is made again, and a torn one is seen.
	return write(c.file(key), entry, 0o600, false)
}

func (c DirCache) make() error {
	if c.Dir == "" {
		return errors.New("no directory is set")
	}
	if err := os.MkdirAll(filepath.Dir(c.Dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(c.Dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return checkOurs(c.Dir)
}

func (c DirCache) max() int64 {
	if c.MaxBytes > 0 {
		return c.MaxBytes
	}
	return defaultCacheBytes
}

// file is where a key's entry is. A key is never part of a path: it may hold
// anything.
func (c DirCache) file(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.Dir, hex.EncodeToString(sum[:]))
}

// trim removes the least recently used entries until the rest fits. Others may
// remove at the same time: what is gone already is fine.
func (c DirCache) trim(limit int64) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	var files []os.FileInfo
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !isEntry(e.Name()) {
			continue
		}
		files = append(files, info)
		total += info.Size()
	}
	sweepOnce(c.Dir)
	if total <= limit {
		return nil
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= limit {
			break
		}
		if err := os.Remove(filepath.Join(c.Dir, f.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		total -= f.Size()
	}
	return nil
}

func isEntry(name string) bool {
	return len(name) == 2*sha256.Size && strings.Trim(name, "0123456789abcdef") == ""
}

// encode puts the checksum of key and data in front of the data.
func encode(key string, data []byte) []byte {
	return slices.Concat([]byte(cacheHeader+checksum(key, data)+"\n"), data)
}

func decode(key string, entry []byte) ([]byte, bool) {
	head, data, ok := bytes.Cut(entry, []byte("\n"))
	if !ok || string(head) != cacheHeader+checksum(key, data) {
		return nil, false
	}
	return data, true
}

func checksum(key string, data []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%d:", len(key), key, len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}
