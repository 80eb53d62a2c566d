package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates/checkpoints"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/research"
)

type researchMatrixCmd struct {
	File  string `arg:"" help:"Matrix: criteria with weights that sum to 1, options with scores from 0 to 10 (YAML)."`
	Dir   string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Write bool   `help:"Also write it as a comparison to docs/research."`
	JSON  bool   `name:"json" help:"Write JSON to stdout."`
}

func (c *researchMatrixCmd) Run(a *app) error {
	data, err := readFile(inside(a.dir, c.File), c.File, research.MaxFile)
	if err != nil {
		return err
	}
	m, err := research.ReadMatrix(c.File, data)
	if err != nil {
		return usageError{visibleLines(err.Error())}
	}
	if c.Write {
		if m.Topic == "" {
			return usagef("%s: a comparison that is kept wants a topic: topic: …", c.File)
		}
		path := filepath.Join("docs", "research", "comparison-"+research.Slug(m.Topic)+".md")
		if err := writeNew(projectDir(inside(a.dir, c.Dir)), path, m.Markdown()); err != nil {
			return err
		}
		a.say("wrote " + path)
	}
	if c.JSON {
		return writeJSON(a.rawOut, m)
	}
	_, err = fmt.Fprint(a.stdout, visibleLines(m.Markdown()))
	return err
}

type researchProjectCmd struct {
	ledgerFlags
	File string `arg:"" help:"Options: model, calls, input_tokens, output_tokens, compute_hours, compute_hour_cost, storage_gb, storage_gb_cost, monthly_fixed (YAML)."`
}

func (c *researchProjectCmd) Run(ctx context.Context, a *app) error {
	data, err := readFile(inside(a.dir, c.File), c.File, research.MaxFile)
	if err != nil {
		return err
	}
	options, err := research.ReadUsage(c.File, data)
	if err != nil {
		return usageError{visibleLines(err.Error())}
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	var list []research.Projection
	for _, u := range options {
		p, err := research.Project(u, b.table, b.at)
		switch {
		case errors.Is(err, research.ErrUnpriced):
			return undecided{err}
		case err != nil:
			return usageError{err.Error()}
		}
		list = append(list, p)
	}
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"options": list})
	}
	fmt.Fprint(a.stdout, visibleLines(projectionTable(list)))
	return nil
}

func projectionTable(list []research.Projection) string {
	var b strings.Builder
	b.WriteString("| option | a month | a year |")
	for _, s := range research.Scales()[1:] {
		fmt.Fprintf(&b, " × %d a month |", s)
	}
	b.WriteString("\n|---|---|---|---|---|---|\n")
	for _, p := range list {
		fmt.Fprintf(&b, "| %s | $%s | $%s |", p.Name, p.Scenarios[0].Monthly, p.Scenarios[0].Yearly)
		for _, s := range p.Scenarios[1:] {
			fmt.Fprintf(&b, " $%s |", s.Monthly)
		}
		b.WriteByte('\n')
	}
	for _, p := range list {
		if p.Price != "" {
			fmt.Fprintf(&b, "%s: %s at %s\n", p.Name, p.Model, p.Price)
		}
	}
	return b.String()
}

type researchFindingsCmd struct {
	ledgerFlags
	File string `arg:"" help:"Decision file, as for decide, with topic, summary, dependencies and questions."`
}

func (c *researchFindingsCmd) Run(ctx context.Context, a *app) error {
	in, err := a.readDecision(ctx, c.Dir, c.File)
	if err != nil {
		return err
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	f := research.Findings{Input: in, Result: research.Decide(in), At: b.at}
	if err := f.Check(); err != nil {
		return usagef("%s: %v", c.File, err)
	}
	all, err := b.ledger.Entries()
	if err != nil {
		return undecided{err}
	}
	if usd, n := researchSpent(all, in.Topic); n > 0 {
		f.Spent = usd.String()
	}
	dir := projectDir(inside(a.dir, c.Dir))
	folder := filepath.Join("docs", "research", research.Slug(in.Topic))
	if begun, _, err := readStarted(filepath.Join(dir, folder, "RESEARCH.md")); err == nil && b.at.After(begun) {
		f.Took = b.at.Sub(begun)
	}
	text := a.redactor.Redact(f.Render())
	path := filepath.Join(folder, "FINDINGS.md")
	if err := writeNew(dir, path, text); err != nil {
		return err
	}
	if err := a.keepResearch(in.Topic, text); err != nil {
		a.say("warning: it is not in the cache for other projects: " + err.Error())
	}
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"file": filepath.ToSlash(path), "result": f.Result})
	}
	fmt.Fprintf(a.stdout, "%s: %s, confidence %d of 10\n", report.Visible(path), f.Result.Decision, f.Result.Confidence)
	fmt.Fprintln(a.stdout, "a person has to approve it: wf-ci research approve --reason TEXT")
	return nil
}

// readStarted reads a research's time box.
func readStarted(path string) (time.Time, time.Duration, error) {
	data, err := readFile(path, path, research.MaxFile)
	if err != nil {
		return time.Time{}, 0, err
	}
	at, box, err := research.Started(string(data))
	if err != nil {
		return at, box, usagef("%s: %v", path, err)
	}
	return at, box, nil
}

