package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/wf-ci/wf-ci/session"
	"github.com/wf-ci/wf-ci/session/tokens"
)

// contextCmd is about what is saved of a day.
type contextCmd struct {
	Show     contextShowCmd     `cmd:"" help:"Show the saved context."`
	Compress contextCompressCmd `cmd:"" help:"Show the saved context, made to fit a budget of tokens."`
	Restore  contextRestoreCmd  `cmd:"" help:"Bring the context files of a backup back, or list the backups."`
}

type contextShowCmd struct {
	at
}

func (c *contextShowCmd) Run(ctx context.Context, a *app) error {
	d, done, err := a.desk(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	saved, err := session.ReadContext(d.Dir)
	if err != nil {
		return usageError{err.Error()}
	}
	if c.JSON {
		return writeJSON(a.rawOut, saved)
	}
	_, err = fmt.Fprint(a.stdout, a.redactor.Redact(saved.Markdown()))
	return err
}

type contextCompressCmd struct {
	at
	Tokens int `default:"2000" placeholder:"N" help:"The budget, in tokens of cl100k_base."`
}

func (c *contextCompressCmd) Run(ctx context.Context, a *app) error {
	if c.Tokens <= 0 {
		return usagef("--tokens %d: want one or more", c.Tokens)
	}
	d, done, err := a.desk(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	saved, err := session.ReadContext(d.Dir)
	if err != nil {
		return usageError{err.Error()}
	}
	counter := new(tokens.Counter)
	out, err := saved.Compress(c.Tokens, counter.Count)
	if err != nil {
		return undecided{err}
	}
	out.Encoding = tokens.Encoding
	out.Text = a.redactor.Redact(out.Text)
	if c.JSON {
		return writeJSON(a.rawOut, out)
	}
	fmt.Fprintf(a.stderr, "%d of %d tokens (%s)\n", out.Tokens, out.Budget, out.Encoding)
	_, err = fmt.Fprint(a.stdout, out.Text)
	return err
}

type contextRestoreCmd struct {
	at
	ID   string `arg:"" optional:"" name:"id" help:"The backup; latest: the newest. Without it: what there is."`
	List bool   `help:"List the backups only."`
}

func (c *contextRestoreCmd) Run(ctx context.Context, a *app) error {
	d, done, err := a.desk(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	list, err := d.Backups(a.home())
	if err != nil {
		return undecided{err}
	}
	if c.ID == "" || c.List {
		return c.list(a, list)
	}
	i := slices.IndexFunc(list, func(b session.Backup) bool { return b.ID == c.ID })
	if c.ID == "latest" && len(list) > 0 {
		i = 0
	}
	if i < 0 {
		return usagef("there is no backup %q of this project: wf-ci context restore lists them", c.ID)
	}
	return c.restore(ctx, a, d, list[i])
}

// restore brings a backup back, while no end of a day writes the same files.
func (c *contextRestoreCmd) restore(ctx context.Context, a *app, d *desk, b session.Backup) error {
	if d.Repo != nil {
		unlock, err := d.Lock(ctx)
		if err != nil {
			return undecided{err}
		}
		defer unlock()
	}
	a.remember(d, "restore", "the restore of backup "+b.ID)
	changed, err := d.Restore(a.home(), b)
	if err != nil {
		return undecided{err}
	}
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"id": b.ID, "restored": changed})
	}
	fmt.Fprintf(a.stdout, "restored %s: %d changed\n", b.ID, len(changed))
	for _, name := range changed {
		fmt.Fprintf(a.stdout, "  %s\n", name)
	}
	return nil
}

func (c *contextRestoreCmd) list(a *app, list []session.Backup) error {
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"backups": append([]session.Backup{}, list...)})
	}
	for _, b := range list {
		fmt.Fprintf(a.stdout, "%s  %s\n", b.ID, b.Path)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.stdout, "no backups: wf-ci local end makes them")
	}
	return nil
}
