package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/debug"
)

// debugDir is where a project's debug sessions are, a file each.
const debugDir = ".debug"

// sessionID is what a session may be called.
var sessionID = lazyregexp.New(`^[a-z0-9][a-z0-9-]{0,79}$`)

// debugSession is which debug session a command is about.
type debugSession struct {
	Dir     string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Session string `placeholder:"ID" help:"Debug session. Default: the one that was started last."`
	JSON    bool   `name:"json" help:"Write JSON to stdout."`
}

// root is the directory of the sessions, opened so that no link leads out of the project.
func (s debugSession) root(a *app, create bool) (*os.Root, string, error) {
	dir := inside(a.dir, s.Dir)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, "", usagef("%s is not a directory", s.Dir)
	}
	dir = filepath.Join(projectDir(dir), debugDir)
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		err = os.Mkdir(dir, 0o755)
		if err == nil {
			err = state.Write(filepath.Join(dir, ".gitignore"), []byte("*.lock\n"), 0o644)
		}
	case err == nil && !info.IsDir():
		return nil, "", usagef("%s is no directory of its own", debugDir)
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", usagef("there is no debug session here: wf-ci debug start TITLE")
	}
	if err != nil {
		return nil, "", undecided{err}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", undecided{err}
	}
	return root, dir, nil
}

// load reads the session.
func (s debugSession) load(root *os.Root) (*debug.Session, error) {
	id := s.Session
	if id == "" {
		var err error
		if id, err = lastSession(root); err != nil {
			return nil, err
		}
	}
	if !sessionID.MatchString(id) {
		return nil, usagef("%q is no session's id", id)
	}
	return readSession(root, id)
}

func readSession(root *os.Root, id string) (*debug.Session, error) {
	name := id + ".json"
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("there is no debug session %q (%s)", id, filepath.Join(debugDir, name))
	case err != nil:
		return nil, undecided{err}
	case !info.Mode().IsRegular() || info.Size() > debug.Limit:
		return nil, usagef("%s is no file of at most %d MiB", filepath.Join(debugDir, name), debug.Limit>>20)
	}
	data, err := root.ReadFile(name)
	if err != nil {
		return nil, undecided{err}
	}
	out, err := debug.Decode(filepath.Join(debugDir, name), data)
	if err == nil && out.ID != id {
		err = fmt.Errorf("%s: it is the session %q", filepath.Join(debugDir, name), out.ID)
	}
	if err != nil {
		return nil, usageError{err.Error()}
	}
	return out, nil
}

// lastSession is the id that sorts last: ids begin with the time.
func lastSession(root *os.Root) (string, error) {
	dir, err := root.Open(".")
	if err != nil {
		return "", undecided{err}
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return "", undecided{err}
	}
	slices.Sort(names)
	for _, n := range slices.Backward(names) {
		if id, ok := strings.CutSuffix(n, ".json"); ok && sessionID.MatchString(id) {
			return id, nil
		}
	}
	return "", usagef("there is no debug session here: wf-ci debug start TITLE")
}

// locked is the directory of the sessions, for this process alone until done.
func (s debugSession) locked(ctx context.Context, a *app, create bool) (root *os.Root, dir string, done func(), err error) {
	root, dir, err = s.root(a, create)
	if err != nil {
		return nil, "", nil, err
	}
	unlock, err := state.Lock(ctx, filepath.Join(dir, "sessions"))
	if err != nil {
		_ = root.Close()
		return nil, "", nil, undecided{err}
	}
	return root, dir, func() { unlock(); _ = root.Close() }, nil
}

// change reads the session, changes it and writes it, while nobody else does.
func (s debugSession) change(ctx context.Context, a *app, do func(*debug.Session) error) error {
	root, dir, done, err := s.locked(ctx, a, false)
	if err != nil {
		return err
	}
	defer done()
	one, err := s.load(root)
	if err != nil {
		return err
	}
	if err := do(one); err != nil {
		return a.notYet(err)
	}
	return s.save(a, dir, one)
}

// save writes a session, without a secret in it.
func (s debugSession) save(a *app, dir string, one *debug.Session) error {
	data, err := one.Encode()
	if err != nil {
		return undecided{err}
	}
	if err := state.Write(filepath.Join(dir, one.ID+".json"), data, 0o644); err != nil {
		return undecided{err}
	}
	if s.JSON {
		return writeJSON(a.rawOut, one)
	}
	return nil
}

// notYet says what has to come first: a check says no.
func (a *app) notYet(err error) error {
	var no *debug.NotYetError
	if !errors.As(err, &no) {
		return err
	}
	for _, m := range no.Missing {
		a.say("not yet: " + m)
	}
	return refused{}
}