type researchADRCmd struct {
	Title       string   `arg:"" help:"What was decided, in a few words."`
	Dir         string   `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Status      string   `default:"proposed" help:"proposed, accepted, rejected, deprecated or superseded."`
	Context     string   `placeholder:"TEXT" help:"Why something had to be decided."`
	Decision    string   `placeholder:"TEXT" help:"What was decided."`
	Consequence []string `sep:"none" placeholder:"TEXT" help:"What comes of it. Repeatable."`
}

func (c *researchADRCmd) Run(ctx context.Context, a *app) error {
	c.Status = strings.ToLower(c.Status)
	switch {
	case strings.TrimSpace(c.Title) == "":
		return usagef("the record has no title")
	case !slices.Contains(research.Statuses(), c.Status):
		return usagef("no status %q: there are %s", c.Status, strings.Join(research.Statuses(), ", "))
	}
	b, done, err := a.findBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	dir := filepath.Dir(b.ledger.Dir)
	lock := filepath.Join(dir, ".wf-ci-adr")
	if b.gitDir != "" {
		lock = filepath.Join(b.gitDir, "wf-ci-adr")
	}
	unlock, err := state.Lock(ctx, lock)
	if err != nil {
		return undecided{err}
	}
	defer unlock()
	folder := filepath.Join("docs", "decisions")
	names, err := namesIn(dir, folder)
	if err != nil {
		return err
	}
	name, number := research.NextADR(names, c.Title)
	text := research.ADR{Number: number, Title: c.Title, Status: c.Status, Context: c.Context, Decision: c.Decision, Consequences: c.Consequence, At: a.now()}.Render()
	path := filepath.Join(folder, name)
	if err := writeNew(dir, path, a.redactor.Redact(text)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, report.Visible(path))
	return err
}

// namesIn are the names in a folder below a directory, which may not be there.
func namesIn(dir, folder string) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usagef("%v", err)
	}
	defer root.Close()
	list, err := fs.ReadDir(root.FS(), filepath.ToSlash(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, usagef("%v", err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names, nil
}

// researchApproveCmd is wf-ci approve research.
type researchApproveCmd struct {
	By     string `placeholder:"NAME" help:"Who approves. Default: git's user.name and user.email."`
	Reason string `required:"" placeholder:"TEXT" help:"Why, in a sentence."`
	Dir    string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Base   string `placeholder:"REV" help:"The change is what is new since this revision. Default: the merge base with the default branch."`
	Config string `placeholder:"PATH" help:"Configuration file in the repository."`
	JSON   bool   `name:"json" help:"Write the record as JSON to stdout."`
}

func (c *researchApproveCmd) Run(ctx context.Context, a *app) error {
	return (&approveCmd{Kind: string(checkpoints.Research), By: c.By, Reason: c.Reason, Dir: c.Dir, Base: c.Base, Config: c.Config, JSON: c.JSON}).Run(ctx, a)
}

// researchLogCmd records what a research has cost.
type researchLogCmd struct {
	Topic string `arg:"" help:"Topic of the research."`
	costsRecordCmd
}

func (c *researchLogCmd) Run(ctx context.Context, a *app) error {
	if c.Feature != "" || c.Task != "" {
		return usagef("the feature is the topic, and the task is research: leave --feature and --task out")
	}
	c.Feature, c.Task = research.Slug(c.Topic), researchTask
	return c.costsRecordCmd.Run(ctx, a)
}

type researchStatusCmd struct {
	ledgerFlags
	Topic string `arg:"" help:"Topic of the research."`
}

// researchStanding is what research status prints as JSON.
type researchStanding struct {
	Topic    string     `json:"topic"`
	Started  time.Time  `json:"started"`
	Box      string     `json:"time_box"`
	Elapsed  string     `json:"elapsed"`
	Over     bool       `json:"over"`
	Findings bool       `json:"findings"`
	Cost     costs.Nano `json:"cost"`
	Calls    int        `json:"entries"`
}

func (c *researchStatusCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	folder := filepath.Join(projectDir(inside(a.dir, c.Dir)), "docs", "research", research.Slug(c.Topic))
	begun, box, err := readStarted(filepath.Join(folder, "RESEARCH.md"))
	if err != nil {
		return err
	}
	all, err := b.ledger.Entries()
	if err != nil {
		return undecided{err}
	}
	elapsed := b.at.Sub(begun).Round(time.Minute)
	s := researchStanding{Topic: c.Topic, Started: begun, Box: box.String(), Elapsed: elapsed.String()}
	s.Cost, s.Calls = researchSpent(all, c.Topic)
	if info, err := os.Lstat(filepath.Join(folder, "FINDINGS.md")); err == nil && info.Mode().IsRegular() {
		s.Findings = true
	}
	s.Over = elapsed > box && !s.Findings
	if c.JSON {
		err = writeJSON(a.rawOut, s)
	} else {
		fmt.Fprintf(a.stdout, "begun %s, %s of %s, $%s in %d entries\n", when(begun), s.Elapsed, s.Box, s.Cost, s.Calls)
		switch {
		case s.Findings:
			fmt.Fprintln(a.stdout, "the findings are written")
		case s.Over:
			fmt.Fprintln(a.stdout, "the time box is over: write down what is known (wf-ci research findings)")
		}
	}
	if err == nil && s.Over {
		return refused{}
	}
	return err
}
