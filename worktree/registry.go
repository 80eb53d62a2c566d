package worktree

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// Registry is the file that all projects and several tools of this machine
// share. It is read in the three shapes that are about; our own rows are written
// in the first one, with "path" beside "worktreePath"; all that is not ours
// keeps its bytes.
type Registry struct {
	root *object
	Rows []*Row
}

// Row is one worktree in the registry.
type Row struct {
	ID      string
	Name    string
	Project string
	Repo    string // main worktree; empty in the shapes that do not say
	Branch  string
	Path    string // absolute
	Ports   []int
	Created time.Time
	Status  string
	Task    string

	fields *object
}

// RegistryError is a registry that could not be understood. It is never
// written over.
type RegistryError struct {
	Path string
	Err  error
}

func (e *RegistryError) Error() string {
	return fmt.Sprintf("%s: %v; it was left as it is: repair it, or put %s.bak in its place", e.Path, e.Err, e.Path)
}

func (e *RegistryError) Unwrap() error { return e.Err }

// registryLimit bounds the file.
const registryLimit = 16 << 20

// registryFile is the registry in a home.
type registryFile struct {
	path string
	home string
}

func newRegistryFile(home string) registryFile {
	path := filepath.Join(home, ".claude", "worktree-registry.json")
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link of the user's stays a link
	}
	return registryFile{path: path, home: home}
}

// read gives the registry and its bytes; a file that is not there is empty.
func (f registryFile) read() (*Registry, []byte, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if to, err := os.Readlink(f.path); err == nil { // its disk may be missing: another registry would be a second one
			return nil, nil, &RegistryError{f.path, fmt.Errorf("it is a link to %q, which is not there", to)}
		}
		return &Registry{root: newObject()}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > registryLimit {
		return nil, nil, &RegistryError{f.path, errors.New("it is no regular file, or too large")}
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, nil, err
	}
	r, err := parseRegistry(data, f.home)
	if err != nil {
		return nil, nil, &RegistryError{f.path, err}
	}
	return r, data, nil
}

// parseRegistry reads any of the shapes.
func parseRegistry(data []byte, home string) (*Registry, error) {
	r := &Registry{root: newObject()}
	if err := json.Unmarshal(data, r.root); err != nil {
		return nil, err
	}
	raw, ok := r.root.values["worktrees"]
	if !ok || string(raw) == "null" {
		return r, nil
	}
	var list []*object
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New("worktrees: want a list of objects")
	}
	for i, o := range list {
		if o == nil {
			return nil, fmt.Errorf("worktrees: element %d is null", i)
		}
		r.Rows = append(r.Rows, readRow(o, home))
	}
	return r, nil
}

// readRow reads a row of any shape.
func readRow(o *object, home string) *Row {
	row := &Row{
		ID: o.text("id"), Name: o.text("name"), Project: o.text("project"), Repo: expand(o.text("repoPath", "main_repo"), home),
		Branch: strings.TrimPrefix(o.text("branch"), "refs/heads/"), Path: expand(o.text("worktreePath", "path"), home),
		Ports: o.ports("ports"), Status: o.text("status"), Task: o.text("task", "purpose", "parent_task"), fields: o,
	}
	if at, err := time.Parse(time.RFC3339, o.text("createdAt", "created", "created_at")); err == nil {
		row.Created = at
	}
	return row
}

// expand puts the home in the place of a leading ~.
func expand(path, home string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		path = filepath.Join(home, path[1:])
	}
	if path == "" {
		return ""
	}
	return filepath.Clean(path)
}

// update changes the registry: nobody who locks writes between its reading and
// its writing, and for those who do not lock it is read again right before.
func (f registryFile) update(ctx context.Context, pool Pool, change func(*Registry) error) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	unlock, err := state.Lock(ctx, f.path)
	if err != nil {
		return err
	}
	defer unlock()
	for range 10 {
		r, before, err := f.read()
		if err != nil {
			return err
		}
		held := r.portsHeld()
		if err := change(r); err != nil {
			return err
		}
		data, err := r.encode(pool, held)
		if err != nil {
			return err
		}
		if bytes.Equal(data, before) {
			return nil
		}
		if now, err := os.ReadFile(f.path); err == nil && !bytes.Equal(now, before) {
			continue // somebody who does not lock
		}
		return f.write(before, data)
	}
	return fmt.Errorf("%s: somebody else writes it all the time", f.path)
}

func (f registryFile) write(before, data []byte) error {
	perm := os.FileMode(0o600)
	if info, err := os.Stat(f.path); err == nil {
		perm = info.Mode().Perm()
	}
	if before != nil {
		if err := state.Write(f.path+".bak", before, perm); err != nil {
			return err
		}
	}
	return state.Write(f.path, data, perm)
}

func (r *Registry) portsHeld() []int {
	var held []int
	for _, row := range r.Rows {
		held = append(held, row.Ports...)
	}
	slices.Sort(held)
	return slices.Compact(held)
}

// encode writes the registry. before are the ports that the rows held when it
// was read: what others have put into the pool besides stays there.
func (r *Registry) encode(pool Pool, before []int) ([]byte, error) {
	rows := make([]*object, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = row.fields
	}
	r.root.set("worktrees", rows)
	p := r.root.child("portPool")
	if p == nil {
		p = newObject()
		p.set("start", pool.First)
		p.set("end", pool.Last)
	}
	p.set("allocated", settle(p.ports("allocated"), before, r.portsHeld()))
	r.root.set("portPool", p)
	if other := r.root.child("port_registry"); other != nil {
		other.set("allocated_ports", settle(other.ports("allocated_ports"), before, r.portsHeld()))
		r.root.set("port_registry", other)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // what others have written keeps its bytes
	e.SetIndent("", "  ")
	err := e.Encode(r.root)
	return b.Bytes(), err
}

// settle is a list of allocated ports after the rows' ports went from before to
// now.
func settle(listed, before, now []int) []int {
	out := slices.Clone(now)
	for _, p := range listed {
		if !slices.Contains(before, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if out == nil {
		return []int{}
	}
	return out
}

// newRow is a row of ours.
func newRow(row Row) *Row {
	o := newObject()
	o.set("id", row.ID)
	o.set("name", row.Name)
	o.set("project", row.Project)
	o.set("repoPath", row.Repo)
	o.set("branch", row.Branch)
	o.set("branchSlug", slug(row.Branch))
	o.set("worktreePath", row.Path)
	o.set("path", row.Path)
	o.set("ports", row.Ports)
	o.set("createdAt", row.Created.UTC().Format(time.RFC3339))
	for _, key := range []string{"validatedAt", "agentLaunchedAt"} {
		o.set(key, nil)
	}
	o.set("task", row.Task)
	o.set("prNumber", nil)
	o.set("status", row.Status)
	row.fields = o
	return &row
}

// at finds the row of a directory.
func (r *Registry) at(path string) *Row {
	for _, row := range r.Rows {
		if row.Path != "" && samePath(row.Path, path) {
			return row
		}
	}
	return nil
}

// remove takes out the rows of a directory.
func (r *Registry) remove(path string) {
	r.Rows = slices.DeleteFunc(r.Rows, func(row *Row) bool { return row.Path != "" && samePath(row.Path, path) })
}