// read is the session as it is now.
func (s debugSession) read(a *app) (*debug.Session, error) {
	root, _, err := s.root(a, false)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return s.load(root)
}

// look reads the session and shows it.
func (s debugSession) look(a *app, show func(*debug.Session) string) error {
	one, err := s.read(a)
	if err != nil {
		return err
	}
	if s.JSON {
		return writeJSON(a.rawOut, one)
	}
	_, err = fmt.Fprint(a.stdout, a.mask(visibleLines(show(one))))
	return err
}

type debugStartCmd struct {
	debugSession
	Title    string `arg:"" help:"What is broken, in a few words."`
	Severity string `enum:"low,medium,high,critical" default:"medium" help:"low, medium, high or critical."`
}

// notName is what an id has no place for.
var notName = lazyregexp.New(`[^a-z0-9]+`)

// idOf is the id of a session that nobody has named: ids sort by their time.
func idOf(title string, now time.Time) string {
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(title), "-"), "-")
	return strings.Trim(now.UTC().Format("20060102-150405")+"-"+name[:min(len(name), 40)], "-")
}

// headOf is the commit of a directory; empty where there is none yet, or no
// repository.
func (a *app) headOf(ctx context.Context, dir string) string {
	w, _, done, err := a.gitIn(ctx, dir)
	if err != nil {
		return ""
	}
	defer done()
	head, _ := w.Line(ctx, "rev-parse", "--verify", "--quiet", "HEAD")
	return head
}

func (c *debugStartCmd) Run(ctx context.Context, a *app) error {
	if strings.TrimSpace(c.Title) == "" {
		return usagef("say in a few words what is broken")
	}
	root, dir, done, err := c.locked(ctx, a, true)
	if err != nil {
		return err
	}
	defer done()
	title := a.mask(c.Title)
	id := cmp.Or(c.Session, idOf(title, a.now()))
	if !sessionID.MatchString(id) {
		return usagef("--session %q: want small letters, digits and dashes", id)
	}
	if _, err := root.Lstat(id + ".json"); err == nil {
		return usagef("there is a debug session %q already", id)
	}
	one := debug.New(id, title, c.Severity, a.headOf(ctx, c.Dir), a.now())
	if err := c.save(a, dir, one); err != nil || c.JSON {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s\nnext: wf-ci debug evidence --issue … --step … --expected … --actual …\n", filepath.Join(debugDir, id+".json"))
	return err
}

type debugEvidenceCmd struct {
	debugSession
	Issue       string   `placeholder:"TEXT" help:"The exact error."`
	Step        []string `sep:"none" placeholder:"TEXT" help:"A step that leads to it. Repeatable."`
	Expected    string   `placeholder:"TEXT" help:"What is expected."`
	Actual      string   `placeholder:"TEXT" help:"What happens."`
	Environment []string `sep:"none" placeholder:"TEXT" help:"Of the environment: system, versions. Repeatable."`
	Note        []string `sep:"none" placeholder:"TEXT" help:"What else was seen. Repeatable."`
}

func (c *debugEvidenceCmd) Run(ctx context.Context, a *app) error {
	e := debug.Evidence{
		Issue: a.mask(c.Issue), Steps: a.masked(c.Step), Expected: a.mask(c.Expected), Actual: a.mask(c.Actual),
		Environment: a.masked(c.Environment), Notes: a.masked(c.Note),
	}
	if e.Issue+e.Expected+e.Actual == "" && len(e.Steps)+len(e.Environment)+len(e.Notes) == 0 {
		return usagef("say what was seen: --issue, --step, --expected, --actual, --environment or --note")
	}
	return c.change(ctx, a, func(s *debug.Session) error {
		s.Add(e, a.now())
		return nil
	})
}

func (a *app) masked(list []string) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = a.mask(t)
	}
	return out
}

type debugCheckCmd struct{ debugSession }

