package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/research"
)

// researchConfig says where a user's other work is, below the home directory. A
// checkout has no say in where is looked.
var researchConfig = filepath.Join(".claude", "wf-ci-research.yml")

func (a *app) researchPlaces() (p research.Places, err error) {
	home := a.home()
	if home == "" {
		return p, nil
	}
	data, err := optional(filepath.Join(home, researchConfig))
	if err != nil || len(data) == 0 {
		return p, err
	}
	if p, err = research.ReadPlaces(filepath.Join("~", researchConfig), data); err != nil {
		return p, usageError{visibleLines(err.Error())}
	}
	for i := range p.Roots {
		p.Roots[i] = atHome(home, p.Roots[i])
	}
	if p.Cookbook != "" {
		p.Cookbook = atHome(home, p.Cookbook)
	}
	return p, nil
}

// atHome reads a leading ~.
func atHome(home, path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/') {
		return filepath.Join(home, rest)
	}
	return inside(home, path)
}

type researchNewCmd struct {
	Topic    string        `arg:"" help:"What is to be found out."`
	Dir      string        `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Root     []string      `sep:"none" placeholder:"DIR" help:"Look in the repositories below it. Repeatable. Default: roots of ~/.claude/wf-ci-research.yml, else the folder around this repository."`
	Cookbook string        `placeholder:"DIR" help:"Folder of patterns of your own. Default: cookbook of the same file."`
	Within   time.Duration `default:"10s" placeholder:"D" help:"Give up looking after this time."`
	Box      time.Duration `default:"2h" placeholder:"D" help:"Time box of the research."`
	Print    bool          `help:"Write no file: print it."`
	JSON     bool          `name:"json" help:"Write no file: what was found, as JSON."`
}

func (c *researchNewCmd) Run(ctx context.Context, a *app) error {
	if strings.TrimSpace(c.Topic) == "" || len(research.Words(c.Topic)) == 0 {
		return usagef("the topic %q has no word to look for", c.Topic)
	}
	if c.Within <= 0 || c.Box <= 0 {
		return usagef("--within and --box want more than zero")
	}
	dir := projectDir(inside(a.dir, c.Dir))
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return usagef("%s is not a directory", dir)
	}
	d, err := c.document(ctx, a, dir)
	if err != nil {
		return err
	}
	text := a.redactor.Redact(d.Render())
	path := filepath.Join("docs", "research", research.Slug(c.Topic), "RESEARCH.md")
	switch {
	case c.JSON:
		return writeJSON(a.rawOut, map[string]any{"topic": c.Topic, "local": d.Local, "cookbook": d.Cookbook, "earlier": d.Earlier != "", "file": filepath.ToSlash(path)})
	case c.Print:
		_, err := fmt.Fprint(a.stdout, visibleLines(text))
		return err
	}
	if err := writeNew(dir, path, text); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: %d hits in %d places; the time box of %s ends at %s\n", report.Visible(path), d.Local.Found, d.Local.Repos, c.Box, when(d.Started.Add(c.Box)))
	for _, why := range d.Local.Stopped {
		a.say("not all was looked at: " + why)
	}
	return nil
}

func (c *researchNewCmd) document(ctx context.Context, a *app, dir string) (research.Document, error) {
	d := research.Document{Topic: c.Topic, Started: a.now(), Box: c.Box}
	places, err := a.researchPlaces()
	if err != nil {
		return d, err
	}
	roots := places.Roots
	if len(c.Root) > 0 {
		roots = nil
		for _, r := range c.Root {
			roots = append(roots, inside(a.dir, r))
		}
	}
	if len(roots) == 0 {
		roots = []string{filepath.Dir(dir)}
	}
	cookbook := places.Cookbook
	if c.Cookbook != "" {
		cookbook = inside(a.dir, c.Cookbook)
	}
	for _, r := range append(roots[:len(roots):len(roots)], cookbook) {
		if info, err := os.Stat(r); r != "" && (err != nil || !info.IsDir()) {
			return d, usagef("%s is no directory to look in", r)
		}
	}
	d.Local = research.Search(ctx, c.Topic, roots, research.Limits{Time: c.Within})
	if cookbook != "" {
		found := research.Search(ctx, c.Topic, []string{cookbook}, research.Limits{Time: c.Within, Shown: 10})
		d.Cookbook = &found
	}
	if err := ctx.Err(); err != nil {
		return d, err
	}
	d.Earlier, d.Where, err = a.earlierResearch(c.Topic)
	return d, err
}

// researchCache is where findings are kept for other projects, as the
// reference's scripts have it.
func (a *app) researchCache(topic string) string {
	if home := a.home(); home != "" {
		return filepath.Join(home, ".claude", "research-cache", research.CacheKey(topic)+".md")
	}
	return ""
}

// earlierResearch is what was found out on a topic before, as it is written or
// in small letters.
func (a *app) earlierResearch(topic string) (text, where string, err error) {
	for _, t := range []string{topic, strings.ToLower(strings.Join(strings.Fields(topic), " "))} {
		path := a.researchCache(t)
		if path == "" {
			break
		}
		info, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil || !info.Mode().IsRegular() || info.Size() > research.MaxFile {
			return "", "", usagef("%s cannot be read as earlier research: %v", path, err)
		}
		data, err := os.ReadFile(path)
		return strings.ToValidUTF8(string(data), "?"), "the cache, " + info.ModTime().UTC().Format("2006-01-02"), err
	}
	return "", "", nil
}

// keepResearch puts findings into the cache, under both spellings of the topic.
func (a *app) keepResearch(topic, text string) error {
	for _, t := range []string{topic, strings.ToLower(strings.Join(strings.Fields(topic), " "))} {
		path := a.researchCache(t)
		if path == "" {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := state.Write(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// researchSpent is what a topic has cost: the entries of the task research.
func researchSpent(all []costs.Entry, topic string) (sum costs.Nano, n int) {
	for _, e := range all {
		if e.Task == researchTask && e.Feature == research.Slug(topic) {
			sum += e.USD
			n++
		}
	}
	return sum, n
}

// researchTask is the task of research in the ledger.
const researchTask = "research"
