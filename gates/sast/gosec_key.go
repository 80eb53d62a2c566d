package sast

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What gosec finds in a package hangs on its files, as they are on disk, on the
// types of all that it imports, and on how go builds it. Its key names all of
// that: `go list -deps` says which files those are, those that git does not know
// and those of replaced and vendored modules too.
//
// A package of Go itself is named by Go's version, one of the module cache by its
// directory, which has its version and is never written to again. C's headers
// outside of a package are not looked at: go's own build cache, where the types
// of C come from, does not look at them either.

// goKey is a package of the module itself, and the name of all that decides
// what gosec finds in it.
type goKey struct {
	path, dir string
	key       string // empty: it cannot be told
}

// keyMaker makes keys of packages, of what they import first.
type keyMaker struct {
	build   string // see buildKey
	env     goEnv
	overlay map[string]string // by absolute path, without links
	keys    map[string]string // by import path
}

// buildKey names how go builds the module: the toolchain, its settings, the
// versions of what is required.
func buildKey(flags []string, env goEnv) (string, error) {
	h := keyHash{sha256.New()}
	h.add(flags...)
	for _, name := range slices.Sorted(maps.Keys(env.all)) {
		h.add(name, env.all[name])
	}
	for _, file := range []string{env.GOMOD, env.GOWORK} {
		if !filepath.IsAbs(file) || file == os.DevNull {
			continue // there is none, or it is off
		}
		sum := strings.TrimSuffix(file, ".mod") + ".sum"
		for _, name := range []string{file, sum, filepath.Join(filepath.Dir(file), "vendor", "modules.txt")} {
			text, err := readRegular(name)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", err
			}
			h.add(name, text)
		}
	}
	return h.sum(), nil
}

// key is a package's key. Empty: it cannot be told, because go could not load it
// or something that it imports, or because a file cannot be read.
func (k *keyMaker) key(p *goListed) string {
	if p.faulty() {
		return ""
	}
	h := keyHash{sha256.New()}
	h.add(k.build, string(p.raw))
	if !k.unchanging(p) && k.addFiles(h, p) != nil {
		return ""
	}
	for _, name := range p.Imports {
		name = cmp.Or(p.ImportMap[name], name)
		if name == "C" {
			continue
		}
		key := k.keys[name]
		if key == "" {
			return ""
		}
		h.add(name, key)
	}
	return h.sum()
}

// addFiles adds what gosec sees of a package's files.
func (k *keyMaker) addFiles(h keyHash, p *goListed) error {
	dir := p.Dir
	if len(k.overlay) > 0 {
		dir = realPath(dir)
	}
	for _, name := range p.code() {
		name = filepath.Join(dir, name)
		text, ok := k.overlay[name]
		if !ok {
			var err error
			if text, err = readRegular(name); err != nil {
				return err
			}
		}
		h.add(name, text)
	}
	return nil
}

// unchanging says whether a package's files are those that its version says.
func (k *keyMaker) unchanging(p *goListed) bool {
	return p.Standard && isBelow(k.env.GOROOT, p.Dir) ||
		p.Module != nil && p.Module.Version != "" && isBelow(k.env.GOMODCACHE, p.Dir)
}

func isBelow(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return dir != "" && err == nil && filepath.IsLocal(rel) && rel != "."
}

// readRegular reads a file that is no pipe, and not too large.
func readRegular(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > readLimit {
		return "", fmt.Errorf("%s is no file that is read here", name)
	}
	data, err := os.ReadFile(name)
	return string(data), err
}

// keyHash is a hash of texts, of which no two lists are alike.
type keyHash struct{ hash.Hash }

func (h keyHash) add(texts ...string) {
	for _, text := range texts {
		fmt.Fprintf(h, "%d:", len(text))
		_, _ = io.WriteString(h, text)
	}
}

func (h keyHash) sum() string { return hex.EncodeToString(h.Sum(nil)) }
