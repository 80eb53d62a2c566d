package gates

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Permissions is the gate permissions (G4): files of the tree that everybody
// on the machine may write to. Git does not keep those bits, so this is about
// the checkout, not about the commit: it warns, and never blocks by itself.
func Permissions() Gate {
	return Gate{
		ID:    "permissions",
		Doc:   "files that every user of the machine may write to",
		Help:  "Take the right away: chmod o-w FILE.",
		Scope: ScopeChange,
		Rules: []Rule{{ID: "world-writable", Title: "Everybody may write to the file", Help: "chmod o-w FILE",
			Tags: []string{"security", "external/cwe/cwe-732"}, Security: "3.0"}},
		Plan: func(_ context.Context, t *Target) (Plan, error) {
			switch {
			case runtime.GOOS == "windows":
				return Plan{Skip: "this system has no such permissions"}, nil
			case len(t.Tree.Files) == 0:
				return Plan{Skip: "no files"}, nil
			}
			n := int64(0)
			for _, f := range t.Tree.Files {
				if f.Kind != git.Symlink { // a link has no permissions of its own
					n++
				}
			}
			return Plan{Expect: Examined{Files: n}}, nil
		},
		Run: permissions,
	}
}

func permissions(ctx context.Context, t *Target) (Outcome, error) {
	out := Outcome{Engine: Engine{Name: "wf-ci", Version: "permissions/1"}}
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return out, err
	}
	defer root.Close()
	for _, f := range t.Tree.Files {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if f.Kind == git.Symlink {
			continue
		}
		info, err := root.Lstat(filepath.FromSlash(f.Path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a sparse checkout, or gone since
		}
		if err != nil {
			return out, fmt.Errorf("look at %q: %w", f.Path, err)
		}
		out.Examined.Files++
		if info.Mode().IsRegular() && info.Mode().Perm()&0o002 != 0 {
			out.Findings = append(out.Findings, Finding{
				Rule: "world-writable", Severity: SeverityWarning, Path: Path(f.Path),
				Message: fmt.Sprintf("every user may write to it (mode %04o)", info.Mode().Perm()),
			})
		}
	}
	return out, nil
}