func (c *debugCheckCmd) Run(_ context.Context, a *app) error {
	var missing []string
	show := func(s *debug.Session) string {
		if missing = s.Missing(); len(missing) > 0 {
			return ""
		}
		return "the cause is known: it may be fixed\n"
	}
	if err := (debugSession{Dir: c.Dir, Session: c.Session}).look(a, show); err != nil {
		return err
	}
	if c.JSON {
		if missing == nil {
			missing = []string{}
		}
		if err := writeJSON(a.rawOut, map[string]any{"ready": len(missing) == 0, "missing": missing}); err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return a.notYet(&debug.NotYetError{Missing: missing})
}

type debugFixCmd struct {
	debugSession
	What       string `arg:"" help:"What was changed, and why that mends it."`
	Commit     string `placeholder:"REV" help:"The commit."`
	Prevention string `placeholder:"TEXT" help:"What keeps it from coming back."`
	Lesson     string `placeholder:"TEXT" help:"What was learned."`
}

func (c *debugFixCmd) Run(ctx context.Context, a *app) error {
	commit := ""
	if c.Commit != "" {
		w, _, done, err := a.gitIn(ctx, c.Dir)
		if err != nil {
			return err
		}
		defer done()
		if commit, err = w.Line(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", c.Commit+"^{commit}"); err != nil {
			return usagef("--commit %q: no such commit here", c.Commit)
		}
	}
	return c.change(ctx, a, func(s *debug.Session) error {
		return s.Mend(debug.Fix{What: a.mask(c.What), Commit: commit, Prevention: a.mask(c.Prevention), Lesson: a.mask(c.Lesson)}, a.now())
	})
}

type debugReportCmd struct {
	debugSession
	Output string `placeholder:"PATH" help:"Write to a file instead of stdout; one that is there is replaced."`
}

func (c *debugReportCmd) Run(ctx context.Context, a *app) error {
	if c.Output == "" {
		return c.look(a, (*debug.Session).Report)
	}
	one, err := c.read(a)
	if err != nil {
		return err
	}
	if err := c.write(ctx, a, []byte(a.mask(one.Report()))); err != nil {
		return undecided{fmt.Errorf("write the report: %w", err)}
	}
	return nil
}

// write writes the report; in a repository wf-ci undo brings back what it replaces.
func (c *debugReportCmd) write(ctx context.Context, a *app, text []byte) error {
	p, done, err := a.place(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	path := inside(a.dir, c.Output)
	if p.repo != nil {
		if err := a.files(p.repo, "report", "the debug report "+filepath.Base(path)).Before(path, text); err != nil {
			return err
		}
	}
	return state.Write(path, text, 0o644)
}

type debugShowCmd struct{ debugSession }

func (c *debugShowCmd) Run(_ context.Context, a *app) error {
	return c.look(a, func(s *debug.Session) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%s: %s (%s)\n", s.ID, s.Title, s.Severity)
		for _, h := range s.Ranked() {
			fmt.Fprintf(&b, "%3d  %s  %-9s  %s\n", h.Points(), h.ID, h.Status, h.Text)
		}
		for _, m := range s.Missing() {
			fmt.Fprintf(&b, "missing: %s\n", m)
		}
		return b.String()
	})
}

type debugWhysCmd struct {
	debugSession
	Answer   string `arg:"" optional:"" help:"Why? Of the last answer, or of the problem. Without it: the chain."`
	Evidence string `placeholder:"TEXT" help:"What shows that the answer is right."`
}

func (c *debugWhysCmd) Run(ctx context.Context, a *app) error {
	if c.Answer == "" {
		return c.look(a, (*debug.Session).WhyText)
	}
	if c.Evidence == "" {
		return usagef("an answer needs --evidence: what shows that it is right?")
	}
	return c.change(ctx, a, func(s *debug.Session) error {
		s.Ask(debug.Why{Answer: a.mask(c.Answer), Evidence: a.mask(c.Evidence)}, a.now())
		return nil
	})
}

type debugFishboneCmd struct {
	debugSession
	Factor   string `arg:"" optional:"" help:"What may have a part in it. Without it: the diagram."`
	Category string `placeholder:"NAME" help:"Environment, People, Methods, Materials, Technology, or one of your own."`
	Text     bool   `help:"Draw it as text, not as Mermaid."`
}

func (c *debugFishboneCmd) Run(ctx context.Context, a *app) error {
	switch {
	case c.Factor == "" && c.Text:
		return c.look(a, (*debug.Session).FishboneText)
	case c.Factor == "":
		return c.look(a, (*debug.Session).Fishbone)
	case strings.TrimSpace(c.Category) == "":
		return usagef("a factor needs --category: one of %s, or one of your own", strings.Join(debug.Bones, ", "))
	}
	category := c.Category
	for _, b := range debug.Bones {
		if strings.EqualFold(b, category) {
			category = b
		}
	}
	return c.change(ctx, a, func(s *debug.Session) error {
		s.AddFactor(debug.Factor{Category: a.mask(category), Text: a.mask(c.Factor)}, a.now())
		return nil
	})
}

// line is a text on one line of a terminal.
func (a *app) line(s string) string { return report.Visible(a.mask(s)) }
