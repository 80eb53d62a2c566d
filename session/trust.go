package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wf-ci/wf-ci/internal/state"
)

// StartScript is what a project may want to be run when a day begins.
const StartScript = ".claude/start-day.sh"

// scriptLimit is more than a script has, in bytes.
const scriptLimit = 1 << 20

// Trust is which scripts the user trusts: a path, and exactly one content. Who
// writes a branch can change a script; then it is not trusted any more.
type Trust struct {
	File string // in the home directory. Required.
}

// TrustOf is the trust of a user.
func TrustOf(home string) Trust { return Trust{filepath.Join(home, ".claude", "wf-ci-trust.json")} }

func (t Trust) read() (map[string]string, error) {
	trusted := make(map[string]string)
	data, err := readFile(t.File, readLimit)
	if missing(err) {
		return trusted, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &trusted)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; nothing is trusted before it is put right or removed", t.File, err)
	}
	return trusted, nil
}

// Of is the digest of what is trusted of a script; empty: nothing.
func (t Trust) Of(path string) (string, error) {
	trusted, err := t.read()
	return trusted[path], err
}

// ScriptDigest is the digest of a script as it is now.
func ScriptDigest(path string) (string, error) {
	data, err := readFile(path, scriptLimit)
	if err != nil {
		return "", err
	}
	return contentSum(data), nil
}

// Swap makes what is trusted of a script another digest, or nothing. False: it
// is not what the caller knows, and stays as it is.
func (t Trust) Swap(ctx context.Context, path, from, to string) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(t.File), 0o700); err != nil {
		return false, err
	}
	unlock, err := state.Lock(ctx, t.File)
	if err != nil {
		return false, err
	}
	defer unlock()
	trusted, err := t.read()
	if err != nil || trusted[path] != from {
		return false, err
	}
	if trusted[path] = to; to == "" {
		delete(trusted, path)
	}
	data, err := json.MarshalIndent(trusted, "", "  ")
	if err != nil {
		return false, err
	}
	return true, state.Write(t.File, append(data, '\n'), 0o600)
}

// Errors of [Trust.Script].
var (
	ErrUntrusted = errors.New("it is not trusted, and was not run")
	ErrChanged   = errors.New("it has changed since it was trusted, and was not run")
)

// Script is the content of a project's script, if the user trusts exactly that;
// nil without an error: there is none.
func (t Trust) Script(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Lstat(path); missing(err) {
		return nil, nil
	}
	if !insideTree(dir, name) {
		return nil, fmt.Errorf("%s: its folder is a link; it was not run", name)
	}
	data, err := readFile(path, scriptLimit)
	if err != nil {
		return nil, err
	}
	trusted, err := t.read()
	if err != nil {
		return nil, err
	}
	switch sum := trusted[path]; {
	case sum == "":
		return nil, ErrUntrusted
	case sum != contentSum(data):
		return nil, ErrChanged
	}
	return data, nil
}

func contentSum(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
