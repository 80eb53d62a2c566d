package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/debug/logs"
)

// debugLogsCmd reads a log.
type debugLogsCmd struct {
	File  string `arg:"" help:"The log; - is stdin."`
	Since string `placeholder:"T" help:"Pass over lines before this time (RFC 3339), or older than a duration (24h)."`
	Until string `placeholder:"T" help:"Pass over lines after this time, or newer than a duration."`
	Top   int    `default:"20" placeholder:"N" help:"Clusters to show."`
	JSON  bool   `name:"json" help:"Write JSON to stdout."`
}

func (c *debugLogsCmd) Run(ctx context.Context, a *app) error {
	o := logs.Options{Now: a.now(), Top: c.Top, Redact: a.mask}
	var err error
	if o.Since, err = moment(c.Since, a.now()); err != nil {
		return usagef("--since %q: %v", c.Since, err)
	}
	if o.Until, err = moment(c.Until, a.now()); err != nil {
		return usagef("--until %q: %v", c.Until, err)
	}
	if c.Top < 1 || c.Top > 1000 {
		return usagef("--top %d: want 1 to 1000", c.Top)
	}
	log, done, err := a.openLog(c.File)
	if err != nil {
		return err
	}
	defer done()
	r, err := logs.Read(ctx, log, o)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return undecided{fmt.Errorf("read %q: %w", c.File, err)}
	case r.Lines == 0:
		return undecided{fmt.Errorf("%q is empty: there was nothing to look at", c.File)}
	}
	if c.JSON {
		return writeJSON(a.rawOut, r)
	}
	return printLog(a, r)
}

// openLog opens a file to be read once.
func (a *app) openLog(name string) (io.Reader, func(), error) {
	if name == "-" {
		return a.stdin, func() {}, nil
	}
	path := inside(a.dir, name)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, nil, usagef("%q is a directory: name a file", name)
	}
	f, err := os.Open(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, nil, usagef("log %q: %v", name, err)
	}
	return f, func() { _ = f.Close() }, nil
}

// moment is a time, or a duration before now.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("want a time such as 2026-01-02T15:04:05Z, or a duration such as 24h")
}

func printLog(a *app, r *logs.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d of them of a category, %d say that they are an error\n", plural(int(r.Lines), "line"), r.Matched, r.Errors)
	if r.Passed > 0 {
		fmt.Fprintf(&b, "%s outside of the time asked for\n", plural(int(r.Passed), "line"))
	}
	if r.Cut > 0 {
		fmt.Fprintf(&b, "%s longer than 64 KiB: the rest of each was not looked at\n", plural(int(r.Cut), "line"))
	}
	if r.Stamped == 0 {
		b.WriteString("no line has a time that is known: there is no timeline\n")
	}
	var most int64
	for _, n := range r.Categories {
		most = max(most, n)
	}
	for _, c := range logs.Categories {
		n := r.Categories[c]
		bar := 0
		if n > 0 {
			bar = max(1, int(n*30/most))
		}
		fmt.Fprintf(&b, "%-15s %10d %s\n", c, n, strings.Repeat("█", bar))
	}
	if chart := r.Timeline.Chart(min(chartWidth(a), 120)); chart != "" {
		b.WriteString("\n" + chart)
	}
	for _, burst := range r.Bursts {
		fmt.Fprintf(&b, "burst: %s to %s, %s, %g times as many as usual\n", clock(burst.From), clock(burst.To), plural(int(burst.Lines), "line"), burst.Times)
	}
	if len(r.Clusters) > 0 {
		b.WriteString("\n")
	}
	for _, c := range r.Clusters {
		about := ""
		if c.AtMostOver > 0 {
			about = fmt.Sprintf(" (at least %d)", c.Count-c.AtMostOver)
		}
		fmt.Fprintf(&b, "%8d%s  %s  [%s]\n", c.Count, about, report.Visible(c.Pattern), strings.Join(c.Categories, " "))
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

func chartWidth(a *app) int {
	if a.outWidth > 0 {
		return a.outWidth
	}
	return 72
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
