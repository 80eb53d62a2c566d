package session

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/state"
)

// backedUp are the files that a backup holds.
var backedUp = []string{contextName, ".claude/" + contextName, claudeName, "TASK.md", "PLANNING.md", "Backlog.md", savedName, todosName}

// keepBackups is how long backups are kept. The newest one always is.
const keepBackups = 7 * 24 * time.Hour

const (
	backupTime  = "20060102_150405"
	backupLimit = 1 << 30 // bytes that a backup may unpack to
)

var backupName = lazyregexp.New(`^context_([0-9]{8}_[0-9]{6})(?:_([0-9]+))?\.tar\.gz$`)

// Backup is one that was made.
type Backup struct {
	ID   string    `json:"id"` // of its name: 20261127_180000
	Path string    `json:"path"`
	Time time.Time `json:"time"`
}

// backupDir is where the backups of a project are. Names that are no plain
// names of folders become some.
func backupDir(home, project string) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, project)
	if strings.Trim(name, ". ") == "" {
		name = "_"
	}
	return filepath.Join(home, ".claude", "context-backups", name)
}

// Backups lists those of this directory, newest first. Other projects of the
// same name are passed over.
func (d Desk) Backups(home string) ([]Backup, error) {
	dir := backupDir(home, d.Project)
	entries, err := os.ReadDir(dir)
	if err != nil {
		if missing(err) {
			return nil, nil
		}
		return nil, err
	}
	var list []Backup
	for _, e := range entries {
		m := backupName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		at, err := time.ParseInLocation(backupTime, m[1], time.UTC)
		path := filepath.Join(dir, e.Name())
		if err != nil || !isOf(path, d.Dir) {
			continue
		}
		id := strings.TrimSuffix(strings.TrimPrefix(e.Name(), "context_"), ".tar.gz")
		list = append(list, Backup{ID: id, Path: path, Time: at})
	}
	slices.SortFunc(list, func(a, b Backup) int {
		if c := b.Time.Compare(a.Time); c != 0 {
			return c
		}
		return len(b.ID) - len(a.ID) + 2*strings.Compare(b.ID, a.ID)
	})
	return list, nil
}

// isOf says whether a backup is one of a directory.
func isOf(path, dir string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	return err == nil && z.Comment == comment(dir)
}

// comment says in a backup which directory it is of; gzip's comments are Latin 1.
func comment(dir string) string { return "wf-ci " + digest([]string{dir}) }

// Backup packs the context files and removes backups that are too old. Nil: the
// newest one holds the same already, or there is nothing to keep.
func (d Desk) Backup(home string) (*Backup, error) {
	if home == "" {
		return nil, errors.New("there is no home directory for backups: set HOME")
	}
	data, n, err := d.pack()
	if err != nil || n == 0 {
		return nil, err
	}
	list, err := d.Backups(home)
	if err != nil {
		return nil, err
	}
	dir := backupDir(home, d.Project)
	if len(list) > 0 {
		if old, err := readFile(list[0].Path, backupLimit); err == nil && bytes.Equal(old, data) {
			return nil, d.sweep(list)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	b := Backup{ID: d.Now.UTC().Format(backupTime), Time: d.Now.UTC().Truncate(time.Second)}
	for n := 2; ; n++ {
		b.Path = filepath.Join(dir, "context_"+b.ID+".tar.gz")
		if _, err := os.Lstat(b.Path); missing(err) {
			break
		}
		b.ID = fmt.Sprintf("%s_%d", d.Now.UTC().Format(backupTime), n)
	}
	if err := state.Write(b.Path, data, 0o600); err != nil {
		return nil, err
	}
	return &b, d.sweep(append([]Backup{b}, list...))
}

// sweep removes backups that are too old, the newest one aside.
func (d Desk) sweep(list []Backup) error {
	for _, b := range list[1:] {
		if d.Now.Sub(b.Time) > keepBackups {
			if err := os.Remove(b.Path); err != nil && !missing(err) {
				return err
			}
		}
	}
	return nil
}

// pack is the archive of the files that are there. The same files give the same
// bytes.
func (d Desk) pack() (data []byte, files int, err error) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Comment = comment(d.Dir)
	w := tar.NewWriter(z)
	for _, name := range backedUp {
		if !insideTree(d.Dir, name) {
			continue
		}
		content, err := readFile(filepath.Join(d.Dir, filepath.FromSlash(name)), documentLimit)
		if missing(err) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		files++
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatPAX}); err != nil {
			return nil, 0, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, 0, err
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		return nil, 0, err
	}
	return buf.Bytes(), files, nil
}

// Restore brings the files of a backup back, and gives those that it changed.
// What is there is backed up first. A name that no backup of ours has is an
// error, and then nothing is written.
func (d Desk) Restore(home string, b Backup) ([]string, error) {
	files, err := unpack(b.Path)
	if err != nil {
		return nil, err
	}
	if _, err := d.Backup(home); err != nil {
		return nil, fmt.Errorf("back up what is there: %w", err)
	}
	changed := []string{}
	for _, f := range files {
		wrote, err := d.edit(f.name, func([]byte) []byte { return f.data })
		if err != nil {
			return changed, err
		}
		if wrote {
			changed = append(changed, f.name)
		}
	}
	return changed, nil
}

type packed struct {
	name string
	data []byte
}

func unpack(path string) ([]packed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	r := tar.NewReader(io.LimitReader(z, backupLimit))
	var files []packed
	for {
		h, err := r.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: it is damaged: %w", filepath.Base(path), err)
		}
		if h.Typeflag != tar.TypeReg || !slices.Contains(backedUp, h.Name) {
			return nil, fmt.Errorf("%s: it holds %.80q, which is no context file", filepath.Base(path), h.Name)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("%s: it is damaged: %w", filepath.Base(path), err)
		}
		files = append(files, packed{h.Name, data})
	}
}
