package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/internal/state"
)

// todosName is where Claude Code's todos are kept.
const todosName = ".claude/todos.json"

// WriteTodos puts the todos of the day into .claude/todos.json. Entries that
// are not of a start, and those that somebody has begun or finished, stay.
func (d Desk) WriteTodos(todos []Todo) error {
	old, kept, err := keptTodos(d.Dir)
	if err != nil {
		return err
	}
	all := kept.entries
	next := 0
	for _, t := range todos {
		if kept.contents[t.Content] {
			continue
		}
		for kept.ids[fmt.Sprintf("day-%d", next)] {
			next++
		}
		t.ID = fmt.Sprintf("day-%d", next)
		next++
		data, err := json.Marshal(t)
		if err != nil {
			return err
		}
		all = append(all, data)
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if bytes.Equal(data, old) {
		return nil
	}
	return d.write(todosName, data)
}

// kept are the entries of a list that stay.
type kept struct {
	entries  []json.RawMessage
	ids      map[string]bool
	contents map[string]bool
}

func keptTodos(dir string) (old []byte, k kept, err error) {
	k = kept{entries: []json.RawMessage{}, ids: make(map[string]bool), contents: make(map[string]bool)}
	old, err = readFile(filepath.Join(dir, filepath.FromSlash(todosName)), readLimit)
	if missing(err) {
		return nil, k, nil
	}
	if err != nil {
		return nil, k, err
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(old, &entries); err != nil {
		return old, k, fmt.Errorf("%s: not a list of todos: %w", todosName, err)
	}
	for _, raw := range entries {
		var t Todo
		if err := json.Unmarshal(raw, &t); err == nil && strings.HasPrefix(t.ID, "day-") && t.Status == "pending" {
			continue
		}
		k.entries = append(k.entries, raw)
		k.ids[t.ID], k.contents[t.Content] = true, true
	}
	return old, k, nil
}

// completedTodos are the contents of those that are done.
func completedTodos(dir string) []string {
	data, err := readFile(filepath.Join(dir, filepath.FromSlash(todosName)), readLimit)
	var todos []Todo
	if err != nil || json.Unmarshal(data, &todos) != nil {
		return nil
	}
	var done []string
	for _, t := range todos {
		if t.Status == "completed" && t.Content != "" {
			done = append(done, t.Content)
		}
	}
	return done
}

// write writes a file of the project, never through a link that a checkout
// brings.
func (d Desk) write(name string, data []byte) error {
	full := filepath.Join(d.Dir, filepath.FromSlash(name))
	if err := foldersInside(d.Dir, name); err != nil {
		return err
	}
	perm := os.FileMode(0o644)
	if info, err := os.Lstat(full); err == nil {
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file; it was left as it is", name)
		}
		perm = info.Mode().Perm()
	}
	if err := d.remember(full, data); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	return state.Write(full, data, perm)
}

// foldersInside refuses a name of which a folder is a link, or no folder at all;
// those that are not there yet are none.
func foldersInside(dir, name string) error {
	at := dir
	for _, part := range strings.Split(path.Dir(name), "/") {
		at = filepath.Join(at, part)
		info, err := os.Lstat(at)
		switch {
		case missing(err):
			return nil
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s: its folder is no folder of this project; nothing was written", name)
		}
	}
	return nil
}

// remember tells whoever wants to take it back of a file that is about to be
// written.
func (d Desk) remember(path string, data []byte) error {
	if d.Remember == nil {
		return nil
	}
	return d.Remember(path, data)
}
