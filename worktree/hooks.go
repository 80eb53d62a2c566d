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
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/internal/state"
)

// hooksFile is where a project names the commands that make a new worktree
// ready. It is part of the checkout: whoever wrote the branch wrote it.
const hooksFile = ".claude/worktree.json"

// parseHooks are the command lines of a project's file, in their order.
func parseHooks(data []byte) ([]string, error) {
	var file struct {
		Install    lines `json:"install"`
		PostCreate lines `json:"postCreate"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", hooksFile, err)
	}
	return append([]string(file.Install), file.PostCreate...), nil
}

// lines is a text or a list of texts.
type lines []string

// UnmarshalJSON implements [json.Unmarshaler].
func (l *lines) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = nil
		if one != "" {
			*l = lines{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// runHooks runs the hooks of the commit that was checked out, if the user has
// trusted exactly these command lines for this repository.
func (p *Project) runHooks(ctx context.Context, o SpawnOptions, s spawning, out *Spawned) error {
	text, err := p.hooksText(ctx, s.Base)
	if err != nil || text == "" {
		return err
	}
	hooks, err := parseHooks([]byte(text))
	if err != nil {
		out.Notes = append(out.Notes, err.Error()+": its hooks were not run")
		return nil
	}
	if len(hooks) == 0 {
		return nil
	}
	trusted, err := p.trusted(ctx, hooks, o.Trust)
	if err != nil {
		return err
	}
	if !trusted {
		out.Notes = append(out.Notes, fmt.Sprintf("%s asks for commands that were not run, because you have not trusted them: %s (--trust-hooks runs them and remembers)", hooksFile, strings.Join(hooks, "; ")))
		return nil
	}
	for _, line := range hooks {
		_, err := p.place.Runner.Run(ctx, run.Command{
			Name: "sh", Args: []string{"-c", line}, Dir: s.Path, Contain: true,
			Env: atWork(s.Path, s.Branch, out.Ports),
		})
		if err != nil {
			return fmt.Errorf("hook %q: %w", line, err)
		}
		p.step("hook")
	}
	return nil
}

// hooksText is the project's file as a commit has it; empty: it has none.
func (p *Project) hooksText(ctx context.Context, commit string) (string, error) {
	if data, ok := git.FileOf(filepath.Join(p.Common, "objects"), commit, hooksFile, envLimit); ok {
		return string(data), nil
	}
	text, err := p.git.Git(ctx, "cat-file", "blob", commit+":"+hooksFile)
	var exit *run.ExitError
	if errors.As(err, &exit) {
		return "", nil
	}
	return text, err
}

// trusted says whether the user has trusted these command lines, and remembers
// them where the user does so now.
func (p *Project) trusted(ctx context.Context, hooks []string, now bool) (bool, error) {
	path := filepath.Join(p.place.Home, ".claude", "wf-ci-trusted-hooks.json")
	want := hashOf([]byte(strings.Join(hooks, "\x00")))
	if !now {
		list, err := readTrust(path)
		return list[p.Main] == want, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, err
	}
	unlock, err := state.Lock(ctx, path)
	if err != nil {
		return false, err
	}
	defer unlock()
	list, err := readTrust(path)
	if err != nil {
		return false, err
	}
	list[p.Main] = want
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return false, err
	}
	return true, state.Write(path, append(data, '\n'), 0o600)
}

func readTrust(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return make(map[string]string), nil
	}
	if err != nil {
		return nil, err
	}
	list := make(map[string]string)
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&list); err != nil {
		return nil, fmt.Errorf("%s: %w: repair it, or delete it and trust again", path, err)
	}
	return list, nil
}
