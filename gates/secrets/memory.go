package secrets

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// memory is what earlier runs on this repository found with the same rules. A
// commit never changes, nor does a content: what was looked at need not be
// looked at again.
//
// It is sealed with a key that is not kept beside it: what anybody else wrote
// there, or changed, does not open and is as good as nothing. It holds no
// secrets, and nobody can read from it which files have some.
type memory struct {
	cache gates.Cache
	seal  cipher.AEAD
	name  string

	Tips  []tip           // the newest first
	Clean map[digest]bool // files of the tree without findings; true: binary
}

// tip is a commit all of whose history was looked at.
type tip struct {
	Commit  string
	Commits int64 // it and those behind it
	Found   []remembered
}

// remembered is a [found].
type remembered struct {
	Path, Commit, Rule               string
	Line, Column, EndLine, EndColumn int
	StartLine                        int
	Secret                           [sha256.Size]byte
	Encoding                         string
	Marked                           bool
}

type digest [16]byte

// MarshalText makes digests keys of JSON objects.
func (d digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *digest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(d) {
		return fmt.Errorf("a digest of %d characters", len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// maxTips is how many commits are remembered: branches that one goes to and fro
// between.
const maxTips = 8

// remember opens the memory; nil: there is none, and nothing will be kept.
func remember(t *gates.Target, r *rules) *memory {
	if t.Cache == nil || t.DataDir == "" || t.Repo.Shallow {
		return nil
	}
	key, err := MachineKey(t.DataDir)
	if err != nil {
		t.Log.Info("secrets: nothing is remembered", "error", err)
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	m := &memory{cache: t.Cache, Clean: make(map[digest]bool)}
	if m.seal, err = cipher.NewGCM(block); err != nil {
		return nil
	}
	of := "gitleaks' own"
	if r != builtin() {
		text, err := json.Marshal(r.Rules)
		if err != nil {
			return nil
		}
		of = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	m.name = fmt.Sprintf("%s memory, %s, schema %d, rules %s, %s", ID, engineVersion, schema, of, t.Repo.GitDir)
	m.load(t)
	return m
}

func (m *memory) load(t *gates.Target) {
	data, ok := m.cache.Get(m.name)
	if !ok || len(data) < m.seal.NonceSize() {
		return
	}
	n := m.seal.NonceSize()
	text, err := m.seal.Open(nil, data[:n], data[n:], []byte(m.name))
	if err != nil {
		t.Log.Warn("secrets: what was remembered is not ours, or broken; it is made anew")
		return
	}
	var read memory
	if err := json.Unmarshal(text, &read); err == nil {
		m.Tips = read.Tips
		if read.Clean != nil {
			m.Clean = read.Clean
		}
	}
}

// save keeps the memory for the next run. That it cannot be kept is no error.
func (m *memory) save(t *gates.Target) {
	text, err := json.Marshal(m)
	if err != nil {
		return
	}
	nonce := make([]byte, m.seal.NonceSize(), m.seal.NonceSize()+len(text)+m.seal.Overhead())
	_, _ = rand.Read(nonce) // it never fails
	if err := m.cache.Put(m.name, m.seal.Seal(nonce, nonce, text, []byte(m.name))); err != nil {
		t.Log.Info("secrets: nothing is remembered", "error", err)
	}
}

// MachineKey is this machine's key, which lies in a directory of this user's; it
// is made when there is none.
func MachineKey(dir string) ([]byte, error) { return sealKey(filepath.Join(dir, "secrets.key")) }

// sealKey reads a key, or makes it.
func sealKey(path string) ([]byte, error) {
	const size = 32
	key, err := os.ReadFile(path)
	if err == nil && len(key) == size {
		return key, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".secrets.key-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	key = make([]byte, size)
	_, _ = rand.Read(key)
	_, err = f.Write(key)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return key, err
}

// fileDigest names a content at a path.
func fileDigest(f git.File) digest {
	sum := sha256.Sum256([]byte(f.OID + " " + f.Path))
	return digest(sum[:16])
}

// recall finds what is known of head's history. since is the commit whose
// history need not be looked at; empty: nothing is known.
func (m *memory) recall(ctx context.Context, repo *git.Repo, head string) (known tip, since string, err error) {
	if m == nil {
		return tip{}, "", nil
	}
	for _, t := range m.Tips {
		if t.Commit == head {
			return t, head, nil
		}
	}
	for _, t := range m.Tips {
		base, err := repo.MergeBase(ctx, t.Commit, head)
		if ctx.Err() != nil {
			return tip{}, "", err
		}
		switch {
		case err != nil || base == "":
			continue // the commit is gone
		case base == t.Commit:
			return t, base, nil
		}
		known, err := within(ctx, repo, t, head, base)
		return known, t.Commit, err
	}
	return tip{}, "", nil
}

// within is the part of a tip that is in head's history, too: behind base, or
// behind another commit that they share.
func within(ctx context.Context, repo *git.Repo, t tip, head, base string) (tip, error) {
	shared := make(map[string]bool)
	all, err := repo.AllCommits(ctx, head)
	if err != nil {
		return tip{}, err
	}
	since, err := repo.AllCommits(ctx, head, "^"+t.Commit)
	if err != nil {
		return tip{}, err
	}
	for _, id := range all {
		shared[id] = true
	}
	for _, id := range since {
		delete(shared, id)
	}
	found := slices.DeleteFunc(slices.Clone(t.Found), func(r remembered) bool { return !shared[r.Commit] })
	return tip{Commit: base, Commits: int64(len(shared)), Found: found}, nil
}

// learn keeps what head's history has.
func (m *memory) learn(t tip) {
	m.Tips = slices.DeleteFunc(m.Tips, func(o tip) bool { return o.Commit == t.Commit })
	m.Tips = slices.Insert(m.Tips, 0, t)
	m.Tips = m.Tips[:min(len(m.Tips), maxTips)]
}

func (f found) remembered() remembered {
	return remembered{f.path, f.commit, f.rule, f.line, f.column, f.endLine, f.endColumn, f.startLine, f.secret, f.encoding, f.marked}
}

func (r remembered) found() found {
	return found{
		path: r.Path, commit: r.Commit, rule: r.Rule, line: r.Line, column: r.Column, endLine: r.EndLine, endColumn: r.EndColumn,
		startLine: r.StartLine, secret: r.Secret, encoding: r.Encoding, marked: r.Marked,
	}
}
