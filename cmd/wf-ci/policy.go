package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/git"
)

// configNames are where the configuration may be, in this order.
var configNames = []string{".wf-ci.yml", ".github/wf-ci.yml"}

// configLimit is more than the parser takes, so that the parser says so.
const configLimit = 11 << 20

// policyLimit bounds the other files that decide how a tree is judged.
const policyLimit = 4 << 20

// reader reads a file by its path in the tree; one that is not there is nil.
type reader func(ctx context.Context, path string) ([]byte, error)

func atRevision(repo *git.Repo, rev string, limit int64) reader {
	return func(ctx context.Context, path string) ([]byte, error) {
		return repo.ReadFile(ctx, rev, path, limit)
	}
}

// fromTree reads what is judged itself: a file that git ignores is no policy,
// as it would not be there in CI.
func fromTree(tree *git.Tree, limit int64) reader {
	return func(ctx context.Context, path string) ([]byte, error) {
		f := tree.File(path)
		if f == nil || f.Kind == git.Symlink {
			return nil, nil
		}
		return tree.Read(ctx, *f, limit)
	}
}

// fromDisk reads below a directory and never follows a link out of it.
func fromDisk(dir string, limit int64) reader {
	return func(_ context.Context, path string) ([]byte, error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		info, err := root.Stat(filepath.FromSlash(path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is no regular file", path)
		case info.Size() > limit:
			return nil, fmt.Errorf("%s is %d bytes; the limit is %d", path, info.Size(), limit)
		}
		return root.ReadFile(filepath.FromSlash(path))
	}
}

// loadConfig reads and checks the configuration. name is what the user named;
// empty: the usual places. found is empty where there is none.
func loadConfig(ctx context.Context, read reader, name, where string) (cfg *config.Config, found string, err error) {
	names := configNames
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		data, err := read(ctx, n)
		if err != nil {
			return nil, "", usagef("read the configuration: %v", err)
		}
		if data == nil {
			continue
		}
		cfg, err := config.Parse(where+n, data)
		if err != nil {
			return nil, "", usageError{"the configuration is not valid; nothing was run\n" + err.Error()}
		}
		return cfg, n, nil
	}
	return config.Default(), "", nil
}

// policy is what judges, with where it comes from.
type policy struct {
	config *config.Config
	info   gates.PolicyInfo
	base   string // commit that the other files which decide are read at; empty: the tree
	note   string // worth telling a person
}

// loadPolicy finds what judges: on a pull request the configuration at its
// base, and nothing that the change brings; else the file of the work tree.
//
// The files that only let findings pass (.gitleaksignore, .gitleaks.toml) are
// read at the base wherever there is one, but for a push: there the change is
// on its branch already, past its review. A laptop says what a pull request will.
//
// A configuration that is not valid at the base judges nothing, or the change
// that mends it could never land: the built-in one takes its place, and that is
// said.
func loadPolicy(ctx context.Context, repo *git.Repo, name string, base, policyBase string, push bool) (policy, error) {
	disk := fromDisk(repo.Dir, configLimit)
	head, headName, err := loadConfig(ctx, disk, name, "")
	if err != nil {
		return policy{}, err
	}
	p := policy{config: head, base: policyBase, info: gates.PolicyInfo{Source: "builtin", Weakened: []gates.Weakening{}}}
	if headName != "" {
		p.info.Source = "file:" + headName
	}
	compare := policyBase
	if compare == "" {
		compare = base
	}
	if p.base == "" && !push {
		p.base = base
	}
	if compare != "" {
		old, oldName, err := loadConfig(ctx, atRevision(repo, compare, configLimit), name, compare[:10]+":")
		if err != nil {
			old, oldName = config.Default(), ""
			p.note = fmt.Sprintf("the configuration at the base %.10s is not valid, so the built-in one stands in for it there", compare)
		}
		for _, w := range config.Weakened(old, head) {
			p.info.Weakened = append(p.info.Weakened, gates.Weakening(w))
		}
		switch {
		case policyBase != "":
			p.config = old
			p.info.Source = "builtin"
			if oldName != "" {
				p.info.Source = "base:" + oldName + "@" + policyBase
			}
		case err == nil && old.Digest() != head.Digest():
			p.note = fmt.Sprintf("the configuration differs from the base; a pull request is judged by the one at %.10s", base)
		}
	}
	if name != "" && headName == "" && p.info.Source == "builtin" {
		return policy{}, usagef("%s is not there; leave --config away for the usual places (%s, %s)", name, configNames[0], configNames[1])
	}
	p.info.Digest = p.config.Digest()
	return p, nil
}

// judgePolicy translates the configuration for gates.Judge.
func judgePolicy(cfg *config.Config, all, strict bool, today time.Time) gates.Policy {
	p := gates.Policy{Gates: make(map[string]gates.GatePolicy), All: all, Strict: strict, Today: gates.DateOf(today)}
	for id, g := range cfg.Gates.All() {
		p.Gates[id] = gates.GatePolicy{Optional: !g.Required, Scope: gates.Scope(g.Scope), BlockOn: gates.Severity(g.BlockOn)}
	}
	for _, w := range cfg.Waivers {
		p.Waivers = append(p.Waivers, gates.Waiver{
			Gate: w.Gate, Fingerprint: w.Fingerprint, Reason: w.Reason, Owner: w.Owner, Expires: gates.Date(w.Expires),
		})
	}
	return p
}
