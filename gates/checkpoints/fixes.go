package checkpoints

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Session is what the gate has to know of a debug session.
type Session struct {
	ID      string
	Commit  string   // that it says mends it; empty: it names none
	Missing []string // what keeps it from being finished; empty: it is
}

// sessions is the folder of the debug sessions.
const sessions = ".debug/"

// sessionLimit is the size, in bytes, above which a session is not read.
const sessionLimit = 16 << 20

var fixRule = gates.Rule{
	ID: "fix-report", Title: "A fix needs its debug report",
	Help: "Find out why it was broken before it is mended (`wf-ci debug start`), record the fix with `wf-ci debug fix TEXT --commit ID`, look at `wf-ci debug report`, and commit `.debug`.",
}

var (
	// mends is the subject of a commit that mends something.
	mends = lazyregexp.New(`(?i)^fix\s*(\([^)\n]*\))?!?:`)
	// names is a line that names a commit's session.
	names = lazyregexp.New(`(?im)^debug:[ \t]*([a-z0-9][a-z0-9-]*)[ \t]*\r?$`)
)

// fixes adds the commits that mend something without a report. Sessions that
// cannot be read are an error, after the others were looked at.
func (b *book) fixes(ctx context.Context, out *gates.Outcome) error {
	commits, err := history(ctx, b.target)
	if err != nil {
		return err
	}
	commits = slices.DeleteFunc(slices.Clone(commits), func(c git.Commit) bool { return !isFix(c) })
	out.Metrics["fixes"] = float64(len(commits))
	if len(commits) == 0 {
		return nil
	}
	list, read, malformed := b.sessions(ctx)
	out.Examined.Bytes += read
	for _, c := range commits {
		if why := unreported(c, list); why != "" {
			out.Findings = append(out.Findings, gates.Finding{
				Rule: fixRule.ID, Severity: gates.SeverityError, Commit: c.ID,
				Message:     fmt.Sprintf("fix: commit %.12s has no debug report: %s", c.ID, why),
				Fingerprint: new(gates.Fingerprints).Of(ID, fixRule.ID, c.ID),
			})
		}
	}
	return malformed
}

// isFix says whether a commit mends something. A merge mends what its commits
// do; one of sessions alone mends nothing.
func isFix(c git.Commit) bool {
	code := slices.ContainsFunc(c.Files, func(f git.File) bool { return !strings.HasPrefix(f.Path, sessions) })
	return code && !c.Merge && mends.MatchString(strings.TrimLeft(c.Message, " \t\r\n"))
}

// session is one with the file that it was read from.
type session struct {
	Session
	path string
}

// about says whether a session is that of a commit: either names the other, or
// the commit brings the session.
func (s session) about(c git.Commit) bool {
	if s.Commit == c.ID || slices.ContainsFunc(c.Files, func(f git.File) bool { return f.Path == s.path }) {
		return true
	}
	return slices.ContainsFunc(names.FindAllStringSubmatch(c.Message, -1), func(m []string) bool { return strings.EqualFold(m[1], s.ID) })
}

// unreported is why a commit has no report; empty: it has.
func unreported(c git.Commit, list []session) string {
	why := fmt.Sprintf("wf-ci debug fix TEXT --commit %.12s records it once the cause is known, wf-ci debug report shows it; then commit %s", c.ID, sessions)
	for _, s := range list {
		switch {
		case !s.about(c):
		case len(s.Missing) == 0:
			return ""
		default:
			why = fmt.Sprintf("the session %s is not finished: %s; wf-ci debug report --session %s shows it", s.ID, strings.Join(s.Missing, "; "), s.ID)
		}
	}
	return why
}

// sessions are those that the change brings or edits, in the order of their
// paths. One that was there at the base is that of an earlier fix.
func (b *book) sessions(ctx context.Context) (list []session, read int64, err error) {
	return reader[session]{
		is:    func(name string) bool { return path.Dir(name)+"/" == sessions && path.Ext(name) == ".json" },
		limit: sessionLimit, refuse: ": no debug session",
		decode: func(f git.File, data []byte) (session, error) {
			s, err := b.options.Session(f.Path, data)
			return session{s, f.Path}, err
		},
	}.brought(ctx, b.target)
}
