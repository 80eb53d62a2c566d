package rollback

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/journal"
)

// Result is one of the checks of a rollback.
type Result struct {
	Name   string `json:"name"`
	State  string `json:"state"` // passed, failed, skipped (by a person), unknown (nobody looked)
	Detail string `json:"detail,omitempty"`
}

// States of a check.
const (
	Passed  = "passed"
	Failed  = "failed"
	Skipped = "skipped"
)

// CheckNames are the six checks, in their order.
func CheckNames() []string {
	return []string{"version", "smoke", "data", "performance", "security", "integrations"}
}

// Status is what the checks come to: success, partial (at most two failed),
// failed, or unknown where nobody looked at something and not more than two
// failed.
func Status(list []Result) string {
	failed, unknown := 0, 0
	for _, r := range list {
		switch r.State {
		case Failed:
			failed++
		case Unknown:
			unknown++
		}
	}
	switch {
	case failed > 2:
		return Failed
	case unknown > 0:
		return Unknown
	case failed > 0:
		return "partial"
	}
	return "success"
}

// Target is the rollback that an id names; empty: the last one that stands.
func (r *Repo) Target(id string) (journal.Entry, error) {
	if id != "" {
		e, err := r.Journal.Get(id)
		if err == nil && (e.Kind != Kind || e.State != journal.Done) {
			err = usagef("%s is no rollback that stands", id)
		}
		return e, err
	}
	list, err := r.Journal.List()
	if err != nil {
		return journal.Entry{}, err
	}
	for _, e := range slices.Backward(list) {
		if e.Kind == Kind && e.State == journal.Done {
			return e, nil
		}
	}
	return journal.Entry{}, usagef("no rollback stands here: nothing to verify")
}

// Version says whether what the rollback brought back is what is there: in the
// commit that is checked out, and in the files.
func (r *Repo) Version(ctx context.Context, e journal.Entry) (Result, error) {
	out := Result{Name: "version", State: Failed}
	c, err := read(e)
	if err != nil {
		return out, err
	}
	p := &c.Plan
	if p.Strategy == Branch {
		id, err := r.at(ctx, p.NewRef)
		if err == nil && id == c.To.Head {
			out.State, out.Detail = Passed, fmt.Sprintf("%s is at %.12s", p.NewRef, id)
		} else {
			out.Detail = p.NewRef + " is another one, or is not there"
		}
		return out, err
	}
	differ, err := r.differ(ctx, p)
	if err != nil {
		return out, err
	}
	if len(differ) > 0 {
		out.Detail = "not as they were rolled back: " + strings.Join(first(differ), ", ")
		return out, nil
	}
	out.State, out.Detail = Passed, fmt.Sprintf("%d file(s) are as they were rolled back", len(p.Files))
	return out, nil
}

// differ are the files of a rollback that HEAD or the work tree has otherwise.
func (r *Repo) differ(ctx context.Context, p *Plan) ([]string, error) {
	mine := make(map[string]bool)
	for _, f := range p.Files {
		mine[f.Path] = true
	}
	head, err := r.at(ctx, "HEAD^{commit}")
	if err != nil {
		return nil, err
	}
	now, err := r.capture(ctx, r.git, head)
	if err != nil {
		return nil, err
	}
	var differ []string
	for _, tree := range []string{head, now.Work} {
		list, err := changes(ctx, r.git, p.Tree, tree)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			if mine[f.Path] {
				differ = append(differ, f.Path)
			}
		}
	}
	slices.Sort(differ)
	return slices.Compact(differ), nil
}
