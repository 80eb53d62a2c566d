package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// State is what became of a file.
type State string

const (
	Created State = "created"
	Would   State = "would-create" // nothing is written
	Kept    State = "kept"         // it is there, and was left as it is
	Failed  State = "failed"       // it could not be written
)

// Written is a file and what became of it.
type Written struct {
	Path  string `json:"path"`
	State State  `json:"state"`
	Why   string `json:"why"`           // of Kept and Failed
	Add   string `json:"add,omitempty"` // the lines that a kept file lacks
}

// keptLimit is how much of a file that is kept is read.
const keptLimit = 4 << 20

// Write writes the files below a directory that are not there, never through a
// link that leads out of it. dry: it only says what it would do. What it could
// not write does not keep it from the others.
func Write(dir string, files []File, dry bool) ([]Written, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	list := make([]Written, len(files))
	for i, f := range files {
		list[i] = write(root, f, dry)
	}
	return list, nil
}

func write(root *os.Root, f File, dry bool) Written {
	for _, name := range append([]string{f.Path}, f.Or...) {
		if _, err := root.Lstat(filepath.FromSlash(name)); err == nil {
			return kept(root, f, name)
		}
	}
	if dry {
		return Written{Path: f.Path, State: Would}
	}
	switch err := create(root, f.Path, f.Text); {
	case errors.Is(err, fs.ErrExist) && there(root, f.Path):
		return kept(root, f, f.Path) // somebody was faster
	case err != nil:
		return Written{Path: f.Path, State: Failed, Why: err.Error()}
	}
	return Written{Path: f.Path, State: Created}
}

func there(root *os.Root, name string) bool {
	_, err := root.Lstat(filepath.FromSlash(name))
	return err == nil
}

// kept says what a file that is there lacks. One that cannot be read lacks what
// we would add.
func kept(root *os.Root, f File, name string) Written {
	w := Written{Path: f.Path, State: Kept, Why: "it is there already"}
	if name != f.Path {
		w.Why = name + " is there already"
	}
	if f.Add != "" && !holds(root, name, f.Mark) {
		w.Add = f.Add
	}
	return w
}

func holds(root *os.Root, name, mark string) bool {
	info, err := root.Stat(filepath.FromSlash(name))
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return false
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, keptLimit))
	return err == nil && strings.Contains(string(data), mark)
}

// Create writes a file below a directory that is not there yet (fs.ErrExist: it
// is), never through a link that leads out of it.
func Create(dir, name, text string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return create(root, name, text)
}

// create leaves nothing behind that is not whole.
func create(root *os.Root, name, text string) error {
	name = filepath.FromSlash(name)
	if dir := path.Dir(filepath.ToSlash(name)); dir != "." {
		if err := root.MkdirAll(filepath.FromSlash(dir), 0o755); err != nil {
			return fmt.Errorf("make the directory %s: %w", dir, err)
		}
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return nil
}
