package sast

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"sync"
	"unsafe"
)

//go:embed rules/*/*.yml
var ruleFiles embed.FS

var builtin = sync.OnceValues(func() (*Rules, error) {
	all := &Rules{}
	hash := sha256.New()
	var errs []error
	err := fs.WalkDir(ruleFiles, "rules", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := ruleFiles.ReadFile(path)
		if err != nil {
			return err
		}
		hash.Write(data)
		list, err := parseRules(path, data)
		errs = append(errs, err)
		all.list = append(all.list, list...)
		return nil
	})
	hash.Sum(all.digest[:0])
	return all, errors.Join(append(errs, err)...)
})

// Builtin are the rules of this package.
func Builtin() (*Rules, error) { return builtin() }

var builtinDigest = sync.OnceValue(func() string {
	hash := sha256.New()
	_ = fs.WalkDir(ruleFiles, "rules", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			data, _ := ruleFiles.ReadFile(path)
			hash.Write(data)
		}
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)[:8])
})

// unsafeText is a text without a copy of it. Nobody writes to a file's source.
func unsafeText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
