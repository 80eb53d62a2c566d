package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// tip is where a ref is, and the one that it stands for.
type tip struct{ commit, symref string }

// refs are those of these names that are there: read from git's own files, where
// all of them can be, else asked for.
func (p *Project) refs(ctx context.Context, names ...string) (map[string]tip, error) {
	if have, ok := p.readRefs(names); ok {
		return have, nil
	}
	out, err := p.git.Git(ctx, append([]string{"for-each-ref", "--format=%(refname)%00%(objectname)%00%(symref)", "--"}, names...)...)
	if err != nil {
		return nil, err
	}
	have := make(map[string]tip)
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 3 {
			return nil, fmt.Errorf("git for-each-ref said %.80q", line)
		}
		have[f[0]] = tip{f[1], f[2]}
	}
	return have, nil
}

// readRefs reads refs as git does: those that are files of their own first, then
// the file of those that are packed. false: git has to say.
func (p *Project) readRefs(names []string) (map[string]tip, bool) {
	if !new(Tree).readHead(p.Common) { // refs are not files here
		return nil, false
	}
	have := make(map[string]tip)
	ok := true
	for _, name := range names {
		ok = ok && p.readRef(have, name)
		if to := have[name].symref; ok && to != "" {
			ok = p.readRef(have, to) && have[to].symref == ""
		}
	}
	if !ok || !p.packed(have, names) {
		return nil, false
	}
	out := make(map[string]tip)
	for _, name := range names {
		at := have[name]
		if at.symref != "" {
			at.commit = have[at.symref].commit
		}
		if at.commit != "" {
			out[name] = at
		}
	}
	return out, true
}

// readRef reads the file of a ref, if it has one.
func (p *Project) readRef(have map[string]tip, name string) bool {
	path := filepath.Join(p.Common, filepath.FromSlash(name))
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return true
	}
	data, err := readRegular(path, 1<<16)
	if err != nil {
		return false
	}
	text := strings.TrimSuffix(string(data), "\n")
	symref, is := strings.CutPrefix(text, "ref: ")
	if is && git.ValidRef(symref) {
		have[name] = tip{symref: symref}
		return true
	}
	have[name] = tip{commit: text}
	return git.IsID(text)
}

// packedLimit bounds the file of packed refs.
const packedLimit = 64 << 20

// packed looks for those that have no file, and for what symbolic ones stand for,
// among the packed refs: lines of "<id> <name>", and others.
func (p *Project) packed(have map[string]tip, names []string) bool {
	data, err := readRegular(filepath.Join(p.Common, "packed-refs"), packedLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	text := string(data)
	for _, name := range names {
		if to := have[name].symref; to != "" {
			name = to
		}
		before, _, found := strings.Cut(text, " "+name+"\n")
		if !found || have[name].commit != "" {
			continue
		}
		id := before[strings.LastIndexByte(before, '\n')+1:]
		if !git.IsID(id) {
			return false
		}
		have[name] = tip{commit: id}
	}
	return err == nil
}
