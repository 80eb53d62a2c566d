package lint

import (
	"context"
	"errors"
	"os"
	"path"
)

// earlier is the SARIF file that an earlier step has left of a linter, in the
// directory where it would run: lint-eslint.sarif. Empty: there is none.
func (s *session) earlier(u unit) string {
	name := path.Join(u.dir, "lint-"+u.linter+".sarif")
	if info, err := os.Lstat(s.disk(name)); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return name
}

// useEarlier lets such files stand for the linters that are not installed here, as
// the gates tests and coverage judge the results of an earlier step.
func (s *session) useEarlier(units []unit) {
	for i, u := range units {
		units[i].run = func(ctx context.Context) (result, error) {
			r, err := u.run(ctx)
			if name := s.earlier(u); name != "" && errors.As(err, new(missingTool)) {
				return s.report(ctx, name)
			}
			return r, err
		}
	}
}
