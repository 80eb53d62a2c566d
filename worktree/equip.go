package worktree

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/state"
)

// record is what we remember of a worktree in git's own directory of it, where
// nobody else reads: hashes of files with secrets, and where it began.
type record struct {
	Base   string            `json:"base"`
	Copied map[string]string `json:"copied"` // path → hash of what was written
}

const recordName = "wf-ci.json"

func (t Tree) record() record {
	var r record
	if t.Admin == "" {
		return r
	}
	data, err := readRegular(filepath.Join(t.Admin, recordName), envLimit)
	if err != nil || json.Unmarshal(data, &r) != nil {
		return record{}
	}
	return r
}

func (t Tree) writeRecord(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return state.Write(filepath.Join(t.Admin, recordName), data, 0o600)
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// equip gives a new worktree its env files and its task sheet.
func (p *Project) equip(ctx context.Context, o SpawnOptions, s spawning, out *Spawned) error {
	t, _, err := p.placed(ctx, s.Path)
	if err != nil {
		return err
	}
	if err := t.agrees(); err != nil {
		return err
	}
	r := record{Base: s.Base, Copied: make(map[string]string)}
	if err := p.copyEnv(ctx, o, s, t, &r, out); err != nil {
		return err
	}
	p.step("env")
	if o.Sheet != nil {
		sheet := o.Sheet.render(s, out.Ports)
		if err := p.writeSheet(ctx, t, sheet, &r, out); err != nil {
			return err
		}
	}
	return t.writeRecord(r)
}

// copyEnv copies the env files at the top of the main worktree that git does not
// track there: those are no part of a checkout.
func (p *Project) copyEnv(ctx context.Context, o SpawnOptions, s spawning, t Tree, r *record, out *Spawned) error {
	if o.Env == EnvNone {
		return nil
	}
	entries, err := os.ReadDir(p.Main)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !isEnvName(name) || e.IsDir() {
			continue
		}
		if exists(t.Path, name) {
			out.Notes = append(out.Notes, name+" is tracked: it was left as it is, PORT too")
			continue
		}
		names = append(names, name)
	}
	ignored, err := p.ignored(ctx, t, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.Contains(ignored, name) {
			out.Notes = append(out.Notes, name+" was not copied: git does not ignore it, and would commit it")
			continue
		}
		if err := p.giveEnv(o, s, name, filepath.Join(t.Path, name), r, out); err != nil {
			return err
		}
	}
	return nil
}

// giveEnv writes one env file, or a link to it.
func (p *Project) giveEnv(o SpawnOptions, s spawning, name, to string, r *record, out *Spawned) error {
	from := filepath.Join(p.Main, name)
	if o.Env == EnvLink {
		out.Env = append(out.Env, name)
		return os.Symlink(from, to)
	}
	if info, err := os.Stat(from); err != nil || !info.Mode().IsRegular() || info.Size() > envLimit {
		out.Notes = append(out.Notes, name+" was not copied: it is no file, or too large")
		return nil //nolint:nilerr // a link that leads nowhere is no reason to stop
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	change := p.envChange(s.Name, out.Ports[0], o.Compose, o.Database)
	change.Append = name == ".env"
	data = []byte(change.rewrite(string(data)))
	if err := state.Write(to, data, 0o600); err != nil {
		return err
	}
	r.Copied[name] = hashOf(data)
	out.Env = append(out.Env, name)
	return nil
}

// envChange is what a worktree's env files get of their own.
func (p *Project) envChange(name string, port int, compose, database bool) envChange {
	c := envChange{Port: port}
	if compose {
		c.Compose = composeName(slug(p.Name + "-" + name))
	}
	if database {
		c.Database = databaseName(name)
	}
	return c
}

// ignored are those names at the top of a worktree that git ignores.
func (p *Project) ignored(ctx context.Context, t Tree, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := p.workOf(t).Feed(ctx, strings.NewReader(strings.Join(names, "\x00")+"\x00"), "check-ignore", "-z", "--stdin")
	if err != nil && !git.Exited(err, 1) { // 1: none of them
		return nil, err
	}
	return strings.Split(out, "\x00"), nil
}

// drifted are the ignored env files of a worktree that are not what they were
// when they were copied, nor what the main worktree has.
func (p *Project) drifted(t Tree, ignored []string) []string {
	known := t.record().Copied
	var out []string
	for _, path := range ignored {
		_, ours := known[path]
		if !ours && !isEnvName(path) {
			continue
		}
		if !p.sameEnv(t, path, known[path]) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// sameEnv says whether an env file holds nothing of its own.
func (p *Project) sameEnv(t Tree, path, hash string) bool {
	full := filepath.Join(t.Path, filepath.FromSlash(path))
	mains := filepath.Join(p.Main, filepath.FromSlash(path))
	info, err := os.Lstat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(full)
		return err == nil && target == mains
	}
	data, err := readRegular(full, envLimit)
	if err != nil {
		return false
	}
	if hash != "" {
		return hashOf(data) == hash
	}
	main, err := readRegular(mains, envLimit)
	return err == nil && string(main) == string(data)
}
