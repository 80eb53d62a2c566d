package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
)

// waiveCmd writes waivers for findings that may pass for a time.
type waiveCmd struct {
	Gate    string   `arg:"" help:"The gate that reports the findings."`
	Place   []string `arg:"" help:"Which of them: PATH:LINE as reported, PATH for all in a file, or a fingerprint."`
	Reason  string   `required:"" placeholder:"TEXT" help:"Why they may pass, in a sentence."`
	Owner   string   `placeholder:"WHO" help:"Who answers for it. Default: git's user.name and user.email."`
	Expires string   `placeholder:"DATE" help:"The last day on which it counts, such as 2027-01-31. Default: in 90 days."`
	Dir     string   `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Config  string   `placeholder:"PATH" help:"Configuration file in the repository. Default: .wf-ci.yml, .github/wf-ci.yml."`
	NoCache bool     `help:"Run the gate, also when its outcome is known."`
	Offline bool     `help:"Use no network."`
}

// waiverDays is how long a waiver lasts where nobody says how long.
const waiverDays = 90

func (c *waiveCmd) Run(ctx context.Context, a *app) error {
	expires, err := c.until(a)
	if err != nil {
		return err
	}
	g, dir, owner, err := c.look(ctx, a)
	if err != nil {
		return err
	}
	found, err := c.find(g)
	switch {
	case err != nil:
		return err
	case owner == "":
		return usagef("git does not know who you are: give --owner WHO, or set user.name and user.email")
	}
	var list []config.Noted
	for _, f := range found {
		list = append(list, config.Noted{
			Waiver: config.Waiver{Gate: c.Gate, Fingerprint: f.Fingerprint, Reason: strings.TrimSpace(c.Reason), Owner: owner, Expires: config.Date(expires)},
			Note:   a.redactor.Redact(foundAt(f) + " " + f.Rule),
		})
	}
	name, err := a.writeWaivers(ctx, dir, c.Config, list)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "waived until %s: %s of %s\n", expires, gates.Plural(len(found), "finding"), c.Gate)
	for _, f := range found {
		fmt.Fprintf(a.stdout, "  %s: %s %s\n", report.Visible(foundAt(f)), report.Visible(f.Rule), report.Visible(f.Message))
	}
	_, err = fmt.Fprintf(a.stdout, "written to %s; a pull request is judged by the one at its base, so bring it there first\n", report.Visible(name))
	return err
}

// look runs the gate; dir is the top of the repository, and owner who answers.
func (c *waiveCmd) look(ctx context.Context, a *app) (g gates.GateVerdict, dir, owner string, err error) {
	owner = c.Owner
	v, err := a.judgeLive(ctx, options{
		dir: c.Dir, config: c.Config, only: []string{c.Gate}, noCache: c.NoCache, offline: c.Offline,
		judged: func(ctx context.Context, j *job, _ *gates.Verdict) {
			dir = j.target.Dir
			if person, known, err := j.target.Repo.Identity(ctx); err == nil && known && owner == "" {
				owner = person.String()
			}
		},
	})
	switch {
	case err != nil:
		return g, "", "", err
	case dir == "":
		return g, "", "", undecided{errors.New(strings.Join(v.Reasons, "; "))}
	}
	at := slices.IndexFunc(v.Gates, func(g gates.GateVerdict) bool { return g.ID == c.Gate })
	return v.Gates[at], dir, owner, nil
}

// until is the last day of the waivers.
func (c *waiveCmd) until(a *app) (gates.Date, error) {
	if strings.TrimSpace(c.Reason) == "" {
		return "", usagef("--reason is empty: say why the findings may pass")
	}
	today := gates.DateOf(a.now())
	if c.Expires == "" {
		return gates.DateOf(a.now().AddDate(0, 0, waiverDays)), nil
	}
	expires, err := gates.ParseDate(c.Expires)
	switch {
	case err != nil:
		return "", usagef("--expires: %v", err)
	case expires < today:
		return "", usagef("--expires %s: that day is over", expires)
	}
	return expires, nil
}

// find are the findings at the places, each once. Every place has to have one
// that is not waived.
func (c *waiveCmd) find(g gates.GateVerdict) ([]gates.Judged, error) {
	if g.Status == gates.StatusSkipped {
		return nil, usagef("%s did not run: %s", c.Gate, report.Visible(g.Reason))
	}
	var found []gates.Judged
	seen := make(map[string]bool)
	for _, place := range c.Place {
		list := worst(g, place)
		if len(list) == 0 {
			return nil, c.nothingAt(place, g.Error)
		}
		list = slices.DeleteFunc(list, func(f gates.Judged) bool { return f.Waiver != nil })
		if len(list) == 0 {
			return nil, usagef("%s: what %s has found there is waived already", report.Visible(place), c.Gate)
		}
		for _, f := range list {
			if !seen[f.Fingerprint] {
				seen[f.Fingerprint] = true
				found = append(found, f)
			}
		}
	}
	return found, nil
}

// worst are the findings at a place: those that are severe enough to block, or
// where none is, all.
func worst(g gates.GateVerdict, place string) []gates.Judged {
	there := slices.DeleteFunc(slices.Clone(g.Findings), func(f gates.Judged) bool { return !isAt(f.Finding, place) })
	mild := func(f gates.Judged) bool { return !f.Severity.AtLeast(g.BlockOn) }
	if severe := slices.DeleteFunc(slices.Clone(there), mild); len(severe) > 0 {
		return severe
	}
	return there
}

func (c *waiveCmd) nothingAt(place, broken string) error {
	if broken != "" {
		return undecided{fmt.Errorf("%s has found nothing at %s, and could not look at everything: %s", c.Gate, report.Visible(place), report.Visible(broken))}
	}
	return usagef("%s has found nothing at %s; want PATH:LINE, PATH or a fingerprint, as wf-ci local --only %s shows them", c.Gate, report.Visible(place), c.Gate)
}

// isAt says whether a person who names a place means a finding.
func isAt(f gates.Finding, place string) bool {
	if place == f.Fingerprint {
		return true
	}
	if f.Path == "" {
		return false
	}
	path := f.Path.String()
	at := path + ":" + strconv.Itoa(f.Line)
	return place == path || f.Line > 0 && (place == at || strings.HasPrefix(place, at+":"))
}

// foundAt is a finding's place, for people.
func foundAt(f gates.Judged) string {
	at := f.Path.String()
	if f.Line > 0 {
		at += ":" + strconv.Itoa(f.Line)
	}
	if f.Commit != "" {
		at = strings.TrimSpace(fmt.Sprintf("%s in %.12s", at, f.Commit))
	}
	if at == "" {
		return "the repository"
	}
	return at
}

// writeWaivers puts waivers into the configuration of the work tree, or makes
// one, and says which it is.
func (a *app) writeWaivers(ctx context.Context, dir, name string, list []config.Noted) (string, error) {
	file, text, err := configText(ctx, dir, name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, filepath.FromSlash(file))
	data, err := config.AddWaivers(file, text, list)
	if info, stat := os.Lstat(path); err == nil && stat == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		return "", usagef("%s was not changed: %v\nto write below waivers:\n%s", report.Visible(file), err, config.WaiverLines(list, 2))
	}
	if err := state.Write(path, data, 0o644); err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	return file, ci.NewWorkspace(a.getenv).Own(path)
}

// configText is the configuration of the work tree as it is written; nil where
// there is none, with the name that it would have.
func configText(ctx context.Context, dir, name string) (file string, text []byte, err error) {
	disk := fromDisk(dir, configLimit)
	names := configNames
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		data, err := disk(ctx, n)
		if err != nil {
			return "", nil, usagef("read the configuration: %v", err)
		}
		if data != nil {
			return n, data, nil
		}
	}
	return names[0], nil, nil
}
